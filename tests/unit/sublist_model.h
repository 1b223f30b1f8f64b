/* SPDX-License-Identifier: Apache-2.0
 *
 * sublist_model - what a sublist must answer, found the slow way
 *
 * A plain array of the subscriptions that are in. Includers have cmocka.
 */
#ifndef TESSERA_TESTS_SUBLIST_MODEL_H
#define TESSERA_TESTS_SUBLIST_MODEL_H

#include "proto/subject.h"
#include "sublist/sublist.h"

#define MODEL_MAX 512

struct model {
    struct subscription *subs[MODEL_MAX];
    size_t count;
};

static inline struct subscription *
sub_new(const char *subject, const char *queue)
{
    struct subscription *sub = subscription_new(NULL, str_of(subject), str_of(queue), STR_LIT("1"));

    assert_non_null(sub);
    return sub;
}

static inline bool
model_matches(const struct subscription *sub, struct str subject)
{
    return !subject_has_empty_token(subject) && subject_matches(subscription_subject(sub), subject);
}

static inline bool
model_in_match(const struct match *match, size_t from, size_t to, const struct subscription *sub)
{
    for (size_t i = from; i < to; i++) {
        if (match->subs[i] == sub)
            return true;
    }
    return false;
}

/* Groups follow the plain ones without a gap, have members of one name, and no name twice. */
static inline size_t
model_check_groups(const struct match *match)
{
    size_t next = match->plain_count;

    for (size_t g = 0; g < match->group_count; g++) {
        struct match_group group = match->groups[g];
        struct str name = subscription_queue(match->subs[group.first]);

        assert_int_equal(group.first, next);
        assert_true(group.count > 0 && name.len > 0);
        next += group.count;
        for (size_t i = group.first; i < next; i++)
            assert_true(str_eq(subscription_queue(match->subs[i]), name));
        for (size_t h = 0; h < g; h++)
            assert_false(str_eq(subscription_queue(match->subs[match->groups[h].first]), name));
    }
    return next;
}

/* match holds exactly what the model has for subject, each once and on its side. */
static inline void
model_check(const struct model *model, const struct match *match, struct str subject)
{
    size_t total, expected = 0;

    assert_non_null(match);
    total = model_check_groups(match);
    for (size_t i = 0; i < model->count; i++) {
        struct subscription *sub = model->subs[i];
        bool queued = subscription_queue(sub).len > 0;

        if (!model_matches(sub, subject))
            continue;
        expected++;
        if (!model_in_match(match, queued ? match->plain_count : 0,
                            queued ? total : match->plain_count, sub))
            fail_msg("%.*s lacks %.*s", (int)subject.len, subject.data, (int)sub->subject_len,
                     sub->text);
    }
    if (total != expected)
        fail_msg("%.*s: %zu instead of %zu", (int)subject.len, subject.data, total, expected);
}

#endif

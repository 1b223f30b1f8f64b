/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines drive a list, and a plain array says what it must answer:
 *   +SUBJECT QUEUE   insert (QUEUE may be empty; an invalid subject is left out)
 *   -                remove what was inserted first
 *   ?SUBJECT         match, through the cache and afresh
 *   !                sweep the cache
 */
#include <assert.h>
#include <stdlib.h>

#include "proto/subject.h"
#include "sublist/sublist.h"

#define SUBS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct sublist *sl;
    struct sublist_cache *cache;
    struct subscription *subs[SUBS_MAX];
    size_t first, count; /* subs[first .. count) are in */
};

/* Takes the text up to the next end byte off rest. */
static struct str
take(struct str *rest, char end)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct str text = { rest->data, len };

    rest->data += len + (at != NULL);
    rest->len -= len + (at != NULL);
    return text;
}

static void
insert(struct run *run, struct str line)
{
    struct str subject = take(&line, ' ');

    if (run->count == SUBS_MAX || !subject_valid(subject))
        return;
    run->subs[run->count] = subscription_new(NULL, subject, line, STR_LIT("1"));
    assert(sublist_insert(run->sl, run->subs[run->count++]) == ERR_OK);
}

static void
drop_first(struct run *run)
{
    if (run->first == run->count)
        return;
    assert(sublist_remove(run->sl, run->subs[run->first]) == ERR_OK);
    subscription_unref(run->subs[run->first++]);
}

static size_t
check_side(const struct match *match, struct str subject, size_t from, size_t to, bool queued)
{
    for (size_t i = from; i < to; i++) {
        assert(subject_matches(subscription_subject(match->subs[i]), subject));
        assert((match->subs[i]->queue_len > 0) == queued);
    }
    return to - from;
}

static void
check(const struct run *run, const struct match *match, struct str subject)
{
    size_t expected = 0, found = check_side(match, subject, 0, match->plain_count, false);

    for (size_t i = run->first; i < run->count && !subject_has_empty_token(subject); i++)
        expected += subject_matches(subscription_subject(run->subs[i]), subject);
    for (size_t i = 0; i < match->group_count; i++) {
        const struct match_group *group = &match->groups[i];

        found += check_side(match, subject, group->first, group->first + group->count, true);
    }
    assert(found == expected);
}

static void
match(const struct run *run, struct str subject)
{
    struct match *fresh = sublist_match(run->sl, subject);

    check(run, fresh, subject);
    match_unref(fresh);
    check(run, sublist_cache_match(run->cache, subject), subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = { (const char *)data, size };
    struct run run = { .sl = sublist_new() };

    run.cache = sublist_cache_new(run.sl);
    while (rest.len > 0) {
        struct str line = take(&rest, '\n');
        struct str text = { line.data + (line.len > 0), line.len - (line.len > 0) };

        switch (line.len == 0 ? '\n' : line.data[0]) {
        case '+':
            insert(&run, text);
            break;
        case '-':
            drop_first(&run);
            break;
        case '?':
            match(&run, text);
            break;
        case '!':
            sublist_cache_sweep(run.cache);
            break;
        default:
            break;
        }
    }
    sublist_check(run.sl);
    while (run.first < run.count)
        drop_first(&run);
    sublist_check(run.sl);
    sublist_cache_free(run.cache);
    sublist_free(run.sl);
    return 0;
}

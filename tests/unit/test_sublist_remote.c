/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscriptions of other servers among our own: where they stand in a match.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sublist/sublist.h"

struct server {
    struct sub_owner owner;
    int refs;
};

static void
unref(struct sub_owner *owner)
{
    ((struct server *)(void *)owner)->refs--;
}

static struct subscription *
file(struct sublist *sl, struct server *of, const char *subject, const char *queue, uint32_t weight)
{
    struct str text = str_of(subject), name = queue == NULL ? STR_NULL : str_of(queue);
    struct subscription *sub;

    if (of == NULL) {
        sub = subscription_new(NULL, text, name, STR_LIT("1"));
    } else {
        of->refs++;
        sub = subscription_new_remote(&of->owner, text, name, STR_NULL, weight);
    }
    assert_non_null(sub);
    assert_int_equal(sublist_insert(sl, sub), ERR_OK);
    return sub;
}

static void
test_plain(void **state)
{
    struct server b = { { unref }, 0 }, c = { { unref }, 0 };
    struct sublist *sl = sublist_new();
    struct subscription *subs[] = {
        file(sl, &b, "a.*", NULL, 0), file(sl, NULL, "a.b", NULL, 0), file(sl, &b, "a.b", NULL, 0),
        file(sl, &c, ">", NULL, 0),   file(sl, NULL, "a.>", NULL, 0),
    };
    struct match *match = sublist_match(sl, STR_LIT("a.b"));

    (void)state;
    assert_true(match->remote);
    assert_int_equal(match->plain_count, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_false(match->subs[i]->remote);
    assert_int_equal(match->remote_count, 2); /* one for each server */
    assert_true(match->subs[2]->remote && match->subs[3]->remote);
    assert_ptr_not_equal(match->subs[2]->owner, match->subs[3]->owner);
    match_unref(match);
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        assert_int_equal(sublist_remove(sl, subs[i]), ERR_OK);
        subscription_unref(subs[i]);
    }
    assert_int_equal(b.refs + c.refs, 0);
    match = sublist_match(sl, STR_LIT("a.b"));
    assert_false(match->remote);
    match_unref(match);
    sublist_free(sl);
}

static void
test_groups(void **state)
{
    struct server b = { { unref }, 0 };
    struct sublist *sl = sublist_new();
    struct subscription *subs[] = {
        file(sl, &b, "a", "q", 3),    file(sl, NULL, "a", "q", 0), file(sl, NULL, "*", "q", 0),
        file(sl, &b, "a", "only", 7), file(sl, &b, "*", "q", 1),
    };
    struct match *match = sublist_match(sl, STR_LIT("a"));
    const struct match_group *group = match->groups;

    (void)state;
    assert_true(match->remote);
    assert_int_equal(match->plain_count + match->remote_count, 0);
    assert_int_equal(match->group_count, 2);
    assert_int_equal(group[0].count, 4);
    assert_int_equal(group[0].local, 2);
    for (uint32_t i = 0; i < group[0].count; i++)
        assert_int_equal(match->subs[group[0].first + i]->remote, i >= 2);
    assert_int_equal(group[1].count, 1);
    assert_int_equal(group[1].local, 0);
    assert_int_equal(atomic_load(&match->subs[group[1].first]->weight), 7);
    match_unref(match);
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
        subscription_unref(subs[i]);
    sublist_free(sl);
    assert_int_equal(b.refs, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_plain),
                                        cmocka_unit_test(test_groups) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

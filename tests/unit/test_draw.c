/* SPDX-License-Identifier: Apache-2.0
 *
 * Who of a queue group gets a message: by how often each is drawn in many draws.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sublist/draw.h"

#define MEMBERS_MAX 5
#define DRAWS       100000

enum kind { LOCAL, REMOTE, LEAF };

struct member {
    enum kind kind;
    uint32_t weight;
};

static void
unref(struct sub_owner *owner)
{
    (void)owner;
}

static struct sub_owner server = { unref };

static void
file(struct sublist *sl, const struct member *member)
{
    struct subscription *sub;

    if (member->kind == LOCAL)
        sub = subscription_new(NULL, STR_LIT("a"), STR_LIT("q"), STR_LIT("1"));
    else
        sub =
            subscription_new_remote(&server, STR_LIT("a"), STR_LIT("q"), STR_NULL, member->weight);
    assert_non_null(sub);
    if (member->kind == LEAF)
        atomic_store(&sub->state, SUB_LEAF);
    assert_int_equal(sublist_insert(sl, sub), ERR_OK);
    subscription_unref(sub);
}

/* counts[i]: of member i in the order of the match, counts[group->count]: nobody */
static void
draw_many(const struct match *match, bool remote, unsigned counts[MEMBERS_MAX + 1])
{
    struct random random = { 42 };

    for (size_t i = 0; i <= MEMBERS_MAX; i++)
        counts[i] = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t drawn = draw_member(match, &match->groups[0], remote, &random);

        assert_in_range(drawn, 0, match->groups[0].count);
        counts[drawn]++;
    }
}

static void
test_shares(void **state)
{
    static const struct {
        const char *what;
        struct member members[MEMBERS_MAX]; /* local ones first */
        uint32_t count;
        bool remote;
        unsigned percent[MEMBERS_MAX + 1]; /* the last one that counts: nobody */
    } rows[] = {
        { "locals alone", { { LOCAL, 0 }, { LOCAL, 0 } }, 2, true, { 50, 50, 0 } },
        { "weights", { { LOCAL, 0 }, { REMOTE, 3 } }, 2, true, { 25, 75, 0 } },
        { "only far", { { REMOTE, 1 }, { REMOTE, 4 } }, 2, true, { 20, 80, 0 } },
        { "weight 0", { { LOCAL, 0 }, { REMOTE, 0 } }, 2, true, { 100, 0, 0 } },
        { "nobody", { { REMOTE, 0 } }, 1, true, { 0, 100 } },
        { "came from far", { { LOCAL, 0 }, { REMOTE, 9 } }, 2, false, { 100, 0, 0 } },
        { "came from far, none here", { { REMOTE, 9 } }, 1, false, { 0, 100 } },
        { "leaf beside others",
          { { LOCAL, 0 }, { REMOTE, 1 }, { LEAF, 8 } },
          3,
          true,
          { 50, 50, 0, 0 } },
        { "leaf beside far", { { REMOTE, 1 }, { LEAF, 8 } }, 2, true, { 100, 0, 0 } },
        { "leaves alone", { { LEAF, 1 }, { LEAF, 3 } }, 2, true, { 25, 75, 0 } },
    };

    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct sublist *sl = sublist_new();
        unsigned counts[MEMBERS_MAX + 1];
        struct match *match;

        for (uint32_t i = 0; i < rows[row].count; i++)
            file(sl, &rows[row].members[i]);
        match = sublist_match(sl, STR_LIT("a"));
        draw_many(match, rows[row].remote, counts);
        for (uint32_t i = 0; i <= rows[row].count; i++) {
            double percent = counts[i] * 100.0 / DRAWS, off = percent - rows[row].percent[i];

            if (off < -1 || off > 1)
                fail_msg("%s: member %u has %.1f %%", rows[row].what, i, percent);
        }
        match_unref(match);
        sublist_free(sl);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shares) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

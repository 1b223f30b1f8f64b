/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines against a plain array of what is set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "net/deadlines.h"

enum { COUNT = 300, STEPS = 30000, TIMES = 50 };

static int64_t
earliest(const struct deadline *all)
{
    int64_t first = 0;

    for (size_t i = 0; i < COUNT; i++)
        if (deadline_is_set(&all[i]) && (first == 0 || all[i].due_ms < first))
            first = all[i].due_ms;
    return first;
}

static void
the_first_is_the_earliest(void **state)
{
    static struct deadline all[COUNT];
    struct deadlines deadlines = { NULL };
    struct random random = { .state = 1 };

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        struct deadline *one = &all[random_below(&random, COUNT)];

        if (deadline_is_set(one))
            deadlines_remove(&deadlines, one);
        if (random_below(&random, 3) > 0)
            deadlines_add(&deadlines, one, 1 + random_below(&random, TIMES));
        assert_int_equal(deadlines.first == NULL ? 0 : deadlines.first->due_ms, earliest(all));
    }
}

/* As many as there are clients, all in order: no recursion, and it ends soon. */
static void
many_come_out_in_order(void **state)
{
    enum { MANY = 200000 };
    static struct deadline all[MANY];
    struct deadlines deadlines = { NULL };

    (void)state;
    for (int i = 0; i < MANY; i++)
        deadlines_add(&deadlines, &all[i], 1 + i);
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(deadlines.first, &all[i]);
        deadlines_remove(&deadlines, &all[i]);
    }
    assert_null(deadlines.first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_earliest),
        cmocka_unit_test(many_come_out_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

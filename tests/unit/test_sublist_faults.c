/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation that the list makes fails in turn: the operation says so, the list is what
 * it was, and the same operation then succeeds. Linked with --wrap for the three allocators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "sublist_model.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int fail_after = -1; /* allocations that still succeed; -1: all do */

static bool
refuse(void)
{
    return fail_after >= 0 && fail_after-- == 0;
}

void *
__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return refuse() ? NULL : __real_realloc(old, size);
}

/* Returns how many allocations were refused before the insert succeeded. */
static int
insert_failing(struct sublist *sl, struct subscription *sub)
{
    size_t before = sublist_count(sl);

    for (int n = 0;; n++) {
        enum err err;

        fail_after = n;
        err = sublist_insert(sl, sub);
        fail_after = -1;
        sublist_check(sl);
        if (err == ERR_OK)
            return n;
        assert_int_equal(err, ERR_NOMEM);
        assert_int_equal(sublist_count(sl), before);
        assert_int_equal(sublist_remove(sl, sub), ERR_NOTFOUND);
    }
}

static int
match_failing(struct sublist *sl, const struct model *model, struct str subject)
{
    for (int n = 0;; n++) {
        struct match *match;

        fail_after = n;
        match = sublist_match(sl, subject);
        fail_after = -1;
        if (match != NULL) {
            model_check(model, match, subject);
            match_unref(match);
            return n;
        }
    }
}

/* A cache that cannot grow or copy the subject still answers. */
static int
cache_failing(struct sublist_cache *cache, const struct model *model, struct str subject)
{
    int refused = 0;

    for (int n = 0; n < 8; n++) {
        const struct match *match;

        fail_after = n;
        match = sublist_cache_match(cache, subject);
        fail_after = -1;
        if (match == NULL)
            refused++;
        else
            model_check(model, match, subject);
    }
    model_check(model, sublist_cache_match(cache, subject), subject);
    return refused;
}

static void
fill(struct sublist *sl, struct model *model)
{
    static const char *const shapes[] = { "a.%u.c", "a.*.c%u", "a.%u.>", "*.%u.c", "a.1.*", ">" };
    static const char *const queues[] = { NULL, "q%u", "red" };
    char subject[16], queue[16];
    int refused = 0;

    for (uint32_t i = 0; i < 300; i++) {
        const char *name = queues[i % 3];

        /* The formats are the rows above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(subject, sizeof(subject), shapes[i % 6], i / 12);
        if (name != NULL)
            snprintf(queue, sizeof(queue), name, i);
#pragma GCC diagnostic pop
        model->subs[model->count] = sub_new(subject, name == NULL ? NULL : queue);
        refused += insert_failing(sl, model->subs[model->count++]);
    }
    assert_true(refused > 100);
}

static void
test_each_allocation(void **state)
{
    static const char *const subjects[] = { "a.1.c", "a.2.c7", "b.3.c", "a.1.x.y", "z", "a..c" };
    struct model model = { .count = 0 };
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    int refused = 0;

    (void)state;
    fill(sl, &model);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        refused += match_failing(sl, &model, str_of(subjects[i]));
        refused += cache_failing(cache, &model, str_of(subjects[i]));
    }
    assert_true(refused > 20);
    sublist_cache_free(cache);
    for (size_t i = 0; i < model.count; i++) {
        fail_after = 0; /* removing needs no memory */
        assert_int_equal(sublist_remove(sl, model.subs[i]), ERR_OK);
        fail_after = -1;
        assert_int_equal(atomic_load(&model.subs[i]->refs), 1); /* no failure left one behind */
        subscription_unref(model.subs[i]);
        sublist_check(sl);
    }
    sublist_free(sl);
}

static void
test_new(void **state)
{
    struct sublist *sl;
    int n = 0;

    (void)state;
    do {
        fail_after = n;
        sl = sublist_new();
        fail_after = -1;
    } while (sl == NULL && n++ < 10);
    assert_in_range(n, 1, 9);
    fail_after = 0;
    assert_null(sublist_cache_new(sl));
    fail_after = 0;
    assert_null(subscription_new(NULL, STR_LIT("a"), STR_NULL, STR_LIT("1")));
    fail_after = -1;
    sublist_free(sl);
}

/* Growing the cache fails half way: it answers right and counts its entries right. */
static void
test_cache_growth(void **state)
{
    struct model model = { .count = 1 };
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    struct random random = { 7 };
    struct sublist_stats stats;
    char text[16];

    (void)state;
    model.subs[0] = sub_new("n.*", NULL);
    sublist_insert(sl, model.subs[0]);
    for (uint32_t i = 0; i < 20000; i++) {
        int len = snprintf(text, sizeof(text), "n.%u", i % 700);
        struct str subject = { text, (size_t)len };
        const struct match *match;

        fail_after = (int)random_below(&random, 5);
        match = sublist_cache_match(cache, subject);
        fail_after = -1;
        if (match != NULL)
            model_check(&model, match, subject);
    }
    sublist_stats(sl, &stats);
    assert_in_range(stats.cache_entries, 300, 700);
    assert_true(stats.cache_hits > 5000);
    sublist_remove(sl, model.subs[0]);
    sublist_cache_sweep(cache);
    assert_int_equal(atomic_load(&model.subs[0]->refs), 1);
    sublist_cache_free(cache);
    subscription_unref(model.subs[0]);
    sublist_free(sl);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_cache_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

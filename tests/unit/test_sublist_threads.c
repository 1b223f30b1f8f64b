/* SPDX-License-Identifier: Apache-2.0
 *
 * Writers churn while readers match through caches. Threads only count what was wrong, since
 * cmocka's asserts belong to the main thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "sublist_model.h"

#define WRITERS 2
#define READERS 2
#define KEPT    64    /* subscriptions that a writer has in at once */
#define TURNS   20000 /* changes that a writer makes */

struct world {
    struct sublist *sl;
    atomic_uint writing; /* writers at work */
    atomic_uint wrong;
    atomic_size_t owned; /* subscriptions whose owner was not released */
};

struct owner {
    struct sub_owner base;
    struct world *world;
};

struct worker {
    struct world *world;
    uint32_t number;
    pthread_t id;
    struct sublist_cache *cache;
    struct owner owner;
    struct subscription *kept[KEPT];
};

static void
owner_unref(struct sub_owner *base)
{
    atomic_fetch_sub(&((struct owner *)base)->world->owned, 1);
}

static void
check(struct world *world, bool good)
{
    if (!good)
        atomic_fetch_add(&world->wrong, 1);
}

static struct str
draw(struct random *random, char *out, size_t size, bool pattern)
{
    static const char *const patterns[] = { "s.%u.*", "s.>", "*.%u.b", "s.%u.b" };
    uint32_t number = random_below(random, 16);
    uint32_t shape = pattern ? random_below(random, 4) : 3;
    int len;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    len = snprintf(out, size, patterns[shape], number);
#pragma GCC diagnostic pop
    return (struct str) { out, (size_t)len };
}

/* What this thread changed it sees at once, through its cache too. */
static void
check_own(struct worker *worker, const struct subscription *sub, bool in)
{
    const struct match *match;
    bool found = false;

    if (subject_has_wildcard(subscription_subject(sub)))
        return;
    match = sublist_cache_match(worker->cache, subscription_subject(sub));
    for (uint32_t i = 0; i < match->plain_count; i++)
        found = found || match->subs[i] == sub;
    check(worker->world, found == in);
}

static void *
write_loop(void *arg)
{
    struct worker *worker = arg;
    struct world *world = worker->world;
    struct random random = { worker->number };
    char text[16];

    for (int i = 0; i < TURNS; i++) {
        struct subscription **sub = &worker->kept[random_below(&random, KEPT)];

        if (*sub != NULL) {
            check(world, sublist_remove(world->sl, *sub) == ERR_OK);
            check_own(worker, *sub, false);
            subscription_unref(*sub);
            *sub = NULL;
            continue;
        }
        atomic_fetch_add(&world->owned, 1);
        *sub = subscription_new(&worker->owner.base, draw(&random, text, sizeof(text), true),
                                STR_NULL, STR_LIT("1"));
        check(world, sublist_insert(world->sl, *sub) == ERR_OK);
        check_own(worker, *sub, true);
        if (i % 256 == 0)
            sublist_cache_sweep(worker->cache);
    }
    atomic_fetch_sub(&world->writing, 1);
    return NULL;
}

static void *
read_loop(void *arg)
{
    struct worker *worker = arg;
    struct world *world = worker->world;
    struct random random = { worker->number };
    char text[16];

    while (atomic_load(&world->writing) > 0) {
        struct str subject = draw(&random, text, sizeof(text), false);
        const struct match *match;

        if (random_below(&random, 4) == 0)
            sublist_expect(world->sl, &subject, 1);
        match = sublist_cache_match(worker->cache, subject);
        for (uint32_t i = 0; i < match->plain_count; i++)
            check(world, model_matches(match->subs[i], subject));
        if (random_below(&random, 1000) == 0) {
            struct sublist_stats stats;

            sublist_cache_sweep(worker->cache);
            sublist_stats(world->sl, &stats);
            check(world, stats.inserts - stats.removes == stats.subscriptions);
        }
    }
    return NULL;
}

static void
gather(const struct worker *workers, struct model *model)
{
    for (size_t w = 0; w < WRITERS; w++) {
        for (size_t i = 0; i < KEPT; i++) {
            if (workers[w].kept[i] != NULL)
                model->subs[model->count++] = workers[w].kept[i];
        }
    }
}

static void
test_threads(void **state)
{
    struct world world = { .sl = sublist_new(), .writing = WRITERS };
    struct worker workers[WRITERS + READERS] = { 0 };
    struct model model = { .count = 0 };
    char text[16];

    (void)state;
    for (uint32_t i = 0; i < WRITERS + READERS; i++) {
        workers[i].world = &world;
        workers[i].number = i;
        workers[i].owner = (struct owner) { { owner_unref }, &world };
        workers[i].cache = sublist_cache_new(world.sl);
        assert_int_equal(
            pthread_create(&workers[i].id, NULL, i < WRITERS ? write_loop : read_loop, &workers[i]),
            0);
    }
    for (uint32_t i = 0; i < WRITERS + READERS; i++)
        pthread_join(workers[i].id, NULL);
    assert_int_equal(world.wrong, 0);
    sublist_check(world.sl);
    gather(workers, &model);
    assert_int_equal(sublist_count(world.sl), model.count);
    for (uint32_t i = 0; i < WRITERS + READERS; i++) {
        for (uint32_t number = 0; number < 16; number++) {
            int len = snprintf(text, sizeof(text), "s.%u.b", number);
            struct str subject = { text, (size_t)len };

            model_check(&model, sublist_cache_match(workers[i].cache, subject), subject);
        }
        sublist_cache_free(workers[i].cache);
    }
    assert_int_equal(world.owned, model.count);
    for (size_t i = 0; i < model.count; i++)
        subscription_unref(model.subs[i]);
    sublist_free(world.sl);
    assert_int_equal(world.owned, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

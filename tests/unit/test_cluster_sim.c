/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients subscribe and publish while their cluster lives through random faults. Nothing may come
 * twice or out of order at any time; when all is quiet everybody must know what the others want,
 * and each message must reach every subscriber and one member of each queue group.
 *
 *   TESSERA_SIM_SEEDS=n  how many seeds
 *   TESSERA_SIM_SEED=n   only this one, with a trace of what happens
 *   TESSERA_TIME_FACTOR=n  this build is so many times slower: so many times fewer seeds
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim_chaos.h"
#include "sim_cluster.h"

enum { SEEDS = 1500, FLAW_SEEDS = 200, SECOND = 1000, QUIET_MS = 150 * SECOND };

static char seed_text[64];
static size_t seed_len;

static void
set_seed(uint64_t seed)
{
    seed_len = (size_t)snprintf(seed_text, sizeof(seed_text), "\nTESSERA_SIM_SEED=%llu\n",
                                (unsigned long long)seed);
}

/* An assert in what is tested or in the simulation. */
static void
on_abort(int signum)
{
    (void)signum;
    if (write(2, seed_text, seed_len) < 0)
        _exit(2);
}

/* ---- what clients do ---- */

struct world {
    struct cluster cluster;
    struct chaos chaos;
    int64_t busy_until_ms;
    uint32_t pause_ms; /* between bursts, at most */
};

static const char *const subjects[] = { "a.b", "a.c", "a.b.c", "b.x", "b.c.d", "x" };
static const char *const filters[] = { "a.b",   "a.*", "a.>", "*.c",   "*.*",
                                       "b.*.d", "x",   ">",   "a.b.c", "*.b.*" };

static struct topic
topic_of(struct cluster_node *node, const char *const *list, uint32_t count)
{
    struct sim *sim = node->cluster->sim;
    struct topic topic = { .node = node->node->index, .account = sim_random(sim, 8) == 0 };

    if (sim_random(sim, 5) == 0) /* so many that every part of a table has some */
        snprintf(topic.subject, sizeof(topic.subject), "s.%u", sim_random(sim, 200));
    else
        snprintf(topic.subject, sizeof(topic.subject), "%s", list[sim_random(sim, count)]);
    return topic;
}

static struct cluster_client *
any_client(struct cluster_node *node)
{
    return &node->clients[sim_random(node->cluster->sim, CLUSTER_CLIENTS)];
}

static void
subscribe(struct cluster_node *node)
{
    struct sim *sim = node->cluster->sim;
    struct topic topic = topic_of(node, filters, sizeof(filters) / sizeof(filters[0]));
    unsigned queue = sim_random(sim, 2) == 0 ? 0 : 1 + sim_random(sim, ORACLE_QUEUES);

    cluster_subscribe(node, any_client(node), &topic, queue,
                      sim_random(sim, 8) > 0 ? 0 : 1 + sim_random(sim, 4));
}

static void
unsubscribe(struct cluster_node *node)
{
    const struct cluster_client *client = any_client(node);

    if (client->count > 0)
        cluster_unsubscribe(node,
                            client->subs[sim_random(node->cluster->sim, (uint32_t)client->count)]);
}

static void
leave(struct cluster_node *node)
{
    if (sim_random(node->cluster->sim, 3) == 0)
        cluster_leave(node, any_client(node));
}

static void
publish_any(struct cluster_node *node, uint32_t most, bool asks)
{
    struct topic topic = topic_of(node, subjects, sizeof(subjects) / sizeof(subjects[0]));

    cluster_publish(node, any_client(node), &topic, 1 + sim_random(node->cluster->sim, most), asks);
}

static void
publish(struct cluster_node *node)
{
    publish_any(node, 4, false);
}

static void
ask(struct cluster_node *node)
{
    publish_any(node, 1, true);
}

static struct cluster_node *
any_node(struct sim *sim)
{
    return sim_node(sim, sim_random(sim, (uint32_t)sim_node_count(sim)))->user;
}

/* One thing, and then the next. */
static void
act(void *arg)
{
    static void (*const kinds[])(struct cluster_node *) = {
        publish, publish, publish, publish, ask, ask, subscribe, subscribe, unsubscribe, leave
    };
    struct world *world = arg;
    struct sim *sim = world->cluster.sim;
    struct cluster_node *node = any_node(sim);
    int64_t pause_ms = sim_random(sim, sim_random(sim, 8) > 0 ? 15 : world->pause_ms);

    if (node != NULL)
        kinds[sim_random(sim, sizeof(kinds) / sizeof(kinds[0]))](node);
    if (sim_now(sim) + pause_ms < world->busy_until_ms)
        sim_at(sim, sim_now(sim) + pause_ms, act, world);
}

static void
be_busy(struct world *world, uint32_t span_ms)
{
    world->busy_until_ms = sim_now(world->cluster.sim) + span_ms;
    world->pause_ms = span_ms / 16;
    sim_at(world->cluster.sim, sim_now(world->cluster.sim), act, world);
}

static void
publish_from(void *arg)
{
    const struct sim_node *node = arg;

    if (node->user != NULL)
        publish(node->user);
}

/* A route that comes or goes is met by traffic from both ends. */
static void
registered(void *arg, struct sim_node *node, uint64_t link, const char *server_id)
{
    struct sim *sim = node->sim;

    cluster_hooks.registered(arg, node, link, server_id);
    for (uint32_t n = sim_random(sim, 4); n > 0; n--)
        sim_at(sim, sim_now(sim) + sim_random(sim, 400), publish_from, node);
}

/* ---- a seed ---- */

static void
check_mesh(struct world *world)
{
    struct sim *sim = world->cluster.sim;

    for (size_t a = 0; a < sim_node_count(sim); a++)
        for (size_t b = 0; b < a; b++)
            if (chaos_must_connect(&world->chaos, sim_node(sim, a), sim_node(sim, b)) &&
                (sim_route_to(sim_node(sim, a), sim_node(sim, b)->server_id) == 0 ||
                 sim_route_to(sim_node(sim, b), sim_node(sim, a)->server_id) == 0))
                oracle_find(world->cluster.oracle, "nodes %zu and %zu are not connected", a, b);
}

static void
for_some_time(struct world *world, int64_t ms)
{
    sim_run(world->cluster.sim, sim_now(world->cluster.sim) + ms);
}

/* Those that would go after some messages. */
static void
drop_limited(struct cluster_node *node)
{
    for (size_t c = 0; c < CLUSTER_CLIENTS; c++)
        for (size_t i = node->clients[c].count; i-- > 0;)
            if (node->clients[c].subs[i]->left > 0)
                cluster_unsubscribe(node, node->clients[c].subs[i]);
}

/* Nothing changes any more: now everything must arrive. */
static void
check_still(struct world *world)
{
    struct sim *sim = world->cluster.sim;

    for (size_t i = 0; i < sim_node_count(sim); i++)
        drop_limited(sim_node(sim, i)->user);
    for_some_time(world, 2 * (int64_t)ORACLE_SETTLE_MS);
    check_mesh(world);
    cluster_check(&world->cluster);
    oracle_still(world->cluster.oracle);
    for (size_t i = 0; i < 4 * sim_node_count(sim); i++)
        publish(sim_node(sim, i % sim_node_count(sim))->user);
    for_some_time(world, 2 * (int64_t)ORACLE_SETTLE_MS);
    cluster_check(&world->cluster);
}

static void
check_empty(struct world *world)
{
    struct sim *sim = world->cluster.sim;

    for (size_t i = 0; i < sim_node_count(sim); i++)
        for (size_t c = 0; c < CLUSTER_CLIENTS; c++) {
            struct cluster_node *node = sim_node(sim, i)->user;

            cluster_leave(node, &node->clients[c]);
        }
    for_some_time(world, ORACLE_SETTLE_MS);
    cluster_check(&world->cluster);
    for (size_t i = 0; i < sim_node_count(sim); i++) {
        const struct cluster_node *node = sim_node(sim, i)->user;

        if (node->interest.count != 0)
            oracle_find(world->cluster.oracle, "node %zu keeps interest", i);
    }
}

static void
live(struct world *world)
{
    struct sim *sim = world->cluster.sim;
    int64_t calm_from_ms = 0;

    chaos_build(&world->chaos);
    be_busy(world, world->chaos.span_ms + 10 * SECOND);
    chaos_run(&world->chaos);
    for_some_time(world, QUIET_MS);
    if (world->chaos.faults > 0)
        calm_from_ms = sim_now(sim);
    be_busy(world, 10 * SECOND);
    for_some_time(world, 10 * SECOND);
    check_still(world);
    oracle_check(world->cluster.oracle, calm_from_ms);
    check_empty(world);
}

struct outcome {
    char finding[256]; /* empty: none */
    size_t deliveries, demands;
};

static struct outcome
run_seed(uint64_t seed, enum cluster_flaw flaw, bool traced)
{
    struct sim_hooks hooks = cluster_hooks;
    struct world world = { .cluster = { .flaw = flaw } };
    struct outcome outcome = { .finding = "" };
    struct sim *sim;

    set_seed(seed);
    hooks.registered = registered;
    sim = world.cluster.sim = world.chaos.sim = sim_new(seed, &hooks, &world.cluster);
    world.cluster.oracle = oracle_new(sim);
    sim_trace(sim, traced);
    live(&world);
    for (size_t i = 0; i < sim_node_count(sim); i++)
        sim_crash(sim_node(sim, i), false);
    if (oracle_finding(world.cluster.oracle) != NULL)
        snprintf(outcome.finding, sizeof(outcome.finding), "%s",
                 oracle_finding(world.cluster.oracle));
    outcome.deliveries = oracle_deliveries(world.cluster.oracle);
    outcome.demands = oracle_demands(world.cluster.oracle);
    oracle_free(world.cluster.oracle);
    sim_free(sim);
    return outcome;
}

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
every_message_reaches_whom_it_must(void **state)
{
    uint64_t slow = from_environment("TESSERA_TIME_FACTOR", 1);
    uint64_t count = from_environment("TESSERA_SIM_SEEDS", SEEDS / (slow == 0 ? 1 : slow));
    uint64_t only = from_environment("TESSERA_SIM_SEED", 0);
    uint64_t first = only == 0 ? 1 : only, last = only == 0 ? count : only;
    size_t deliveries = 0, demands = 0;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct outcome outcome = run_seed(seed, FLAW_NONE, only != 0);

        if (outcome.finding[0] != '\0')
            fail_msg("TESSERA_SIM_SEED=%llu: %s", (unsigned long long)seed, outcome.finding);
        deliveries += outcome.deliveries;
        demands += outcome.demands;
    }
    print_message("%zu deliveries, %zu of them demanded\n", deliveries, demands);
    assert_true(demands > (last - first + 1) * 100 || only != 0);
}

static void
a_seed_repeats_itself(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_int_equal(run_seed(seed, FLAW_NONE, false).deliveries,
                         run_seed(seed, FLAW_NONE, false).deliveries);
}

static const struct {
    enum cluster_flaw flaw;
    const char *finding; /* part of one of those that it must lead to */
} flaws[] = {
    { FLAW_NO_WITHDRAWAL, "interests of node" },
    { FLAW_OLD_WEIGHT, "a wrong weight" },
    { FLAW_DEAF, "is not known" },
    { FLAW_LATE, "(an answer)" },
    { FLAW_KEPT, "subscriptions instead of" },
    { FLAW_DOUBLE, "delivered twice: letter" },
    { FLAW_FORWARD, "delivered twice: letter" },
    { FLAW_ALL_GROUPS, "delivered twice to a queue group" },
    { FLAW_OWN_DRAW, "delivered twice to a queue group" },
};

static void
every_flaw_is_found(void **state)
{
    (void)state;
    static_assert(sizeof(flaws) / sizeof(flaws[0]) == FLAW_COUNT - 1, "each has a row");
    for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        uint64_t seed = 0;
        struct outcome outcome = { .finding = "" };

        while (strstr(outcome.finding, flaws[i].finding) == NULL && seed++ < FLAW_SEEDS)
            outcome = run_seed(seed, flaws[i].flaw, false);
        if (seed > FLAW_SEEDS)
            fail_msg("flaw %d is not found as \"%s\"", (int)flaws[i].flaw, flaws[i].finding);
        print_message("flaw %d: seed %llu, %s\n", (int)flaws[i].flaw, (unsigned long long)seed,
                      outcome.finding);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reaches_whom_it_must),
        cmocka_unit_test(a_seed_repeats_itself),
        cmocka_unit_test(every_flaw_is_found),
    };

    signal(SIGABRT, on_abort);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

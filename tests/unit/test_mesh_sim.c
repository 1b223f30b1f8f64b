/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters of random shape live through random faults; when these are over, the mesh must be whole,
 * the same from both ends, and still.
 *
 *   TESSERA_SIM_SEEDS=n  how many seeds
 *   TESSERA_SIM_SEED=n   only this one, with a trace of what happens
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

#include "sim.h"
#include "sim_chaos.h"

enum { SEEDS = 3000, SECOND = 1000, QUIET_MS = 150 * SECOND, STILL_MS = 300 * SECOND };

static uint64_t seed_now;
static char seed_text[64];
static size_t seed_len;

static void
set_seed(uint64_t seed)
{
    seed_now = seed;
    seed_len = (size_t)snprintf(seed_text, sizeof(seed_text), "\nTESSERA_SIM_SEED=%llu\n",
                                (unsigned long long)seed);
}

/* An assert in the mesh or the simulation. */
static void
on_abort(int signum)
{
    (void)signum;
    if (write(2, seed_text, seed_len) < 0)
        _exit(2);
}

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("TESSERA_SIM_SEED=%llu: ", (unsigned long long)seed_now);                  \
            print_error(__VA_ARGS__);                                                              \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* ---- what hangs on: each registered link carries counted messages ---- */

struct load {
    uint64_t link;
    char server_id[24];
    unsigned sent, got;
};

struct node_load {
    struct load links[SIM_NODES_MAX];
    size_t count;
};

struct letter {
    char from[24];
    unsigned number;
};

static struct load *
load_of(const struct sim_node *node, uint64_t link)
{
    struct node_load *load = node->user;

    for (size_t i = 0; i < load->count; i++)
        if (load->links[i].link == link)
            return &load->links[i];
    return NULL;
}

static void
send_letter(struct sim_node *node, struct load *load)
{
    struct letter letter = { .number = ++load->sent };

    memcpy(letter.from, node->server_id, sizeof(letter.from));
    sim_send(node, load->link, &letter, sizeof(letter));
}

static void
started(void *arg, struct sim_node *node)
{
    (void)arg;
    node->user = calloc(1, sizeof(struct node_load));
    assert_non_null(node->user);
}

static void
stopped(void *arg, struct sim_node *node)
{
    (void)arg;
    free(node->user);
    node->user = NULL;
}

static void
registered(void *arg, struct sim_node *node, uint64_t link, const char *server_id)
{
    struct node_load *load = node->user;

    (void)arg;
    for (size_t i = 0; i < load->count; i++)
        REQUIRE(strcmp(load->links[i].server_id, server_id) != 0, "two routes to a server\n");
    assert_true(load->count < SIM_NODES_MAX);
    load->links[load->count] = (struct load) { .link = link };
    snprintf(load->links[load->count].server_id, sizeof(load->links[0].server_id), "%s", server_id);
    load->count++;
    for (int i = 0; i < 3; i++)
        send_letter(node, &load->links[load->count - 1]);
}

static void
closed(void *arg, struct sim_node *node, uint64_t link)
{
    struct node_load *load = node->user;
    struct load *one = load_of(node, link);

    (void)arg;
    REQUIRE(one != NULL, "a link ended that was not registered\n");
    *one = load->links[--load->count];
}

static void
received(void *arg, struct sim_node *node, uint64_t link, const void *data, size_t len)
{
    struct load *load = load_of(node, link);
    struct letter letter;

    (void)arg;
    assert_int_equal(len, sizeof(letter));
    memcpy(&letter, data, len);
    REQUIRE(load != NULL, "a message on a link that is not registered\n");
    REQUIRE(strcmp(letter.from, load->server_id) == 0, "a message from another server\n");
    REQUIRE(letter.number == ++load->got, "message %u came as %u\n", letter.number, load->got);
}

static const struct sim_hooks hooks = { started, stopped, registered, received, closed };

/* ---- what must hold then ---- */

static void
check_pair(const struct chaos *chaos, const struct sim_node *a, const struct sim_node *b)
{
    uint64_t there = sim_route_to(a, b->server_id), back = sim_route_to(b, a->server_id);

    REQUIRE((there != 0) == (back != 0), "%zu and %zu disagree\n", a->index, b->index);
    REQUIRE(there != 0 || !chaos_must_connect(chaos, a, b), "%zu and %zu are not connected\n",
            a->index, b->index);
    REQUIRE(there == 0 || (there != back && sim_same_connection(chaos->sim, there, back)),
            "%zu and %zu use different connections\n", a->index, b->index);
    REQUIRE(a->is_go || b->is_go || strcmp(mesh_cluster(a->mesh), mesh_cluster(b->mesh)) == 0,
            "%zu and %zu are in different clusters\n", a->index, b->index);
}

static bool
lists(const struct sim_node *node, const char *url)
{
    size_t count;
    const char *const *urls = mesh_urls(node->mesh, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(urls[i], url) == 0)
            return true;
    return false;
}

static void
check_node(struct sim *sim, const struct sim_node *node)
{
    size_t routes = 0, urls = 0, listed;

    for (size_t i = 0; i < sim_node_count(sim); i++) {
        const struct sim_node *other = sim_node(sim, i);
        bool connected = other != node && sim_route_to(node, other->server_id) != 0;

        routes += connected;
        if (node->is_go)
            continue;
        urls += connected && !other->ldm;
        REQUIRE(lists(node, other->client_url) == (connected && !other->ldm),
                "%zu has a wrong URL of %zu\n", node->index, i);
    }
    REQUIRE(sim_routes(node) == routes, "%zu has a route too many\n", node->index);
    if (node->is_go)
        return;
    mesh_urls(node->mesh, &listed);
    REQUIRE(listed == urls, "%zu lists strangers\n", node->index);
    REQUIRE(mesh_route_count(node->mesh) == routes, "%zu counts wrong\n", node->index);
}

static void
check_mesh(const struct chaos *chaos)
{
    struct sim *sim = chaos->sim;

    for (size_t a = 0; a < sim_node_count(sim); a++) {
        check_node(sim, sim_node(sim, a));
        for (size_t b = 0; b < a; b++)
            check_pair(chaos, sim_node(sim, a), sim_node(sim, b));
    }
}

/* Every registered message has arrived: sent on one end, got on the other. */
static void
check_letters(struct sim *sim)
{
    for (size_t i = 0; i < sim_node_count(sim); i++) {
        const struct node_load *load = sim_node(sim, i)->user;

        for (size_t j = 0; j < load->count; j++)
            REQUIRE(load->links[j].got == load->links[j].sent, "%zu missed messages\n", i);
    }
}

static size_t
run_seed(uint64_t seed, bool traced)
{
    struct chaos chaos = { .sim = sim_new(seed, &hooks, NULL) };
    int64_t over_ms;
    size_t opened;

    set_seed(seed);
    sim_trace(chaos.sim, traced);
    chaos_build(&chaos);
    chaos_run(&chaos);
    over_ms = sim_now(chaos.sim);
    sim_run(chaos.sim, over_ms + QUIET_MS);
    check_mesh(&chaos);
    check_letters(chaos.sim);
    opened = sim_opened(chaos.sim);
    sim_run(chaos.sim, over_ms + QUIET_MS + STILL_MS);
    REQUIRE(sim_opened(chaos.sim) == opened, "still dialling\n");
    check_mesh(&chaos);
    for (size_t i = 0; i < sim_node_count(chaos.sim); i++)
        sim_crash(sim_node(chaos.sim, i), false);
    sim_free(chaos.sim);
    return opened;
}

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void
every_seed_ends_in_a_whole_mesh(void **state)
{
    uint64_t count = from_environment("TESSERA_SIM_SEEDS", SEEDS);
    uint64_t only = from_environment("TESSERA_SIM_SEED", 0);

    (void)state;
    if (only != 0) {
        run_seed(only, true);
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++)
        run_seed(seed, false);
}

static void
a_seed_repeats_itself(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_int_equal(run_seed(seed, false), run_seed(seed, false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_seed_ends_in_a_whole_mesh),
        cmocka_unit_test(a_seed_repeats_itself),
    };

    signal(SIGABRT, on_abort);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

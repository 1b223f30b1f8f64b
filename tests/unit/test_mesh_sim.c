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

/* ---- shape ---- */

struct plan {
    struct sim *sim;
    bool faults;
};

static struct sim_node *
any_node(struct sim *sim)
{
    return sim_node(sim, sim_random(sim, (uint32_t)sim_node_count(sim)));
}

static void
connect_star(struct sim *sim)
{
    for (size_t i = 1; i < sim_node_count(sim); i++)
        sim_route(sim_node(sim, i), sim_node(sim, 0));
}

static void
connect_full(struct sim *sim)
{
    for (size_t i = 0; i < sim_node_count(sim); i++)
        for (size_t j = 0; j < sim_node_count(sim); j++)
            sim_route(sim_node(sim, i), sim_node(sim, j));
}

/* A tree, with edges in both directions and some more. */
static void
connect_random(struct sim *sim)
{
    for (size_t i = 1; i < sim_node_count(sim); i++) {
        struct sim_node *one = sim_node(sim, i);
        struct sim_node *other = sim_node(sim, sim_random(sim, (uint32_t)i));
        uint32_t direction = sim_random(sim, 3);

        if (direction != 0)
            sim_route(one, other);
        if (direction != 1)
            sim_route(other, one);
    }
    for (uint32_t more = sim_random(sim, 3); more > 0; more--)
        sim_route(any_node(sim), any_node(sim));
}

static void
connect_chain(struct sim *sim)
{
    for (size_t i = 1; i < sim_node_count(sim); i++)
        sim_route(sim_node(sim, i), sim_node(sim, i - 1));
}

static void
start(void *arg)
{
    struct sim_node *node = arg;

    if (!node->up)
        sim_start(node);
}

static void
build(struct plan *plan)
{
    static void (*const shapes[])(struct sim *) = { connect_star, connect_full, connect_random,
                                                    connect_chain };
    struct sim *sim = plan->sim;
    size_t count = 2 + sim_random(sim, 6);
    uint32_t go_share = sim_random(sim, 2) == 0 ? 0 : sim_random(sim, 100);
    uint32_t named_share = sim_random(sim, 3) == 0 ? sim_random(sim, 100) : 100;
    uint32_t spread_ms = sim_random(sim, 2) == 0 ? 1 : 3 * SECOND;
    size_t go_count = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_go = sim_random(sim, 100) < go_share;
        bool named = is_go || sim_random(sim, 100) < named_share;

        sim_add(sim, is_go, named ? "east" : NULL)->connect_retries = sim_random(sim, 3);
        go_count += is_go;
    }
    /* Far apart, Go nodes that dial each other may do so for ever: their jitter is too small. */
    if (sim_random(sim, 4) == 0 && go_count < 2)
        sim_set_delay(sim, 300);
    shapes[sim_random(sim, 4)](sim);
    for (size_t i = 0; i < count; i++)
        sim_at(sim, 1 + sim_random(sim, spread_ms), start, sim_node(sim, i));
}

/* ---- faults ---- */

static void
cut_in_two(struct sim *sim)
{
    size_t count = sim_node_count(sim);
    uint32_t side = sim_random(sim, 1U << count);
    enum sim_cut cut = sim_random(sim, 2) == 0 ? SIM_HELD : SIM_REFUSED;

    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            if (((side >> a) & 1) != ((side >> b) & 1))
                sim_cut(sim, a, b, cut);
}

static void
cut_a_pair(struct sim *sim)
{
    sim_cut(sim, any_node(sim)->index, any_node(sim)->index,
            sim_random(sim, 2) == 0 ? SIM_HELD : SIM_REFUSED);
}

static void
heal(struct sim *sim)
{
    for (size_t a = 0; a < sim_node_count(sim); a++)
        for (size_t b = 0; b < a; b++)
            sim_cut(sim, a, b, SIM_WHOLE);
}

static void
crash(void *arg)
{
    struct sim_node *node = arg;

    sim_crash(node, sim_random(node->sim, 2) == 0);
}

/* Some say so first, and some of these stay after all. */
static void
restart(struct sim *sim)
{
    struct sim_node *node = any_node(sim);
    int64_t at_ms = sim_now(sim);

    if (!node->is_go && sim_random(sim, 3) == 0) {
        sim_lame_duck(node);
        at_ms += 1 + sim_random(sim, 5 * SECOND);
        if (sim_random(sim, 4) == 0)
            return;
    }
    sim_at(sim, at_ms, crash, node);
    sim_at(sim, at_ms + 1 + sim_random(sim, 5 * SECOND), start, node);
}

static void
break_one(struct sim *sim)
{
    sim_break(any_node(sim), sim_random(sim, 2) == 0);
}

static void
break_many(struct sim *sim)
{
    for (uint32_t i = 0; i < 8; i++)
        break_one(sim);
}

static void
fault(void *arg)
{
    static void (*const kinds[])(struct sim *) = { cut_in_two, cut_a_pair, heal,      heal,
                                                   restart,    restart,    break_one, break_many };

    kinds[sim_random(arg, sizeof(kinds) / sizeof(kinds[0]))](arg);
}

/* Some seeds live long, so that backoff gets long. Returns when it is over. */
static int64_t
make_trouble(struct plan *plan)
{
    struct sim *sim = plan->sim;
    uint32_t span_ms = sim_random(sim, 8) == 0 ? 1200 * SECOND : 40 * SECOND;
    uint32_t count = sim_random(sim, 3) == 0 ? 0 : 1 + sim_random(sim, 16);

    plan->faults = count > 0;
    for (uint32_t i = 0; i < count; i++)
        sim_at(sim, 1 + sim_random(sim, span_ms), fault, sim);
    sim_run(sim, (count == 0 ? 5 * SECOND : span_ms) + 10 * SECOND);
    heal(sim);
    for (size_t i = 0; i < sim_node_count(sim); i++)
        start(sim_node(sim, i));
    return sim_now(sim);
}

/* ---- what must hold then ---- */

static bool
has_route(const struct sim_node *from, const struct sim_node *to)
{
    for (size_t i = 0; i < from->route_count; i++)
        if (strcmp(from->routes[i].host, to->host) == 0)
            return true;
    return false;
}

/* A route may be missing where a Go node was told of another one during a cut and has given up
 * without the other's knowledge, or where both have said that they end. */
static bool
must_be_connected(const struct plan *plan, const struct sim_node *a, const struct sim_node *b)
{
    return !plan->faults || has_route(a, b) || has_route(b, a) ||
           (!a->is_go && !b->is_go && !(a->ldm && b->ldm));
}

static void
check_pair(const struct plan *plan, const struct sim_node *a, const struct sim_node *b)
{
    uint64_t there = sim_route_to(a, b->server_id), back = sim_route_to(b, a->server_id);

    REQUIRE((there != 0) == (back != 0), "%zu and %zu disagree\n", a->index, b->index);
    REQUIRE(there != 0 || !must_be_connected(plan, a, b), "%zu and %zu are not connected\n",
            a->index, b->index);
    REQUIRE(there == 0 || (there != back && sim_same_connection(plan->sim, there, back)),
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
check_mesh(const struct plan *plan)
{
    struct sim *sim = plan->sim;

    for (size_t a = 0; a < sim_node_count(sim); a++) {
        check_node(sim, sim_node(sim, a));
        for (size_t b = 0; b < a; b++)
            check_pair(plan, sim_node(sim, a), sim_node(sim, b));
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
    struct plan plan = { .sim = sim_new(seed, &hooks, NULL) };
    int64_t over_ms;
    size_t opened;

    set_seed(seed);
    sim_trace(plan.sim, traced);
    build(&plan);
    over_ms = make_trouble(&plan);
    sim_run(plan.sim, over_ms + QUIET_MS);
    check_mesh(&plan);
    check_letters(plan.sim);
    opened = sim_opened(plan.sim);
    sim_run(plan.sim, over_ms + QUIET_MS + STILL_MS);
    REQUIRE(sim_opened(plan.sim) == opened, "still dialling\n");
    check_mesh(&plan);
    for (size_t i = 0; i < sim_node_count(plan.sim); i++)
        sim_crash(sim_node(plan.sim, i), false);
    sim_free(plan.sim);
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

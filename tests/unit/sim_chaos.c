/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_chaos.h"

#include <string.h>

enum { SECOND = 1000 };

/* ---- shape ---- */

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
add_nodes(struct chaos *chaos)
{
    static void (*const shapes[])(struct sim *) = { connect_star, connect_full, connect_random,
                                                    connect_chain };
    struct sim *sim = chaos->sim;
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

/* Some seeds live long, so that backoff gets long. */
static void
plan_faults(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;

    chaos->span_ms = sim_random(sim, 8) == 0 ? 1200 * SECOND : 40 * SECOND;
    chaos->faults = sim_random(sim, 3) == 0 ? 0 : 1 + sim_random(sim, 16);
    for (uint32_t i = 0; i < chaos->faults; i++)
        sim_at(sim, 1 + sim_random(sim, chaos->span_ms), fault, sim);
    if (chaos->faults == 0)
        chaos->span_ms = 5 * SECOND;
}

void
chaos_build(struct chaos *chaos)
{
    add_nodes(chaos);
    plan_faults(chaos);
}

void
chaos_run(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;

    sim_run(sim, chaos->span_ms + 10 * SECOND);
    heal(sim);
    for (size_t i = 0; i < sim_node_count(sim); i++)
        start(sim_node(sim, i));
}

/* ---- what is to be expected ---- */

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
bool
chaos_must_connect(const struct chaos *chaos, const struct sim_node *a, const struct sim_node *b)
{
    return chaos->faults == 0 || has_route(a, b) || has_route(b, a) ||
           (!a->is_go && !b->is_go && !(a->ldm && b->ldm));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock: a heap of events, by time and then by the order in which they were thought of.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_private.h"

static bool
before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void
swap(struct event *a, struct event *b)
{
    struct event c = *a;

    *a = *b;
    *b = c;
}

void
event_push(struct sim *sim, struct event event, int64_t at_ms)
{
    size_t i = sim->heap_count++;

    if (sim->heap_count > sim->heap_cap) {
        sim->heap_cap = sim->heap_cap == 0 ? 256 : 2 * sim->heap_cap;
        sim->heap = xrealloc(sim->heap, sim->heap_cap * sizeof(*sim->heap));
    }
    event.at_ms = at_ms < sim->now_ms ? sim->now_ms : at_ms;
    event.order = ++sim->order;
    if (event.node != NULL)
        event.life = event.node->life;
    sim->heap[i] = event;
    for (; i > 0 && before(&sim->heap[i], &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&sim->heap[i], &sim->heap[(i - 1) / 2]);
}

static struct event
event_pop(struct sim *sim)
{
    struct event first = sim->heap[0];
    size_t i = 0, child;

    sim->heap[0] = sim->heap[--sim->heap_count];
    while ((child = 2 * i + 1) < sim->heap_count) {
        if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!before(&sim->heap[child], &sim->heap[i]))
            break;
        swap(&sim->heap[i], &sim->heap[child]);
        i = child;
    }
    return first;
}

static void
handle(struct sim *sim, const struct event *event)
{
    if (event->node != NULL && (!event->node->up || event->node->life != event->life))
        return;
    switch (event->kind) {
    case EVENT_CALL:
        event->function(event->arg);
        break;
    case EVENT_SYN:
        net_syn(sim, event);
        break;
    case EVENT_FAILED:
        node_dial_failed(event->node, event->target);
        break;
    case EVENT_OPENED:
        net_opened(sim, event->conn);
        break;
    case EVENT_ARRIVAL:
        net_arrival(sim, event->conn, event->side);
        break;
    case EVENT_NOTICE:
        net_notice(sim, event->conn, event->side);
        break;
    case EVENT_TICK:
        node_tick(event->node);
        break;
    case EVENT_GO:
        go_due(event->node, event->target);
        break;
    }
}

void
sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim->heap_count > 0 && sim->heap[0].at_ms <= until_ms) {
        struct event event = event_pop(sim);

        sim->now_ms = event.at_ms;
        handle(sim, &event);
    }
    sim->now_ms = until_ms;
}

int64_t
sim_now(const struct sim *sim)
{
    return sim->now_ms;
}

void
sim_at(struct sim *sim, int64_t at_ms, void (*function)(void *arg), void *arg)
{
    event_push(sim, (struct event) { .kind = EVENT_CALL, .function = function, .arg = arg }, at_ms);
}

struct sim *
sim_new(uint64_t seed, const struct sim_hooks *hooks, void *arg)
{
    struct sim *sim = xcalloc(1, sizeof(*sim));

    sim->random.state = seed * 0x9e3779b97f4a7c15ULL + 1;
    if (hooks != NULL)
        sim->hooks = *hooks;
    sim->arg = arg;
    sim->now_ms = 1;
    sim_set_delay(sim, 50);
    return sim;
}

void
sim_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        mesh_free(sim->nodes[i].mesh);
        go_free(sim->nodes[i].go);
    }
    for (size_t i = 0; i < sim->conn_count; i++)
        net_release(sim->conns[i]);
    free((void *)sim->conns);
    free(sim->heap);
    free(sim);
}

uint32_t
sim_random(struct sim *sim, uint32_t bound)
{
    return random_below(&sim->random, bound);
}

void
sim_set_delay(struct sim *sim, uint32_t most_ms)
{
    for (size_t a = 0; a < SIM_NODES_MAX; a++)
        for (size_t b = 0; b <= a; b++)
            sim->delays[a][b] = sim->delays[b][a] = 1 + sim_random(sim, most_ms);
}

size_t
sim_node_count(const struct sim *sim)
{
    return sim->node_count;
}

struct sim_node *
sim_node(struct sim *sim, size_t index)
{
    assert(index < sim->node_count);
    return &sim->nodes[index];
}

void
sim_trace(struct sim *sim, bool on)
{
    sim->trace = on;
}

void
trace(const struct sim_node *node, const char *format, ...)
{
    va_list args;

    if (!node->sim->trace)
        return;
    fprintf(stderr, "%8lld %s%zu(%s) ", (long long)node->sim->now_ms, node->is_go ? "go" : "n",
            node->index, node->server_id);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

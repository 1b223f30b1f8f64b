/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections. Each direction is a queue with an event per message; an event that meets a cut is
 * counted, and made again when the cut heals.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_private.h"

enum { DIAL_TIMEOUT_MS = 1000, STALE_MIN_MS = 1000, STALE_MORE_MS = 9000 };

static void
fifo_push(struct fifo *fifo, struct message *message)
{
    message->next = NULL;
    if (fifo->last == NULL)
        fifo->first = message;
    else
        fifo->last->next = message;
    fifo->last = message;
}

static struct message *
fifo_pop(struct fifo *fifo)
{
    struct message *message = fifo->first;

    if (message == NULL)
        return NULL;
    fifo->first = message->next;
    if (fifo->first == NULL)
        fifo->last = NULL;
    return message;
}

static void
fifo_clear(struct fifo *fifo)
{
    struct message *message;

    while ((message = fifo_pop(fifo)) != NULL)
        free(message);
}

static enum sim_cut
cut_between(const struct sim *sim, const struct conn *conn)
{
    return sim->cuts[conn->ends[0].node->index][conn->ends[1].node->index];
}

static int64_t
delay(struct sim *sim, size_t a, size_t b)
{
    return sim->delays[a][b] + sim_random(sim, 5);
}

struct conn *
conn_of(const struct sim *sim, uint64_t link)
{
    assert(link > 0 && (link - 1) / 2 < sim->conn_count);
    return sim->conns[(link - 1) / 2];
}

struct end *
end_find(const struct sim *sim, uint64_t link)
{
    return &conn_of(sim, link)->ends[(link - 1) % 2];
}

static struct end *
other_end(const struct end *end)
{
    struct conn *conn = conn_of(end->node->sim, end->link);

    return &conn->ends[end == &conn->ends[0]];
}

/* ---- making them ---- */

void
net_dial(struct sim_node *node, uint32_t target, const char *host)
{
    struct sim *sim = node->sim;
    struct event event = { .kind = EVENT_FAILED, .node = node, .target = target };

    for (size_t i = 0; i < sim->node_count; i++) {
        if (strcmp(sim->nodes[i].host, host) != 0)
            continue;
        event.to = i;
        if (sim->cuts[node->index][i] == SIM_HELD) {
            event_push(sim, event, sim->now_ms + DIAL_TIMEOUT_MS);
        } else {
            event.kind = EVENT_SYN;
            event_push(sim, event, sim->now_ms + delay(sim, node->index, i));
        }
        return;
    }
    event_push(sim, event, sim->now_ms + 1);
}

static struct conn *
conn_new(struct sim *sim, struct sim_node *from, struct sim_node *to, uint32_t target)
{
    struct conn *conn = xcalloc(1, sizeof(*conn));

    if (sim->conn_count == sim->conn_cap) {
        sim->conn_cap = sim->conn_cap == 0 ? 64 : 2 * sim->conn_cap;
        sim->conns = xrealloc((void *)sim->conns, sim->conn_cap * sizeof(struct conn *));
    }
    conn->ends[0].node = from;
    conn->ends[0].life = from->life;
    conn->ends[0].target = target;
    conn->ends[0].link = 2 * sim->conn_count + 1;
    conn->ends[1].node = to;
    conn->ends[1].life = to->life;
    conn->ends[1].link = 2 * sim->conn_count + 2;
    sim->conns[sim->conn_count++] = conn;
    return conn;
}

void
net_syn(struct sim *sim, const struct event *event)
{
    struct sim_node *from = event->node, *to = &sim->nodes[event->to];
    int64_t back_ms = sim->now_ms + delay(sim, from->index, to->index);
    struct event answer = { .node = from, .target = event->target };
    enum sim_cut cut = sim->cuts[from->index][to->index];

    if (cut != SIM_WHOLE || !to->up) {
        answer.kind = EVENT_FAILED;
        event_push(sim, answer, cut == SIM_HELD ? sim->now_ms + DIAL_TIMEOUT_MS : back_ms);
        return;
    }
    answer.kind = EVENT_OPENED;
    answer.conn = conn_new(sim, from, to, event->target);
    answer.node = NULL;
    answer.conn->ends[0].arrives_ms = back_ms;
    event_push(sim, answer, back_ms);
    answer.conn->ends[1].open = true;
    node_opened(&answer.conn->ends[1]);
}

/* ---- messages ---- */

static void
schedule(struct sim *sim, struct end *to)
{
    struct conn *conn = conn_of(sim, to->link);
    int64_t at_ms = sim->now_ms + delay(sim, conn->ends[0].node->index, conn->ends[1].node->index);

    if (at_ms < to->arrives_ms)
        at_ms = to->arrives_ms;
    to->arrives_ms = at_ms;
    event_push(sim,
               (struct event) { .kind = EVENT_ARRIVAL, .conn = conn, .side = to != conn->ends },
               at_ms);
}

void
net_send(struct end *end, enum message_kind kind, const struct info *info, const void *data,
         size_t len)
{
    struct message *message = xcalloc(1, sizeof(*message) + len);
    struct end *to = other_end(end);

    message->kind = kind;
    if (info != NULL)
        message->info = *info;
    message->len = len;
    if (len > 0)
        memcpy(message->data, data, len);
    fifo_push(&to->in, message);
    schedule(end->node->sim, to);
}

/* What arrives where nobody listens any more is answered with the end of the connection. */
void
net_arrival(struct sim *sim, struct conn *conn, int side)
{
    struct end *end = &conn->ends[side];
    struct message *message;

    if (cut_between(sim, conn) == SIM_HELD) {
        end->stalled++;
        return;
    }
    message = fifo_pop(&end->in);
    if (message == NULL)
        return;
    if (!end->open) {
        if (message->kind != MESSAGE_FIN && other_end(end)->open)
            net_send(end, MESSAGE_FIN, NULL, NULL, 0);
        free(message);
    } else if (message->kind == MESSAGE_FIN) {
        free(message);
        node_closes(end);
    } else if (end->answered && !end->registered) {
        fifo_push(&end->held, message);
    } else {
        node_received(end, message);
        free(message);
    }
}

void
net_deliver_held(struct end *end)
{
    struct message *message;

    while (end->open && (message = fifo_pop(&end->held)) != NULL) {
        node_received(end, message);
        free(message);
    }
}

static void
notice_later(struct end *end)
{
    struct sim *sim = end->node->sim;
    struct conn *conn = conn_of(sim, end->link);

    event_push(sim,
               (struct event) { .kind = EVENT_NOTICE, .conn = conn, .side = end != conn->ends },
               sim->now_ms + STALE_MIN_MS + sim_random(sim, STALE_MORE_MS));
}

static bool
is_current(const struct end *end)
{
    return end->node->up && end->node->life == end->life;
}

/* The dialling end. If it is gone meanwhile the other is told; the other way round, it finds out.
 */
void
net_opened(struct sim *sim, struct conn *conn)
{
    struct end *end = &conn->ends[0];

    end->open = true;
    if (!is_current(end)) {
        net_close(end, false);
        return;
    }
    if (!conn->ends[1].open || cut_between(sim, conn) == SIM_HELD)
        notice_later(end);
    node_opened(end);
}

void
net_close(struct end *end, bool silent)
{
    struct end *other = other_end(end);

    end->open = end->registered = false;
    fifo_clear(&end->held);
    if (silent) {
        fifo_clear(&other->in);
        if (other->open)
            notice_later(other);
    } else {
        net_send(end, MESSAGE_FIN, NULL, NULL, 0);
    }
}

/* PING was not answered. */
void
net_notice(struct sim *sim, struct conn *conn, int side)
{
    struct end *end = &conn->ends[side];

    if (end->open && (cut_between(sim, conn) == SIM_HELD || !conn->ends[!side].open))
        node_closes(end);
}

/* ---- cuts ---- */

static void
heal(struct sim *sim, struct conn *conn)
{
    for (int side = 0; side < 2; side++)
        for (; conn->ends[side].stalled > 0; conn->ends[side].stalled--)
            schedule(sim, &conn->ends[side]);
}

static void
cut_conn(struct sim *sim, struct conn *conn)
{
    for (int side = 0; side < 2; side++) {
        struct end *end = &conn->ends[side];

        if (cut_between(sim, conn) == SIM_WHOLE || !end->open)
            continue;
        if (cut_between(sim, conn) == SIM_HELD)
            notice_later(end);
        else
            node_closes(end);
    }
}

void
sim_cut(struct sim *sim, size_t a, size_t b, enum sim_cut cut)
{
    if (a == b)
        return;
    sim->cuts[a][b] = sim->cuts[b][a] = cut;
    for (size_t i = 0; i < sim->conn_count; i++) {
        struct conn *conn = sim->conns[i];
        size_t from = conn->ends[0].node->index, to = conn->ends[1].node->index;

        if ((from != a || to != b) && (from != b || to != a))
            continue;
        if (cut != SIM_HELD)
            heal(sim, conn);
        cut_conn(sim, conn);
    }
}

void
net_release(struct conn *conn)
{
    for (int side = 0; side < 2; side++) {
        fifo_clear(&conn->ends[side].in);
        fifo_clear(&conn->ends[side].held);
    }
    free(conn);
}

size_t
sim_opened(const struct sim *sim)
{
    return sim->conn_count;
}

bool
sim_same_connection(const struct sim *sim, uint64_t link, uint64_t other)
{
    return conn_of(sim, link) == conn_of(sim, other);
}

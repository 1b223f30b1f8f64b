/* SPDX-License-Identifier: Apache-2.0
 *
 *   run ─> each plain subscription: all its messages into its queue
 *      ├─> each queue group: a member is drawn for each message, uniformly; the next one in turn
 *      │   if that one cannot take it
 *      └─> each other server that has plain interest, or a member that was drawn: one copy of each
 *          (shares.h, delivery_peers.c)
 *
 * The parser has seen to it that CRLF stands behind the payload, so both go out as one piece.
 * A payload of some KB makes a run of its own and goes to the queues by reference; for that it
 * must lie in a counted block: the one it was received in, or a copy made once per message.
 */
#include <string.h>

#include "proto/route_lines.h"
#include "proto/route_parser.h"
#include "server/peer.h"
#include "server/run.h"
#include "server/server.h"
#include "server/trace.h"
#include "sublist/draw.h"

/* Sees that the payload lies in a counted block: the input's own, or one copy for all
 * receivers. Without memory for it run->block stays NULL and the payload is copied. */
static void
share_payload(struct run *run, struct str payload)
{
    struct block *input;

    if (run->block != NULL)
        return;
    input = conn_input_block(run->input);
    if (input != NULL) {
        run->block = block_ref(input);
        run->body_base = payload.data;
        return;
    }
    run->block = block_new(payload.len + 2);
    if (run->block == NULL)
        return;
    memcpy(run->block->data, payload.data, payload.len + 2);
    run->body_base = run->block->data;
}

static const struct message *
picked(const struct run *run, const struct receiver *to, unsigned i)
{
    return &run->messages[to->picks[i]];
}

/* A client and a server get other lines. Which of them it is is asked once for all messages: asked
 * for each it costs a third of a delivery, since nothing is inlined then. */
#define FOR_EITHER static inline __attribute__((always_inline))

FOR_EITHER size_t
line_len(const struct run *run, const struct receiver *to, unsigned i, bool client)
{
    const struct message *message = picked(run, to, i);

    if (client)
        return encode_line_len(message, to->head_len, to->headers);
    return route_msg_line_len(message, to->head_len, to->queues[i], to->headers);
}

FOR_EITHER char *
put_line(const struct run *run, const struct receiver *to, unsigned i, bool client, char *out)
{
    const struct message *message = picked(run, to, i);

    if (client)
        return encode_line(message, run->head.data, to->head_len, to->headers, out);
    return route_msg_line(message, run->head.data, to->head_len, to->queues[i], to->headers, out);
}

FOR_EITHER size_t
wire_len(const struct run *run, const struct receiver *to, unsigned i, bool client)
{
    return line_len(run, to, i, client) + encode_body(picked(run, to, i), to->headers).len + 2;
}

/* The head is made: works out to->total, and where the payload lies if it is large. */
FOR_EITHER void
measure(struct run *run, struct receiver *to, bool client)
{
    to->total = 0;
    for (unsigned i = 0; i < to->count; i++)
        to->total += wire_len(run, to, i, client);
    if (run->count == 1 && run->bytes >= RUN_REFERENCE_BYTES)
        share_payload(run, run->messages[0].payload);
}

/* Writes the messages into the queue, counted from the first; returns how many there was
 * memory for. */
FOR_EITHER unsigned
put_copied(struct run *run, const struct receiver *to, bool client)
{
    struct outq *q = to->outq;
    char *start = NULL, *at = NULL, *end = NULL;
    size_t left = to->total;
    unsigned i;

    for (i = 0; i < to->count; i++) {
        struct str body = encode_body(picked(run, to, i), to->headers);
        size_t need = wire_len(run, to, i, client), room;

        if ((size_t)(end - at) < need + ENCODE_SLACK) {
            if (at != start)
                outq_commit(q, (size_t)(at - start));
            start = at = outq_room(q, run->worker->loop, need + ENCODE_SLACK, left, &room);
            if (at == NULL)
                return i;
            end = at + room;
        }
        at = put_line(run, to, i, client, at);
        memcpy(at, body.data, body.len + 2);
        at += body.len + 2;
        left -= need;
    }
    if (at != start)
        outq_commit(q, (size_t)(at - start));
    return i;
}

/* The same for one message whose payload is in run->block. */
FOR_EITHER unsigned
put_shared(struct run *run, const struct receiver *to, bool client)
{
    const struct message *message = picked(run, to, 0);
    struct str body = encode_body(message, to->headers);
    size_t skipped = (size_t)(body.data - message->payload.data), room;
    size_t len = line_len(run, to, 0, client);
    char *out = outq_room(to->outq, run->worker->loop, len + ENCODE_SLACK, len, &room);

    if (out == NULL)
        return 0;
    (void)put_line(run, to, 0, client, out);
    outq_commit(to->outq, len);
    outq_put_ref(to->outq, run->worker->loop, run->block, run->body_base + skipped, body.len + 2);
    return 1;
}

/* Counts messages for the subscription, under its queue's lock, as UNSUB does: so exactly one of
 * the two sees that the maximum is reached. Fewer than there are when it is; *last: take it out. */
static void
count_delivery(struct receiver *to, bool *last)
{
    struct subscription *sub = to->sub;
    uint64_t before = atomic_load_explicit(&sub->delivered, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&sub->max, memory_order_relaxed);

    if (max != 0 && (before >= max || max - before < to->count))
        to->count = before >= max ? 0 : (unsigned)(max - before);
    atomic_store_explicit(&sub->delivered, before + to->count, memory_order_relaxed);
    *last = max != 0 && before + to->count >= max;
}

/* Under the queue's lock: remembers a receiver to wait for; false when the operator wants the
 * messages dropped instead. A server is never read more slowly: others wait behind it. */
static bool
mind_congestion(struct run *run, struct outq *q)
{
    if (run->from == NULL || !outq_congested(q, run->worker->loop))
        return true;
    if (run->worker->config->options->no_fast_producer_stall)
        return false;
    if (run->congested == NULL)
        run->congested = outq_ref(q);
    return true;
}

/* Under the queue's lock. */
FOR_EITHER void
put(struct run *run, struct receiver *to, bool client)
{
    size_t bytes = 0;

    if (run->block != NULL)
        to->count = put_shared(run, to, client);
    else
        to->count = put_copied(run, to, client);
    for (unsigned i = 0; i < to->count; i++) {
        bytes += encode_body(picked(run, to, i), to->headers).len;
        run->taken[to->picks[i]] = true;
    }
    outq_count_messages(to->outq, to->count, bytes);
    run->delivered += to->count;
    run->delivered_bytes += bytes;
}

/* Puts them into the queue, all or as many as it takes; to->count says how many. *last: the
 * subscription has reached its maximum. */
FOR_EITHER void
send_to(struct run *run, struct receiver *to, bool client, bool *last)
{
    struct loop *loop = run->worker->loop;

    *last = false;
    if (outq_begin(to->outq, loop, to->total) != OUTQ_OK) {
        to->count = 0;
        return;
    }
    if (!mind_congestion(run, to->outq))
        to->count = 0;
    else if (client)
        count_delivery(to, last);
    if (to->count > 0)
        put(run, to, client);
    outq_end(to->outq, loop);
}

void
receiver_send(struct run *run, struct receiver *to)
{
    bool last;

    measure(run, to, false);
    send_to(run, to, false, &last);
}

static bool
wants(const struct run *run, const struct subscription *sub)
{
    struct client *to = client_of(sub);

    if (subscription_is(sub, SUB_CLOSED | SUB_FILTERED)) {
        if (subscription_is(sub, SUB_CLOSED) ||
            !rights_may_receive(&to->rights, run->subject, subscription_queue(sub)))
            return false;
    }
    return to != run->from || atomic_load_explicit(&to->echo, memory_order_relaxed);
}

/* What the subscription's owner will get; false: out of memory. */
static bool
prepare(struct run *run, struct receiver *to)
{
    struct str sid = subscription_sid(to->sub);
    size_t room = encode_head_room(run->subject, sid);

    run->head.len = 0;
    if (!buf_reserve(&run->head, room))
        return false;
    to->head_len = encode_head(run->subject, sid, run->head.data);
    to->headers = atomic_load_explicit(&to->client->headers, memory_order_relaxed);
    measure(run, to, true);
    return true;
}

/* What came with the messages: the right to answer, lines for the log. */
static void
note(struct run *run, const struct receiver *to)
{
    bool tracing = client_tracing(to->client);

    for (unsigned i = 0; i < to->count; i++) {
        const struct message *message = picked(run, to, i);

        if (message->reply.data != NULL)
            rights_note_reply(&to->client->rights, message->reply, loop_now_ms(run->worker->loop));
        if (tracing)
            trace_delivery(to->client, message, run->head.data, to->head_len, to->headers);
    }
}

/* Puts the picked messages into the queue of one receiver; returns how many of them, from the
 * first, it took. */
static unsigned
deliver(struct run *run, struct subscription *sub, const unsigned char *picks, unsigned count)
{
    struct receiver to = { .client = client_of(sub), .sub = sub, .picks = picks, .count = count };
    bool last;

    to.outq = to.client->outq;
    if (!wants(run, sub) || !prepare(run, &to))
        return 0;
    send_to(run, &to, true, &last);
    note(run, &to);
    if (last)
        client_expire_sub(sub, run->worker);
    return to.count;
}

/* The same for a member that may be another server's. */
static unsigned
deliver_to_member(struct run *run, const struct match_group *group, uint32_t member,
                  const unsigned char *picks, unsigned count)
{
    struct subscription *sub = run->match->subs[group->first + member];
    unsigned taken = 0;

    if (!sub->remote)
        return deliver(run, sub, picks, count);
    if (atomic_load_explicit(&peer_of(sub->owner)->gone, memory_order_relaxed))
        return 0;
    while (taken < count && shares_pick(&run->shares, run->match, group, sub, picks[taken]))
        taken++;
    return taken;
}

/* A message that the drawn member could not take goes to the next one in turn. Another server has
 * no part in what came from one (PROTOCOL.md 3.7). */
static void
deliver_elsewhere(struct run *run, const struct match_group *group, uint32_t drawn,
                  const unsigned char *pick)
{
    uint32_t count = run->from == NULL ? group->local : group->count;

    for (uint32_t i = 1; i < count; i++) {
        if (deliver_to_member(run, group, (drawn + i) % count, pick, 1) > 0)
            return;
    }
}

/* Each message has a member drawn for it; each member gets what was drawn for it at once. */
static void
deliver_to_group(struct run *run, const struct match_group *group)
{
    const unsigned all = run->count;
    unsigned char picks[RUN_MESSAGES];
    uint32_t drawn[RUN_MESSAGES];

    for (unsigned i = 0; i < all; i++)
        drawn[i] = draw_member(run->match, group, run->from != NULL, &run->worker->random);
    for (unsigned i = 0; i < all; i++) {
        uint32_t member = drawn[i];
        unsigned count = 0, taken;

        if (member == group->count)
            continue; /* nobody can take it, or delivered with an earlier one */
        for (unsigned k = i; k < all; k++) {
            if (drawn[k] == member) {
                picks[count++] = (unsigned char)k;
                drawn[k] = group->count;
            }
        }
        taken = deliver_to_member(run, group, member, picks, count);
        for (; taken < count; taken++)
            deliver_elsewhere(run, group, member, &picks[taken]);
    }
}

static bool
is_named(struct str names, struct str queue)
{
    struct str name;

    while ((name = route_next_queue(&names)).data != NULL)
        if (str_eq(name, queue))
            return true;
    return false;
}

/* Of what another server sent, those groups alone that it names; each once, however often. */
static void
deliver_to_named(struct run *run)
{
    const struct match *match = run->match;

    for (uint32_t i = 0; i < match->group_count && run->queues.len > 0; i++) {
        const struct match_group *group = &match->groups[i];

        if (group->local > 0 &&
            is_named(run->queues, subscription_queue(match->subs[group->first])))
            deliver_to_group(run, group);
    }
}

void
run_deliver(struct run *run)
{
    const struct match *match = run->match;

    for (uint32_t i = 0; i < match->plain_count; i++)
        (void)deliver(run, match->subs[i], run->all, run->count);
    if (run->from == NULL) {
        deliver_to_named(run);
        return;
    }
    for (uint32_t i = 0; i < match->group_count; i++)
        deliver_to_group(run, &match->groups[i]);
    if (match->remote)
        run_deliver_to_peers(run);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 *   PUB ─> may it? ─> match ─> each plain subscription: line + payload into its queue
 *                          └─> each queue group: one member, drawn uniformly; the next one
 *                              in turn if that one cannot take it
 *       nobody took it, and the publisher asked: 503 to its reply subscription
 *
 * The parser has seen to it that CRLF stands behind the payload, so both go out as one piece.
 * A payload of some KB that goes to a queue by reference must lie in a counted block: the one
 * it was received in, or a copy made once per message.
 */
#include "server/delivery.h"

#include <string.h>

#include "proto/encode.h"
#include "proto/subject.h"
#include "server/server.h"
#include "server/trace.h"

#define BY_REFERENCE_BYTES 8192 /* payloads from this size on are shared, not copied */
#define STALL_MS           10   /* a publisher waits at most so long per read (PROTOCOL.md 1.9) */

struct delivery {
    struct client *from;
    struct worker *worker;
    struct encoder enc;
    struct block *block;    /* holds the payload, counted; NULL: not needed so far */
    const char *body_base;  /* the payload's first byte inside block */
    struct outq *congested; /* a receiver that the publisher should wait for */
    uint64_t delivered, delivered_bytes;
};

/* Sees that the payload lies in a counted block: the input's own, or one copy for all
 * receivers. Without memory for it d->block stays NULL and the payload is copied. */
static void
share_payload(struct delivery *d)
{
    struct str payload = d->enc.payload;
    struct block *input;

    if (d->block != NULL)
        return;
    input = conn_input_block(d->from->conn);
    if (input != NULL) {
        d->block = block_ref(input);
        d->body_base = payload.data;
        return;
    }
    d->block = block_new(payload.len + 2);
    if (d->block == NULL)
        return;
    memcpy(d->block->data, payload.data, payload.len + 2);
    d->body_base = d->block->data;
}

/* What one message means for one subscription. */
struct receiver {
    struct client *client;
    struct str sid, body;
    bool headers; /* gets HMSG, if there are any */
    size_t line_len;
};

static void
put_copied(struct delivery *d, const struct receiver *to)
{
    struct outq *q = to->client->outq;
    char *out = outq_room(q, d->worker->loop, to->line_len + to->body.len + 2);

    if (out == NULL)
        return;
    out += encoder_line(&d->enc, to->sid, to->headers, out);
    memcpy(out, to->body.data, to->body.len);
    out += to->body.len;
    out[0] = '\r';
    out[1] = '\n';
}

static void
put_shared(struct delivery *d, const struct receiver *to)
{
    struct outq *q = to->client->outq;
    size_t skipped = (size_t)(to->body.data - d->enc.payload.data);
    char *out = outq_room(q, d->worker->loop, to->line_len);

    if (out == NULL)
        return;
    (void)encoder_line(&d->enc, to->sid, to->headers, out);
    outq_put_ref(q, d->worker->loop, d->block, d->body_base + skipped, to->body.len + 2);
}

/* Counts this message for sub, under its queue's lock, as UNSUB does: so exactly one of the two
 * sees that the maximum is reached. False when it was before; *last: take sub out. */
static bool
count_delivery(struct subscription *sub, bool *last)
{
    uint64_t count = atomic_load_explicit(&sub->delivered, memory_order_relaxed) + 1;
    uint64_t max = atomic_load_explicit(&sub->max, memory_order_relaxed);

    *last = max != 0 && count >= max;
    if (max != 0 && count > max)
        return false;
    atomic_store_explicit(&sub->delivered, count, memory_order_relaxed);
    return true;
}

/* Under the queue's lock: remembers a receiver to wait for; false when the operator wants the
 * message dropped instead. */
static bool
mind_congestion(struct delivery *d, struct outq *q)
{
    if (!outq_congested(q, d->worker->loop))
        return true;
    if (d->worker->config->options->no_fast_producer_stall)
        return false;
    if (d->congested == NULL)
        d->congested = outq_ref(q);
    return true;
}

/* Under the queue's lock. */
static void
put(struct delivery *d, const struct receiver *to)
{
    if (to->body.len >= BY_REFERENCE_BYTES && d->block != NULL)
        put_shared(d, to);
    else
        put_copied(d, to);
    outq_count_message(to->client->outq, to->body.len);
    d->delivered++;
    d->delivered_bytes += to->body.len;
}

static bool
wants(const struct delivery *d, const struct subscription *sub)
{
    struct client *to = client_of(sub);

    if (subscription_is(sub, SUB_CLOSED | SUB_FILTERED)) {
        if (subscription_is(sub, SUB_CLOSED) ||
            !rights_may_receive(&to->rights, d->enc.subject, subscription_queue(sub)))
            return false;
    }
    return to != d->from || atomic_load_explicit(&to->echo, memory_order_relaxed);
}

/* Puts the message into the queue of one receiver; false when it cannot take it. */
static bool
deliver(struct delivery *d, struct subscription *sub)
{
    struct receiver to = { .client = client_of(sub), .sid = subscription_sid(sub) };
    struct outq *q = to.client->outq;
    bool last = false, taken;

    if (!wants(d, sub))
        return false;
    to.headers = atomic_load_explicit(&to.client->headers, memory_order_relaxed);
    to.body = encoder_body(&d->enc, to.headers);
    to.line_len = encoder_line_len(&d->enc, to.sid.len, to.headers);
    if (to.body.len >= BY_REFERENCE_BYTES)
        share_payload(d);
    if (outq_begin(q, d->worker->loop, to.line_len + to.body.len + 2) != OUTQ_OK)
        return false;
    taken = mind_congestion(d, q) && count_delivery(sub, &last);
    if (taken)
        put(d, &to);
    outq_end(q, d->worker->loop);
    if (taken && d->enc.reply.data != NULL)
        rights_note_reply(&to.client->rights, d->enc.reply, loop_now_ms(d->worker->loop));
    if (taken && client_tracing(to.client))
        trace_delivery(to.client, &d->enc, to.sid, to.headers);
    if (last)
        client_expire_sub(sub, d->worker);
    return taken;
}

static void
deliver_to_group(struct delivery *d, const struct match *match, const struct match_group *group)
{
    uint32_t drawn = random_below(&d->worker->random, group->count);

    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t member = (drawn + i) % group->count;

        if (deliver(d, match->subs[group->first + member]))
            return;
    }
}

static void
deliver_to_all(struct delivery *d, const struct match *match)
{
    for (uint32_t i = 0; i < match->plain_count; i++)
        (void)deliver(d, match->subs[i]);
    for (uint32_t i = 0; i < match->group_count; i++)
        deliver_to_group(d, match, &match->groups[i]);
}

/* Sends the 503 that asks no further than to the publisher itself; its form is that of 2.12
 * and later: a message with headers alone. It does not count towards the subscription's
 * maximum. */
static void
tell_no_responders(struct client *client, const struct op *op, struct str sid)
{
    struct buf out = BUF_INIT, headers = BUF_INIT;
    struct encoder enc;
    size_t line_len;

    if (buf_append_str(&headers, "NATS/1.0 503\r\nNats-Subject: ") &&
        buf_append(&headers, op->subject.data, op->subject.len) &&
        buf_append_str(&headers, "\r\n\r\n")) {
        encoder_init(&enc, op->reply, STR_NULL, (struct str) { headers.data, headers.len },
                     headers.len);
        line_len = encoder_line_len(&enc, sid.len, true);
        if (buf_reserve(&out, line_len + headers.len + 2)) {
            buf_commit(&out, encoder_line(&enc, sid, true, out.data));
            (void)buf_append(&out, headers.data, headers.len);
            (void)buf_append_str(&out, "\r\n");
            client_send(client, out.data, out.len);
        }
    }
    buf_release(&headers);
    buf_release(&out);
}

static void
no_responders(struct client *client, const struct op *op)
{
    const struct match *match = worker_match(client->worker, op->reply);

    for (uint32_t i = 0; match != NULL && i < match->plain_count; i++) {
        struct subscription *sub = match->subs[i];

        if (client_of(sub) == client && !subscription_is(sub, SUB_CLOSED)) {
            tell_no_responders(client, op, subscription_sid(sub));
            return;
        }
    }
}

/* Subjects that the server keeps for itself, or that the client has no right to; true when the
 * message was refused. */
static bool
refused(struct client *client, const struct op *op)
{
    bool bad_reply = op->reply.data != NULL && subject_is_reserved_reply(op->reply);
    bool bad_subject =
        subject_is_reserved(op->subject, false) ||
        !rights_may_publish(&client->rights, op->subject, loop_now_ms(client->worker->loop));

    if (bad_reply)
        client_violation(client, PROTO_VIOLATION_REPLY, op->reply, STR_NULL);
    else if (bad_subject)
        client_violation(client, PROTO_VIOLATION_PUBLISH, op->subject, STR_NULL);
    return bad_reply || bad_subject;
}

static void
count_publish(struct client *client, const struct op *op)
{
    struct worker_stats *stats = &client->worker->stats;

    client->in_msgs++;
    client->in_bytes += op->payload.len;
    stat_add(&stats->in_msgs, 1);
    stat_add(&stats->in_bytes, op->payload.len);
}

static void
finish_delivery(struct delivery *d, const struct op *op)
{
    stat_add(&d->worker->stats.out_msgs, d->delivered);
    stat_add(&d->worker->stats.out_bytes, d->delivered_bytes);
    block_unref(d->block);
    if (d->congested != NULL) {
        if (!d->worker->config->options->no_fast_producer_stall)
            conn_stall(d->from->conn, d->congested, STALL_MS);
        outq_unref(d->congested);
    }
    if (d->delivered == 0 && op->reply.data != NULL && d->from->connect.no_responders)
        no_responders(d->from, op);
}

void
client_publish(struct client *client, const struct op *op)
{
    struct delivery d = { .from = client, .worker = client->worker };
    const struct match *match;

    count_publish(client, op);
    if (client->connect.pedantic && !subject_valid_literal(op->subject))
        client_error(client, PROTO_ERR_INVALID_PUBLISH_SUBJECT);
    if (refused(client, op))
        return;
    client_ok(client);
    match = worker_match(client->worker, op->subject);
    if (match == NULL)
        return;
    client->worker->turn += match->plain_count + match->group_count;
    encoder_init(&d.enc, op->subject, op->reply, op->payload, op->header_len);
    deliver_to_all(&d, match);
    finish_delivery(&d, op);
}

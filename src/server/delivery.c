/* SPDX-License-Identifier: Apache-2.0
 *
 *   PUB ─> may it? ─> who wants it? ─> a run of messages
 *   run ─> each plain subscription: all its messages into its queue
 *      └─> each queue group: one member per message, drawn uniformly; the next one in turn if
 *          that one cannot take it
 *       nobody took one, and the publisher asked: 503 to its reply subscription
 *
 * A run is as long as the bytes of one read and these bounds: it is copied once per receiver, so
 * it should stay in the nearest cache; and its deliveries are one turn of the loop.
 *
 * The parser has seen to it that CRLF stands behind the payload, so both go out as one piece.
 * A payload of some KB makes a run of its own and goes to the queues by reference; for that it
 * must lie in a counted block: the one it was received in, or a copy made once per message.
 */
#include "server/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/encode.h"
#include "proto/subject.h"
#include "server/server.h"
#include "server/trace.h"

#define BY_REFERENCE_BYTES 8192 /* payloads from this size on are shared, not copied */
#define STALL_MS           10   /* a publisher waits at most so long per read (PROTOCOL.md 1.9) */
#define RUN_MESSAGES       64U
#define RUN_BYTES          16384   /* of payload */
#define RUN_DELIVERIES     4096U   /* messages times receivers */
#define RUN_PENDING_MIN    1048576 /* with less max_pending each message is looked at alone */

struct run {
    struct client *from;
    struct worker *worker;
    struct str subject;        /* in the client's input */
    const struct match *match; /* who wants it, borrowed from the cache; NULL: no run is open */
    unsigned count, limit;     /* messages; limit: delivered when there are so many */
    size_t bytes;              /* of their payloads */
    struct buf head;           /* see encode.h, of the receiver being served */
    struct block *block;       /* holds the payload, counted; NULL: not needed so far */
    const char *body_base;     /* the payload's first byte inside block */
    struct outq *congested;    /* a receiver that the publisher should wait for */
    uint64_t delivered, delivered_bytes;
    bool taken[RUN_MESSAGES]; /* by somebody */
    struct message messages[RUN_MESSAGES];
};

struct run *
run_new(void)
{
    return xcalloc(1, sizeof(struct run));
}

void
run_free(struct run *run)
{
    if (run != NULL)
        buf_release(&run->head);
    free(run);
}

/* Sees that the payload lies in a counted block: the input's own, or one copy for all
 * receivers. Without memory for it run->block stays NULL and the payload is copied. */
static void
share_payload(struct run *run, struct str payload)
{
    struct block *input;

    if (run->block != NULL)
        return;
    input = conn_input_block(run->from->conn);
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

/* Some messages of the run on their way to one subscription. */
struct receiver {
    struct client *client;
    struct subscription *sub;
    bool headers; /* gets HMSG, if there are any */
    size_t head_len;
    unsigned first, count; /* in run->messages */
    size_t total;          /* bytes of all of them on the wire */
};

static size_t
wire_len(const struct receiver *to, const struct message *message)
{
    return encode_line_len(message, to->head_len, to->headers) +
           encode_body(message, to->headers).len + 2;
}

/* Writes the messages into the queue, counted from the first; returns how many there was
 * memory for. */
static unsigned
put_copied(struct run *run, const struct receiver *to)
{
    struct outq *q = to->client->outq;
    char *start = NULL, *at = NULL, *end = NULL;
    size_t left = to->total;
    unsigned i;

    for (i = 0; i < to->count; i++) {
        const struct message *message = &run->messages[to->first + i];
        struct str body = encode_body(message, to->headers);
        size_t need = wire_len(to, message), room;

        if ((size_t)(end - at) < need + ENCODE_SLACK) {
            if (at != start)
                outq_commit(q, (size_t)(at - start));
            start = at = outq_room(q, run->worker->loop, need + ENCODE_SLACK, left, &room);
            if (at == NULL)
                return i;
            end = at + room;
        }
        at = encode_line(message, run->head.data, to->head_len, to->headers, at);
        memcpy(at, body.data, body.len + 2);
        at += body.len + 2;
        left -= need;
    }
    if (at != start)
        outq_commit(q, (size_t)(at - start));
    return i;
}

/* The same for one message whose payload is in run->block. */
static unsigned
put_shared(struct run *run, const struct receiver *to)
{
    const struct message *message = &run->messages[to->first];
    struct str body = encode_body(message, to->headers);
    struct outq *q = to->client->outq;
    size_t skipped = (size_t)(body.data - message->payload.data), room;
    size_t len = encode_line_len(message, to->head_len, to->headers);
    char *out = outq_room(q, run->worker->loop, len + ENCODE_SLACK, len, &room);

    if (out == NULL)
        return 0;
    (void)encode_line(message, run->head.data, to->head_len, to->headers, out);
    outq_commit(q, len);
    outq_put_ref(q, run->worker->loop, run->block, run->body_base + skipped, body.len + 2);
    return 1;
}

/* Counts messages for sub, under its queue's lock, as UNSUB does: so exactly one of the two
 * sees that the maximum is reached. Fewer than there are when it is; *last: take sub out. */
static void
count_delivery(struct receiver *to, bool *last)
{
    struct subscription *sub = to->sub;
    uint64_t before = atomic_load_explicit(&sub->delivered, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&sub->max, memory_order_relaxed);

    if (max != 0 && max - before < to->count)
        to->count = max < before ? 0 : (unsigned)(max - before);
    atomic_store_explicit(&sub->delivered, before + to->count, memory_order_relaxed);
    *last = max != 0 && before + to->count >= max;
}

/* Under the queue's lock: remembers a receiver to wait for; false when the operator wants the
 * messages dropped instead. */
static bool
mind_congestion(struct run *run, struct outq *q)
{
    if (!outq_congested(q, run->worker->loop))
        return true;
    if (run->worker->config->options->no_fast_producer_stall)
        return false;
    if (run->congested == NULL)
        run->congested = outq_ref(q);
    return true;
}

/* Under the queue's lock. */
static void
put(struct run *run, struct receiver *to)
{
    size_t bytes = 0;

    if (run->block != NULL)
        to->count = put_shared(run, to);
    else
        to->count = put_copied(run, to);
    for (unsigned i = to->first; i < to->first + to->count; i++) {
        bytes += encode_body(&run->messages[i], to->headers).len;
        run->taken[i] = true;
    }
    outq_count_messages(to->client->outq, to->count, bytes);
    run->delivered += to->count;
    run->delivered_bytes += bytes;
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
    to->total = 0;
    for (unsigned i = to->first; i < to->first + to->count; i++)
        to->total += wire_len(to, &run->messages[i]);
    if (run->count == 1 && run->bytes >= BY_REFERENCE_BYTES)
        share_payload(run, run->messages[0].payload);
    return true;
}

/* What came with the messages: the right to answer, lines for the log. */
static void
note(struct run *run, const struct receiver *to)
{
    bool tracing = client_tracing(to->client);

    for (unsigned i = to->first; i < to->first + to->count; i++) {
        const struct message *message = &run->messages[i];

        if (message->reply.data != NULL)
            rights_note_reply(&to->client->rights, message->reply, loop_now_ms(run->worker->loop));
        if (tracing)
            trace_delivery(to->client, message, run->head.data, to->head_len, to->headers);
    }
}

/* Puts count messages into the queue of one receiver; false when it could not take the first. */
static bool
deliver(struct run *run, struct subscription *sub, unsigned first, unsigned count)
{
    struct receiver to = { .client = client_of(sub), .sub = sub, .first = first, .count = count };
    struct outq *q = to.client->outq;
    bool last = false;

    if (!wants(run, sub) || !prepare(run, &to))
        return false;
    if (outq_begin(q, run->worker->loop, to.total) != OUTQ_OK)
        return false;
    if (mind_congestion(run, q)) {
        count_delivery(&to, &last);
        put(run, &to);
    } else {
        to.count = 0;
    }
    outq_end(q, run->worker->loop);
    note(run, &to);
    if (last)
        client_expire_sub(sub, run->worker);
    return to.count > 0;
}

static void
deliver_to_group(struct run *run, const struct match_group *group, unsigned message)
{
    uint32_t drawn = random_below(&run->worker->random, group->count);

    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t member = (drawn + i) % group->count;

        if (deliver(run, run->match->subs[group->first + member], message, 1))
            return;
    }
}

static void
deliver_to_all(struct run *run)
{
    const struct match *match = run->match;

    for (uint32_t i = 0; i < match->plain_count; i++)
        (void)deliver(run, match->subs[i], 0, run->count);
    for (uint32_t i = 0; i < match->group_count; i++)
        for (unsigned message = 0; message < run->count; message++)
            deliver_to_group(run, &match->groups[i], message);
}

/* Sends the 503 that asks no further than to the publisher itself; its form is that of 2.12
 * and later: a message with headers alone. It does not count towards the subscription's
 * maximum. */
static void
tell_no_responders(struct client *client, struct str subject, struct str reply, struct str sid)
{
    struct buf out = BUF_INIT, text = BUF_INIT, head = BUF_INIT;
    struct message message;
    size_t len;

    if (buf_append_str(&text, "NATS/1.0 503\r\nNats-Subject: ") &&
        buf_append(&text, subject.data, subject.len) && buf_append_str(&text, "\r\n\r\n") &&
        buf_reserve(&head, encode_head_room(reply, sid))) {
        message_init(&message, STR_NULL, (struct str) { text.data, text.len }, text.len);
        head.len = encode_head(reply, sid, head.data);
        len = encode_line_len(&message, head.len, true);
        if (buf_reserve(&out, len + ENCODE_SLACK)) {
            (void)encode_line(&message, head.data, head.len, true, out.data);
            buf_commit(&out, len);
            if (buf_append(&out, text.data, text.len) && buf_append_str(&out, "\r\n"))
                client_send(client, out.data, out.len);
        }
    }
    buf_release(&head);
    buf_release(&text);
    buf_release(&out);
}

static void
no_responders(struct client *client, struct str subject, struct str reply)
{
    const struct match *match = worker_match(client->worker, reply);

    for (uint32_t i = 0; match != NULL && i < match->plain_count; i++) {
        struct subscription *sub = match->subs[i];

        if (client_of(sub) == client && !subscription_is(sub, SUB_CLOSED)) {
            tell_no_responders(client, subject, reply, subscription_sid(sub));
            return;
        }
    }
}

/* For each message that nobody took. The cache may drop the run's match meanwhile. */
static void
answer_untaken(struct run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        if (!run->taken[i] && run->messages[i].reply.data != NULL)
            no_responders(run->from, run->subject, run->messages[i].reply);
}

static void
slow_down(struct run *run)
{
    struct outq *congested = run->congested;

    run->congested = NULL;
    if (!client_is_closed(run->from))
        conn_stall(run->from->conn, congested, STALL_MS);
    outq_unref(congested);
}

static void
finish(struct run *run)
{
    struct worker_stats *stats = &run->worker->stats;

    if (run->from->connect.no_responders)
        answer_untaken(run);
    stat_add(&stats->out_msgs, run->delivered);
    stat_add(&stats->out_bytes, run->delivered_bytes);
    block_unref(run->block);
    run->block = NULL;
    if (run->congested != NULL)
        slow_down(run);
}

static size_t
receivers(const struct match *match)
{
    return (size_t)match->plain_count + match->group_count;
}

void
client_deliver(struct client *client)
{
    struct run *run = client->worker->run;

    if (run->count > 0) {
        run->worker->turn += run->count * receivers(run->match);
        deliver_to_all(run);
        finish(run);
        memset(run->taken, false, run->count);
        run->count = 0;
        run->bytes = run->delivered = run->delivered_bytes = 0;
    }
    run->match = NULL;
}

/* Who may see that messages wait: a log, a client that gets an answer to each, a queue that could
 * not take many at once. */
static bool
each_alone(const struct client *client)
{
    return client->connect.verbose || client_tracing(client) ||
           client->worker->config->options->max_pending < RUN_PENDING_MIN;
}

static unsigned
run_limit(const struct client *client, const struct match *match)
{
    size_t most = RUN_DELIVERIES / (receivers(match) + 1);

    if (most <= 1 || each_alone(client))
        return 1;
    return most < RUN_MESSAGES ? (unsigned)most : RUN_MESSAGES;
}

/* false: no memory to find out who wants it. */
static bool
open_run(struct run *run, struct client *client, struct str subject)
{
    run->from = client;
    run->worker = client->worker;
    run->subject = subject;
    run->match = worker_match(client->worker, subject);
    if (run->match != NULL)
        run->limit = run_limit(client, run->match);
    return run->match != NULL;
}

static void
gather(struct run *run, const struct op *op)
{
    if (receivers(run->match) == 0 && op->reply.data == NULL)
        return;
    message_init(&run->messages[run->count++], op->reply, op->payload, op->header_len);
    run->bytes += op->payload.len;
    if (run->count == run->limit || op->payload.len >= BY_REFERENCE_BYTES)
        client_deliver(run->from);
}

/* May the message wait with those that wait already? */
static bool
goes_on(const struct run *run, const struct op *op)
{
    return run->match != NULL && str_eq(run->subject, op->subject) &&
           (run->count == 0 || run->bytes + op->payload.len <= RUN_BYTES);
}

/* Subjects that the server keeps for itself, or that the client has no right to. */
static bool
subject_refused(struct client *client, struct str subject)
{
    return subject_is_reserved(subject, false) ||
           !rights_may_publish(&client->rights, subject, loop_now_ms(client->worker->loop));
}

/* known: the subject is that of the run, so it was allowed. True when the message was refused. */
static bool
refused(struct client *client, const struct op *op, bool known)
{
    bool bad_reply = op->reply.data != NULL && subject_is_reserved_reply(op->reply);
    bool bad_subject =
        !(known && rights_all_publishes(&client->rights)) && subject_refused(client, op->subject);

    if (!bad_reply && !bad_subject)
        return false;
    client_deliver(client);
    if (bad_reply)
        client_violation(client, PROTO_VIOLATION_REPLY, op->reply, STR_NULL);
    else
        client_violation(client, PROTO_VIOLATION_PUBLISH, op->subject, STR_NULL);
    return true;
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

void
client_publish(struct client *client, const struct op *op)
{
    struct run *run = client->worker->run;
    bool known = goes_on(run, op);

    count_publish(client, op);
    if (!known)
        client_deliver(client);
    if (client->connect.pedantic && !subject_valid_literal(op->subject)) {
        client_deliver(client);
        client_error(client, PROTO_ERR_INVALID_PUBLISH_SUBJECT);
    }
    if (refused(client, op, known))
        return;
    client_ok(client);
    if (run->match != NULL || open_run(run, client, op->subject))
        gather(run, op);
}

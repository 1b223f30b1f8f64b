/* SPDX-License-Identifier: Apache-2.0
 *
 *   PUB ─> may it? ─> who wants it? ─> a run of messages ─> their queues
 *       nobody took one, and the publisher asked: 503 to its reply subscription
 */
#include "server/publish.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/subject.h"
#include "server/run.h"
#include "server/server.h"
#include "server/trace.h"

#define STALL_MS        10      /* a publisher waits at most so long per read (PROTOCOL.md 1.9) */
#define RUN_DELIVERIES  4096U   /* messages times receivers */
#define RUN_PENDING_MIN 1048576 /* with less max_pending each message is looked at alone */

struct run *
run_new(void)
{
    struct run *run = xcalloc(1, sizeof(*run));

    for (unsigned i = 0; i < RUN_MESSAGES; i++)
        run->all[i] = (unsigned char)i;
    return run;
}

void
run_free(struct run *run)
{
    if (run == NULL)
        return;
    buf_release(&run->head);
    shares_release(&run->shares);
    free(run);
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
    const struct match *match = worker_match(client->worker, client->account, reply);

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

    if (run->from != NULL && run->from->connect.no_responders)
        answer_untaken(run);
    stat_add(&stats->out_msgs, run->delivered);
    stat_add(&stats->out_bytes, run->delivered_bytes);
    block_unref(run->block);
    run->block = NULL;
    if (run->congested != NULL)
        slow_down(run);
}

size_t
run_receivers(const struct match *match)
{
    return (size_t)match->plain_count + match->remote_count + match->group_count;
}

void
run_end(struct run *run)
{
    if (run->count > 0) {
        run->worker->turn += run->count * run_receivers(run->match);
        run_deliver(run);
        finish(run);
        memset(run->taken, false, run->count);
        run->count = 0;
        run->bytes = run->delivered = run->delivered_bytes = 0;
    }
    run->match = NULL;
}

void
client_deliver(struct client *client)
{
    struct run *run = client->worker->run;

    assert(run->match == NULL || run->from == client);
    run_end(run);
}

/* Who may see that messages wait: a log, a client that gets an answer to each, a queue that could
 * not take many at once. */
static bool
each_alone(const struct client *client)
{
    return client->connect.verbose || client_tracing(client) ||
           client->worker->config->options->max_pending < RUN_PENDING_MIN;
}

unsigned
run_length(const struct match *match)
{
    size_t most = RUN_DELIVERIES / (run_receivers(match) + 1);

    if (most <= 1)
        return 1;
    return most < RUN_MESSAGES ? (unsigned)most : RUN_MESSAGES;
}

static unsigned
run_limit(const struct client *client, const struct match *match)
{
    return each_alone(client) ? 1 : run_length(match);
}

/* false: no memory to find out who wants it. */
static bool
open_run(struct run *run, struct client *client, struct str subject)
{
    run->from = client;
    run->input = client->conn;
    run->worker = client->worker;
    run->account = client->account;
    run->subject = subject;
    run->match = worker_match(client->worker, client->account, subject);
    if (run->match != NULL)
        run->limit = run_limit(client, run->match);
    return run->match != NULL;
}

void
run_gather(struct run *run, struct str reply, struct str payload, size_t header_len)
{
    message_init(&run->messages[run->count++], reply, payload, header_len);
    run->bytes += payload.len;
    if (run->count == run->limit || payload.len >= RUN_REFERENCE_BYTES)
        run_end(run);
}

bool
run_goes_on(const struct run *run, struct str subject, size_t payload_len)
{
    return run->match != NULL && str_eq(run->subject, subject) &&
           (run->count == 0 ||
            (payload_len < RUN_REFERENCE_BYTES && run->bytes + payload_len <= RUN_BYTES));
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
    bool known = run_goes_on(run, op->subject, op->payload.len);

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
    if (run->match == NULL && !open_run(run, client, op->subject))
        return;
    if (run_receivers(run->match) > 0 || op->reply.data != NULL)
        run_gather(run, op->reply, op->payload, op->header_len);
}

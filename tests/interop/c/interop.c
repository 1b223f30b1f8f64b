/* SPDX-License-Identifier: Apache-2.0
 *
 * interop - one scenario of the official C client against a running server
 *
 *   interop SCENARIO URL [TOKEN]
 *
 * Exit status 0: the server did what the client's users expect; 1: it did not, and the last line
 * of stderr says what.
 *
 * Nothing here waits and hopes. A server answers PING in order, so after a flush of the publisher
 * and then of the subscriber everything that will be delivered is in the subscription's queue,
 * and what is not there will not come.
 */
#include <nats/nats.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WAIT_MS = 20000,  /* deadline of a condition that normally holds within milliseconds */
    SILENCE_MS = 100, /* how long a request waits for the answer that must not come */
    MESSAGE_COUNT = 300,
    LIMIT = 5, /* of messages to a subscription that ends itself */
    QUEUE_MEMBERS = 3,
    PAYLOAD_MAX = 1024 * 1024, /* the server's default limit */
};

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void
must(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        fail("%s: %s (%s)", what, natsStatus_GetText(status), nats_GetLastError(NULL));
}

static void
expect_count(int got, int want, const char *what)
{
    if (got != want)
        fail("%s: %d messages instead of %d", what, got, want);
}

/* -- connections */

static natsOptions *
options_for(const char *url, const char *token)
{
    natsOptions *opts = NULL;

    must(natsOptions_Create(&opts), "options");
    must(natsOptions_SetURL(opts, url), "URL");
    must(natsOptions_SetTimeout(opts, WAIT_MS), "timeout");
    if (token)
        must(natsOptions_SetToken(opts, token), "token");
    return opts;
}

static natsConnection *
dial(const char *url, const char *token)
{
    natsOptions *opts = options_for(url, token);
    natsConnection *nc = NULL;

    must(natsConnection_Connect(&nc, opts), "connect");
    natsOptions_Destroy(opts);
    return nc;
}

static void
flush(natsConnection *nc)
{
    must(natsConnection_FlushTimeout(nc, WAIT_MS), "flush");
}

static void
hang_up(natsConnection *nc)
{
    natsConnection_Close(nc);
    natsConnection_Destroy(nc);
}

/* -- subscriptions; all are synchronous */

static natsSubscription *
subscribe(natsConnection *nc, const char *subject, const char *queue)
{
    natsSubscription *sub = NULL;

    if (queue)
        must(natsConnection_QueueSubscribeSync(&sub, nc, subject, queue), subject);
    else
        must(natsConnection_SubscribeSync(&sub, nc, subject), subject);
    flush(nc);
    return sub;
}

/* Exact only after a flush of the publisher and of the subscriber. */
static int
pending(natsSubscription *sub)
{
    int msgs = 0;

    must(natsSubscription_GetPending(sub, &msgs, NULL), "pending");
    return msgs;
}

static natsMsg *
next(natsSubscription *sub)
{
    natsMsg *msg = NULL;

    must(natsSubscription_NextMsg(&msg, sub, WAIT_MS), "next message");
    return msg;
}

static void
expect_text(natsMsg *msg, const char *subject, const char *text)
{
    if (strcmp(natsMsg_GetSubject(msg), subject) != 0)
        fail("subject \"%s\" instead of \"%s\"", natsMsg_GetSubject(msg), subject);
    if ((size_t)natsMsg_GetDataLength(msg) != strlen(text) ||
        memcmp(natsMsg_GetData(msg), text, strlen(text)) != 0)
        fail("payload of %d bytes instead of \"%s\"", natsMsg_GetDataLength(msg), text);
}

static void
expect_next(natsSubscription *sub, const char *subject, const char *text)
{
    natsMsg *msg = next(sub);

    expect_text(msg, subject, text);
    natsMsg_Destroy(msg);
}

/* -- scenarios */

static void
publish_numbers(natsConnection *nc, const char *subject)
{
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        must(natsConnection_PublishString(nc, subject, text), "publish");
    }
    flush(nc);
}

static void
expect_bytes(natsConnection *nc, natsSubscription *sub, const char *data, int len)
{
    natsMsg *msg = NULL;

    must(natsConnection_Publish(nc, "pubsub", data, len), "publish");
    flush(nc);
    msg = next(sub);
    if (natsMsg_GetDataLength(msg) != len || memcmp(natsMsg_GetData(msg), data, (size_t)len) != 0)
        fail("a payload of %d bytes came back changed", len);
    natsMsg_Destroy(msg);
}

static void
pubsub(const char *url, const char *token)
{
    natsConnection *publisher = dial(url, token), *subscriber = dial(url, token);
    natsSubscription *sub = subscribe(subscriber, "pubsub", NULL);
    char *bytes = malloc(PAYLOAD_MAX);

    publish_numbers(publisher, "pubsub");
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        expect_next(sub, "pubsub", text);
    }
    if (!bytes)
        fail("no memory");
    for (int i = 0; i < PAYLOAD_MAX; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    expect_bytes(publisher, sub, bytes, 0);
    expect_bytes(publisher, sub, bytes, PAYLOAD_MAX);
    free(bytes);
    natsSubscription_Destroy(sub);
    hang_up(publisher);
    hang_up(subscriber);
}

static void
wildcards(const char *url, const char *token)
{
    static const struct {
        const char *pattern, *subject;
        int deliveries;
    } rows[] = {
        { "orders.*", "orders.eu", 1 },
        { "orders.*", "orders.eu.west", 0 },
        { "orders.*", "orders", 0 },
        { "orders.>", "orders.eu", 1 },
        { "orders.>", "orders.eu.west", 1 },
        { "orders.>", "orders", 0 },
        { "*.eu.*", "orders.eu.west", 1 },
        { "*.eu.*", "orders.us.west", 0 },
        { ">", "orders.eu.west", 1 },
        { "*", "orders", 1 },
        { "or*", "orders", 0 },
        { "orders.eu", "orders.EU", 0 },
    };
    natsConnection *nc = dial(url, token);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        natsSubscription *sub = subscribe(nc, rows[i].pattern, NULL);

        must(natsConnection_PublishString(nc, rows[i].subject, "x"), "publish");
        flush(nc);
        if (pending(sub) != rows[i].deliveries)
            fail("\"%s\" got %d messages sent to \"%s\" instead of %d", rows[i].pattern,
                 pending(sub), rows[i].subject, rows[i].deliveries);
        must(natsSubscription_Unsubscribe(sub), "unsubscribe");
        natsSubscription_Destroy(sub);
    }
    hang_up(nc);
}

/* What the server sent; the client would hide a message that comes after the limit. */
static int
received(natsConnection *nc)
{
    natsStatistics *stats = NULL;
    uint64_t msgs = 0;

    must(natsStatistics_Create(&stats), "statistics");
    must(natsConnection_GetStats(nc, stats), "statistics");
    must(natsStatistics_GetCounts(stats, &msgs, NULL, NULL, NULL, NULL), "statistics");
    natsStatistics_Destroy(stats);
    return (int)msgs;
}

static void
unsubscribe(const char *url, const char *token)
{
    natsConnection *nc = dial(url, token);
    natsSubscription *limited = subscribe(nc, "unsubscribe", NULL), *ended;

    must(natsSubscription_AutoUnsubscribe(limited, LIMIT), "auto-unsubscribe");
    publish_numbers(nc, "unsubscribe");
    expect_count(received(nc), LIMIT, "limited subscription");
    ended = subscribe(nc, "unsubscribe", NULL);
    publish_numbers(nc, "unsubscribe");
    expect_count(received(nc), LIMIT + MESSAGE_COUNT, "another one");
    must(natsSubscription_Unsubscribe(ended), "unsubscribe");
    publish_numbers(nc, "unsubscribe");
    expect_count(received(nc), LIMIT + MESSAGE_COUNT, "the same after its end");
    natsSubscription_Destroy(limited);
    natsSubscription_Destroy(ended);
    hang_up(nc);
}

static void
queue(const char *url, const char *token)
{
    natsConnection *nc = dial(url, token), *members[QUEUE_MEMBERS];
    natsSubscription *plain = subscribe(nc, "queue", NULL), *subs[QUEUE_MEMBERS];
    bool seen[MESSAGE_COUNT] = { false };
    int total = 0;

    for (int m = 0; m < QUEUE_MEMBERS; m++) {
        members[m] = dial(url, token);
        subs[m] = subscribe(members[m], m == 0 ? "*" : "queue", "workers");
    }
    publish_numbers(nc, "queue");
    expect_count(pending(plain), MESSAGE_COUNT, "plain subscription");
    for (int m = 0; m < QUEUE_MEMBERS; m++) {
        flush(members[m]);
        if (pending(subs[m]) == 0)
            fail("member %d of the queue group got nothing of %d messages", m, MESSAGE_COUNT);
        while (pending(subs[m]) > 0) {
            natsMsg *msg = next(subs[m]);
            long number = strtol(natsMsg_GetData(msg), NULL, 10);

            if (number < 0 || number >= MESSAGE_COUNT || seen[number])
                fail("message %ld reached the queue group twice", number);
            seen[number] = true;
            total++;
            natsMsg_Destroy(msg);
        }
        natsSubscription_Destroy(subs[m]);
        hang_up(members[m]);
    }
    expect_count(total, MESSAGE_COUNT, "queue group");
    natsSubscription_Destroy(plain);
    hang_up(nc);
}

/* Answers with the request itself, headers included. */
static void
echo(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *unused)
{
    natsMsg *reply = NULL;
    const char *value = NULL;

    (void)sub;
    (void)unused;
    must(natsMsg_Create(&reply, natsMsg_GetReply(msg), NULL, natsMsg_GetData(msg),
                        natsMsg_GetDataLength(msg)),
         "reply");
    if (natsMsgHeader_Get(msg, "Trace", &value) == NATS_OK)
        must(natsMsgHeader_Set(reply, "Trace", value), "header of the reply");
    must(natsConnection_PublishMsg(nc, reply), "publish the reply");
    natsMsg_Destroy(reply);
    natsMsg_Destroy(msg);
}

static void
request(const char *url, const char *token)
{
    natsConnection *requester = dial(url, token), *responder = dial(url, token);
    natsSubscription *sub = NULL;

    must(natsConnection_Subscribe(&sub, responder, "request", echo, NULL), "subscribe");
    flush(responder);
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        natsMsg *reply = NULL;
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        must(natsConnection_RequestString(&reply, requester, "request", text, WAIT_MS), "request");
        expect_text(reply, natsMsg_GetSubject(reply), text);
        natsMsg_Destroy(reply);
    }
    natsSubscription_Destroy(sub);
    hang_up(requester);
    hang_up(responder);
}

static natsMsg *
with_headers(const char *subject, const char *text)
{
    natsMsg *msg = NULL;

    must(natsMsg_Create(&msg, subject, NULL, text, (int)strlen(text)), "message");
    must(natsMsgHeader_Set(msg, "Trace", "a: b, c"), "header");
    must(natsMsgHeader_Add(msg, "Hop", "first"), "header");
    must(natsMsgHeader_Add(msg, "Hop", "second"), "header");
    return msg;
}

static void
expect_headers(natsMsg *msg)
{
    const char *trace = NULL, **hops = NULL;
    int count = 0;

    must(natsMsgHeader_Get(msg, "Trace", &trace), "header Trace");
    if (strcmp(trace, "a: b, c") != 0)
        fail("header Trace is \"%s\"", trace);
    must(natsMsgHeader_Values(msg, "Hop", &hops, &count), "header Hop");
    if (count != 2 || strcmp(hops[0], "first") != 0 || strcmp(hops[1], "second") != 0)
        fail("header Hop has %d values, not the two that were sent", count);
    free(hops);
}

static void
headers(const char *url, const char *token)
{
    static const char *const texts[] = { "with a payload", "" };
    natsConnection *publisher = dial(url, token), *subscriber = dial(url, token);
    natsSubscription *sub = subscribe(subscriber, "headers", NULL), *echoing = NULL;
    natsMsg *sent = NULL, *reply = NULL;

    for (int i = 0; i < 2; i++) {
        natsMsg *got = NULL;

        sent = with_headers("headers", texts[i]);
        must(natsConnection_PublishMsg(publisher, sent), "publish");
        natsMsg_Destroy(sent);
        flush(publisher);
        got = next(sub);
        expect_text(got, "headers", texts[i]);
        expect_headers(got);
        natsMsg_Destroy(got);
    }
    must(natsConnection_Subscribe(&echoing, subscriber, "headers.echo", echo, NULL), "subscribe");
    flush(subscriber);
    sent = with_headers("headers.echo", "asked");
    must(natsMsgHeader_Delete(sent, "Hop"), "delete a header");
    must(natsConnection_RequestMsg(&reply, publisher, sent, WAIT_MS), "request");
    expect_text(reply, natsMsg_GetSubject(reply), "asked");
    natsMsg_Destroy(sent);
    natsMsg_Destroy(reply);
    natsSubscription_Destroy(sub);
    natsSubscription_Destroy(echoing);
    hang_up(publisher);
    hang_up(subscriber);
}

static void
expect_status(natsConnection *nc, int64_t wait_ms, natsStatus want, const char *when)
{
    natsMsg *reply = NULL;
    natsStatus got = natsConnection_RequestString(&reply, nc, "nobody", "?", wait_ms);

    if (got != want)
        fail("request %s: %s instead of %s", when, natsStatus_GetText(got),
             natsStatus_GetText(want));
}

static void
no_responders(const char *url, const char *token)
{
    natsConnection *nc = dial(url, token), *other = dial(url, token);
    natsSubscription *mute = NULL;

    expect_status(nc, WAIT_MS, NATS_NO_RESPONDERS, "without a subscription");
    mute = subscribe(other, "nobody", NULL);
    expect_status(nc, SILENCE_MS, NATS_TIMEOUT, "to a subscription that does not answer");
    must(natsSubscription_Unsubscribe(mute), "unsubscribe");
    flush(other);
    expect_status(nc, WAIT_MS, NATS_NO_RESPONDERS, "after the subscription's end");
    natsSubscription_Destroy(mute);
    hang_up(nc);
    hang_up(other);
}

/* -- reconnecting: the harness stops the server at "ready" and starts it again at "lost" */

static void
say(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

static void
post(natsConnection *nc, void *event)
{
    (void)nc;
    sem_post(event);
}

static void
await(sem_t *event, const char *what)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += WAIT_MS / 1000;
    if (sem_timedwait(event, &deadline) < 0)
        fail("waited in vain for %s", what);
}

static natsOptions *
reconnecting_options(const char *url, const char *token, sem_t *lost, sem_t *back)
{
    natsOptions *opts = options_for(url, token);

    must(natsOptions_SetReconnectWait(opts, 20), "reconnect wait");
    must(natsOptions_SetReconnectJitter(opts, 1, 1), "reconnect jitter");
    must(natsOptions_SetMaxReconnect(opts, -1), "reconnect limit");
    must(natsOptions_SetDisconnectedCB(opts, post, lost), "disconnected callback");
    must(natsOptions_SetReconnectedCB(opts, post, back), "reconnected callback");
    return opts;
}

static void
reconnect(const char *url, const char *token)
{
    static sem_t lost, back; /* static: the library's threads may post as late as at exit */
    natsOptions *opts = reconnecting_options(url, token, &lost, &back);
    natsConnection *nc = NULL;
    natsSubscription *sub = NULL;

    sem_init(&lost, 0, 0);
    sem_init(&back, 0, 0);
    must(natsConnection_Connect(&nc, opts), "connect");
    sub = subscribe(nc, "reconnect", NULL);
    must(natsConnection_PublishString(nc, "reconnect", "before"), "publish");
    expect_next(sub, "reconnect", "before");
    say("ready");
    await(&lost, "the loss of the connection");
    say("lost");
    await(&back, "the return of the connection");
    must(natsConnection_PublishString(nc, "reconnect", "after"), "publish");
    expect_next(sub, "reconnect", "after");
    natsOptions_Destroy(opts);
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

/* -- tokens */

static void
accepted(const char *url, const char *token)
{
    natsConnection *nc = dial(url, token);
    natsSubscription *sub = subscribe(nc, "accepted", NULL);

    must(natsConnection_PublishString(nc, "accepted", "in"), "publish");
    expect_next(sub, "accepted", "in");
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

static void
refused(const char *url, const char *token)
{
    natsOptions *opts = options_for(url, token);
    natsConnection *nc = NULL;
    natsStatus status = natsConnection_Connect(&nc, opts);

    if (status != NATS_CONNECTION_AUTH_FAILED)
        fail("connecting ended with \"%s\" (%s) instead of a refusal", natsStatus_GetText(status),
             nats_GetLastError(NULL));
    natsOptions_Destroy(opts);
}

static const struct {
    const char *name;
    void (*run)(const char *url, const char *token);
} scenarios[] = {
    { "pubsub", pubsub },
    { "wildcards", wildcards },
    { "unsubscribe", unsubscribe },
    { "queue", queue },
    { "request", request },
    { "headers", headers },
    { "no-responders", no_responders },
    { "reconnect", reconnect },
    { "accepted", accepted },
    { "refused", refused },
};

int
main(int argc, char **argv)
{
    if (argc == 3 || argc == 4) {
        for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
            if (strcmp(argv[1], scenarios[i].name) == 0) {
                scenarios[i].run(argv[2], argc == 4 ? argv[3] : NULL);
                nats_Close();
                return 0;
            }
        }
    }
    fail("usage: %s SCENARIO URL [TOKEN]", argv[0]);
}

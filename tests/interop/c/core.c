/* SPDX-License-Identifier: Apache-2.0
 *
 * core - publish and subscribe, queue groups, requests, headers, and coming back
 */
#include "client.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SILENCE_MS = 100, /* how long a request waits for the answer that must not come */
    MESSAGE_COUNT = 300,
    LIMIT = 5, /* of messages to a subscription that ends itself */
    QUEUE_MEMBERS = 3,
};

static void
expect_count(int got, int want, const char *what)
{
    if (got != want)
        fail("%s: %d messages instead of %d", what, got, want);
}

/* Exact only after a flush of the publisher and of the subscriber. */
static int
pending(natsSubscription *sub)
{
    int msgs = 0;

    must(natsSubscription_GetPending(sub, &msgs, NULL), "pending");
    return msgs;
}

static void
publish_numbers(natsConnection *nc, const char *subject)
{
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        publish_text(nc, subject, text);
    }
    flush(nc);
}

/* Around the sizes of a TLS record and of buffers, up to the server's default limit. */
static const int sizes[] = { 0, 1, 8191, 16384, 16385, 65536, 300001, 1024 * 1024 };

enum { SIZE_COUNT = sizeof(sizes) / sizeof(sizes[0]) };

static void
expect_sizes(natsConnection *publisher, natsSubscription *sub)
{
    for (int i = 0; i < SIZE_COUNT; i++) {
        char *bytes = pattern_bytes(sizes[i]);
        natsMsg *msg = NULL;

        must(natsConnection_Publish(publisher, "pubsub", bytes, sizes[i]), "publish");
        flush(publisher);
        msg = next_message(sub);
        expect_data(msg, bytes, sizes[i]);
        natsMsg_Destroy(msg);
        free(bytes);
    }
}

static void
pubsub(const struct visit *visit)
{
    natsConnection *publisher = dial(visit), *subscriber = dial(visit);
    natsSubscription *sub = subscribe(subscriber, "pubsub", NULL);

    publish_numbers(publisher, "pubsub");
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        expect_next(sub, "pubsub", text);
    }
    expect_sizes(publisher, sub);
    natsSubscription_Destroy(sub);
    hang_up(publisher);
    hang_up(subscriber);
}

static void
wildcards(const struct visit *visit)
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
    natsConnection *nc = dial(visit);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        natsSubscription *sub = subscribe(nc, rows[i].pattern, NULL);

        publish_text(nc, rows[i].subject, "x");
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
unsubscribe(const struct visit *visit)
{
    natsConnection *nc = dial(visit);
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
queue(const struct visit *visit)
{
    natsConnection *nc = dial(visit), *members[QUEUE_MEMBERS];
    natsSubscription *plain = subscribe(nc, "queue", NULL), *subs[QUEUE_MEMBERS];
    bool seen[MESSAGE_COUNT] = { false };
    int total = 0;

    for (int m = 0; m < QUEUE_MEMBERS; m++) {
        members[m] = dial(visit);
        subs[m] = subscribe(members[m], m == 0 ? "*" : "queue", "workers");
    }
    publish_numbers(nc, "queue");
    expect_count(pending(plain), MESSAGE_COUNT, "plain subscription");
    for (int m = 0; m < QUEUE_MEMBERS; m++) {
        flush(members[m]);
        if (pending(subs[m]) == 0)
            fail("member %d of the queue group got nothing of %d messages", m, MESSAGE_COUNT);
        while (pending(subs[m]) > 0) {
            natsMsg *msg = next_message(subs[m]);
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

static void
request_sizes(natsConnection *requester)
{
    for (int i = 0; i < SIZE_COUNT; i++) {
        char *bytes = pattern_bytes(sizes[i]);
        natsMsg *reply = NULL;

        must(natsConnection_Request(&reply, requester, "request", bytes, sizes[i], WAIT_MS),
             "request");
        expect_data(reply, bytes, sizes[i]);
        natsMsg_Destroy(reply);
        free(bytes);
    }
}

static void
request(const struct visit *visit)
{
    natsConnection *requester = dial(visit), *responder = dial(visit);
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
    request_sizes(requester);
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
headers(const struct visit *visit)
{
    static const char *const texts[] = { "with a payload", "" };
    natsConnection *publisher = dial(visit), *subscriber = dial(visit);
    natsSubscription *sub = subscribe(subscriber, "headers", NULL), *echoing = NULL;
    natsMsg *sent = NULL, *reply = NULL;

    for (int i = 0; i < 2; i++) {
        natsMsg *got = NULL;

        sent = with_headers("headers", texts[i]);
        must(natsConnection_PublishMsg(publisher, sent), "publish");
        natsMsg_Destroy(sent);
        flush(publisher);
        got = next_message(sub);
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
no_responders(const struct visit *visit)
{
    natsConnection *nc = dial(visit), *other = dial(visit);
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

/* -- reconnecting */

static void
post(natsConnection *nc, void *event)
{
    (void)nc;
    sem_post(event);
}

static natsOptions *
reconnecting_options(const struct visit *visit, sem_t *lost, sem_t *back)
{
    natsOptions *opts = options_for(visit);

    come_back(opts);
    must(natsOptions_SetDisconnectedCB(opts, post, lost), "disconnected callback");
    must(natsOptions_SetReconnectedCB(opts, post, back), "reconnected callback");
    return opts;
}

/* The harness takes the connection away at "ready" and, if it did so by stopping the server,
 * starts one at "lost". With two URLs that happens twice. */
static void
reconnect(const struct visit *visit)
{
    static sem_t lost, back; /* static: the library's threads may post as late as at exit */
    natsOptions *opts = reconnecting_options(visit, &lost, &back);
    natsConnection *nc = NULL;
    natsSubscription *sub = NULL;

    sem_init(&lost, 0, 0);
    sem_init(&back, 0, 0);
    must(natsConnection_Connect(&nc, opts), "connect");
    sub = subscribe(nc, "reconnect", NULL);
    publish_text(nc, "reconnect", "before");
    expect_next(sub, "reconnect", "before");
    for (int round = visit->url2 != NULL ? 2 : 1; round > 0; round--) {
        say("ready");
        await(&lost, "the loss of the connection");
        say("lost");
        await(&back, "the return of the connection");
        publish_text(nc, "reconnect", "after");
        expect_next(sub, "reconnect", "after");
    }
    natsOptions_Destroy(opts);
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

const struct scenario core_scenarios[] = {
    { "pubsub", pubsub },
    { "wildcards", wildcards },
    { "unsubscribe", unsubscribe },
    { "queue", queue },
    { "request", request },
    { "headers", headers },
    { "no-responders", no_responders },
    { "reconnect", reconnect },
    { NULL, NULL },
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * A requester's requests in flight are slots; the slot is the last token of the reply subject,
 * _INBOX.REQUESTER.SLOT. A reply frees its slot, which takes the next request. Through a relay,
 * requester i and responder i are joined by groups 2i and 2i + 1, and both send MSG lines.
 */
#include "request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "busy.h"
#include "common/samples.h"
#include "common/target.h"
#include "servers.h"
#include "talker.h"

#define TURN_NS (100 * CLOCK_NS_PER_MS) /* at most, until the deadline is looked at */

struct exchange {
    const struct plan *plan;
    int epoll;
    struct wire_input *input;
    struct requester *requesters;
    struct responder *responders;
    struct busy *busy;
    char *payload; /* size bytes and CR LF */
    uint64_t replies;
    struct samples latency;
    int64_t deadline_ns, start_ns, end_ns;
    int64_t server_cpu_ns, own_cpu_ns; /* from start to end */
    struct memory memory;              /* the server's, at the end */
};

struct requester {
    struct talker talker;
    struct exchange *exchange;
    uint64_t number, left; /* requests that have not been sent */
    int64_t *sent_ns;      /* by slot; 0: free */
};

struct responder {
    struct talker talker;
    struct exchange *exchange;
};

static void
queue_payload(const struct exchange *exchange, struct buf *out)
{
    (void)buf_append(out, exchange->payload, exchange->plan->size + 2);
}

static void
queue_request(struct requester *requester, uint64_t slot)
{
    const struct plan *plan = requester->exchange->plan;
    struct buf *out = &requester->talker.out;

    (void)buf_printf(out, "%s _INBOX.%" PRIu64 ".%" PRIu64 " %" PRIu64 "\r\n",
                     plan->raw ? "MSG service 1" : "PUB service", requester->number, slot,
                     plan->size);
    queue_payload(requester->exchange, out);
    requester->sent_ns[slot] = clock_mono_ns();
    requester->left--;
}

/* Takes a word off the front of line. */
static struct str
take_word(struct str *line)
{
    const char *space = memchr(line->data, ' ', line->len);
    struct str word = { line->data, space == NULL ? line->len : (size_t)(space - line->data) };
    size_t taken = space == NULL ? word.len : word.len + 1;

    *line = (struct str) { line->data + taken, line->len - taken };
    return word;
}

/* The slot of "MSG _INBOX.REQUESTER.SLOT ..."; false: it is not of this requester. */
static bool
slot_of(const struct requester *requester, struct str line, uint64_t *slot)
{
    char prefix[32];
    int len = snprintf(prefix, sizeof(prefix), "_INBOX.%" PRIu64 ".", requester->number);
    struct str subject;

    (void)take_word(&line);
    subject = take_word(&line);
    if (!str_starts(subject, (struct str) { prefix, (size_t)len }))
        return false;
    subject = (struct str) { subject.data + len, subject.len - (size_t)len };
    return str_to_u64(subject, requester->exchange->plan->in_flight - 1, slot);
}

static enum err
on_reply(void *context, struct str line, struct str head, struct errmsg *why)
{
    struct requester *requester = context;
    struct exchange *exchange = requester->exchange;
    int64_t now_ns = clock_mono_ns();
    uint64_t slot;

    (void)head;
    if (!slot_of(requester, line, &slot) || requester->sent_ns[slot] == 0)
        return err_set(why, ERR_INVALID, "a reply that nobody waits for: %.*s", (int)line.len,
                       line.data);
    samples_add(&exchange->latency, now_ns - requester->sent_ns[slot]);
    requester->sent_ns[slot] = 0;
    exchange->end_ns = now_ns;
    exchange->replies++;
    if (requester->left > 0)
        queue_request(requester, slot);
    return ERR_OK;
}

/* "MSG service SID REPLY SIZE" */
static enum err
on_request(void *context, struct str line, struct str head, struct errmsg *why)
{
    struct responder *responder = context;
    const struct plan *plan = responder->exchange->plan;
    struct buf *out = &responder->talker.out;
    struct str rest = line, reply;

    (void)head;
    for (int i = 0; i < 3; i++)
        (void)take_word(&rest);
    reply = take_word(&rest);
    if (!str_starts(line, STR_LIT("MSG service ")) || rest.len == 0)
        return err_set(why, ERR_INVALID, "a request without a reply subject: %.*s", (int)line.len,
                       line.data);
    (void)buf_printf(out, "%s %.*s%s %" PRIu64 "\r\n", plan->raw ? "MSG" : "PUB", (int)reply.len,
                     reply.data, plan->raw ? " 1" : "", plan->size);
    queue_payload(responder->exchange, out);
    return ERR_OK;
}

static enum err
open_talker(struct exchange *exchange, struct talker *talker, uint64_t port, const char *role,
            const char *commands, reader_message_fn *on_message, void *context, struct errmsg *why)
{
    enum err err = talker_open(talker, exchange->plan, port, role, commands, exchange->plan->size,
                               exchange->input, exchange->deadline_ns, why);

    talker->wire.reader.on_message = on_message;
    talker->wire.reader.context = context;
    return err;
}

static enum err
open_responder(struct exchange *exchange, uint64_t number, struct errmsg *why)
{
    struct responder *responder = &exchange->responders[number];
    bool is_one = exchange->plan->responders == 1;
    char role[64];

    responder->exchange = exchange;
    (void)snprintf(role, sizeof(role), "E %" PRIu64 " %" PRIu64, 2 * number + 1, 2 * number);
    return open_talker(exchange, &responder->talker, servers_far_port(exchange->plan), role,
                       is_one ? "SUB service 1\r\n" : "SUB service responders 1\r\n", on_request,
                       responder, why);
}

static enum err
open_requester(struct exchange *exchange, uint64_t number, struct errmsg *why)
{
    struct requester *requester = &exchange->requesters[number];
    const struct plan *plan = exchange->plan;
    char role[64], sub[64];

    requester->exchange = exchange;
    requester->number = number;
    requester->left =
        plan->requests / plan->requesters + (number < plan->requests % plan->requesters ? 1 : 0);
    requester->sent_ns = xcalloc(plan->in_flight, sizeof(*requester->sent_ns));
    (void)snprintf(role, sizeof(role), "E %" PRIu64 " %" PRIu64, 2 * number, 2 * number + 1);
    (void)snprintf(sub, sizeof(sub), "SUB _INBOX.%" PRIu64 ".* 1\r\n", number);
    return open_talker(exchange, &requester->talker, plan->port, role, sub, on_reply, requester,
                       why);
}

static enum err
open_all(struct exchange *exchange, struct errmsg *why)
{
    const struct plan *plan = exchange->plan;
    enum err err = watch_open(&exchange->epoll, why);

    for (uint64_t i = 0; err == ERR_OK && i < plan->responders; i++)
        err = open_responder(exchange, i, why);
    for (uint64_t i = 0; err == ERR_OK && i < plan->requesters; i++)
        err = open_requester(exchange, i, why);
    if (err == ERR_OK)
        err = servers_wait_known(plan, exchange->input, exchange->deadline_ns, why);
    if (err == ERR_OK && plan->busy_cores)
        err = busy_start(&exchange->busy, why);
    return err;
}

static enum err
start_all(struct exchange *exchange, struct errmsg *why)
{
    const struct plan *plan = exchange->plan;
    enum err err = ERR_OK;

    servers_wait_idle(plan);
    for (uint64_t i = 0; err == ERR_OK && i < plan->responders; i++)
        err = talker_start(&exchange->responders[i].talker, exchange->epoll, why);
    exchange->server_cpu_ns = -servers_cpu_ns(plan);
    exchange->own_cpu_ns = -target_cpu_ns(getpid());
    exchange->start_ns = clock_mono_ns();
    for (uint64_t i = 0; err == ERR_OK && i < plan->requesters; i++) {
        struct requester *requester = &exchange->requesters[i];

        for (uint64_t slot = 0; slot < plan->in_flight && requester->left > 0; slot++)
            queue_request(requester, slot);
        err = talker_start(&requester->talker, exchange->epoll, why);
    }
    return err;
}

static enum err
run(struct exchange *exchange, struct errmsg *why)
{
    const struct plan *plan = exchange->plan;
    enum err err = ERR_OK;

    while (err == ERR_OK && exchange->replies < plan->requests) {
        err = watch_turn(exchange->epoll, plan->sleep ? TURN_NS : 0, why);
        if (err == ERR_OK && clock_mono_ns() > exchange->deadline_ns)
            err = err_set(why, ERR_LIMIT,
                          "%" PRIu64 " of %" PRIu64 " replies had come at the deadline",
                          exchange->replies, plan->requests);
    }
    exchange->server_cpu_ns += servers_cpu_ns(plan);
    exchange->own_cpu_ns += target_cpu_ns(getpid());
    return err;
}

/* Nothing more may come: a second reply would find its slot free. */
static enum err
verify(struct exchange *exchange, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (uint64_t i = 0; err == ERR_OK && i < exchange->plan->requesters; i++)
        err = wire_sync(&exchange->requesters[i].talker.wire, exchange->deadline_ns, why);
    return err;
}

static void
print(struct exchange *exchange)
{
    double requests = (double)exchange->plan->requests;
    double seconds = (double)(exchange->end_ns - exchange->start_ns) / (double)CLOCK_NS_PER_S;

    printf("{\"requests\": %" PRIu64 ", \"size\": %" PRIu64 ", \"seconds\": %.6f"
           ", \"requests_per_s\": %.0f, \"server_cpu_us_per_request\": %.5f"
           ", \"generator_cpu_us_per_request\": %.5f, \"server_peak_rss_kb\": %" PRIu64
           ", \"server_rss_kb\": %" PRIu64 ", \"server_private_kb\": %" PRIu64 ", \"latency_us\": ",
           exchange->replies, exchange->plan->size, seconds, requests / seconds,
           (double)exchange->server_cpu_ns / 1000 / requests,
           (double)exchange->own_cpu_ns / 1000 / requests, exchange->memory.peak_rss_kb,
           exchange->memory.rss_kb, exchange->memory.private_kb);
    samples_print_us(&exchange->latency, stdout);
    puts("}");
}

static void
release(struct exchange *exchange)
{
    busy_stop(exchange->busy);
    for (uint64_t i = 0; i < exchange->plan->responders; i++)
        talker_release(&exchange->responders[i].talker);
    for (uint64_t i = 0; i < exchange->plan->requesters; i++) {
        talker_release(&exchange->requesters[i].talker);
        free(exchange->requesters[i].sent_ns);
    }
    close(exchange->epoll);
    samples_release(&exchange->latency);
    free(exchange->requesters);
    free(exchange->responders);
    free(exchange->payload);
    free(exchange->input);
}

static enum err
refuse(const struct plan *plan, struct errmsg *why)
{
    if (plan->requests == 0 || plan->in_flight == 0 || plan->requesters == 0 ||
        plan->responders == 0)
        return err_set(why, ERR_INVALID, "there must be requests, requesters and responders");
    if (plan->raw && plan->requesters != plan->responders)
        return err_set(why, ERR_INVALID, "through a relay, each requester has its responder");
    return ERR_OK;
}

enum err
request_run(const struct plan *plan, struct errmsg *why)
{
    struct exchange exchange = { .plan = plan, .epoll = -1 };
    enum err err = refuse(plan, why);

    if (err != ERR_OK)
        return err;
    exchange.input = xmalloc(sizeof(*exchange.input));
    exchange.requesters = xcalloc(plan->requesters, sizeof(*exchange.requesters));
    exchange.responders = xcalloc(plan->responders, sizeof(*exchange.responders));
    exchange.payload = xmalloc(plan->size + 2);
    memset(exchange.payload, 'x', plan->size);
    memcpy(exchange.payload + plan->size, "\r\n", 2);
    exchange.deadline_ns = clock_mono_ns() + (int64_t)plan->deadline_s * CLOCK_NS_PER_S;
    err = open_all(&exchange, why);
    if (err == ERR_OK)
        err = start_all(&exchange, why);
    if (err == ERR_OK)
        err = run(&exchange, why);
    if (err == ERR_OK)
        err = servers_memory(plan, &exchange.memory, why);
    if (err == ERR_OK && !plan->raw)
        err = verify(&exchange, why);
    if (err == ERR_OK)
        print(&exchange);
    release(&exchange);
    return err;
}

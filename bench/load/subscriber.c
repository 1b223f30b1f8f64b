/* SPDX-License-Identifier: Apache-2.0 */
#include "subscriber.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "servers.h"

/* "MSG b.SUBJECT SID ..." */
static bool
read_line(struct str line, uint64_t *subject, uint64_t *sid)
{
    static const struct str prefix = { "MSG b.", 6 };
    const char *digits, *end = line.data + line.len, *space;

    if (!str_starts(line, prefix))
        return false;
    digits = line.data + prefix.len;
    space = memchr(digits, ' ', (size_t)(end - digits));
    if (space == NULL ||
        !str_to_u64((struct str) { digits, (size_t)(space - digits) }, UINT32_MAX, subject))
        return false;
    digits = space + 1;
    space = memchr(digits, ' ', (size_t)(end - digits));
    return space != NULL &&
           str_to_u64((struct str) { digits, (size_t)(space - digits) }, UINT32_MAX, sid);
}

static enum err
note_message(struct subscriber *subscriber, uint64_t subject, uint64_t sid,
             const struct stamp *stamp, struct errmsg *why)
{
    struct reception *reception = subscriber->reception;
    const struct plan *plan = reception->plan;
    uint64_t number = (sid - 1) * plan->sub_connections + subscriber->number;
    enum err err = ERR_OK;

    if (sid == 0 || number >= plan_subscriptions(plan) || number / plan->subscribers != subject)
        return err_set(why, ERR_INVALID, "a message to b.%" PRIu64 " came for sid %" PRIu64,
                       subject, sid);
    if (reception->check != NULL)
        err = check_message(reception->check, number, stamp, why);
    if (err == ERR_OK && plan->latency) {
        uint64_t before = plan_number(plan, stamp->publisher, subject, stamp->sequence);
        int64_t due_ns = (int64_t)(before * (uint64_t)CLOCK_NS_PER_S / plan->rate);

        samples_add(&reception->latency, clock_mono_ns() - reception->start_ns - due_ns);
    }
    return err;
}

static enum err
on_message(void *context, struct str line, struct str head, struct errmsg *why)
{
    uint64_t subject, sid;
    struct stamp stamp;

    if (!read_line(line, &subject, &sid) || !stamp_get(head.data, &stamp))
        return err_set(why, ERR_INVALID, "a message is none of ours: %.*s", (int)line.len,
                       line.data);
    return note_message(context, subject, sid, &stamp, why);
}

static enum err
lost(const struct subscriber *subscriber, const char *how, struct errmsg *why)
{
    return err_set(why, ERR_INVALID,
                   "connection %" PRIu64 " got %s messages: %" PRIu64 " instead of %" PRIu64,
                   subscriber->number, how, subscriber->wire.reader.messages, subscriber->expected);
}

static enum err
receive(struct subscriber *subscriber, struct errmsg *why)
{
    struct reader *reader = &subscriber->wire.reader;
    struct reception *reception = subscriber->reception;
    uint64_t messages = reader->messages, bytes = reader->bytes;
    enum err err = wire_read(&subscriber->wire, why);

    if (err == ERR_OK)
        err = wire_complain(&subscriber->wire, why);
    if (err != ERR_OK)
        return err;
    reception->messages += reader->messages - messages;
    reception->bytes += reader->bytes - bytes;
    if (reader->messages > subscriber->expected)
        return lost(subscriber, "too many", why);
    if (reader->messages > messages && reception->messages == plan_deliveries(reception->plan))
        reception->last_ns = clock_mono_ns();
    return ERR_OK;
}

static enum err
ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    (void)events;
    return receive((struct subscriber *)(void *)watch, why);
}

/* Its SUB lines; sums up what it is to get. */
static void
subscribe(struct subscriber *subscriber, struct buf *out)
{
    const struct plan *plan = subscriber->reception->plan;
    uint64_t sid = 1;

    for (uint64_t number = subscriber->number; number < plan_subscriptions(plan);
         number += plan->sub_connections, sid++) {
        uint64_t subject = number / plan->subscribers;

        subscriber->expected += plan_expected(plan, subject);
        if (plan->queue > 0)
            (void)buf_printf(out, "SUB b.%" PRIu64 " q%" PRIu64 " %" PRIu64 "\r\n", subject,
                             number % plan->subscribers % plan->queue, sid);
        else
            (void)buf_printf(out, "SUB b.%" PRIu64 " %" PRIu64 "\r\n", subject, sid);
    }
}

enum err
subscriber_open(struct subscriber *subscriber, struct reception *reception, uint64_t number,
                int64_t deadline_ns, struct errmsg *why)
{
    const struct plan *plan = reception->plan;
    struct wire *wire = &subscriber->wire;
    struct buf out = BUF_INIT;
    char role[32];
    enum err err;

    subscriber->watch.ready = ready;
    subscriber->reception = reception;
    subscriber->number = number;
    subscriber->expected = 0;
    (void)snprintf(role, sizeof(role), "S %" PRIu64, number / plan->subscribers);
    subscribe(subscriber, &out);
    err =
        wire_open(wire, plan, servers_far_port(plan), role, 0, reception->input, deadline_ns, why);
    if (err == ERR_OK) {
        wire->reader.payload_len = plan->size;
        wire->reader.context = subscriber;
        if (reception->check != NULL || plan->latency) {
            wire->reader.on_message = on_message;
            wire->reader.head_len = STAMP_LEN;
        }
        if (!plan->raw)
            err = wire_put(wire, out.data, out.len, deadline_ns, why);
        if (err == ERR_OK && !plan->raw)
            err = wire_sync(wire, deadline_ns, why);
    }
    buf_release(&out);
    return err;
}

void
subscriber_release(struct subscriber *subscriber)
{
    wire_close(&subscriber->wire);
}

enum err
subscriber_verify(struct subscriber *subscriber, int64_t deadline_ns, struct errmsg *why)
{
    const struct plan *plan = subscriber->reception->plan;
    uint64_t messages = subscriber->wire.reader.messages;
    enum err err = ERR_OK;

    if (!plan->raw)
        err = wire_sync(&subscriber->wire, deadline_ns, why);
    if (err != ERR_OK)
        return err;
    if (subscriber->wire.reader.messages > messages)
        return lost(subscriber, "too many", why);
    if (plan->queue == 0 && messages < subscriber->expected)
        return lost(subscriber, "too few", why);
    return ERR_OK;
}

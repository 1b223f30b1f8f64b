/* SPDX-License-Identifier: Apache-2.0
 *
 * A piece is a run of messages in the batch: all of them at full speed, those that are due with a
 * rate. Stamps are written when a piece is taken, because by then the kernel has a copy of what
 * was there before.
 */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"

static enum err
on_end_of_stream(struct publisher *publisher, enum err err)
{
    if (err == ERR_CLOSED && publisher->plan->raw && publisher->has_ended) {
        publisher->is_done = true;
        wire_close(&publisher->wire);
        return ERR_OK;
    }
    return err;
}

static enum err
receive(struct publisher *publisher, struct errmsg *why)
{
    enum err err = wire_read(&publisher->wire, why);

    if (err != ERR_OK)
        return on_end_of_stream(publisher, err);
    publisher->is_done = publisher->wire.reader.pongs == 2; /* the first came at login */
    return wire_complain(&publisher->wire, why);
}

static bool
may_send(const struct publisher *publisher)
{
    return publisher->taken < publisher->allowed ||
           (publisher->taken == publisher->quota && !publisher->has_ended);
}

static void
take_messages(struct publisher *publisher)
{
    struct batch *batch = &publisher->batch;
    uint64_t left = publisher->allowed - publisher->taken;
    size_t first = publisher->at, end = batch->count;

    if (left < end - first)
        end = first + (size_t)left;
    for (size_t i = first; (publisher->plan->check || publisher->plan->latency) && i < end; i++)
        batch_stamp(batch, publisher->plan, i, publisher->number, publisher->taken + (i - first));
    publisher->piece = batch->data + batch_start(batch, first);
    publisher->piece_len = batch_start(batch, end) - batch_start(batch, first);
    publisher->taken += end - first;
    publisher->at = end == batch->count ? 0 : end;
}

/* A relay answers no PING; it closes when it has read the end. */
static void
take_end(struct publisher *publisher)
{
    const struct str ping = STR_LIT("PING\r\n");

    publisher->has_ended = true;
    if (publisher->plan->raw) {
        (void)shutdown(publisher->wire.channel.fd, SHUT_WR);
        return;
    }
    publisher->piece = ping.data;
    publisher->piece_len = ping.len;
}

static enum err
push(struct publisher *publisher, struct errmsg *why)
{
    size_t sent = 0;
    enum err err = ERR_OK;

    if (publisher->piece_len == 0 && publisher->taken < publisher->allowed)
        take_messages(publisher);
    else if (publisher->piece_len == 0)
        take_end(publisher);
    if (publisher->piece_len > 0)
        err = wire_push(&publisher->wire, publisher->piece, publisher->piece_len, &sent, why);
    publisher->piece += sent;
    publisher->piece_len -= sent;
    return err;
}

/* With a rate, EPOLLOUT matters only while the socket is full. */
static enum err
send_some(struct publisher *publisher, struct errmsg *why)
{
    bool wants_out;
    enum err err;

    do
        err = push(publisher, why);
    while (err == ERR_OK && publisher->plan->rate > 0 && publisher->piece_len == 0 &&
           may_send(publisher));
    wants_out = publisher->piece_len > 0 || may_send(publisher);
    if (err != ERR_OK || wants_out == publisher->wants_out)
        return err;
    publisher->wants_out = wants_out;
    return watch_change(publisher->epoll, &publisher->watch, publisher->wire.channel.fd,
                        wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, why);
}

static enum err
ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    struct publisher *publisher = (struct publisher *)(void *)watch;

    return (events & EPOLLOUT) != 0 ? send_some(publisher, why) : receive(publisher, why);
}

enum err
publisher_open(struct publisher *publisher, const struct plan *plan, uint64_t number,
               struct wire_input *input, int64_t deadline_ns, struct errmsg *why)
{
    char role[32];
    enum err err;

    (void)snprintf(role, sizeof(role), "P %" PRIu64, number % plan->subjects);
    *publisher = (struct publisher) {
        .watch = { ready }, .plan = plan, .number = number, .quota = plan_quota(plan, number)
    };
    err = batch_init(&publisher->batch, plan, number, why);
    if (err != ERR_OK)
        return err;
    return wire_open(&publisher->wire, plan, plan->port, role, 0, input, deadline_ns, why);
}

void
publisher_release(struct publisher *publisher)
{
    wire_close(&publisher->wire);
    batch_release(&publisher->batch);
}

enum err
publisher_start(struct publisher *publisher, int epoll, struct errmsg *why)
{
    publisher->epoll = epoll;
    publisher->wants_out = publisher->plan->rate == 0;
    publisher->allowed = publisher->wants_out ? publisher->quota : 0;
    return watch_add(epoll, &publisher->watch, publisher->wire.channel.fd,
                     publisher->wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, why);
}

enum err
publisher_allow(struct publisher *publisher, uint64_t due, struct errmsg *why)
{
    uint64_t among = publisher->plan->publishers;
    uint64_t own = due / among + (publisher->number < due % among ? 1 : 0);

    if (publisher->wants_out)
        return ERR_OK;
    publisher->allowed = own < publisher->quota ? own : publisher->quota;
    return may_send(publisher) ? send_some(publisher, why) : ERR_OK;
}

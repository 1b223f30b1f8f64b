/* SPDX-License-Identifier: Apache-2.0 */
#include "stuck.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"

#define RECEIVE_BYTES 2048 /* the kernel's least: what the server sends stays at the server */

static void
note_cut(struct stuck *stuck)
{
    if (stuck->cut_ns == 0)
        stuck->cut_ns = clock_mono_ns();
}

/* Edge-triggered: what it is told of, it does nothing about. */
static enum err
ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    (void)why;
    if ((events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0)
        note_cut((struct stuck *)(void *)watch);
    return ERR_OK;
}

enum err
stuck_open(struct stuck *stuck, const struct plan *plan, struct wire_input *input,
           int64_t deadline_ns, struct errmsg *why)
{
    static const struct str sub = { "SUB b.0 1\r\n", 11 };
    enum err err;

    stuck->watch.ready = ready;
    stuck->expected = plan_expected(plan, 0);
    err = wire_open(&stuck->wire, plan, plan->port, "", RECEIVE_BYTES, input, deadline_ns, why);
    if (err == ERR_OK)
        err = wire_put(&stuck->wire, sub.data, sub.len, deadline_ns, why);
    return err == ERR_OK ? wire_sync(&stuck->wire, deadline_ns, why) : err;
}

void
stuck_release(struct stuck *stuck)
{
    wire_close(&stuck->wire);
}

enum err
stuck_start(struct stuck *stuck, int epoll, struct errmsg *why)
{
    return watch_add(epoll, &stuck->watch, stuck->wire.channel.fd, EPOLLRDHUP | EPOLLET, why);
}

void
stuck_poke(struct stuck *stuck)
{
    if (stuck->cut_ns == 0 && channel_send(&stuck->wire.channel, "PING\r\n", 6) == 6)
        stuck->pongs++;
}

/* Until the connection ends, or all PONGs are there. */
static enum err
drain(struct stuck *stuck, int64_t deadline_ns, struct errmsg *why)
{
    enum err err = ERR_OK;

    while (err == ERR_OK && stuck->cut_ns == 0 && stuck->wire.reader.pongs < stuck->pongs)
        err = wire_sync(&stuck->wire, deadline_ns, why);
    while (err == ERR_OK && stuck->cut_ns != 0) {
        err = wire_read(&stuck->wire, why);
        if (err == ERR_OK && clock_mono_ns() > deadline_ns)
            err = err_set(why, ERR_LIMIT, "a connection that was cut did not end");
    }
    return err;
}

enum err
stuck_finish(struct stuck *stuck, int64_t deadline_ns, struct errmsg *why)
{
    struct reader *reader = &stuck->wire.reader;
    enum err err;

    stuck->pongs += reader->pongs + 1; /* at least one more, sent by drain() */
    err = drain(stuck, deadline_ns, why);
    if (err == ERR_CLOSED) {
        note_cut(stuck);
        return ERR_OK;
    }
    if (err == ERR_OK && reader->messages != stuck->expected)
        err = err_set(why, ERR_INVALID,
                      "one that reads late got %" PRIu64 " messages instead of %" PRIu64,
                      reader->messages, stuck->expected);
    return err;
}

void
stuck_print(const struct stuck *stuck, int64_t start_ns, FILE *out)
{
    const char *error = stuck->wire.reader.error;

    fputs("{\"cut_ms\": ", out);
    if (stuck->cut_ns != 0)
        fprintf(out, "%.1f", (double)(stuck->cut_ns - start_ns) / (double)CLOCK_NS_PER_MS);
    else
        fputs("null", out);
    fprintf(out, ", \"received\": %" PRIu64 ", \"error\": ", stuck->wire.reader.messages);
    if (error[0] != '\0')
        fprintf(out, "\"%s\"}", error); /* the texts of NATS have no character that JSON escapes */
    else
        fputs("null}", out);
}

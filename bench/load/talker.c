/* SPDX-License-Identifier: Apache-2.0 */
#include "talker.h"

#include <string.h>

static enum err
send_queued(struct talker *talker, struct errmsg *why)
{
    size_t sent = 0;
    enum err err = ERR_OK;
    bool wants_out;

    if (talker->out.len > 0)
        err = wire_push(&talker->wire, talker->out.data, talker->out.len, &sent, why);
    buf_consume(&talker->out, sent);
    wants_out = talker->out.len > 0;
    if (err != ERR_OK || wants_out == talker->wants_out)
        return err;
    talker->wants_out = wants_out;
    return watch_change(talker->epoll, &talker->watch, talker->wire.channel.fd,
                        wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, why);
}

static enum err
ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    struct talker *talker = (struct talker *)(void *)watch;
    enum err err = ERR_OK;

    if ((events & ~(uint32_t)EPOLLOUT) != 0)
        err = wire_read(&talker->wire, why);
    if (err == ERR_OK)
        err = wire_complain(&talker->wire, why);
    return err == ERR_OK ? send_queued(talker, why) : err;
}

enum err
talker_open(struct talker *talker, const struct plan *plan, uint64_t port, const char *role,
            const char *commands, uint64_t payload_len, struct wire_input *input,
            int64_t deadline_ns, struct errmsg *why)
{
    struct wire *wire = &talker->wire;
    enum err err;

    talker->watch.ready = ready;
    err = wire_open(wire, plan, port, role, 0, input, deadline_ns, why);
    wire->reader.payload_len = payload_len;
    if (err != ERR_OK || plan->raw)
        return err;
    err = wire_put(wire, commands, strlen(commands), deadline_ns, why);
    return err == ERR_OK ? wire_sync(wire, deadline_ns, why) : err;
}

void
talker_release(struct talker *talker)
{
    wire_close(&talker->wire);
    buf_release(&talker->out);
}

enum err
talker_start(struct talker *talker, int epoll, struct errmsg *why)
{
    enum err err;

    talker->epoll = epoll;
    err = watch_add(epoll, &talker->watch, talker->wire.channel.fd, EPOLLIN, why);
    return err == ERR_OK ? send_queued(talker, why) : err;
}

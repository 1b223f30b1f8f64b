/* SPDX-License-Identifier: Apache-2.0
 *
 * A node tells another one of its subscriptions in their order, on one connection for an account.
 * So when a message comes across to the last one, the others are known too. Until then messages are
 * lost: it is sent again and again. That subscription ends with its first message.
 */
#include "servers.h"

#include <poll.h>

#include "base/clock.h"
#include "common/target.h"

#define AGAIN_MS 1

uint64_t
servers_far_port(const struct plan *plan)
{
    return plan->far_port != 0 ? plan->far_port : plan->port;
}

int64_t
servers_cpu_ns(const struct plan *plan)
{
    int64_t far_ns = plan->far_pid != 0 ? target_cpu_ns((pid_t)plan->far_pid) : 0;

    return target_cpu_ns((pid_t)plan->pid) + far_ns;
}

enum err
servers_memory(const struct plan *plan, struct memory *out, struct errmsg *why)
{
    struct memory far = { 0 };
    enum err err = memory_of((pid_t)plan->pid, out, why);

    if (err == ERR_OK && plan->far_pid != 0)
        err = memory_of((pid_t)plan->far_pid, &far, why);
    out->rss_kb += far.rss_kb;
    out->peak_rss_kb += far.peak_rss_kb;
    out->private_kb += far.private_kb;
    out->dirty_kb += far.dirty_kb;
    return err;
}

void
servers_wait_idle(const struct plan *plan)
{
    (void)target_wait_idle((pid_t)plan->pid, CLOCK_NS_PER_S);
    if (plan->far_pid != 0)
        (void)target_wait_idle((pid_t)plan->far_pid, CLOCK_NS_PER_S);
}

/* Whether it has come by now, or soon. */
static enum err
take_mark(struct wire *to, bool *came, struct errmsg *why)
{
    struct pollfd pollfd = { .fd = to->channel.fd, .events = POLLIN };
    enum err err = ERR_OK;

    if (poll(&pollfd, 1, AGAIN_MS) == 1)
        err = wire_read(to, why);
    *came = to->reader.messages > 0;
    return err;
}

static enum err
exchange_mark(struct wire *from, struct wire *to, int64_t deadline_ns, struct errmsg *why)
{
    static const char sub[] = "SUB b.known 1\r\nUNSUB 1 1\r\n", pub[] = "PUB b.known 0\r\n\r\n";
    enum err err = wire_put(to, sub, sizeof(sub) - 1, deadline_ns, why);
    bool came = false;

    while (err == ERR_OK && !came) {
        err = wire_put(from, pub, sizeof(pub) - 1, deadline_ns, why);
        if (err == ERR_OK)
            err = wire_sync(from, deadline_ns, why);
        if (err == ERR_OK)
            err = take_mark(to, &came, why);
    }
    if (err == ERR_LIMIT) /* one of the steps met the deadline */
        return err_set(why, err, "the nodes did not know each other at the deadline");
    return err;
}

/* Until the node at one port knows what was subscribed to at the other. */
static enum err
wait_one_way(const struct plan *plan, uint64_t from_port, uint64_t to_port,
             struct wire_input *input, int64_t deadline_ns, struct errmsg *why)
{
    struct wire from = { .channel.fd = -1 }, to = { .channel.fd = -1 };
    enum err err = wire_open(&from, plan, from_port, "", 0, input, deadline_ns, why);

    if (err == ERR_OK)
        err = wire_open(&to, plan, to_port, "", 0, input, deadline_ns, why);
    if (err == ERR_OK)
        err = exchange_mark(&from, &to, deadline_ns, why);
    wire_close(&from);
    wire_close(&to);
    return err;
}

enum err
servers_wait_known(const struct plan *plan, struct wire_input *input, int64_t deadline_ns,
                   struct errmsg *why)
{
    enum err err = ERR_OK;

    if (plan->far_port == 0)
        return ERR_OK;
    err = wait_one_way(plan, plan->port, plan->far_port, input, deadline_ns, why);
    if (err == ERR_OK)
        err = wait_one_way(plan, plan->far_port, plan->port, input, deadline_ns, why);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Everybody is connected and known to the server before the clock starts with the first byte. It
 * ends with the last message received, or the last PONG when nobody subscribes; what is checked
 * comes after that.
 */
#include "flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "beside.h"
#include "common/target.h"
#include "publisher.h"
#include "servers.h"
#include "subscriber.h"

#define TURN_NS (100 * CLOCK_NS_PER_MS) /* at most, until the deadline is looked at */

struct flow {
    const struct plan *plan;
    int epoll;
    struct wire_input *input;
    struct reception reception;
    struct subscriber *subscribers;
    struct publisher *publishers;
    struct beside *beside;
    int64_t deadline_ns;
    int64_t end_ns;                    /* of the clock; reception.start_ns is its start */
    int64_t server_cpu_ns, own_cpu_ns; /* while it ran */
    struct memory memory;              /* the server's, when it ended */
};

static enum err
open_all(struct flow *flow, struct errmsg *why)
{
    const struct plan *plan = flow->plan;
    enum err err = watch_open(&flow->epoll, why);

    if (err == ERR_OK)
        err = beside_open(&flow->beside, plan, flow->epoll, flow->input, flow->deadline_ns, why);
    for (uint64_t i = 0; err == ERR_OK && i < plan->sub_connections; i++)
        err = subscriber_open(&flow->subscribers[i], &flow->reception, i, flow->deadline_ns, why);
    for (uint64_t i = 0; err == ERR_OK && i < plan->publishers; i++)
        err = publisher_open(&flow->publishers[i], plan, i, flow->input, flow->deadline_ns, why);
    if (err == ERR_OK)
        err = servers_wait_known(plan, flow->input, flow->deadline_ns, why);
    return err;
}

static int64_t
own_cpu_ns(void)
{
    return target_cpu_ns(getpid());
}

static enum err
start_all(struct flow *flow, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (uint64_t i = 0; err == ERR_OK && i < flow->plan->sub_connections; i++)
        err = watch_add(flow->epoll, &flow->subscribers[i].watch,
                        flow->subscribers[i].wire.channel.fd, EPOLLIN, why);
    servers_wait_idle(flow->plan);
    if (err == ERR_OK)
        err = beside_start(flow->beside, why);
    flow->server_cpu_ns = -servers_cpu_ns(flow->plan);
    flow->own_cpu_ns = -own_cpu_ns();
    flow->reception.start_ns = clock_mono_ns();
    for (uint64_t i = 0; err == ERR_OK && i < flow->plan->publishers; i++)
        err = publisher_start(&flow->publishers[i], flow->epoll, why);
    return err;
}

static bool
all_published(const struct flow *flow)
{
    for (uint64_t i = 0; i < flow->plan->publishers; i++) {
        if (!flow->publishers[i].is_done)
            return false;
    }
    return true;
}

static bool
all_received(const struct flow *flow)
{
    return flow->reception.messages == plan_deliveries(flow->plan);
}

/* Lets the publishers send what is due; returns how long until the next message is. */
static enum err
pace(struct flow *flow, int64_t *wait_ns, struct errmsg *why)
{
    const struct plan *plan = flow->plan;
    int64_t elapsed = clock_mono_ns() - flow->reception.start_ns;
    uint64_t due = (uint64_t)elapsed * plan->rate / (uint64_t)CLOCK_NS_PER_S + 1;
    enum err err = ERR_OK;

    for (uint64_t i = 0; err == ERR_OK && i < plan->publishers; i++)
        err = publisher_allow(&flow->publishers[i], due, why);
    *wait_ns = 0;
    if (plan->sleep && due >= plan->messages) {
        *wait_ns = TURN_NS;
    } else if (plan->sleep) {
        int64_t next = (int64_t)(due * (uint64_t)CLOCK_NS_PER_S / plan->rate) - elapsed;

        *wait_ns = next < 0 ? 0 : next < TURN_NS ? next : TURN_NS;
    }
    return err;
}

static enum err
too_late(const struct flow *flow, struct errmsg *why)
{
    return err_set(why, ERR_LIMIT,
                   "%" PRIu64 " of %" PRIu64 " messages had arrived at the deadline%s",
                   flow->reception.messages, plan_deliveries(flow->plan),
                   all_published(flow) ? ", all were published" : "");
}

static enum err
run(struct flow *flow, struct errmsg *why)
{
    enum err err = ERR_OK;
    int64_t wait_ns = TURN_NS, now_ns;

    while (err == ERR_OK && !(all_received(flow) && all_published(flow))) {
        if (flow->plan->rate > 0)
            err = pace(flow, &wait_ns, why);
        if (err == ERR_OK)
            err = watch_turn(flow->epoll, wait_ns, why);
        now_ns = clock_mono_ns();
        beside_turn(flow->beside, now_ns);
        if (err == ERR_OK && now_ns > flow->deadline_ns)
            err = too_late(flow, why);
    }
    beside_stop(flow->beside);
    flow->end_ns = flow->plan->subscribers > 0 ? flow->reception.last_ns : clock_mono_ns();
    flow->server_cpu_ns += servers_cpu_ns(flow->plan);
    flow->own_cpu_ns += own_cpu_ns();
    return err;
}

static enum err
verify(struct flow *flow, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (uint64_t i = 0; err == ERR_OK && i < flow->plan->sub_connections; i++)
        err = subscriber_verify(&flow->subscribers[i], flow->deadline_ns, why);
    return err;
}

static void
print(struct flow *flow)
{
    uint64_t deliveries = flow->reception.messages;
    double seconds = (double)(flow->end_ns - flow->reception.start_ns) / (double)CLOCK_NS_PER_S;
    double messages = (double)flow->plan->messages;
    double cpu_us = (double)flow->server_cpu_ns / 1000.0;

    printf("{\"messages\": %" PRIu64 ", \"deliveries\": %" PRIu64 ", \"size\": %" PRIu64
           ", \"seconds\": %.6f, \"messages_per_s\": %.0f, \"deliveries_per_s\": %.0f, ",
           flow->plan->messages, deliveries, flow->plan->size, seconds, messages / seconds,
           (double)deliveries / seconds);
    printf("\"server_cpu_us_per_message\": %.5f, \"server_cpu_us_per_delivery\": ",
           cpu_us / messages);
    if (deliveries > 0)
        printf("%.5f", cpu_us / (double)deliveries);
    else
        printf("null");
    printf(", \"generator_cpu_us_per_message\": %.5f, \"bytes_out\": %" PRIu64
           ", \"server_peak_rss_kb\": %" PRIu64 ", \"server_rss_kb\": %" PRIu64
           ", \"server_private_kb\": %" PRIu64,
           (double)flow->own_cpu_ns / 1000.0 / messages, flow->reception.bytes,
           flow->memory.peak_rss_kb, flow->memory.rss_kb, flow->memory.private_kb);
    if (flow->plan->latency) {
        printf(", \"latency_us\": ");
        samples_print_us(&flow->reception.latency, stdout);
    }
    beside_print(flow->beside, seconds);
    puts("}");
}

static void
release(struct flow *flow)
{
    for (uint64_t i = 0; i < flow->plan->sub_connections; i++)
        subscriber_release(&flow->subscribers[i]);
    for (uint64_t i = 0; i < flow->plan->publishers; i++)
        publisher_release(&flow->publishers[i]);
    beside_free(flow->beside);
    close(flow->epoll);
    check_free(flow->reception.check);
    samples_release(&flow->reception.latency);
    free(flow->subscribers);
    free(flow->publishers);
    free(flow->input);
}

static void
init(struct flow *flow, const struct plan *plan)
{
    *flow = (struct flow) { .plan = plan,
                            .epoll = -1,
                            .input = xmalloc(sizeof(*flow->input)),
                            .subscribers =
                                xcalloc(plan->sub_connections + 1, sizeof(*flow->subscribers)),
                            .publishers = xcalloc(plan->publishers, sizeof(*flow->publishers)) };
    flow->reception = (struct reception) { .plan = plan,
                                           .input = flow->input,
                                           .check = plan->check ? check_new(plan) : NULL };
    flow->deadline_ns = clock_mono_ns() + (int64_t)plan->deadline_s * CLOCK_NS_PER_S;
}

enum err
flow_run(struct plan *plan, struct errmsg *why)
{
    struct flow flow;
    enum err err = plan_prepare(plan, why);

    if (err != ERR_OK)
        return err;
    init(&flow, plan);
    err = open_all(&flow, why);
    if (err == ERR_OK)
        err = start_all(&flow, why);
    if (err == ERR_OK)
        err = run(&flow, why);
    if (err == ERR_OK)
        err = servers_memory(plan, &flow.memory, why);
    if (err == ERR_OK)
        err = verify(&flow, why);
    if (err == ERR_OK)
        err = beside_finish(flow.beside, flow.deadline_ns, why);
    if (err == ERR_OK)
        print(&flow);
    release(&flow);
    plan_release(plan);
    return err;
}

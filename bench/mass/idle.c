/* SPDX-License-Identifier: Apache-2.0
 *
 * A server may have work with new connections for a while, as a first PING; so idleness begins
 * some seconds after the last login. The connections answer what is asked of them.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "common/crowd.h"
#include "common/target.h"
#include "mass/change.h"
#include "mass/mass.h"

#define LOGIN_WINDOW     256
#define SETTLE_NS        (4 * CLOCK_NS_PER_S) /* the reference's first PINGs come within 3 s */
#define EVENTS_MAX       256
#define IDLE_PATIENCE_NS (60 * CLOCK_NS_PER_S)

struct idle {
    const struct mass *mass;
    struct crowd crowd;
    int epoll;
    double cpu_without, cpu_with; /* ms per second */
    struct change change;
};

/* Serves the connections, if there are any, for a time. */
static void
attend(struct idle *idle, int64_t duration_ns)
{
    int64_t end_ns = clock_mono_ns() + duration_ns, left_ns;
    struct epoll_event events[EVENTS_MAX];

    while ((left_ns = end_ns - clock_mono_ns()) > 0) {
        int wait_ms = (int)(left_ns / CLOCK_NS_PER_MS) + 1;
        int ready = epoll_wait(idle->epoll, events, EVENTS_MAX, wait_ms);

        for (int i = 0; i < ready; i++) {
            struct link *link = events[i].data.ptr;

            (void)link_read(link);
            if (link->state != LINK_IN)
                link_close(link); /* which ends the watch */
        }
    }
}

static double
cpu_ms_per_s(struct idle *idle)
{
    int64_t start_ns = clock_mono_ns(), cpu_ns = target_cpu_ns(idle->mass->pid);

    attend(idle, (int64_t)idle->mass->seconds * CLOCK_NS_PER_S);
    cpu_ns = target_cpu_ns(idle->mass->pid) - cpu_ns;
    return (double)cpu_ns / (double)(clock_mono_ns() - start_ns) * 1e3;
}

static enum err
watch_all(struct idle *idle, struct errmsg *why)
{
    for (unsigned i = 0; i < idle->crowd.count; i++) {
        struct link *link = &idle->crowd.links[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = link };

        if (link->state == LINK_IN &&
            epoll_ctl(idle->epoll, EPOLL_CTL_ADD, link->channel.fd, &event) != 0)
            return err_sys(why, errno, "could not watch a connection");
    }
    return ERR_OK;
}

static enum err
check_all_in(const struct idle *idle, const char *when, struct errmsg *why)
{
    struct crowd_result result = { 0 };

    crowd_count(&idle->crowd, &result);
    samples_release(&result.login_ns);
    return result.in == idle->crowd.count
               ? ERR_OK
               : err_set(why, ERR_CLOSED, "only %u of %u connections were in %s", result.in,
                         idle->crowd.count, when);
}

static enum err
fill(struct idle *idle, struct errmsg *why)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t)idle->mass->deadline_s * CLOCK_NS_PER_S;
    enum err err = crowds_run(&idle->crowd, 1, deadline_ns, why);

    if (err == ERR_OK)
        err = check_all_in(idle, "at the start", why);
    if (err == ERR_OK)
        err = watch_all(idle, why);
    return err;
}

/* With the connections there. */
static enum err
measure_with(struct idle *idle, struct errmsg *why)
{
    enum err err;

    attend(idle, SETTLE_NS);
    idle->cpu_with = cpu_ms_per_s(idle);
    err = check_all_in(idle, "at the end", why);
    return err == ERR_OK ? memory_of(idle->mass->pid, &idle->change.with, why) : err;
}

static enum err
measure(struct idle *idle, struct errmsg *why)
{
    enum err err;

    (void)target_wait_idle(idle->mass->pid, IDLE_PATIENCE_NS);
    idle->cpu_without = cpu_ms_per_s(idle);
    err = memory_of(idle->mass->pid, &idle->change.before, why);
    if (err == ERR_OK)
        err = fill(idle, why);
    if (err == ERR_OK)
        err = measure_with(idle, why);
    crowd_release(&idle->crowd);
    if (err == ERR_OK) {
        (void)target_wait_idle(idle->mass->pid, IDLE_PATIENCE_NS);
        err = change_wait_after(&idle->change, idle->mass->pid, idle->mass->after_s, why);
    }
    return err;
}

static void
print_result(const struct idle *idle, unsigned count)
{
    double login_s = (double)idle->crowd.last_in_ns / (double)CLOCK_NS_PER_S;

    printf("{\"count\": %u, \"login_per_s\": %.0f, \"cpu_ms_per_s\": {\"without\": %.4f, "
           "\"with\": %.4f}, ",
           count, count / login_s, idle->cpu_without, idle->cpu_with);
    change_print(&idle->change, count);
    puts("}");
}

enum err
mass_idle(const struct mass *mass, struct errmsg *why)
{
    struct idle idle = {
        .mass = mass,
        .crowd = { .plan = mass->plan, .count = mass->count, .window = LOGIN_WINDOW },
        .epoll = epoll_create1(EPOLL_CLOEXEC),
    };
    enum err err;

    if (idle.epoll == -1)
        return err_sys(why, errno, "could not make an epoll");
    err = measure(&idle, why);
    close(idle.epoll);
    if (err == ERR_OK)
        print_result(&idle, mass->count);
    return err;
}

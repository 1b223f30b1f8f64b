/* SPDX-License-Identifier: Apache-2.0
 *
 * PONGs come in the order of the PINGs, so one array holds everything: sent counts the entries
 * that were begun, answered those that are complete. The child writes it, the parent reads it when
 * the child has ended. If a child can't go on, it says so by its exit status.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define PINGS_MAX  (1U << 19) /* untouched pages cost nothing */
#define EVERY_NS   CLOCK_NS_PER_MS
#define PATIENCE_S 120 /* for one login, and for the last PONG */

enum { RUNNING, STOPPING };

struct ping {
    int64_t due_ns, round_trip_ns;
    enum probe_phase phase;
};

struct shared {
    atomic_uint phase;
    atomic_uint order; /* RUNNING or STOPPING; relaxed: nothing else is published by it */
    atomic_bool is_in;
    size_t answered;
    struct ping pings[PINGS_MAX];
};

struct probe {
    struct shared *shared;
    pid_t child;
};

/* false: the deadline has passed or the connection is gone. */
static bool
wait_readable(const struct link *link, int64_t until_ns)
{
    int64_t left = until_ns - clock_mono_ns();
    struct timespec timeout = { .tv_sec = 0, .tv_nsec = 0 };
    struct pollfd pollfd = { .fd = link->channel.fd, .events = POLLIN };

    if (left > 0) {
        timeout.tv_sec = left / CLOCK_NS_PER_S;
        timeout.tv_nsec = left % CLOCK_NS_PER_S;
    }
    return ppoll(&pollfd, 1, &timeout, NULL) == 1;
}

static void
child_login(struct shared *shared, struct link *link, const struct link_plan *plan)
{
    int64_t deadline = clock_mono_ns() + PATIENCE_S * CLOCK_NS_PER_S;
    struct errmsg why;

    if (link_open(link, plan, 0, &why) != ERR_OK)
        _exit(1);
    while (!link_is_settled(link)) {
        if (!wait_readable(link, deadline))
            _exit(1);
        (void)link_read(link);
    }
    if (link->state != LINK_IN)
        _exit(1);
    atomic_store(&shared->is_in, true);
}

static void
note_pongs(struct shared *shared, unsigned pongs)
{
    int64_t now = clock_mono_ns();

    for (; pongs > 0; pongs--) {
        struct ping *ping = &shared->pings[shared->answered++];

        ping->round_trip_ns = now - ping->due_ns;
    }
}

static bool
is_running(struct shared *shared)
{
    return atomic_load_explicit(&shared->order, memory_order_relaxed) == RUNNING;
}

/* Sends what is due and waits for the next due time or for PONGs. */
static void
child_ping(struct shared *shared, struct link *link, size_t *sent, int64_t *due_ns)
{
    if (clock_mono_ns() >= *due_ns && *sent < PINGS_MAX) {
        shared->pings[*sent].due_ns = *due_ns;
        shared->pings[(*sent)++].phase =
            (enum probe_phase)atomic_load_explicit(&shared->phase, memory_order_relaxed);
        link_ping(link);
        *due_ns += EVERY_NS;
    }
    if (wait_readable(link, *due_ns))
        note_pongs(shared, link_read(link));
}

static void
child_run(struct shared *shared, const struct link_plan *plan)
{
    struct link link;
    size_t sent = 0;
    int64_t due_ns, deadline;

    child_login(shared, &link, plan);
    due_ns = clock_mono_ns();
    while (link.state == LINK_IN && is_running(shared))
        child_ping(shared, &link, &sent, &due_ns);
    deadline = clock_mono_ns() + PATIENCE_S * CLOCK_NS_PER_S;
    while (link.state == LINK_IN && shared->answered < sent && wait_readable(&link, deadline))
        note_pongs(shared, link_read(&link));
    _exit(link.state == LINK_IN && shared->answered == sent ? 0 : 1);
}

static enum err
wait_login(struct probe *probe, struct errmsg *why)
{
    while (!atomic_load(&probe->shared->is_in)) {
        struct timespec nap = { .tv_sec = 0, .tv_nsec = EVERY_NS };

        if (waitpid(probe->child, NULL, WNOHANG) == probe->child) {
            probe->child = 0;
            return err_set(why, ERR_CLOSED, "the bystander could not log in");
        }
        nanosleep(&nap, NULL);
    }
    return ERR_OK;
}

static void
probe_free(struct probe *probe)
{
    if (probe->child > 0 && kill(probe->child, SIGKILL) == 0)
        (void)waitpid(probe->child, NULL, 0);
    munmap(probe->shared, sizeof(*probe->shared));
    free(probe);
}

enum err
probe_start(struct probe **out, const struct link_plan *plan, struct errmsg *why)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    enum err err;

    if (memory == MAP_FAILED) {
        free(probe);
        return err_sys(why, errno, "could not share memory with the bystander");
    }
    probe->shared = memory;
    probe->child = fork();
    if (probe->child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_run(probe->shared, plan);
    }
    err = probe->child == -1 ? err_sys(why, errno, "could not start the bystander")
                             : wait_login(probe, why);
    if (err != ERR_OK) {
        probe_free(probe);
        return err;
    }
    *out = probe;
    return ERR_OK;
}

void
probe_set_phase(struct probe *probe, enum probe_phase phase)
{
    atomic_store_explicit(&probe->shared->phase, phase, memory_order_relaxed);
}

enum err
probe_stop(struct probe *probe, struct samples *by_phase, struct errmsg *why)
{
    const struct shared *shared = probe->shared;
    enum err err = ERR_OK;
    int status = 0;

    atomic_store_explicit(&probe->shared->order, STOPPING, memory_order_relaxed);
    if (waitpid(probe->child, &status, 0) != probe->child || status != 0)
        err = err_set(why, ERR_CLOSED, "the bystander lost its connection");
    probe->child = 0;
    for (size_t i = 0; i < shared->answered; i++)
        samples_add(&by_phase[shared->pings[i].phase], shared->pings[i].round_trip_ns);
    probe_free(probe);
    return err;
}

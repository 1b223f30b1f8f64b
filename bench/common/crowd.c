/* SPDX-License-Identifier: Apache-2.0
 *
 * One epoll for all. Connections are opened in slices between two looks at it, so that the first
 * ones are served while the last ones are still to come, as with a real crowd.
 */
#include "common/crowd.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SLICE      32U /* connections opened at a time */
#define EVENTS_MAX 256
#define NAP_MS     1 /* how exactly a crowd keeps its every_ns */

static bool
may_open(const struct crowd *crowd)
{
    return crowd->opened < crowd->count &&
           (crowd->window == 0 || crowd->opened - crowd->settled < crowd->window) &&
           clock_mono_ns() >= crowd->start_ns + (int64_t)crowd->opened * crowd->every_ns;
}

static enum err
open_slice(struct crowd *crowd, int epoll, struct errmsg *why)
{
    for (unsigned i = 0; i < SLICE && may_open(crowd); i++) {
        struct link *link = &crowd->links[crowd->opened];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = link };
        unsigned serial = crowd->each_its_token ? crowd->opened + 1 : 0;
        enum err err = link_open(link, &crowd->plan, serial, why);

        if (err != ERR_OK)
            return err;
        crowd->opened++;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, link->channel.fd, &event) != 0)
            return err_sys(why, errno, "could not watch a connection");
    }
    return ERR_OK;
}

/* The link is in one of them. */
static struct crowd *
crowd_of(struct crowd *crowds, size_t count, const struct link *link)
{
    size_t i = 0;

    while (link < crowds[i].links || link >= crowds[i].links + crowds[i].count) {
        i++;
        assert(i < count);
    }
    return &crowds[i];
}

static void
handle(struct crowd *crowd, struct link *link)
{
    bool was_settled = link_is_settled(link);

    (void)link_read(link);
    if (link->state >= LINK_REFUSED)
        link_close(link); /* which ends the watch */
    if (was_settled || !link_is_settled(link))
        return;
    crowd->settled++;
    if (link->state == LINK_IN)
        crowd->last_in_ns = link->in_ns - crowd->start_ns;
}

static bool
all_settled(const struct crowd *crowds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (crowds[i].settled < crowds[i].count)
            return false;
    }
    return true;
}

static bool
any_may_open(const struct crowd *crowds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (may_open(&crowds[i]))
            return true;
    }
    return false;
}

static enum err
turn(struct crowd *crowds, size_t count, int epoll, struct errmsg *why)
{
    struct epoll_event events[EVENTS_MAX];
    int ready;

    for (size_t i = 0; i < count; i++) {
        enum err err = open_slice(&crowds[i], epoll, why);

        if (err != ERR_OK)
            return err;
    }
    ready = epoll_wait(epoll, events, EVENTS_MAX, any_may_open(crowds, count) ? 0 : NAP_MS);
    for (int i = 0; i < ready; i++) {
        struct link *link = events[i].data.ptr;

        handle(crowd_of(crowds, count, link), link);
    }
    return ERR_OK;
}

enum err
crowds_run(struct crowd *crowds, size_t count, int64_t deadline_ns, struct errmsg *why)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    enum err err = ERR_OK;

    if (epoll == -1)
        return err_sys(why, errno, "could not make an epoll");
    for (size_t i = 0; i < count; i++) {
        crowds[i].links = xcalloc(crowds[i].count, sizeof(struct link));
        crowds[i].opened = crowds[i].settled = 0;
        crowds[i].last_in_ns = 0;
        crowds[i].start_ns = clock_mono_ns();
    }
    while (err == ERR_OK && !all_settled(crowds, count) && clock_mono_ns() < deadline_ns)
        err = turn(crowds, count, epoll, why);
    close(epoll);
    return err;
}

void
crowd_count(const struct crowd *crowd, struct crowd_result *result)
{
    for (unsigned i = 0; i < crowd->opened; i++) {
        const struct link *link = &crowd->links[i];

        switch (link->state) {
        case LINK_IN:
            result->in++;
            samples_add(&result->login_ns, link->in_ns - link->start_ns);
            break;
        case LINK_REFUSED:
            if (strstr(link->line, "Authentication Timeout") != NULL)
                result->timed_out++;
            else
                result->refused++;
            break;
        case LINK_LOST:
            result->lost++;
            break;
        case LINK_CLOSED:
        case LINK_GREETING:
        case LINK_SECURING:
        case LINK_LOGIN:
            result->waiting++;
            break;
        }
    }
    result->waiting += crowd->count - crowd->opened;
}

static bool
wait_pong(struct link *link, int64_t deadline_ns)
{
    struct pollfd pollfd = { .fd = link->channel.fd, .events = POLLIN };

    while (link->state == LINK_IN && link_read(link) == 0) {
        int64_t left_ms = (deadline_ns - clock_mono_ns()) / CLOCK_NS_PER_MS;

        if (left_ms <= 0 || poll(&pollfd, 1, (int)left_ms) != 1)
            return false;
    }
    return link->state == LINK_IN;
}

unsigned
crowd_ping_all(struct crowd *crowd, int64_t deadline_ns)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < crowd->opened; i++) {
        if (crowd->links[i].state == LINK_IN)
            link_ping(&crowd->links[i]);
    }
    /* One after the other: the last one is answered when all are, whatever the order. */
    for (unsigned i = 0; i < crowd->opened; i++) {
        if (crowd->links[i].state == LINK_IN && wait_pong(&crowd->links[i], deadline_ns))
            answered++;
    }
    return answered;
}

void
crowd_release(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->opened; i++)
        link_close(&crowd->links[i]);
    free(crowd->links);
    crowd->links = NULL;
    crowd->opened = 0;
}

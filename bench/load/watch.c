/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

#define EVENTS_MAX 512

enum err
watch_open(int *epoll, struct errmsg *why)
{
    *epoll = epoll_create1(EPOLL_CLOEXEC);
    return *epoll == -1 ? err_sys(why, errno, "could not make an epoll") : ERR_OK;
}

static enum err
control(int epoll, int operation, struct watch *watch, int fd, uint32_t events, struct errmsg *why)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };

    if (epoll_ctl(epoll, operation, fd, &event) != 0)
        return err_sys(why, errno, "could not watch a connection");
    return ERR_OK;
}

enum err
watch_add(int epoll, struct watch *watch, int fd, uint32_t events, struct errmsg *why)
{
    return control(epoll, EPOLL_CTL_ADD, watch, fd, events, why);
}

enum err
watch_change(int epoll, struct watch *watch, int fd, uint32_t events, struct errmsg *why)
{
    return control(epoll, EPOLL_CTL_MOD, watch, fd, events, why);
}

static enum err
handle(const struct epoll_event *events, int count, uint32_t mask, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (int i = 0; err == ERR_OK && i < count; i++) {
        struct watch *watch = events[i].data.ptr;

        if ((events[i].events & mask) != 0)
            err = watch->ready(watch, events[i].events & mask, why);
    }
    return err;
}

enum err
watch_turn(int epoll, int64_t timeout_ns, struct errmsg *why)
{
    struct timespec timeout = { timeout_ns / CLOCK_NS_PER_S, timeout_ns % CLOCK_NS_PER_S };
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_pwait2(epoll, events, EVENTS_MAX,
                             timeout_ns == WATCH_FOREVER ? NULL : &timeout, NULL);
    enum err err;

    if (count == -1 && errno != EINTR)
        return err_sys(why, errno, "could not wait for events");
    err = handle(events, count, ~(uint32_t)EPOLLOUT, why);
    return err == ERR_OK ? handle(events, count, EPOLLOUT, why) : err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/poller.h"

#include <errno.h>
#include <unistd.h>

enum err
poller_open(struct poller *poller, struct errmsg *why)
{
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    return poller->fd == -1 ? err_sys(why, errno, "could not create an epoll set") : ERR_OK;
}

void
poller_close(struct poller *poller)
{
    close(poller->fd);
    poller->fd = -1;
}

bool
poller_watch(struct poller *poller, int fd, void *who, unsigned old, unsigned events)
{
    struct epoll_event event = { .data.ptr = who };
    int op = EPOLL_CTL_MOD;

    if ((events & POLLER_READ) != 0)
        event.events |= EPOLLIN;
    if ((events & POLLER_WRITE) != 0)
        event.events |= EPOLLOUT;
    if (events == 0)
        op = EPOLL_CTL_DEL;
    else if (old == 0)
        op = EPOLL_CTL_ADD;
    return epoll_ctl(poller->fd, op, fd, &event) == 0;
}

int
poller_wait(struct poller *poller, int timeout_ms)
{
    int count = epoll_wait(poller->fd, poller->ready, POLLER_BATCH, timeout_ms);

    return count < 0 ? 0 : count; /* EINTR */
}

void *
poller_ready(const struct poller *poller, int index, unsigned *events)
{
    const struct epoll_event *event = &poller->ready[index];

    *events = 0;
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        *events |= POLLER_READ;
    if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        *events |= POLLER_WRITE;
    return event->data.ptr;
}

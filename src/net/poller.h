/* SPDX-License-Identifier: Apache-2.0
 *
 * poller - which of a loop's descriptors may be read or written?
 *
 * An epoll set. A connection takes one system call to be in it and no memory of ours, where a
 * uv_poll_t takes five and 160 bytes.
 *
 * Owns     the set, not the descriptors in it.
 * Threads  its loop's.
 */
#ifndef TESSERA_NET_POLLER_H
#define TESSERA_NET_POLLER_H

#include <stdbool.h>
#include <sys/epoll.h>

#include "base/err.h"

enum { POLLER_READ = 1, POLLER_WRITE = 2 };

#define POLLER_BATCH 256 /* descriptors served in a round */

struct poller {
    int fd;
    struct epoll_event ready[POLLER_BATCH];
};

enum err poller_open(struct poller *poller, struct errmsg *why);
void poller_close(struct poller *poller);

/* Replaces what is watched, from old, by events; 0: nothing, it is not in the set. Level-triggered.
 * false: refused by the kernel. */
bool poller_watch(struct poller *poller, int fd, void *who, unsigned old, unsigned events);

/* Waits for at most timeout_ms (-1: for ever). Returns how many descriptors are ready. */
int poller_wait(struct poller *poller, int timeout_ms);
/* Whose the index-th of them is. *events: both when it failed. It may have been taken out since the
 * wait: who takes one out keeps `who` until the next. */
void *poller_ready(const struct poller *poller, int index, unsigned *events);

#endif

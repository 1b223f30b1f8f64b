/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - one epoll, and what is to be done when a descriptor is ready
 *
 * Owns     the epoll's descriptor. A watch is a member of its caller's struct and must stay where
 *          it is until its descriptor is closed.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_WATCH_H
#define TESSERA_BENCH_LOAD_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

#define WATCH_FOREVER INT64_MAX

struct watch {
    enum err (*ready)(struct watch *watch, uint32_t events, struct errmsg *why);
};

enum err watch_open(int *epoll, struct errmsg *why);
enum err watch_add(int epoll, struct watch *watch, int fd, uint32_t events, struct errmsg *why);
enum err watch_change(int epoll, struct watch *watch, int fd, uint32_t events, struct errmsg *why);

/* Waits at most timeout_ns (or WATCH_FOREVER) for events and handles them: first what can be read,
 * so that what is on its way stays little, then what can be written. */
enum err watch_turn(int epoll, int64_t timeout_ns, struct errmsg *why);

#endif

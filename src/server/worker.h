/* SPDX-License-Identifier: Apache-2.0
 *
 * worker - a loop thread's share of the server: its clients, caches, counters
 *
 * Owns     its loop, its clients, a cache over the account's subject tree.
 * Threads  its loop's thread; worker_accept() and the functions on all workers are the main
 *          thread's.
 */
#ifndef TESSERA_SERVER_WORKER_H
#define TESSERA_SERVER_WORKER_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/random.h"
#include "net/listener.h"
#include "net/loop.h"
#include "server/account.h"
#include "server/config.h"
#include "server/greeting.h"
#include "sublist/sublist.h"

struct run;
struct server;

/* Written by the worker alone, read by others: relaxed on both sides. */
struct worker_stats {
    atomic_uint_fast64_t in_msgs, in_bytes, out_msgs, out_bytes, slow_consumers, stale;
};

static inline void
stat_add(atomic_uint_fast64_t *stat, uint64_t more)
{
    atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

/* A connection of a worker that is no client: it hears of what concerns them all, on its loop. */
struct worker_guest {
    struct list link;                                 /* in worker->guests */
    void (*close)(struct worker_guest *guest);        /* the server stops: end it now */
    void (*reconfigured)(struct worker_guest *guest); /* worker->config is another */
};

/* One who waits for auth. When auth is gone those that it dropped without an answer are dropped. */
struct pending_login {
    struct list link; /* in worker->logins */
    void (*drop)(struct pending_login *pending);
};

struct worker {
    struct server *server;
    struct loop *loop;
    struct server_config *config;
    struct greeting *greeting;
    struct sublist_cache *cache; /* over the global account */
    struct match *fresh;         /* the last match made without the cache */
    struct run *run;             /* messages of the client that is being read, see run.h */
    struct timer *sweep;         /* drops stale cache entries; stopped while nothing is cached */
    bool sweeping;               /* it runs */
    bool matched;                /* worker_match() was called since it fired last */
    bool scattered;              /* sublist_expect() before the next ones is of use */
    struct random random;        /* draws of queue members, jitter */
    struct list clients;
    struct list guests;
    struct list logins; /* struct pending_login */
    bool closing;       /* newcomers are turned away */
    size_t turn;        /* deliveries in the turn of the client that is being read */
    struct worker_stats stats;
};

enum err worker_new(struct worker **out, struct server *server, unsigned index,
                    struct server_config *config, struct greeting *greeting, struct errmsg *why);
enum err worker_start(struct worker *worker, struct errmsg *why);
/* Closes every client and returns when that is done; newcomers are turned away. Afterwards
 * nothing on this worker asks auth any more. */
void worker_close_clients(struct worker *worker);
/* Ends the thread. The clients are closed and auth is gone. */
void worker_stop(struct worker *worker);
void worker_free(struct worker *worker); /* NULL is allowed */

/* A new connection for this worker, over_limit: to be told that there are too many. */
void worker_accept(struct worker *worker, int fd, const struct endpoint *remote, uint64_t cid,
                   bool over_limit);

/* Who wants subject in the account; borrowed until the next call. NULL: out of memory. What the
 * global account's are is remembered. */
const struct match *worker_match(struct worker *worker, struct account *account,
                                 struct str subject);

/* Swaps the configuration and the greeting of each and looks again at every client; returns when
 * all have. */
void workers_configure(struct worker **workers, unsigned count, struct server_config *config,
                       struct greeting *greeting);
/* Swaps the greeting of each, at some time soon; announce: clients that understand it get it now
 * (PROTOCOL.md 1.6, asynchronous INFO). */
void workers_greet(struct worker **workers, unsigned count, struct greeting *greeting,
                   bool announce);
/* Closes so many clients, at some time soon: those of workers[first % count], and of the next ones
 * when it has no more. */
void workers_evict(struct worker **workers, unsigned count, unsigned first, unsigned clients);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * pool - a bounded FIFO of jobs and the threads that run them
 *
 * Owns     its threads; jobs stay the caller's.
 * Threads  any may submit. run() is called on a worker, no lock held.
 */
#ifndef TESSERA_AUTH_POOL_H
#define TESSERA_AUTH_POOL_H

#include <stdbool.h>

#include "base/err.h"

/* worker: 0..workers-1, for what each worker has to itself. */
typedef void pool_run_fn(void *context, void *job, unsigned worker);

struct pool;

/* workers and queue_max (jobs that wait) are at least 1. NULL: out of memory. */
struct pool *pool_new(unsigned workers, unsigned queue_max, pool_run_fn *run, void *context);

/* Starts the threads, if that was not done before; all signals stay with other threads. Fails
 * when not even one could be started. */
enum err pool_start(struct pool *pool, struct errmsg *why);

/* false: the queue is full. */
bool pool_submit(struct pool *pool, void *job);
unsigned pool_waiting(struct pool *pool);

/* Lets running jobs end, never starts those that wait. false: a job was still running after
 * timeout_ms; it goes on, and with it the pool: neither may be freed any more. */
bool pool_stop(struct pool *pool, int timeout_ms);

/* After pool_stop() said true, or without a start. NULL is allowed. */
void pool_free(struct pool *pool);

#endif

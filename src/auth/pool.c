/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

struct pool {
    pool_run_fn *run;
    void *context;
    unsigned workers, queue_max;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a job came, or stopping */
    pthread_cond_t ended; /* alive went down; on the monotonic clock */
    /* under lock */
    unsigned first, waiting; /* jobs[first] is the oldest */
    unsigned started, alive; /* threads */
    unsigned next_worker;
    bool stopping;
    pthread_t *threads; /* started of them; the owner's only */
    void *jobs[];
};

static void
init_locks(struct pool *pool)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct pool *
pool_new(unsigned workers, unsigned queue_max, pool_run_fn *run, void *context)
{
    struct pool *pool = calloc(1, sizeof(*pool) + queue_max * sizeof(pool->jobs[0]));

    assert(workers > 0 && queue_max > 0);
    if (pool == NULL)
        return NULL;
    pool->threads = calloc(workers, sizeof(*pool->threads));
    if (pool->threads == NULL) {
        free(pool);
        return NULL;
    }
    pool->run = run;
    pool->context = context;
    pool->workers = workers;
    pool->queue_max = queue_max;
    init_locks(pool);
    return pool;
}

/* Waits for a job and takes it; NULL: stopping. */
static void *
take_job_locked(struct pool *pool)
{
    void *job;

    while (pool->waiting == 0 && !pool->stopping)
        pthread_cond_wait(&pool->work, &pool->lock);
    if (pool->stopping)
        return NULL;
    job = pool->jobs[pool->first];
    pool->first = (pool->first + 1) % pool->queue_max;
    pool->waiting--;
    return job;
}

static void *
worker_main(void *argument)
{
    struct pool *pool = argument;
    unsigned worker;
    void *job;

    pthread_mutex_lock(&pool->lock);
    worker = pool->next_worker++;
    while ((job = take_job_locked(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        pool->run(pool->context, job, worker);
        pthread_mutex_lock(&pool->lock);
    }
    pool->alive--;
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

enum err
pool_start(struct pool *pool, struct errmsg *why)
{
    int failed = 0;

    if (pool->started > 0)
        return ERR_OK;
    pthread_mutex_lock(&pool->lock);
    while (pool->started < pool->workers && failed == 0) {
        failed = thread_start(&pool->threads[pool->started], worker_main, pool);
        if (failed == 0)
            pool->started++;
    }
    pool->alive = pool->started;
    pthread_mutex_unlock(&pool->lock);
    if (pool->started == 0)
        return err_sys(why, failed, "could not start a thread for bcrypt");
    return ERR_OK;
}

bool
pool_submit(struct pool *pool, void *job)
{
    bool room;

    assert(job != NULL);
    pthread_mutex_lock(&pool->lock);
    assert(pool->started > 0);
    room = pool->waiting < pool->queue_max;
    if (room) {
        pool->jobs[(pool->first + pool->waiting) % pool->queue_max] = job;
        pool->waiting++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

unsigned
pool_waiting(struct pool *pool)
{
    unsigned waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

bool
pool_stop(struct pool *pool, int timeout_ms)
{
    int64_t until_ns = clock_mono_ns() + timeout_ms * CLOCK_NS_PER_MS;
    struct timespec until = { .tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
                              .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S) };
    bool ended;

    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    while (pool->alive > 0 &&
           pthread_cond_timedwait(&pool->ended, &pool->lock, &until) != ETIMEDOUT)
        continue;
    ended = pool->alive == 0;
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++) {
        if (ended)
            pthread_join(pool->threads[i], NULL);
        else
            pthread_detach(pool->threads[i]);
    }
    pool->started = 0;
    return ended;
}

void
pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->alive == 0);
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

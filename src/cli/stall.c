/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stall.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"

static void
ignore(int number)
{
    (void)number;
}

static struct timespec
after_ms(int64_t ms)
{
    int64_t ns = clock_mono_ns() + ms * CLOCK_NS_PER_MS;

    return (struct timespec) { .tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
                               .tv_nsec = (long)(ns % CLOCK_NS_PER_S) };
}

static void *
watch(void *context)
{
    struct stall *stall = context;
    struct timespec next = after_ms(stall->interval_ms);

    pthread_mutex_lock(&stall->lock);
    while (!stall->stopped) {
        if (pthread_cond_timedwait(&stall->changed, &stall->lock, &next) == ETIMEDOUT) {
            (void)pthread_kill(stall->watched, SIGALRM);
            next = after_ms(stall->interval_ms);
        }
    }
    pthread_mutex_unlock(&stall->lock);
    return NULL;
}

void
stall_start(struct stall *stall, int64_t interval_ms)
{
    struct sigaction action = { .sa_handler = ignore }; /* no SA_RESTART: that is the point */
    pthread_condattr_t monotonic;
    sigset_t alarm;
    int error;

    *stall = (struct stall) { .watched = pthread_self(), .interval_ms = interval_ms };
    pthread_mutex_init(&stall->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&stall->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    (void)sigaction(SIGALRM, &action, &stall->old_action);
    (void)sigemptyset(&alarm);
    (void)sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, &stall->old_mask);
    error = pthread_create(&stall->watcher, NULL, watch, stall);
    assert(error == 0); /* libnats would not start either */
    (void)error;
}

void
stall_stop(struct stall *stall)
{
    pthread_mutex_lock(&stall->lock);
    stall->stopped = true;
    pthread_cond_signal(&stall->changed);
    pthread_mutex_unlock(&stall->lock);
    pthread_join(stall->watcher, NULL);
    /* A signal sent before the watcher ended has been taken by now. */
    pthread_sigmask(SIG_SETMASK, &stall->old_mask, NULL);
    (void)sigaction(SIGALRM, &stall->old_action, NULL);
    pthread_cond_destroy(&stall->changed);
    pthread_mutex_destroy(&stall->lock);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * stall - interrupts a library's system call that waits without a limit
 *
 * Between start and stop the calling thread gets a signal (SIGALRM, which does nothing else)
 * every so often, from which such a call returns with EINTR.
 *
 * Threads  start and stop on the same thread; one stall at a time.
 */
#ifndef TESSERA_CLI_STALL_H
#define TESSERA_CLI_STALL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct stall {
    /* private */
    pthread_t watched, watcher;
    int64_t interval_ms;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopped; /* under lock */
    struct sigaction old_action;
    sigset_t old_mask;
};

void stall_start(struct stall *stall, int64_t interval_ms);
void stall_stop(struct stall *stall);

#endif

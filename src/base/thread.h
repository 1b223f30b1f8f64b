/* SPDX-License-Identifier: Apache-2.0
 *
 * thread - threads that no signal is delivered to
 *
 * Signals are for the threads that wait for them.
 */
#ifndef TESSERA_BASE_THREAD_H
#define TESSERA_BASE_THREAD_H

#include <pthread.h>

/* As pthread_create() without attributes, with all signals blocked in the new thread. */
int thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif

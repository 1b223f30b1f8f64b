/* SPDX-License-Identifier: Apache-2.0
 *
 * signals - the process's signals as events of a loop
 *
 * Nothing is interrupted by them: the thread that makes the watch blocks them, and so do the
 * threads that it starts later; they are read from a signalfd. Make it before other threads that
 * do not block them (thread.h): one of those would be ended by a signal.
 */
#ifndef TESSERA_NET_SIGNALS_H
#define TESSERA_NET_SIGNALS_H

#include <stddef.h>

#include "base/err.h"
#include "net/loop.h"

struct signals;

/* Calls caught(arg, signo) on the loop for each of these count signals that comes, even where the
 * parent process had them ignored; several of one kind that wait count once. Fails for want of a
 * descriptor. Belongs to the loop's thread, or to that which makes the loop; ended by
 * signals_free(), which leaves them blocked. */
enum err signals_new(struct signals **out, struct loop *loop, const int *signos, size_t count,
                     void (*caught)(void *arg, int signo), void *arg, struct errmsg *why);
void signals_free(struct signals *signals);

#endif

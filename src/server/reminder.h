/* SPDX-License-Identifier: Apache-2.0
 *
 * reminder - something that the main thread does a while after any thread asked for it, once for
 * all who asked meanwhile
 *
 * Owns     its timer. Its mail may be under way when it is stopped: it must outlive the loop.
 * Threads  reminder_ask(): any. The rest, and fire(): the loop's.
 * Cost     to ask: one atomic exchange, and a letter for the first.
 */
#ifndef TESSERA_SERVER_REMINDER_H
#define TESSERA_SERVER_REMINDER_H

#include <stdatomic.h>
#include <stdint.h>

#include "net/loop.h"

struct reminder {
    /* private */
    struct loop *loop;
    struct timer *timer; /* NULL: stopped */
    struct mail mail;
    atomic_bool asked; /* the mail is under way, or the timer runs */
    int64_t after_ms;
    void (*fire)(void *arg);
    void *arg;
};

void reminder_init(struct reminder *reminder, struct loop *loop, int64_t after_ms,
                   void (*fire)(void *arg), void *arg);
/* Nothing fires from here on. Also for one that is zeroed. */
void reminder_stop(struct reminder *reminder);
void reminder_ask(struct reminder *reminder);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * lame_duck - the server goes, and its clients with time to find another (PROTOCOL.md 1.11)
 *
 *   SIGUSR2 ──> listener closed, INFO with ldm ──grace──> clients closed one by one ──> shutdown
 *
 * Owns     its timer.
 * Threads  the main thread.
 */
#ifndef TESSERA_SERVER_LAME_DUCK_H
#define TESSERA_SERVER_LAME_DUCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "net/loop.h"

struct server;

/* How the clients are spread over the time that is left for them. */
struct lame_duck_plan {
    uint32_t interval_ms; /* at most, and at least half of it, between two batches */
    uint32_t batch;       /* clients at once */
};

struct lame_duck {
    bool entered;
    /* Set before the server runs, NULL: none. Called when there are clients to be told, just before
     * they are: the place to tell routes. */
    void (*on_enter)(void *arg);
    void *on_enter_arg;
    /* private */
    bool closing;  /* the grace is over */
    unsigned turn; /* which worker is asked next */
    struct timer *timer;
    struct lame_duck_plan plan;
    struct random random;
};

/* Once; later calls do nothing. Without clients the server stops at once. */
void lame_duck_enter(struct server *server);
/* Nothing more happens, whether it was entered or not. */
void lame_duck_end(struct lame_duck *duck);

struct lame_duck_plan lame_duck_plan(int64_t clients, int64_t duration_ns, int64_t grace_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * stuck - a subscriber that never reads, and what becomes of it
 *
 * Owns     its connection; stuck_release() closes it.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_STUCK_H
#define TESSERA_BENCH_LOAD_STUCK_H

#include <stdint.h>
#include <stdio.h>

#include "plan.h"
#include "watch.h"
#include "wire.h"

struct stuck {
    struct watch watch; /* first: the watch is cast back */
    struct wire wire;
    uint64_t expected; /* messages, if it is never cut */
    uint64_t pongs;    /* that were asked for */
    int64_t cut_ns;    /* when it was seen that the server had closed it; 0: it had not */
};

/* Connects, subscribes to the first subject, and reads no more. */
enum err stuck_open(struct stuck *stuck, const struct plan *plan, struct wire_input *input,
                    int64_t deadline_ns, struct errmsg *why);
void stuck_release(struct stuck *stuck);

enum err stuck_start(struct stuck *stuck, int epoll, struct errmsg *why);

/* To be called now and then: a server that has closed the connection answers what comes from here
 * with a reset. Without it nothing is seen of that, behind data that nobody reads. */
void stuck_poke(struct stuck *stuck);

/* Reads what is there: to the end, or to the last PONG, and then nothing may be missing. */
enum err stuck_finish(struct stuck *stuck, int64_t deadline_ns, struct errmsg *why);

/* {"cut_ms": 12.3, "received": 100, "error": "-ERR ..."}; null for what was not. */
void stuck_print(const struct stuck *stuck, int64_t start_ns, FILE *out);

#endif

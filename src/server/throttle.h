/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle - how many may begin in a second (tls connection_rate_limit)
 *
 * As in the reference a second begins with the first who comes after the last one has ended.
 *
 * Threads  any.
 */
#ifndef TESSERA_SERVER_THROTTLE_H
#define TESSERA_SERVER_THROTTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct throttle {
    pthread_mutex_t lock;
    /* under lock */
    int64_t ends_ms, count; /* of the second that runs */
    uint64_t refused;
};

void throttle_init(struct throttle *throttle);
void throttle_release(struct throttle *throttle);

/* May one more begin? limit 0: any number may. now_ms: monotonic. */
bool throttle_pass(struct throttle *throttle, int64_t limit, int64_t now_ms);
/* How many could not since this was asked last. */
uint64_t throttle_take_refused(struct throttle *throttle);

#endif

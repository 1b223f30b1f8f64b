/* SPDX-License-Identifier: Apache-2.0 */
#include "server/throttle.h"

#define SECOND_MS 1000

void
throttle_init(struct throttle *throttle)
{
    *throttle = (struct throttle) { 0 };
    pthread_mutex_init(&throttle->lock, NULL);
}

void
throttle_release(struct throttle *throttle)
{
    pthread_mutex_destroy(&throttle->lock);
}

bool
throttle_pass(struct throttle *throttle, int64_t limit, int64_t now_ms)
{
    bool pass;

    if (limit == 0)
        return true;
    pthread_mutex_lock(&throttle->lock);
    if (now_ms >= throttle->ends_ms) {
        throttle->ends_ms = now_ms + SECOND_MS;
        throttle->count = 0;
    }
    pass = throttle->count < limit;
    if (pass)
        throttle->count++;
    else
        throttle->refused++;
    pthread_mutex_unlock(&throttle->lock);
    return pass;
}

uint64_t
throttle_take_refused(struct throttle *throttle)
{
    uint64_t refused;

    pthread_mutex_lock(&throttle->lock);
    refused = throttle->refused;
    throttle->refused = 0;
    pthread_mutex_unlock(&throttle->lock);
    return refused;
}

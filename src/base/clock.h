/* SPDX-License-Identifier: Apache-2.0
 *
 * clock - monotonic time for timers, wall time for logs and JSON
 */
#ifndef TESSERA_BASE_CLOCK_H
#define TESSERA_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S  1000000000LL
#define CLOCK_NS_PER_MS 1000000LL

/* Nanoseconds since some fixed point; never goes back. */
static inline int64_t
clock_mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

/* Nanoseconds since 1970-01-01 UTC. */
static inline int64_t
clock_wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

#endif

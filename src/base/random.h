/* SPDX-License-Identifier: Apache-2.0
 *
 * random - secrets from the OS, and a fast generator for draws that need no secrecy
 *
 * Threads  random_bytes(): any. A struct random has one owner.
 */
#ifndef TESSERA_BASE_RANDOM_H
#define TESSERA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills data from the OS's source; ends the process if the OS has none. */
void random_bytes(void *data, size_t len);

/* splitmix64: passes BigCrush, one multiply chain per draw; seed it from random_bytes(). */
struct random {
    uint64_t state;
};

void random_seed(struct random *random);

static inline uint64_t
random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Uniform in [0, bound), bound > 0 (multiply-shift: a bias below 2^-32 for 32-bit bounds). */
static inline uint32_t
random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(((random_next(random) >> 32) * bound) >> 32);
}

#endif

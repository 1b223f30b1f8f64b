/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

/* The only process-wide state outside main: a constant once hash_init() ran. */
static uint64_t hash_seed = 0x7465737365726121ULL;

void
hash_init(void)
{
    random_bytes(&hash_seed, sizeof(hash_seed));
}

uint64_t
hash_bytes(const void *data, size_t len)
{
    return XXH3_64bits_withSeed(data, len, hash_seed);
}

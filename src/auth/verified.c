/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/verified.h"

static bool
has(const struct digest *places, unsigned used, const struct digest *digest)
{
    for (unsigned i = 0; i < used; i++) {
        if (digest_equal(&places[i], digest))
            return true;
    }
    return false;
}

bool
verified_is_right(const struct verified_right *right, const struct digest *secret)
{
    unsigned used = right->count < VERIFIED_RIGHT_MAX ? right->count : VERIFIED_RIGHT_MAX;

    return has(right->places, used, secret);
}

void
verified_add_right(struct verified_right *right, const struct digest *secret)
{
    if (!verified_is_right(right, secret))
        right->places[right->count++ % VERIFIED_RIGHT_MAX] = *secret;
}

static unsigned
group_of(const struct digest *pair)
{
    return pair->bytes[0] % VERIFIED_WRONG_GROUPS;
}

bool
verified_is_wrong(const struct verified_wrong *wrong, const struct digest *hash,
                  const struct digest *secret)
{
    struct digest pair = digest_join(hash, secret);

    return has(wrong->places[group_of(&pair)], VERIFIED_WRONG_WAYS, &pair);
}

void
verified_add_wrong(struct verified_wrong *wrong, const struct digest *hash,
                   const struct digest *secret)
{
    struct digest pair = digest_join(hash, secret);
    unsigned group = group_of(&pair);

    if (!has(wrong->places[group], VERIFIED_WRONG_WAYS, &pair))
        wrong->places[group][wrong->next[group]++ % VERIFIED_WRONG_WAYS] = pair;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/verified.h"

#include <assert.h>

static bool
has(const struct digest *set, unsigned max, unsigned count, const struct digest *token)
{
    unsigned used = count < max ? count : max;

    for (unsigned i = 0; i < used; i++) {
        if (digest_equal(&set[i], token))
            return true;
    }
    return false;
}

enum verified_verdict
verified_ask(const struct verified *verified, const struct digest *token)
{
    if (has(verified->right, VERIFIED_RIGHT_MAX, verified->right_count, token))
        return VERIFIED_RIGHT;
    if (has(verified->wrong, VERIFIED_WRONG_MAX, verified->wrong_count, token))
        return VERIFIED_WRONG;
    return VERIFIED_UNKNOWN;
}

void
verified_add(struct verified *verified, const struct digest *token, enum verified_verdict verdict)
{
    assert(verdict != VERIFIED_UNKNOWN);
    if (verified_ask(verified, token) != VERIFIED_UNKNOWN)
        return;
    if (verdict == VERIFIED_RIGHT)
        verified->right[verified->right_count++ % VERIFIED_RIGHT_MAX] = *token;
    else
        verified->wrong[verified->wrong_count++ % VERIFIED_WRONG_MAX] = *token;
}

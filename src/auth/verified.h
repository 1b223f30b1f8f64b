/* SPDX-License-Identifier: Apache-2.0
 *
 * verified - what bcrypt said before: its verdicts, remembered as keyed digests
 *
 * Right and wrong ones are kept apart, so that a flood of wrong ones cannot push out a right one.
 *
 *   right  with the configured hash, and forgotten with it. One text fits a hash (NUL bytes and
 *          over 72 bytes are refused before), the other places are for collisions nobody has seen
 *   wrong  one table for all hashes. A verdict of bcrypt is final, so this needs no age: it spares
 *          the computations for a fleet that still dials with yesterday's token. A flood only
 *          pushes out its like. Were it kept with each hash, an unknown user, who has none, could
 *          be told from a known one by what is forgotten when
 *
 * Threads  none of its own: under checks.lock.
 * Cost     a few comparisons of 32 bytes; memory is fixed.
 */
#ifndef TESSERA_AUTH_VERIFIED_H
#define TESSERA_AUTH_VERIFIED_H

#include "auth/digest.h"

#define VERIFIED_RIGHT_MAX    4
#define VERIFIED_WRONG_WAYS   8
#define VERIFIED_WRONG_GROUPS 128 /* digests are keyed: nobody can aim at one */

struct verified_right {
    /* private */
    struct digest places[VERIFIED_RIGHT_MAX];
    unsigned count; /* ever added; the next place is this modulo the size */
};

struct verified_wrong {
    /* private; a place that was never used is all zero */
    struct digest places[VERIFIED_WRONG_GROUPS][VERIFIED_WRONG_WAYS];
    unsigned char next[VERIFIED_WRONG_GROUPS];
};

bool verified_is_right(const struct verified_right *right, const struct digest *secret);
void verified_add_right(struct verified_right *right, const struct digest *secret);

/* hash: the digest of the configured hash that secret was tried against; they differ. */
bool verified_is_wrong(const struct verified_wrong *wrong, const struct digest *hash,
                       const struct digest *secret);
void verified_add_wrong(struct verified_wrong *wrong, const struct digest *hash,
                        const struct digest *secret);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * verified - what bcrypt said before: the verdicts remembered for one configured hash
 *
 * Right and wrong tokens are kept apart, so that a flood of wrong ones cannot push out a right
 * one. Both are keyed digests, bounded, the oldest replaced first.
 *
 *   right  one token fits a hash (NUL bytes and over 72 bytes are refused before), the other
 *          places are for collisions nobody has seen
 *   wrong  a verdict of bcrypt is final, so this needs no age: it spares the computations for
 *          a fleet that still dials with yesterday's token. A flood only pushes out its like
 *
 * Threads  none of its own: under checks.lock.
 */
#ifndef TESSERA_AUTH_VERIFIED_H
#define TESSERA_AUTH_VERIFIED_H

#include "auth/digest.h"

#define VERIFIED_RIGHT_MAX 4
#define VERIFIED_WRONG_MAX 64

struct verified {
    /* private */
    struct digest right[VERIFIED_RIGHT_MAX], wrong[VERIFIED_WRONG_MAX];
    unsigned right_count, wrong_count; /* ever added; the next place is this modulo the size */
};

enum verified_verdict { VERIFIED_UNKNOWN, VERIFIED_RIGHT, VERIFIED_WRONG };

enum verified_verdict verified_ask(const struct verified *verified, const struct digest *token);
/* verdict is not VERIFIED_UNKNOWN. */
void verified_add(struct verified *verified, const struct digest *token,
                  enum verified_verdict verdict);

#endif

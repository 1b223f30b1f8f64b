/* SPDX-License-Identifier: Apache-2.0
 *
 * check - was a message lost, did one come twice, is one out of order?
 *
 * A payload begins with a stamp: the publisher's number in 5 digits, a point, the sequence in 10.
 * Without queue groups each subscription gets every sequence of a publisher, one after the other.
 * In a queue group each sequence reaches exactly one member, and a member gets them in order.
 *
 * Owns     its memory; check_free() gives it back. The plan must outlive it.
 * Threads  one at a time.
 * Cost     8 bytes per subscription and publisher, and a bit per message and queue group.
 */
#ifndef TESSERA_BENCH_LOAD_CHECK_H
#define TESSERA_BENCH_LOAD_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "plan.h"

#define STAMP_LEN            16
#define STAMP_PUBLISHERS_MAX 100000

struct stamp {
    uint64_t publisher, sequence;
};

/* Writes STAMP_LEN bytes. */
void stamp_put(char *out, const struct stamp *stamp);
/* false: these STAMP_LEN bytes are none. */
bool stamp_get(const char *data, struct stamp *out);

struct check;

struct check *check_new(const struct plan *plan);
void check_free(struct check *check); /* NULL is allowed */

/* A message has come for this subscription. ERR_INVALID: it should not have. When so many have been
 * right as were expected, none is missing. */
enum err check_message(struct check *check, uint64_t subscription, const struct stamp *stamp,
                       struct errmsg *why);

#endif

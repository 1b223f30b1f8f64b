/* SPDX-License-Identifier: Apache-2.0
 *
 * limits - how much one remote address may ask for: checks at a time, failures per time
 *
 * The address is the IPv4 address, or the first 64 bits of an IPv6 one: whoever has one address
 * of such a network usually has them all.
 *
 * Threads  none of its own: under the lock of its owner.
 * Clock    passed in, monotonic, nanoseconds.
 * Cost     one hash and eight entries looked at; memory is fixed.
 */
#ifndef TESSERA_AUTH_LIMITS_H
#define TESSERA_AUTH_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct limits_rule {
    unsigned checks_max; /* at a time */
    unsigned parked_max; /* that wait until the address may start another */
    unsigned burst;      /* failures that may come at once... */
    int64_t recovery_ns; /* ...and the time after which one more may */
};

/* What an address counts as. */
struct limits_key {
    unsigned char bytes[16];
};

struct limits;

struct limits *limits_new(const struct limits_rule *rule); /* copied; NULL: out of memory */
void limits_free(struct limits *limits);

/* address: an IP as text; any other text (or NULL) is a key too. */
struct limits_key limits_key_of(const char *address);

/* May this address start a check? Each true is paired with one limits_end(). */
bool limits_begin(struct limits *limits, const struct limits_key *key, int64_t now_ns);
void limits_end(struct limits *limits, const struct limits_key *key, bool failed, int64_t now_ns);

/* May one more check of this address wait, where only its checks at a time stood against it?
 * After each limits_end() one that waits may start: limits_unpark() says whether this one. */
bool limits_park(struct limits *limits, const struct limits_key *key, int64_t now_ns);
bool limits_unpark(struct limits *limits, const struct limits_key *key);

/* For events instead of checks (lines in a log): may this one pass? *left_out becomes the
 * count of those that could not since the last that could. */
bool limits_pass(struct limits *limits, const struct limits_key *key, int64_t now_ns,
                 uint64_t *left_out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * checks - bcrypt verdicts: remembered, or computed once for all who wait for the same one
 *
 * Owns     the pool, copies of the tokens that wait (secret memory, wiped when decided), the
 *          limits per address. A check holds a reference to its credential.
 * Threads  any. ended() is called on a worker, no lock held.
 * Limits   queue_max distinct checks wait; an address has a few at a time and a few failures
 *          per second. Who joins a check under way, or sends what was verified, needs neither.
 * Cost     one lock and a look-up; bcrypt runs on the pool only.
 */
#ifndef TESSERA_AUTH_CHECKS_H
#define TESSERA_AUTH_CHECKS_H

#include "auth/env.h"
#include "auth/token.h"

struct checks;

/* Who waits; handed back by ended(). */
struct check_waiter {
    auth_done_fn *done;
    void *context;
    uint64_t id;
};

typedef void checks_ended_fn(void *owner, const struct check_waiter *waiter,
                             enum bcrypt_verdict verdict, const struct digest *token);

/* env is copied. NULL: out of memory. */
struct checks *checks_new(const struct auth_env *env, unsigned workers, unsigned queue_max,
                          checks_ended_fn *ended, void *owner);
/* No call of ended() comes after this; checks that wait are dropped. A computation that takes
 * over two seconds more is left behind with the memory it uses. NULL is allowed. */
void checks_free(struct checks *checks);

/* Starts the workers, once; before the first checks_ask(). */
enum err checks_start(struct checks *checks, struct errmsg *why);

enum checks_answer {
    CHECKS_RIGHT, /* remembered */
    CHECKS_WRONG, /* remembered */
    CHECKS_PENDING,
    CHECKS_LIMITED,
    CHECKS_QUEUE_FULL,
    CHECKS_NO_MEMORY,
};

/* credential is hashed; token has 1 to BCRYPT_PASSWORD_MAX bytes; waiter is copied. */
enum checks_answer checks_ask(struct checks *checks, struct credential *credential,
                              struct str token, const struct digest *digest, const char *address,
                              const struct check_waiter *waiter);

/* Is the token with this digest remembered as right? */
bool checks_know(struct checks *checks, const struct credential *credential,
                 const struct digest *digest);

/* Computes here and now whether the plain token fits the hash; if so that is remembered. */
void checks_carry(struct checks *checks, const struct credential *plain, struct credential *hash);

/* Fills bcrypt_checks, bcrypt_ns and queued_now. */
void checks_get_stats(struct checks *checks, struct auth_stats *stats);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * checks - bcrypt verdicts: remembered, or computed once for all who wait for the same one
 *
 * Owns     the pool, copies of the secrets that wait (secret memory, wiped when decided), the
 *          limits per address. A check holds a reference to its credentials, who waits to a policy.
 * Threads  any. ended() is called on a worker, no lock held.
 * Limits   queue_max distinct checks wait; an address has a few at a time and a few failures
 *          per second. Who joins a check under way, or sends what was verified, needs neither.
 *          A check tries up to AUTH_HASHES_TRIED_MAX hashes, those that are not decided yet.
 * Cost     one lock and a look-up; bcrypt runs on the pool only.
 */
#ifndef TESSERA_AUTH_CHECKS_H
#define TESSERA_AUTH_CHECKS_H

#include "auth/env.h"
#include "auth/policy.h"

struct checks;

/* Who waits; copied, and handed back by ended(). */
struct check_waiter {
    auth_done_fn *done;
    void *context;
    uint64_t id;
    struct auth_policy *policy;      /* counted while it waits */
    const struct policy_entry *user; /* the one that was named; NULL: a token, or nobody's name */
    enum auth_cause wrong;           /* the cause, if nothing fits */
    struct auth_pass pass;           /* without identity; digest is of what is checked */
};

/* BCRYPT_RIGHT: for one of the hashes, which remembers it. */
typedef void checks_ended_fn(void *owner, const struct check_waiter *waiter,
                             enum bcrypt_verdict verdict);

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

/* Does secret fit one of hashes? */
struct check_question {
    struct credential *hashes[AUTH_HASHES_TRIED_MAX];
    unsigned count;
    struct str secret; /* 1 to BCRYPT_PASSWORD_MAX bytes */
    const char *address;
};

enum checks_answer checks_ask(struct checks *checks, const struct check_question *question,
                              const struct check_waiter *waiter);

/* Is the secret with this digest remembered as right? */
bool checks_know(struct checks *checks, const struct credential *hash, const struct digest *digest);

/* Computes here and now whether the plain secret fits the hash; if so that is remembered. */
bool checks_carry(struct checks *checks, const struct credential *plain, struct credential *hash);

/* Fills bcrypt_checks, bcrypt_ns and queued_now. */
void checks_get_stats(struct checks *checks, struct auth_stats *stats);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - who may enter? (AUTH.md)
 *
 *   struct auth         one per server: the bcrypt pool, the table of verified tokens, limits
 *                       per address, counters
 *   struct auth_policy  what one configuration allows; immutable, counted, replaced whole
 *                       by a reload
 *
 * Threads  auth_check() and the policy's functions: any. Verdicts that needed bcrypt arrive
 *          on a thread of the pool.
 * Cost     a plain token, or a bcrypted one that verified before: one keyed digest (about a
 *          microsecond) and a look-up. bcrypt itself never runs on the caller's thread.
 * Limits   distinct bcrypt checks that wait: queue_max; per remote address: a few at a time and
 *          a few failures per second. Clients that send the same token wait for one check
 *          together; one that sends a token which verified before passes in any case.
 * Secrets  a token is wiped as soon as its verdict is known; only keyed digests stay (the
 *          key is drawn per process). Tokens and the key are kept out of core dumps.
 */
#ifndef TESSERA_AUTH_AUTH_H
#define TESSERA_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

enum auth_verdict {
    AUTH_OK,
    AUTH_REFUSED, /* -ERR 'Authorization Violation' */
    AUTH_PENDING, /* done() will be called, once */
    AUTH_BUSY,    /* not decided, come again: -ERR 'Authentication Timeout' */
};

/* Why a client was refused: for the operator's log and the counters, never for the wire. */
enum auth_cause {
    AUTH_CAUSE_NONE,
    AUTH_CAUSE_NO_TOKEN,  /* CONNECT without auth_token, or with an empty one */
    AUTH_CAUSE_USER_ONLY, /* the same, but a user or password was sent */
    AUTH_CAUSE_WRONG_TOKEN,
    AUTH_CAUSE_TOKEN_AS_USER, /* the token was sent in user or pass */
    AUTH_CAUSE_HASH_AS_TOKEN, /* the configured hash itself was sent */
    AUTH_CAUSE_TOO_LONG,      /* over 72 bytes against bcrypt */
    AUTH_CAUSE_CONTROL_BYTE,  /* NUL or another control byte in the token */
    AUTH_CAUSE_ACCOUNT,       /* account or new_account in CONNECT */
    AUTH_CAUSE_LIMITED,       /* too many failures or checks from this address */
    AUTH_CAUSE_QUEUE_FULL,
    AUTH_CAUSE_NO_MEMORY,
    AUTH_CAUSE_COUNT
};

/* "wrong token", "the configured hash was sent as the token"...: static text. */
const char *auth_cause_text(enum auth_cause cause);

/* What a client's CONNECT carries; borrowed for the call. data NULL: absent. */
struct auth_request {
    struct str auth_token, user, pass;
    bool account;        /* account or new_account was set */
    const char *address; /* the peer's IP as text, key of the limits */
};

/* A keyed digest of the token that let a client in, so that a reload can ask again. All zero:
 * it came without a token, while none was required. */
struct auth_pass {
    struct digest digest;
};

struct auth_result {
    enum auth_verdict verdict; /* AUTH_OK, AUTH_REFUSED or AUTH_BUSY */
    enum auth_cause cause;
    struct auth_pass pass; /* AUTH_OK only */
};

/* Called on a thread of the pool; must only hand the result over (a mailbox). */
typedef void auth_done_fn(void *context, uint64_t id, const struct auth_result *result);

struct auth;
struct auth_policy;

struct auth_stats {
    uint64_t ok, failed[AUTH_CAUSE_COUNT]; /* answers, by cause */
    uint64_t cache_hits;                   /* answers ok that a remembered digest gave */
    uint64_t bcrypt_checks, bcrypt_ns;     /* computations, and the time they took in all */
    uint64_t queued_now;                   /* distinct checks that wait for a worker */
};

/* workers 0: cores - 1, at least 1; they start with the first policy that has a hash.
 * queue_max 0: the default (see auth.c). NULL: out of memory. */
struct auth *auth_new(struct log *log, unsigned workers, unsigned queue_max);
/* Stops the pool; checks that still wait are dropped without a call. A computation that goes
 * on for more than two seconds (a hash of absurd cost) is left behind with its memory; its
 * result is dropped too. Policies may outlive this. NULL is allowed. */
void auth_free(struct auth *auth);
void auth_get_stats(struct auth *auth, struct auth_stats *stats);

/* May a failure from this address be logged now? Few per address and time may; *left_out
 * becomes the count of those from the address that could not since the last that could. */
bool auth_may_log(struct auth *auth, const char *address, uint64_t *left_out);

/* token NULL: no authentication is required. A token of the bcrypt form (AUTH.md 2) is a
 * hash. The configuration was validated before (bcrypt.h: bcrypt_form()). NULL: out of memory,
 * or no thread could be started for bcrypt (logged). */
struct auth_policy *auth_policy_new(struct auth *auth, const char *token);
struct auth_policy *auth_policy_ref(struct auth_policy *policy);
void auth_policy_unref(struct auth_policy *policy);
bool auth_policy_required(const struct auth_policy *policy);
/* About how long one bcrypt check takes here; 0 for a plain token. Measures for some ms. */
int64_t auth_policy_check_ns_estimate(const struct auth_policy *policy);

/* Decides now, or later through done(context, id, ...). result is filled unless AUTH_PENDING.
 * The verdict is on the policy that was given: after a reload in between, auth_recheck(). */
enum auth_verdict auth_check(struct auth *auth, struct auth_policy *policy,
                             const struct auth_request *request, struct auth_result *result,
                             auth_done_fn *done, void *context, uint64_t id);

/* Before a reload replaces old by new_policy, which no other thread has yet: the same hash keeps
 * what was verified; where old has a plain token and new_policy a hash, checks the one against
 * the other (one bcrypt computation on this thread), so that clients that entered with the
 * plain token stay. What was remembered for a hash that new_policy does not have goes with the
 * last reference to old. */
void auth_policy_carry(struct auth *auth, struct auth_policy *old, struct auth_policy *new_policy);

/* Would the client that entered with pass still enter under policy? Never runs bcrypt. */
bool auth_recheck(struct auth *auth, struct auth_policy *policy, const struct auth_pass *pass);

#endif

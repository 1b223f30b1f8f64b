/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - who may enter? (AUTH.md)
 *
 *   struct auth           one per server: the bcrypt pool, what it verified, limits per address,
 *                         counters
 *   struct auth_policy    what one configuration allows: tokens, or users and nkeys, or everyone;
 *                         counted, replaced whole by a reload
 *   struct auth_identity  as whom a client entered: one per entry of a policy, counted
 *
 * Order    an nkey, if the policy has some and one was sent; else a user (whom, if the policy says
 *          so, the certificate names, not CONNECT), or a token. Where tokens
 *          are configured, user, pass, nkey and sig beside them are ignored.
 * Threads  auth_check() and the functions of policies and identities: any. Verdicts that needed
 *          bcrypt arrive on a thread of the pool.
 * Cost     a plain secret, or a bcrypted one that verified before: a few keyed digests (about a
 *          microsecond each) and a look-up; with a list of tokens, a comparison of each. An nkey:
 *          about a tenth of a millisecond. bcrypt never runs on the caller's thread.
 * Limits   distinct bcrypt checks that wait: queue_max; per remote address: a few at a time and
 *          a few failures per second. Clients that send the same secret wait for one check
 *          together; one that sends what verified before passes in any case.
 * Secrets  a token or password is wiped as soon as its verdict is known; only keyed digests stay
 *          (the key is drawn per process). Secrets and the key are kept out of core dumps.
 *          How long it takes to refuse a user does not tell whether the user exists.
 */
#ifndef TESSERA_AUTH_AUTH_H
#define TESSERA_AUTH_AUTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/auth_options.h"

struct tls_identity;

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
    AUTH_CAUSE_NO_USER,       /* users are configured, and nothing was sent */
    AUTH_CAUSE_TOKEN_ONLY,    /* the same, but a token was sent */
    AUTH_CAUSE_WRONG_PASSWORD,
    AUTH_CAUSE_UNKNOWN_USER,    /* has the same text as a wrong password */
    AUTH_CAUSE_NKEY,            /* unknown, or not signed by its owner */
    AUTH_CAUSE_EXPIRED,         /* the right token, too late */
    AUTH_CAUSE_CONNECTION_TYPE, /* right, but not over this type of connection */
    AUTH_CAUSE_HASH_AS_TOKEN,   /* the configured hash itself was sent */
    AUTH_CAUSE_TOO_LONG,        /* over 72 bytes against bcrypt */
    AUTH_CAUSE_CONTROL_BYTE,    /* in a token: NUL or another; in a password, before bcrypt: NUL */
    AUTH_CAUSE_ACCOUNT,         /* account or new_account in CONNECT */
    AUTH_CAUSE_LIMITED,         /* too many failures or checks from this address */
    AUTH_CAUSE_QUEUE_FULL,
    AUTH_CAUSE_NO_MEMORY,
    AUTH_CAUSE_NO_CERTIFICATE,      /* the user comes from a certificate, and none was shown */
    AUTH_CAUSE_UNKNOWN_CERTIFICATE, /* one that names no user */
    AUTH_CAUSE_CHANGED,             /* right when it was asked; a reload came before the answer */
    AUTH_CAUSE_COUNT
};

/* "wrong token", "the configured hash was sent as the token"...: static text. */
const char *auth_cause_text(enum auth_cause cause);

/* What a client's CONNECT carries; borrowed for the call. data NULL: absent. */
struct auth_request {
    struct str auth_token, user, pass, nkey, sig;
    struct str nonce;                       /* what INFO said to this client; data NULL: none */
    bool account;                           /* account or new_account was set */
    unsigned connection_type;               /* one bit of enum connection_type */
    const char *address;                    /* the peer's IP as text, key of the limits */
    const struct tls_identity *certificate; /* the names of the one that TLS verified; NULL: none */
};

/* As whom a client entered. Immutable; a reload gives clients the one of the new policy. */
struct auth_identity {
    atomic_uint refs;
    enum auth_kind kind;
    bool anonymous;                  /* nobody had to prove anything: show no name */
    char *name;                      /* token's name, user or nkey; NULL: has none */
    struct permissions *permissions; /* NULL: everything */
    int64_t expires_ns;              /* wall clock; 0: never */
};

struct auth_identity *auth_identity_ref(struct auth_identity *identity);
void auth_identity_unref(struct auth_identity *identity); /* NULL is allowed */

/* What let a client in, as keyed digests, so that a reload can ask again. */
struct auth_pass {
    enum auth_kind kind;
    unsigned connection_type;
    struct digest digest, name; /* of the secret; of the user or nkey. Zero: none was sent */
    bool by_certificate;        /* which named the user */
    struct auth_identity *identity;
};

struct auth_result {
    enum auth_verdict verdict; /* AUTH_OK, AUTH_REFUSED or AUTH_BUSY */
    enum auth_cause cause;
    struct auth_pass pass; /* AUTH_OK only; one reference to its identity is the caller's */
};

/* Called on a thread of the pool; must only hand the result over (a mailbox). Takes the reference
 * in it. */
typedef void auth_done_fn(void *context, uint64_t id, const struct auth_result *result);

struct auth;
struct auth_policy;

struct auth_stats {
    uint64_t ok, failed[AUTH_CAUSE_COUNT]; /* answers, by cause */
    uint64_t cache_hits;                   /* answers ok that a verdict of before gave */
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

/* options were checked before: kinds that may stand together, names once each, hashes well-formed
 * and at most AUTH_HASHES_TRIED_MAX of them among tokens, nkeys valid, no_auth_user among the
 * users. A secret of the bcrypt form (AUTH.md 2) is a hash; nothing that is sent fits an absent or
 * empty one. NULL: out of memory, or no thread could be started for bcrypt (logged). */
struct auth_policy *auth_policy_new(struct auth *auth, const struct auth_options *options);
struct auth_policy *auth_policy_ref(struct auth_policy *policy);
void auth_policy_unref(struct auth_policy *policy);
bool auth_policy_required(const struct auth_policy *policy);
bool auth_policy_open(const struct auth_policy *policy); /* no_auth_user is set */
bool auth_policy_wants_nonce(const struct auth_policy *policy);
bool auth_policy_wants_certificate(const struct auth_policy *policy);
/* About how long one bcrypt check of the highest cost takes here; 0: there is no hash. Measures
 * for some ms. */
int64_t auth_policy_check_ns_estimate(const struct auth_policy *policy);

/* Decides now, or later through done(context, id, ...). result is filled unless AUTH_PENDING.
 * The verdict is on the policy that was given: after a reload in between, auth_recheck(). */
enum auth_verdict auth_check(struct auth *auth, struct auth_policy *policy,
                             const struct auth_request *request, struct auth_result *result,
                             auth_done_fn *done, void *context, uint64_t id);

/* The identity of no_auth_user, for a client whose first verb is not CONNECT. (For one whose
 * CONNECT carries no credentials auth_check() sees to it.) false: there is none, or not for
 * connections of this type; result is untouched then. */
bool auth_no_auth_user(struct auth *auth, struct auth_policy *policy, unsigned connection_type,
                       struct auth_result *result);

/* Before a reload replaces old by new_policy, which no other thread has yet: the same hash keeps
 * what was verified; where old has a plain token or password and new_policy a hash (for users: of
 * the same name), checks the one against the other, so that clients that entered with the plain
 * one stay. Those are bcrypt computations on this thread, for some two seconds at most; what
 * is left out then is logged. What was remembered for a hash that new_policy does not have goes
 * with the last reference to old. */
void auth_policy_carry(struct auth *auth, struct auth_policy *old, struct auth_policy *new_policy);

/* As whom would the client that entered with pass enter under policy now? One reference for the
 * caller; NULL: not any more. pass->identity is not looked at. Never runs bcrypt. */
struct auth_identity *auth_recheck(struct auth *auth, struct auth_policy *policy,
                                   const struct auth_pass *pass);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What lives as long as the server: making and freeing, numbers, texts, and the hand-over from one
 * policy to the next. Who may enter is decided in login.c.
 */
#include "auth/state.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

/* Distinct tokens, not clients. At cost 11 one worker needs half a minute for as many: whoever
 * is further back has given up before. */
#define QUEUE_MAX_DEFAULT 256
#define CARRY_MAX_NS      (2 * CLOCK_NS_PER_S)

/* Lines about failures, per address. */
static const struct limits_rule log_rule = { .burst = 5, .recovery_ns = 2 * CLOCK_NS_PER_S };

const char *
auth_cause_text(enum auth_cause cause)
{
    static const char *const texts[AUTH_CAUSE_COUNT] = {
        [AUTH_CAUSE_NONE] = "none",
        [AUTH_CAUSE_NO_TOKEN] = "no token was sent",
        [AUTH_CAUSE_USER_ONLY] = "no token was sent, only a user or password",
        [AUTH_CAUSE_WRONG_TOKEN] = "wrong token",
        [AUTH_CAUSE_TOKEN_AS_USER] = "the token was sent as user or password",
        [AUTH_CAUSE_NO_USER] = "no user was sent",
        [AUTH_CAUSE_TOKEN_ONLY] = "no user was sent, only a token",
        [AUTH_CAUSE_WRONG_PASSWORD] = "wrong user or password",
        [AUTH_CAUSE_UNKNOWN_USER] = "wrong user or password",
        [AUTH_CAUSE_NKEY] = "unknown nkey, or not signed by its owner",
        [AUTH_CAUSE_EXPIRED] = "the token has expired",
        [AUTH_CAUSE_CONNECTION_TYPE] = "not allowed over this type of connection",
        [AUTH_CAUSE_HASH_AS_TOKEN] = "the configured hash was sent as the token or password",
        [AUTH_CAUSE_TOO_LONG] = "the token or password is over 72 bytes, more than bcrypt compares",
        [AUTH_CAUSE_CONTROL_BYTE] = "the token or password has a control byte",
        [AUTH_CAUSE_ACCOUNT] = "an account was asked for",
        [AUTH_CAUSE_LIMITED] = "too many checks or failures from this address",
        [AUTH_CAUSE_QUEUE_FULL] = "too many checks wait",
        [AUTH_CAUSE_NO_MEMORY] = "out of memory",
        [AUTH_CAUSE_NO_CERTIFICATE] = "no client certificate was shown, which names the user",
        [AUTH_CAUSE_UNKNOWN_CERTIFICATE] = "no user has a name of the client certificate",
        [AUTH_CAUSE_CHANGED] = "the configuration changed during the check",
    };

    assert(cause < AUTH_CAUSE_COUNT);
    return texts[cause];
}

/* ---- making and freeing */

static int64_t
system_now_ns(void *context)
{
    (void)context;
    return clock_mono_ns();
}

static int64_t
system_wall_ns(void *context)
{
    (void)context;
    return clock_wall_ns();
}

static enum bcrypt_verdict
system_verify(void *context, struct bcrypt_scratch *scratch, const char *hash, const char *token,
              size_t len)
{
    (void)context;
    return bcrypt_verify(scratch, hash, token, len);
}

static unsigned
default_workers(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > 1 ? (unsigned)cores - 1 : 1;
}

struct auth *
auth_new(struct log *log, unsigned workers, unsigned queue_max)
{
    static const struct auth_env system = { system_now_ns, system_wall_ns, system_verify, NULL };

    return auth_new_env(log, workers, queue_max, &system);
}

struct auth *
auth_new_env(struct log *log, unsigned workers, unsigned queue_max, const struct auth_env *env)
{
    struct auth *auth = calloc(1, sizeof(*auth));

    if (auth == NULL)
        return NULL;
    auth->log = log;
    auth->env = *env;
    pthread_mutex_init(&auth->lock, NULL);
    auth->key = digest_key_new();
    auth->log_limits = limits_new(&log_rule);
    auth->checks =
        checks_new(env, workers > 0 ? workers : default_workers(),
                   queue_max > 0 ? queue_max : QUEUE_MAX_DEFAULT, login_check_ended, auth);
    if (auth->key == NULL || auth->log_limits == NULL || auth->checks == NULL) {
        auth_free(auth);
        return NULL;
    }
    return auth;
}

void
auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    checks_free(auth->checks);
    limits_free(auth->log_limits);
    digest_key_free(auth->key);
    pthread_mutex_destroy(&auth->lock);
    free(auth);
}

void
auth_get_stats(struct auth *auth, struct auth_stats *stats)
{
    stats->ok = atomic_load_explicit(&auth->ok, memory_order_relaxed);
    for (int i = 0; i < AUTH_CAUSE_COUNT; i++)
        stats->failed[i] = atomic_load_explicit(&auth->failed[i], memory_order_relaxed);
    stats->cache_hits = atomic_load_explicit(&auth->cache_hits, memory_order_relaxed);
    checks_get_stats(auth->checks, stats);
}

bool
auth_may_log(struct auth *auth, const char *address, uint64_t *left_out)
{
    struct limits_key key = limits_key_of(address);
    int64_t now_ns = auth->env.now_ns(auth->env.context);
    bool may;

    pthread_mutex_lock(&auth->lock);
    may = limits_pass(auth->log_limits, &key, now_ns, left_out);
    pthread_mutex_unlock(&auth->lock);
    return may;
}

/* ---- policies */

struct auth_policy *
auth_policy_new(struct auth *auth, const struct auth_options *options)
{
    struct auth_policy *policy = policy_new(auth->key, options);
    struct errmsg why;

    if (policy == NULL)
        return NULL;
    if (policy_has_hashes(policy) && checks_start(auth->checks, &why) != ERR_OK) {
        log_err(auth->log, "No bcrypted token or password can be checked: %s", why.text);
        auth_policy_unref(policy);
        return NULL;
    }
    return policy;
}

/* ---- from one policy to the next */

struct carry {
    struct auth *auth;
    const struct auth_policy *old, *next;
    int64_t end_ns;
    unsigned left_out; /* hashes for which there was no time */
};

static bool
same_name(const struct auth_identity *a, const struct auth_identity *b)
{
    return str_eq(str_of(a->name), str_of(b->name));
}

/* The entries of old that entry may come from: a user of the same name, or all tokens. */
static size_t
candidates(const struct auth_policy *old, const struct policy_entry *entry,
           const struct policy_entry **first)
{
    *first = old->tokens ? old->entries : policy_find(old, &entry->name);
    if (*first == NULL)
        return 0;
    return old->tokens ? old->count : 1;
}

/* Its clients stay without any help. */
static bool
stays_plain(const struct auth_policy *next, const struct digest *digest)
{
    bool stays = false;

    for (size_t i = 0; i < next->count && next->tokens; i++)
        stays |= digest_equal(&next->entries[i].credential->digest, digest);
    return stays;
}

/* true: no need to look for another that fits. */
static bool
carry_plain(struct carry *carry, const struct credential *plain, struct credential *hash)
{
    if (plain == NULL || plain->hashed || stays_plain(carry->next, &plain->digest))
        return false;
    if (carry->auth->env.now_ns(carry->auth->env.context) >= carry->end_ns) {
        carry->left_out++;
        return true;
    }
    return checks_carry(carry->auth->checks, plain, hash);
}

static void
carry_entry(struct carry *carry, struct policy_entry *entry)
{
    const struct policy_entry *from;
    size_t count = candidates(carry->old, entry, &from);

    for (size_t i = 0; i < count; i++) {
        struct credential *credential = from[i].credential;

        if (credential != NULL && digest_equal(&credential->digest, &entry->credential->digest)) {
            policy_share_credential(entry, credential);
            return;
        }
    }
    /* Most likely a token that became a hash kept its name. */
    for (int named = 1; named >= 0; named--) {
        for (size_t i = 0; i < count; i++) {
            if (same_name(from[i].identity, entry->identity) == named &&
                carry_plain(carry, from[i].credential, entry->credential))
                return;
        }
    }
}

void
auth_policy_carry(struct auth *auth, struct auth_policy *old, struct auth_policy *new_policy)
{
    struct carry carry = { .auth = auth,
                           .old = old,
                           .next = new_policy,
                           .end_ns = auth->env.now_ns(auth->env.context) + CARRY_MAX_NS };

    if (old->tokens != new_policy->tokens)
        return;
    for (size_t i = 0; i < new_policy->count; i++) {
        struct policy_entry *entry = &new_policy->entries[i];

        if (entry->credential != NULL && entry->credential->hashed)
            carry_entry(&carry, entry);
    }
    if (carry.left_out > 0)
        log_wrn(auth->log,
                "Hashes that could not be compared with the plain secrets they replace, for want "
                "of time: %u; clients of those have to log in again",
                carry.left_out);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of token.h come first, then, for a hash, the verdicts of checks.h. Here the two
 * become an answer with a cause, and answers are counted.
 */
#include "auth/auth.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/checks.h"
#include "auth/limits.h"
#include "auth/token.h"
#include "base/clock.h"

/* Distinct tokens, not clients. At cost 11 one worker needs half a minute for as many: whoever
 * is further back has given up before. */
#define QUEUE_MAX_DEFAULT 256
#define FULL_WARNING_NS   (10 * CLOCK_NS_PER_S)

/* Lines about failures, per address. */
static const struct limits_rule log_rule = { .burst = 5, .recovery_ns = 2 * CLOCK_NS_PER_S };

struct auth {
    struct log *log;
    struct auth_env env;
    struct digest_key *key;
    struct checks *checks;
    /* Relaxed: each is a number of its own. */
    _Atomic uint64_t ok, failed[AUTH_CAUSE_COUNT], cache_hits;
    pthread_mutex_t lock;
    /* under lock */
    struct limits *log_limits;
    int64_t full_warned_ns; /* 0: never */
    uint64_t full_count;    /* clients turned away since then */
};

const char *
auth_cause_text(enum auth_cause cause)
{
    static const char *const texts[AUTH_CAUSE_COUNT] = {
        [AUTH_CAUSE_NONE] = "none",
        [AUTH_CAUSE_NO_TOKEN] = "no token was sent",
        [AUTH_CAUSE_USER_ONLY] = "no token was sent, only a user or password",
        [AUTH_CAUSE_WRONG_TOKEN] = "wrong token",
        [AUTH_CAUSE_TOKEN_AS_USER] = "the token was sent as user or password",
        [AUTH_CAUSE_HASH_AS_TOKEN] = "the configured hash was sent as the token",
        [AUTH_CAUSE_TOO_LONG] = "the token is over 72 bytes, more than bcrypt compares",
        [AUTH_CAUSE_CONTROL_BYTE] = "the token has a control byte",
        [AUTH_CAUSE_ACCOUNT] = "an account was asked for",
        [AUTH_CAUSE_LIMITED] = "too many checks or failures from this address",
        [AUTH_CAUSE_QUEUE_FULL] = "too many checks wait",
        [AUTH_CAUSE_NO_MEMORY] = "out of memory",
    };

    assert(cause < AUTH_CAUSE_COUNT);
    return texts[cause];
}

/* ---- answers */

static void
count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum auth_verdict
admit(struct auth *auth, struct auth_result *result, const struct digest *digest)
{
    *result = (struct auth_result) { .verdict = AUTH_OK, .pass.digest = *digest };
    count(&auth->ok);
    return AUTH_OK;
}

static enum auth_verdict
turn_away(struct auth *auth, struct auth_result *result, enum auth_verdict verdict,
          enum auth_cause cause)
{
    *result = (struct auth_result) { .verdict = verdict, .cause = cause };
    count(&auth->failed[cause]);
    return verdict;
}

static enum auth_verdict
refuse(struct auth *auth, struct auth_result *result, enum auth_cause cause)
{
    return turn_away(auth, result, AUTH_REFUSED, cause);
}

static void
check_ended(void *owner, const struct check_waiter *waiter, enum bcrypt_verdict verdict,
            const struct digest *token)
{
    struct auth_result result;

    switch (verdict) {
    case BCRYPT_RIGHT:
        (void)admit(owner, &result, token);
        break;
    case BCRYPT_WRONG:
        (void)refuse(owner, &result, AUTH_CAUSE_WRONG_TOKEN);
        break;
    case BCRYPT_FAILED:
        (void)turn_away(owner, &result, AUTH_BUSY, AUTH_CAUSE_NO_MEMORY);
        break;
    }
    waiter->done(waiter->context, waiter->id, &result);
}

/* ---- making and freeing */

static int64_t
system_now_ns(void *context)
{
    (void)context;
    return clock_mono_ns();
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
    static const struct auth_env system = { system_now_ns, system_verify, NULL };

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
    auth->checks = checks_new(env, workers > 0 ? workers : default_workers(),
                              queue_max > 0 ? queue_max : QUEUE_MAX_DEFAULT, check_ended, auth);
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
auth_policy_new(struct auth *auth, const char *token)
{
    struct auth_policy *policy = calloc(1, sizeof(*policy));
    struct errmsg why;

    if (policy == NULL)
        return NULL;
    policy->refs = 1;
    if (token == NULL)
        return policy;
    policy->credential = credential_new(auth->key, token);
    if (policy->credential == NULL) {
        auth_policy_unref(policy);
        return NULL;
    }
    if (policy->credential->hashed && checks_start(auth->checks, &why) != ERR_OK) {
        log_err(auth->log, "No bcrypted token can be checked: %s", why.text);
        auth_policy_unref(policy);
        return NULL;
    }
    return policy;
}

void
auth_policy_carry(struct auth *auth, struct auth_policy *old, struct auth_policy *new_policy)
{
    struct credential *from = old->credential, *to = new_policy->credential;

    if (from == NULL || to == NULL || !to->hashed)
        return;
    if (!from->hashed) {
        checks_carry(auth->checks, from, to);
    } else if (digest_equal(&from->digest, &to->digest)) {
        new_policy->credential = credential_ref(from);
        credential_unref(to);
    }
}

/* Is the token with this digest known to fit? Never runs bcrypt. */
static bool
known_right(struct auth *auth, const struct credential *credential, const struct digest *digest)
{
    return credential->hashed ? checks_know(auth->checks, credential, digest)
                              : digest_equal(&credential->digest, digest);
}

bool
auth_recheck(struct auth *auth, struct auth_policy *policy, const struct auth_pass *pass)
{
    return policy->credential == NULL || known_right(auth, policy->credential, &pass->digest);
}

/* ---- auth_check() */

static bool
is_right_token(struct auth *auth, const struct credential *credential, struct str text)
{
    struct digest digest;

    return text.len > 0 && digest_of(auth->key, text.data, text.len, &digest) &&
           known_right(auth, credential, &digest);
}

static void
warn_queue_full(struct auth *auth)
{
    int64_t now_ns = auth->env.now_ns(auth->env.context);
    uint64_t turned_away = 0;

    pthread_mutex_lock(&auth->lock);
    auth->full_count++;
    if (auth->full_warned_ns == 0 || now_ns - auth->full_warned_ns >= FULL_WARNING_NS) {
        turned_away = auth->full_count;
        auth->full_count = 0;
        auth->full_warned_ns = now_ns;
    }
    pthread_mutex_unlock(&auth->lock);
    if (turned_away > 0)
        log_wrn(auth->log,
                "The authentication queue is full: more distinct tokens wait for bcrypt than can "
                "be checked, clients told to try again: %llu",
                (unsigned long long)turned_away);
}

static enum auth_verdict
answer_hashed(struct auth *auth, enum checks_answer answer, const struct digest *digest,
              struct auth_result *result)
{
    switch (answer) {
    case CHECKS_RIGHT:
        count(&auth->cache_hits);
        return admit(auth, result, digest);
    case CHECKS_WRONG:
        return refuse(auth, result, AUTH_CAUSE_WRONG_TOKEN);
    case CHECKS_PENDING:
        return AUTH_PENDING;
    case CHECKS_LIMITED:
        return turn_away(auth, result, AUTH_BUSY, AUTH_CAUSE_LIMITED);
    case CHECKS_QUEUE_FULL:
        warn_queue_full(auth);
        return turn_away(auth, result, AUTH_BUSY, AUTH_CAUSE_QUEUE_FULL);
    case CHECKS_NO_MEMORY:
        break;
    }
    return turn_away(auth, result, AUTH_BUSY, AUTH_CAUSE_NO_MEMORY);
}

static enum auth_cause
why_no_token(struct auth *auth, const struct credential *credential,
             const struct auth_request *request)
{
    if (is_right_token(auth, credential, request->user) ||
        is_right_token(auth, credential, request->pass))
        return AUTH_CAUSE_TOKEN_AS_USER;
    return request->user.len + request->pass.len > 0 ? AUTH_CAUSE_USER_ONLY : AUTH_CAUSE_NO_TOKEN;
}

enum auth_verdict
auth_check(struct auth *auth, struct auth_policy *policy, const struct auth_request *request,
           struct auth_result *result, auth_done_fn *done, void *context, uint64_t id)
{
    struct credential *credential = policy->credential;
    const struct check_waiter waiter = { done, context, id };
    struct str token = request->auth_token;
    struct digest digest = { { 0 } };
    enum auth_cause cause;

    if (request->account)
        return refuse(auth, result, AUTH_CAUSE_ACCOUNT);
    if (token.len > 0 && !digest_of(auth->key, token.data, token.len, &digest))
        return turn_away(auth, result, AUTH_BUSY, AUTH_CAUSE_NO_MEMORY);
    if (credential == NULL)
        return admit(auth, result, &digest);
    if (token.len == 0)
        return refuse(auth, result, why_no_token(auth, credential, request));
    cause = token_judge(credential, token, &digest);
    if (cause != AUTH_CAUSE_NONE)
        return refuse(auth, result, cause);
    if (!credential->hashed)
        return admit(auth, result, &digest);
    return answer_hashed(
        auth, checks_ask(auth->checks, credential, token, &digest, request->address, &waiter),
        &digest, result);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a bcrypted token, all but the last step under checks.lock:
 *
 *   remembered?            -> the answer (right ones whatever the address did, wrong ones too)
 *   a check of it waits?   -> wait for that one together; costs nobody anything
 *   limits of the address  -> LIMITED
 *   a place in the queue   -> QUEUE_FULL
 *   a worker computes      -> remembered; then ended() for each who waited, without the lock
 *
 * Asking, joining and queueing are one critical section, as are remembering and ending a check:
 * hence one computation per token, however many come at once.
 *
 * The copies of tokens live in one piece of secret memory made at start, as many as can wait
 * and run. Lock order: checks.lock, then the pool's own.
 */
#include "auth/checks.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/limits.h"
#include "auth/pool.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"

#define BUCKETS      256
#define STOP_WAIT_MS 2000

/* Four checks of one address delay others by half a second at cost 11. */
static const struct limits_rule rule = {
    .checks_max = 4,
    .burst = 10,
    .recovery_ns = CLOCK_NS_PER_S / 2,
};

struct waiting {
    struct waiting *next;
    struct check_waiter waiter;
};

struct check {
    struct list link; /* in a bucket, or among the free ones */
    struct credential *credential;
    struct digest digest;
    struct limits_key address; /* who pays for it */
    struct waiting *first, **end;
    size_t token_len;
    char token[BCRYPT_PASSWORD_MAX];
};

struct checks {
    struct auth_env env;
    checks_ended_fn *ended;
    void *owner;
    struct pool *pool;
    unsigned workers;
    struct bcrypt_scratch **scratches;         /* one per worker */
    _Atomic uint64_t bcrypt_checks, bcrypt_ns; /* relaxed: numbers of their own */
    pthread_mutex_t lock;
    /* under lock, as is `verified` of every credential */
    struct limits *limits;
    struct check *slots; /* secret memory, slots_size bytes */
    size_t slots_size;
    struct list free, buckets[BUCKETS];
    bool stopping;
};

static int64_t
now_ns(const struct checks *checks)
{
    return checks->env.now_ns(checks->env.context);
}

/* ---- one check, from its slot and back */

static struct list *
bucket_of(struct checks *checks, const struct digest *digest)
{
    return &checks->buckets[digest->bytes[0] % BUCKETS];
}

static void
fill_locked(struct checks *checks, struct check *check, struct credential *credential,
            struct str token, const struct digest *digest)
{
    assert(token.len <= sizeof(check->token));
    list_remove(&check->link);
    check->credential = credential_ref(credential);
    check->digest = *digest;
    check->first = NULL;
    check->end = &check->first;
    check->token_len = token.len;
    memcpy(check->token, token.data, token.len);
    list_push_back(bucket_of(checks, digest), &check->link);
}

/* Wipes the slot and gives it back; those who wait were taken before. */
static void
release_locked(struct checks *checks, struct check *check)
{
    list_remove(&check->link);
    credential_unref(check->credential);
    mem_wipe(check, sizeof(*check));
    list_push_back(&checks->free, &check->link);
}

static void
free_waiting(struct waiting *waiting)
{
    while (waiting != NULL) {
        struct waiting *next = waiting->next;

        free(waiting);
        waiting = next;
    }
}

/* ---- computing */

static enum bcrypt_verdict
compute(struct checks *checks, struct bcrypt_scratch *scratch, const struct credential *hash,
        const char *token, size_t len)
{
    int64_t start_ns = now_ns(checks);
    enum bcrypt_verdict verdict =
        checks->env.verify(checks->env.context, scratch, hash->text, token, len);

    atomic_fetch_add_explicit(&checks->bcrypt_checks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&checks->bcrypt_ns, (uint64_t)(now_ns(checks) - start_ns),
                              memory_order_relaxed);
    return verdict;
}

static void
run_check(void *context, void *job, unsigned worker)
{
    struct checks *checks = context;
    struct check *check = job;
    struct digest digest = check->digest;
    enum bcrypt_verdict verdict = compute(checks, checks->scratches[worker], check->credential,
                                          check->token, check->token_len);
    struct waiting *first;
    bool wanted;

    pthread_mutex_lock(&checks->lock);
    wanted = !checks->stopping;
    if (verdict != BCRYPT_FAILED)
        verified_add(&check->credential->verified, &digest,
                     verdict == BCRYPT_RIGHT ? VERIFIED_RIGHT : VERIFIED_WRONG);
    limits_end(checks->limits, &check->address, verdict == BCRYPT_WRONG, now_ns(checks));
    first = check->first;
    release_locked(checks, check);
    pthread_mutex_unlock(&checks->lock);

    for (struct waiting *at = first; wanted && at != NULL; at = at->next)
        checks->ended(checks->owner, &at->waiter, verdict, &digest);
    free_waiting(first);
}

/* ---- making and freeing */

static bool
make_slots(struct checks *checks, unsigned count)
{
    checks->slots_size = count * sizeof(*checks->slots);
    checks->slots = secret_alloc(checks->slots_size);
    if (checks->slots == NULL)
        return false;
    for (unsigned i = 0; i < count; i++)
        list_push_back(&checks->free, &checks->slots[i].link);
    return true;
}

static bool
make_scratches(struct checks *checks)
{
    checks->scratches = calloc(checks->workers, sizeof(struct bcrypt_scratch *));
    if (checks->scratches == NULL)
        return false;
    for (unsigned i = 0; i < checks->workers; i++) {
        checks->scratches[i] = bcrypt_scratch_new();
        if (checks->scratches[i] == NULL)
            return false;
    }
    return true;
}

struct checks *
checks_new(const struct auth_env *env, unsigned workers, unsigned queue_max, checks_ended_fn *ended,
           void *owner)
{
    struct checks *checks = calloc(1, sizeof(*checks));

    if (checks == NULL)
        return NULL;
    checks->env = *env;
    checks->ended = ended;
    checks->owner = owner;
    checks->workers = workers;
    pthread_mutex_init(&checks->lock, NULL);
    list_init(&checks->free);
    for (int i = 0; i < BUCKETS; i++)
        list_init(&checks->buckets[i]);
    checks->limits = limits_new(&rule);
    checks->pool = pool_new(workers, queue_max, run_check, checks);
    if (checks->limits == NULL || checks->pool == NULL || !make_scratches(checks) ||
        !make_slots(checks, queue_max + workers)) {
        checks_free(checks);
        return NULL;
    }
    return checks;
}

static void
drop_all_locked(struct checks *checks)
{
    struct list *at, *next;

    for (int i = 0; i < BUCKETS; i++) {
        LIST_FOREACH_SAFE(at, next, &checks->buckets[i])
        {
            struct check *check = LIST_ENTRY(at, struct check, link);

            free_waiting(check->first);
            release_locked(checks, check);
        }
    }
}

void
checks_free(struct checks *checks)
{
    if (checks == NULL)
        return;
    pthread_mutex_lock(&checks->lock);
    checks->stopping = true;
    pthread_mutex_unlock(&checks->lock);
    if (checks->pool != NULL && !pool_stop(checks->pool, STOP_WAIT_MS))
        return;              /* a worker still uses all of this */
    drop_all_locked(checks); /* nobody is left to lock out */
    pool_free(checks->pool);
    for (unsigned i = 0; checks->scratches != NULL && i < checks->workers; i++)
        bcrypt_scratch_free(checks->scratches[i]);
    free(checks->scratches);
    secret_free(checks->slots, checks->slots_size);
    limits_free(checks->limits);
    pthread_mutex_destroy(&checks->lock);
    free(checks);
}

enum err
checks_start(struct checks *checks, struct errmsg *why)
{
    return pool_start(checks->pool, why);
}

/* ---- asking */

static struct check *
find_locked(struct checks *checks, const struct credential *credential, const struct digest *digest)
{
    struct list *at, *next;

    LIST_FOREACH_SAFE(at, next, bucket_of(checks, digest))
    {
        struct check *check = LIST_ENTRY(at, struct check, link);

        if (check->credential == credential && digest_equal(&check->digest, digest))
            return check;
    }
    return NULL;
}

/* Queues a new check; NULL: *refused says why not. */
static struct check *
start_locked(struct checks *checks, struct credential *credential, struct str token,
             const struct digest *digest, const char *address, enum checks_answer *refused)
{
    struct limits_key key = limits_key_of(address);
    int64_t now = now_ns(checks);
    struct check *check;

    *refused = CHECKS_LIMITED;
    if (!limits_begin(checks->limits, &key, now))
        return NULL;
    *refused = CHECKS_QUEUE_FULL;
    if (!list_empty(&checks->free)) {
        check = LIST_ENTRY(checks->free.next, struct check, link);
        fill_locked(checks, check, credential, token, digest);
        check->address = key;
        if (pool_submit(checks->pool, check))
            return check;
        release_locked(checks, check);
    }
    limits_end(checks->limits, &key, false, now);
    return NULL;
}

static enum checks_answer
await_locked(struct checks *checks, struct credential *credential, struct str token,
             const struct digest *digest, const char *address, const struct check_waiter *waiter)
{
    struct waiting *waiting = malloc(sizeof(*waiting));
    enum checks_answer refused;
    struct check *check;

    if (waiting == NULL)
        return CHECKS_NO_MEMORY;
    check = find_locked(checks, credential, digest);
    if (check == NULL)
        check = start_locked(checks, credential, token, digest, address, &refused);
    if (check == NULL) {
        free(waiting);
        return refused;
    }
    *waiting = (struct waiting) { NULL, *waiter };
    *check->end = waiting;
    check->end = &waiting->next;
    return CHECKS_PENDING;
}

enum checks_answer
checks_ask(struct checks *checks, struct credential *credential, struct str token,
           const struct digest *digest, const char *address, const struct check_waiter *waiter)
{
    enum checks_answer answer = CHECKS_PENDING;

    assert(credential->hashed && waiter->done != NULL);
    pthread_mutex_lock(&checks->lock);
    switch (verified_ask(&credential->verified, digest)) {
    case VERIFIED_RIGHT:
        answer = CHECKS_RIGHT;
        break;
    case VERIFIED_WRONG:
        answer = CHECKS_WRONG;
        break;
    case VERIFIED_UNKNOWN:
        answer = await_locked(checks, credential, token, digest, address, waiter);
        break;
    }
    pthread_mutex_unlock(&checks->lock);
    return answer;
}

bool
checks_know(struct checks *checks, const struct credential *credential, const struct digest *digest)
{
    bool right;

    pthread_mutex_lock(&checks->lock);
    right = verified_ask(&credential->verified, digest) == VERIFIED_RIGHT;
    pthread_mutex_unlock(&checks->lock);
    return right;
}

void
checks_carry(struct checks *checks, const struct credential *plain, struct credential *hash)
{
    struct bcrypt_scratch *scratch = bcrypt_scratch_new();
    bool right;

    if (scratch == NULL)
        return; /* the clients of the plain token dial again, and are checked then */
    right = compute(checks, scratch, hash, plain->text, plain->text_len) == BCRYPT_RIGHT;
    bcrypt_scratch_free(scratch);
    if (!right)
        return;
    pthread_mutex_lock(&checks->lock);
    verified_add(&hash->verified, &plain->digest, VERIFIED_RIGHT);
    pthread_mutex_unlock(&checks->lock);
}

void
checks_get_stats(struct checks *checks, struct auth_stats *stats)
{
    stats->bcrypt_checks = atomic_load_explicit(&checks->bcrypt_checks, memory_order_relaxed);
    stats->bcrypt_ns = atomic_load_explicit(&checks->bcrypt_ns, memory_order_relaxed);
    stats->queued_now = pool_waiting(checks->pool);
}

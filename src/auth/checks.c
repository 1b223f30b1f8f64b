/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a secret that is tried against a list of hashes, all but the last steps under
 * checks.lock:
 *
 *   remembered as right?   -> the answer, whatever the address did
 *   wrong for all hashes?  -> the answer
 *   a check of it waits?   -> wait for that one together; costs nobody anything
 *   limits of the address  -> parked till another of its checks ends, a few; or LIMITED
 *   a place in the queue   -> QUEUE_FULL
 *   a worker computes      -> one hash after the other, each verdict remembered at once, until
 *                             one fits; then ended() for each who waited, without the lock
 *
 * Asking, joining and queueing are one critical section, as are remembering and going on to the
 * next hash: hence one computation per secret and hash, however many come at once.
 *
 *      hashes of a check      A  B  C  D
 *      current                      ^         A and B are known not to fit, C is computed
 *
 * Who comes now has still to know about C and D, and waits for this check. Whoever has to know
 * about others, as a reload changed the list, gets a check of his own.
 *
 * The copies of secrets live in one piece of secret memory made at start, as many as can wait
 * and run. Lock order: checks.lock, then the pool's own.
 */
#include "auth/checks.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/limits.h"
#include "auth/pool.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/secret.h"

#define BUCKETS      256
#define STOP_WAIT_MS 2000

/* Four checks of one address delay others by half a second at cost 11. The parked ones delay
 * only its own: a fleet of several tokens or users behind one address gets in. */
static const struct limits_rule rule = {
    .checks_max = 4,
    .parked_max = 16,
    .burst = 10,
    .recovery_ns = CLOCK_NS_PER_S / 2,
};

struct waiting {
    struct waiting *next;
    struct check_waiter waiter;
};

struct check {
    struct list link; /* in a bucket, or among the free ones */
    struct list turn; /* among the parked ones; only while parked */
    struct credential *hashes[AUTH_HASHES_TRIED_MAX];
    unsigned count, current; /* current: moved by the worker, under checks.lock */
    struct digest digest;
    struct limits_key address; /* who pays for it */
    struct waiting *first, **end;
    size_t secret_len;
    char secret[BCRYPT_PASSWORD_MAX];
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
    /* under lock, as is `right` of every credential */
    struct limits *limits;
    struct verified_wrong wrong;
    struct check *slots; /* secret memory, slots_size bytes */
    size_t slots_size;
    struct list free, buckets[BUCKETS];
    struct list parked;                /* the oldest first */
    unsigned parked_count, parked_max; /* half of the places are for those who need not wait */
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
fill_locked(struct checks *checks, struct check *check, const struct check_question *question,
            const struct digest *digest)
{
    assert(question->secret.len <= sizeof(check->secret));
    list_remove(&check->link);
    for (unsigned i = 0; i < question->count; i++)
        check->hashes[i] = credential_ref(question->hashes[i]);
    check->count = question->count;
    check->current = 0;
    check->digest = *digest;
    check->address = limits_key_of(question->address);
    check->first = NULL;
    check->end = &check->first;
    check->secret_len = question->secret.len;
    memcpy(check->secret, question->secret.data, question->secret.len);
    list_push_back(bucket_of(checks, digest), &check->link);
}

/* Wipes the slot and gives it back; those who wait were taken before. */
static void
release_locked(struct checks *checks, struct check *check)
{
    list_remove(&check->link);
    for (unsigned i = 0; i < check->count; i++)
        credential_unref(check->hashes[i]);
    mem_wipe(check, sizeof(*check));
    list_push_back(&checks->free, &check->link);
}

static void
free_waiting(struct waiting *waiting)
{
    while (waiting != NULL) {
        struct waiting *next = waiting->next;

        auth_policy_unref(waiting->waiter.policy);
        free(waiting);
        waiting = next;
    }
}

/* ---- computing */

static enum bcrypt_verdict
compute(struct checks *checks, struct bcrypt_scratch *scratch, const struct credential *hash,
        const char *secret, size_t len)
{
    int64_t start_ns = now_ns(checks);
    enum bcrypt_verdict verdict =
        checks->env.verify(checks->env.context, scratch, hash->text, secret, len);

    atomic_fetch_add_explicit(&checks->bcrypt_checks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&checks->bcrypt_ns, (uint64_t)(now_ns(checks) - start_ns),
                              memory_order_relaxed);
    return verdict;
}

static void
remember_locked(struct checks *checks, struct credential *hash, const struct digest *digest,
                enum bcrypt_verdict verdict)
{
    if (verdict == BCRYPT_RIGHT)
        verified_add_right(&hash->right, digest);
    else if (verdict == BCRYPT_WRONG)
        verified_add_wrong(&checks->wrong, &hash->digest, digest);
}

/* An address has room for another: its oldest parked check starts. */
static void
unpark_locked(struct checks *checks)
{
    struct list *at, *next;

    LIST_FOREACH_SAFE(at, next, &checks->parked)
    {
        struct check *check = LIST_ENTRY(at, struct check, turn);

        if (!limits_unpark(checks->limits, &check->address))
            continue;
        list_remove(&check->turn);
        checks->parked_count--;
        if (!pool_submit(checks->pool, check))
            abort(); /* the pool has a place for every slot */
        return;
    }
}

/* Ends the check and takes those who wait, unless there is another hash to try: then false. */
static bool
go_on(struct checks *checks, struct check *check, enum bcrypt_verdict verdict,
      struct waiting **first, bool *wanted)
{
    bool ended;

    pthread_mutex_lock(&checks->lock);
    *wanted = !checks->stopping;
    remember_locked(checks, check->hashes[check->current], &check->digest, verdict);
    ended = verdict != BCRYPT_WRONG || check->current + 1 == check->count || !*wanted;
    if (ended) {
        limits_end(checks->limits, &check->address, verdict == BCRYPT_WRONG, now_ns(checks));
        *first = check->first;
        release_locked(checks, check);
        if (*wanted)
            unpark_locked(checks);
    } else {
        check->current++;
    }
    pthread_mutex_unlock(&checks->lock);
    return ended;
}

static void
run_check(void *context, void *job, unsigned worker)
{
    struct checks *checks = context;
    struct check *check = job;
    enum bcrypt_verdict verdict;
    struct waiting *first;
    bool wanted;

    do {
        verdict = compute(checks, checks->scratches[worker], check->hashes[check->current],
                          check->secret, check->secret_len);
    } while (!go_on(checks, check, verdict, &first, &wanted));
    for (struct waiting *at = first; wanted && at != NULL; at = at->next)
        checks->ended(checks->owner, &at->waiter, verdict);
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
    checks->parked_max = queue_max / 2;
    pthread_mutex_init(&checks->lock, NULL);
    list_init(&checks->free);
    list_init(&checks->parked);
    for (int i = 0; i < BUCKETS; i++)
        list_init(&checks->buckets[i]);
    checks->limits = limits_new(&rule);
    checks->pool = pool_new(workers, queue_max + workers, run_check, checks);
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

/* Does the check end with a verdict on all that is asked, and on nothing else? */
static bool
decides_locked(const struct check *check, const struct check_question *question)
{
    unsigned begin = check->count - question->count;

    return question->count <= check->count && begin == check->current &&
           memcmp(check->hashes + begin, question->hashes,
                  question->count * sizeof(question->hashes[0])) == 0;
}

static struct check *
find_locked(struct checks *checks, const struct check_question *question,
            const struct digest *digest)
{
    struct list *at, *next;

    LIST_FOREACH_SAFE(at, next, bucket_of(checks, digest))
    {
        struct check *check = LIST_ENTRY(at, struct check, link);

        if (digest_equal(&check->digest, digest) && decides_locked(check, question))
            return check;
    }
    return NULL;
}

/* Queues or parks a new check; NULL: *refused says why not. */
static struct check *
start_locked(struct checks *checks, const struct check_question *question,
             const struct digest *digest, enum checks_answer *refused)
{
    struct limits_key key = limits_key_of(question->address);
    int64_t now = now_ns(checks);
    struct check *check;
    bool starts;

    *refused = CHECKS_QUEUE_FULL;
    if (list_empty(&checks->free))
        return NULL;
    *refused = CHECKS_LIMITED;
    starts = limits_begin(checks->limits, &key, now);
    if (!starts &&
        (checks->parked_count == checks->parked_max || !limits_park(checks->limits, &key, now)))
        return NULL;
    check = LIST_ENTRY(checks->free.next, struct check, link);
    fill_locked(checks, check, question, digest);
    if (starts && !pool_submit(checks->pool, check))
        abort(); /* the pool has a place for every slot */
    if (!starts) {
        list_push_back(&checks->parked, &check->turn);
        checks->parked_count++;
    }
    return check;
}

static enum checks_answer
await_locked(struct checks *checks, const struct check_question *question,
             const struct check_waiter *waiter)
{
    const struct digest *digest = &waiter->pass.digest;
    struct waiting *waiting = malloc(sizeof(*waiting));
    enum checks_answer refused;
    struct check *check;

    if (waiting == NULL)
        return CHECKS_NO_MEMORY;
    check = find_locked(checks, question, digest);
    if (check == NULL)
        check = start_locked(checks, question, digest, &refused);
    if (check == NULL) {
        free(waiting);
        return refused;
    }
    *waiting = (struct waiting) { NULL, *waiter };
    (void)auth_policy_ref(waiter->policy);
    *check->end = waiting;
    check->end = &waiting->next;
    return CHECKS_PENDING;
}

/* rest becomes what remains to be tried. true: nothing, as one of the hashes is known to fit. */
static bool
is_right_locked(const struct checks *checks, const struct check_question *question,
                const struct digest *digest, struct check_question *rest)
{
    bool right = false;

    *rest = *question;
    rest->count = 0;
    for (unsigned i = 0; i < question->count; i++) {
        struct credential *hash = question->hashes[i];

        assert(hash->hashed);
        if (verified_is_right(&hash->right, digest))
            right = true;
        else if (!verified_is_wrong(&checks->wrong, &hash->digest, digest))
            rest->hashes[rest->count++] = hash;
    }
    return right;
}

enum checks_answer
checks_ask(struct checks *checks, const struct check_question *question,
           const struct check_waiter *waiter)
{
    enum checks_answer answer = CHECKS_WRONG;
    struct check_question rest;

    assert(question->count > 0 && question->count <= AUTH_HASHES_TRIED_MAX);
    assert(waiter->done != NULL);
    pthread_mutex_lock(&checks->lock);
    if (is_right_locked(checks, question, &waiter->pass.digest, &rest))
        answer = CHECKS_RIGHT;
    else if (rest.count > 0)
        answer = await_locked(checks, &rest, waiter);
    pthread_mutex_unlock(&checks->lock);
    return answer;
}

bool
checks_know(struct checks *checks, const struct credential *hash, const struct digest *digest)
{
    bool right;

    pthread_mutex_lock(&checks->lock);
    right = verified_is_right(&hash->right, digest);
    pthread_mutex_unlock(&checks->lock);
    return right;
}

bool
checks_carry(struct checks *checks, const struct credential *plain, struct credential *hash)
{
    struct bcrypt_scratch *scratch = bcrypt_scratch_new();
    bool right;

    if (scratch == NULL)
        return false; /* the clients of the plain one dial again, and are checked then */
    right = compute(checks, scratch, hash, plain->text, plain->text_len) == BCRYPT_RIGHT;
    bcrypt_scratch_free(scratch);
    if (!right)
        return false;
    pthread_mutex_lock(&checks->lock);
    verified_add_right(&hash->right, &plain->digest);
    pthread_mutex_unlock(&checks->lock);
    return true;
}

void
checks_get_stats(struct checks *checks, struct auth_stats *stats)
{
    stats->bcrypt_checks = atomic_load_explicit(&checks->bcrypt_checks, memory_order_relaxed);
    stats->bcrypt_ns = atomic_load_explicit(&checks->bcrypt_ns, memory_order_relaxed);
    stats->queued_now = pool_waiting(checks->pool);
}

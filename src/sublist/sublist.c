/* SPDX-License-Identifier: Apache-2.0
 *
 *   subject ──hash──> literals: one slot per subject ──> chain of subscriptions
 *           ──token─> tree: patterns with wildcards  ──> chains
 *
 * Most subscriptions are literal (every inbox is), so they stay out of the tree: filing one is
 * a step in a hash table and needs no memory of its own, since the chain runs through the
 * subscriptions. The slot points at the first of the chain, whose text is the key.
 *
 * References are dropped, and so owners called, only after the lock is given back.
 */
#include <assert.h>
#include <stdlib.h>

#include "sublist/chain.h"
#include "sublist/private.h"

static bool
subject_equal(const void *item, const void *key)
{
    return str_eq(subscription_subject(item), *(const struct str *)key);
}

static struct table_slot *
literal_find(const struct sublist *sl, struct str subject, uint32_t hash)
{
    return table_find(&sl->literals, hash, subject_equal, &subject);
}

static bool
literal_insert(struct sublist *sl, struct subscription *sub)
{
    struct table_slot *slot = literal_find(sl, subscription_subject(sub), sub->hash);
    struct subscription *head = slot == NULL ? NULL : table_item(slot);

    if (head == NULL && !table_reserve(&sl->literals, sub->hash))
        return false;
    chain_push(&head, sub);
    if (slot == NULL)
        table_put(&sl->literals, sub->hash, head);
    return true;
}

static void
literal_remove(struct sublist *sl, struct subscription *sub)
{
    struct table_slot *slot = literal_find(sl, subscription_subject(sub), sub->hash);
    struct subscription *head;

    assert(slot != NULL);
    head = table_item(slot);
    chain_remove(&head, sub);
    if (head == NULL)
        table_take(&sl->literals, slot);
    else
        table_set(slot, head);
}

/* Single writer (the lock's holder), so no read-modify-write is needed. */
static void
bump(atomic_uint_fast64_t *counter)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + 1, memory_order_release);
}

/* Tells the caches that results which sub is or was part of are out of date. */
static void
outdate_locked(struct sublist *sl, const struct subscription *sub)
{
    struct str rest = subscription_subject(sub), first = STR_NULL;

    if (!sub->wildcard) {
        bump(&sl->literal[sub->hash % GENERATIONS_LITERAL]);
        return;
    }
    (void)subject_next_token(&rest, &first);
    if (token_is(first, '*') || token_is(first, '>'))
        bump(&sl->all);
    else
        bump(&sl->first[generation_first(first)]);
}

static bool
lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    bool ok;

    if (pthread_rwlockattr_init(&attr) != 0)
        return false;
    ok = pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
         pthread_rwlock_init(lock, &attr) == 0;
    pthread_rwlockattr_destroy(&attr);
    return ok;
}

struct sublist *
sublist_new(void)
{
    struct sublist *sl = calloc(1, sizeof(*sl));

    if (sl == NULL)
        return NULL;
    if (!tree_init(&sl->tree) || !lock_init(&sl->lock)) {
        tree_release(&sl->tree);
        free(sl);
        return NULL;
    }
    list_init(&sl->caches);
    return sl;
}

static void
literal_release(void *item, void *arg)
{
    (void)arg;
    chain_release(item);
}

void
sublist_free(struct sublist *sl)
{
    if (sl == NULL)
        return;
    assert(list_empty(&sl->caches));
    table_each(&sl->literals, literal_release, NULL);
    table_release(&sl->literals);
    tree_release(&sl->tree);
    pthread_rwlock_destroy(&sl->lock);
    free(sl);
}

enum err
sublist_insert(struct sublist *sl, struct subscription *sub)
{
    bool ok;

    pthread_rwlock_wrlock(&sl->lock);
    assert(sub->prev == NULL); /* not in a list */
    ok = sub->wildcard ? tree_insert(&sl->tree, sub) : literal_insert(sl, sub);
    if (ok) {
        subscription_ref(sub);
        outdate_locked(sl, sub);
        bump(&sl->count);
        sl->inserts++;
    }
    pthread_rwlock_unlock(&sl->lock);
    return ok ? ERR_OK : ERR_NOMEM;
}

enum err
sublist_remove(struct sublist *sl, struct subscription *sub)
{
    bool found;

    pthread_rwlock_wrlock(&sl->lock);
    found = sub->prev != NULL;
    if (found) {
        if (sub->wildcard)
            tree_remove(&sl->tree, sub);
        else
            literal_remove(sl, sub);
        outdate_locked(sl, sub);
        atomic_store_explicit(&sl->count, sublist_count(sl) - 1, memory_order_relaxed);
        bump(&sl->removes); /* last: sublist_cache_sweep() relies on it */
    }
    pthread_rwlock_unlock(&sl->lock);
    if (!found)
        return ERR_NOTFOUND;
    subscription_unref(sub);
    return ERR_OK;
}

struct match *
sublist_collect(struct sublist *sl, struct str subject, uint32_t hash, struct collector *col)
{
    const struct table_slot *slot;
    bool ok = true;

    if (subject_has_empty_token(subject)) /* matches nothing, not even '>' */
        return collector_finish(col);
    pthread_rwlock_rdlock(&sl->lock);
    slot = literal_find(sl, subject, hash);
    if (slot != NULL)
        ok = collector_add(col, table_item(slot));
    ok = ok && tree_match(&sl->tree, subject, col);
    pthread_rwlock_unlock(&sl->lock);
    if (ok)
        return collector_finish(col);
    collector_clear(col);
    return NULL;
}

void
sublist_expect(struct sublist *sl, const struct str *subjects, size_t count)
{
    uint32_t hashes[SUBLIST_EXPECTED_MAX];

    assert(count <= SUBLIST_EXPECTED_MAX);
    pthread_rwlock_rdlock(&sl->lock);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = table_hash(subjects[i]);
        table_prefetch_slot(&sl->literals, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        table_prefetch_item(&sl->literals, hashes[i],
                            sizeof(struct subscription) + subjects[i].len);
    if (sl->tree.count >= SUBLIST_LARGE)
        tree_expect(&sl->tree, subjects, count);
    pthread_rwlock_unlock(&sl->lock);
}

struct match *
sublist_match(struct sublist *sl, struct str subject)
{
    struct collector col = { 0 };
    struct match *match = sublist_collect(sl, subject, table_hash(subject), &col);

    collector_release(&col);
    atomic_fetch_add_explicit(&sl->uncached_matches, 1, memory_order_relaxed);
    return match;
}

size_t
sublist_count(const struct sublist *sl)
{
    return atomic_load_explicit(&sl->count, memory_order_relaxed);
}

static uint64_t
get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void
sublist_stats(struct sublist *sl, struct sublist_stats *stats)
{
    struct list *pos, *tmp;

    pthread_rwlock_rdlock(&sl->lock);
    *stats = (struct sublist_stats) {
        .subscriptions = get(&sl->count),
        .inserts = sl->inserts,
        .removes = get(&sl->removes),
        .matches = sl->past_matches + get(&sl->uncached_matches),
        .cache_hits = sl->past_hits,
    };
    LIST_FOREACH_SAFE(pos, tmp, &sl->caches)
    {
        const struct cache_counters *cache = LIST_ENTRY(pos, struct cache_counters, link);

        stats->matches += get(&cache->matches);
        stats->cache_hits += get(&cache->hits);
        stats->cache_entries += get(&cache->entries);
        stats->fanout += get(&cache->fanout);
        if (get(&cache->fanout_max) > stats->fanout_max)
            stats->fanout_max = get(&cache->fanout_max);
    }
    pthread_rwlock_unlock(&sl->lock);
}

struct tally {
    const struct sublist *sl;
    size_t subs;
};

static void
literal_check(void *item, void *arg)
{
    const struct subscription *head = item;
    struct tally *tally = arg;
    struct str subject = subscription_subject(head);

    assert(head->hash == table_hash(subject) && !subject_has_wildcard(subject));
    assert(table_item(literal_find(tally->sl, subject, head->hash)) == head);
    tally->subs += chain_check(head, false);
}

void
sublist_check(struct sublist *sl)
{
    struct tally tally = { sl, 0 };

    pthread_rwlock_rdlock(&sl->lock);
    table_check(&sl->literals);
    table_each(&sl->literals, literal_check, &tally);
    tally.subs += tree_check(&sl->tree);
    assert(tally.subs == sublist_count(sl));
    assert(tally.subs == sl->inserts - get(&sl->removes));
    pthread_rwlock_unlock(&sl->lock);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A set-associative array, as in a processor: the hash chooses a set of four entries, of
 * which the one that was used longest ago gives way. An entry copies its subject (the buffer
 * is reused by the next), so that a miss allocates the match and nothing else.
 *
 * It starts empty, has 64 entries after the first match and at most 8192. It doubles only
 * when more entries would have helped: ghosts remember the tags of the last subjects that
 * threw another one out, and an eighth of those that do so now must be among them. Scattered
 * subjects and inboxes that are used once thus leave it small, where all that a miss
 * touches stays near the processor (with 8192 useless entries a miss took 1.7 times as long).
 * A sweep that leaves it nearly empty halves it.
 *
 * Two more bounds: subjects over 256 bytes are not kept, and the matches together take at most
 * 8 MiB (a fan-out of 10,000 is 80 KB per subject), save that one larger match may stay.
 *
 * An out-of-date entry keeps its subscriptions, closed ones too, in memory. It is replaced
 * when its subject is looked up or its place is needed, and else by the next sweep.
 */
#include <assert.h>
#include <stdlib.h>

#include "sublist/private.h"

#define WAYS          4U
#define SETS_MIN      16U
#define SETS_MAX      2048U
#define GHOSTS        (SETS_MAX * WAYS)
#define SUBJECT_MAX   256U                /* bytes; longer ones are matched afresh */
#define SUBJECT_ROUND 32U                 /* bytes; the step of subject buffers */
#define MATCHES_MAX   (8UL * 1024 * 1024) /* bytes */

#define SCATTERED_MISSES 16U /* one behind the other */

struct entry {
    uint64_t hash;
    uint64_t generation;
    struct match *match; /* NULL: free */
    char *subject;       /* a free entry may have a buffer too */
    uint32_t used;       /* cache.clock at the last use */
    uint16_t subject_len, subject_cap;
    uint8_t first; /* index for generation_sum() */
};

struct sublist_cache {
    struct sublist *sl;
    struct entry *entries; /* sets * WAYS */
    size_t sets;           /* 0, or a power of two */
    uint32_t clock;        /* counts matches; may wrap, which only blurs what is oldest */
    uint16_t *ghosts;      /* GHOSTS tags; NULL before the first eviction */
    size_t evictions;      /* since growing was last considered */
    size_t regrets;        /* how many of them had a ghost */
    size_t hand;           /* the next entry to go when bytes is over its bound */
    size_t bytes;          /* of the matches in entries */
    uint32_t missed;       /* matches since the last hit */
    uint64_t swept;        /* sublist.removes at the last sweep */
    struct match *current; /* the last result that is in no entry */
    struct collector col;
    struct cache_counters counters;
};

static void
count(atomic_uint_fast64_t *counter, uint64_t more)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, old + more, memory_order_relaxed);
}

struct sublist_cache *
sublist_cache_new(struct sublist *sl)
{
    struct sublist_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    cache->sl = sl;
    pthread_rwlock_wrlock(&sl->lock);
    list_push_back(&sl->caches, &cache->counters.link);
    pthread_rwlock_unlock(&sl->lock);
    return cache;
}

/* The entry's share of the totals: added (sign 1) or taken off (-1, modulo 2^64). */
static void
account(struct sublist_cache *cache, const struct match *match, uint64_t sign)
{
    cache->bytes += sign * match_bytes(match);
    count(&cache->counters.entries, sign);
    count(&cache->counters.fanout, sign * match_count(match));
}

static void
entry_clear(struct sublist_cache *cache, struct entry *entry)
{
    if (entry->match == NULL)
        return;
    account(cache, entry->match, UINT64_MAX);
    match_unref(entry->match);
    entry->match = NULL;
}

static void
entry_release(struct sublist_cache *cache, struct entry *entry)
{
    entry_clear(cache, entry);
    free(entry->subject);
    entry->subject = NULL;
    entry->subject_cap = 0;
}

static void
fanout_seen(struct sublist_cache *cache, const struct match *match)
{
    atomic_uint_fast64_t *max = &cache->counters.fanout_max;

    if (match_count(match) > atomic_load_explicit(max, memory_order_relaxed))
        atomic_store_explicit(max, match_count(match), memory_order_relaxed);
}

static bool
entry_stale(const struct sublist_cache *cache, const struct entry *entry)
{
    return entry->generation != generation_sum(cache->sl, table_fold(entry->hash), entry->first);
}

/* A free way of the set that hash belongs to, or else the one used longest ago. */
static struct entry *
set_victim(struct sublist_cache *cache, uint64_t hash)
{
    struct entry *set = &cache->entries[(hash & (cache->sets - 1)) * WAYS], *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].match == NULL)
            return &set[i];
        if (cache->clock - set[i].used > cache->clock - oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

/* Moves the entries to an array of another size; those that find no place are dropped. */
static void
resize(struct sublist_cache *cache, size_t sets)
{
    struct entry *old = cache->entries;
    size_t old_count = cache->sets * WAYS;
    struct entry *entries = calloc(sets * WAYS, sizeof(*entries));

    if (entries == NULL)
        return;
    cache->entries = entries;
    cache->sets = sets;
    cache->hand = 0;
    for (size_t i = 0; i < old_count; i++) {
        struct entry *to = old[i].match == NULL ? NULL : set_victim(cache, old[i].hash);

        if (to != NULL && to->match == NULL)
            *to = old[i];
        else
            entry_release(cache, &old[i]);
    }
    free(old);
}

static void
drop_all(struct sublist_cache *cache)
{
    for (size_t i = 0; i < cache->sets * WAYS; i++)
        entry_release(cache, &cache->entries[i]);
    free(cache->entries);
    free(cache->ghosts);
    cache->entries = NULL;
    cache->ghosts = NULL;
    cache->sets = cache->evictions = cache->regrets = cache->hand = 0;
    assert(cache->bytes == 0);
}

void
sublist_cache_free(struct sublist_cache *cache)
{
    struct sublist *sl;

    if (cache == NULL)
        return;
    sl = cache->sl;
    pthread_rwlock_wrlock(&sl->lock);
    list_remove(&cache->counters.link);
    sl->past_matches += cache->counters.matches;
    sl->past_hits += cache->counters.hits;
    pthread_rwlock_unlock(&sl->lock);
    drop_all(cache);
    match_unref(cache->current);
    collector_release(&cache->col);
    free(cache);
}

static struct entry *
entry_find(const struct sublist_cache *cache, struct str subject, uint64_t hash)
{
    struct entry *set;

    if (cache->sets == 0)
        return NULL;
    set = &cache->entries[(hash & (cache->sets - 1)) * WAYS];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash && set[i].match != NULL && set[i].subject_len == subject.len &&
            memcmp(set[i].subject, subject.data, subject.len) == 0)
            return &set[i];
    }
    return NULL;
}

/* Makes entry free with a copy of subject; false: out of memory, entry is free all the same. */
static bool
entry_name(struct sublist_cache *cache, struct entry *entry, struct str subject)
{
    entry_clear(cache, entry);
    if (entry->subject_cap < subject.len) {
        size_t cap = (subject.len + SUBJECT_ROUND - 1) / SUBJECT_ROUND * SUBJECT_ROUND;
        char *buffer = realloc(entry->subject, cap);

        if (buffer == NULL)
            return false;
        entry->subject = buffer;
        entry->subject_cap = (uint16_t)cap;
    }
    memcpy(entry->subject, subject.data, subject.len);
    entry->subject_len = (uint16_t)subject.len;
    return true;
}

/* Takes note that the subject of this hash throws another one out. True: so many of those that
 * did had been here not long ago that the cache should grow. */
static bool
evicting(struct sublist_cache *cache, uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash >> 48), *ghost;
    bool grow;

    if (cache->ghosts == NULL)
        cache->ghosts = calloc(GHOSTS, sizeof(*cache->ghosts));
    if (cache->ghosts == NULL || cache->sets == SETS_MAX)
        return false;
    ghost = &cache->ghosts[hash % GHOSTS];
    cache->regrets += *ghost == tag;
    *ghost = tag;
    if (++cache->evictions < cache->sets * WAYS)
        return false;
    grow = cache->regrets >= cache->evictions / 8;
    cache->evictions = cache->regrets = 0;
    return grow;
}

/* A free entry for subject; NULL: out of memory. */
static struct entry *
entry_new(struct sublist_cache *cache, struct str subject, uint64_t hash)
{
    struct entry *entry;

    if (cache->sets == 0)
        resize(cache, SETS_MIN);
    if (cache->sets == 0)
        return NULL;
    entry = set_victim(cache, hash);
    if (entry->match != NULL && evicting(cache, hash)) {
        resize(cache, cache->sets * 2);
        entry = set_victim(cache, hash);
    }
    return entry_name(cache, entry, subject) ? entry : NULL;
}

/* Throws entries out, but not keep, until the matches take no more than their bound. */
static void
enforce_bytes(struct sublist_cache *cache, const struct entry *keep)
{
    size_t entries = cache->sets * WAYS;

    for (size_t i = 0; i < entries && cache->bytes > MATCHES_MAX; i++) {
        struct entry *entry = &cache->entries[cache->hand++ % entries];

        if (entry != keep)
            entry_clear(cache, entry);
    }
}

/* entry is the out-of-date one for subject; NULL: there is none. */
static const struct match *
miss(struct sublist_cache *cache, struct entry *entry, struct str subject, uint64_t hash)
{
    bool keep = subject.len > 0 && subject.len <= SUBJECT_MAX;
    uint32_t folded = table_fold(hash);
    uint8_t first = keep ? generation_first(subject) : 0;
    uint64_t generation = generation_sum(cache->sl, folded, first);
    struct match *match = sublist_collect(cache->sl, subject, folded, &cache->col);

    if (match == NULL)
        return NULL;
    if (entry == NULL && keep)
        entry = entry_new(cache, subject, hash);
    if (entry == NULL)
        return cache->current = match;
    entry_clear(cache, entry);
    entry->hash = hash;
    entry->generation = generation;
    entry->first = first;
    entry->used = cache->clock;
    entry->match = match;
    account(cache, match, 1);
    fanout_seen(cache, match);
    enforce_bytes(cache, entry);
    return match;
}

const struct match *
sublist_cache_match(struct sublist_cache *cache, struct str subject)
{
    uint64_t hash = hash_bytes(subject.data, subject.len);
    struct entry *entry = entry_find(cache, subject, hash);

    if (cache->current != NULL) {
        match_unref(cache->current);
        cache->current = NULL;
    }
    cache->clock++;
    count(&cache->counters.matches, 1);
    if (entry == NULL || entry_stale(cache, entry)) {
        cache->missed++;
        return miss(cache, entry, subject, hash);
    }
    cache->missed = 0;
    entry->used = cache->clock;
    count(&cache->counters.hits, 1);
    return entry->match;
}

bool
sublist_cache_is_scattered(const struct sublist_cache *cache)
{
    return cache->missed >= SCATTERED_MISSES && sublist_count(cache->sl) >= SUBLIST_LARGE;
}

void
sublist_cache_clear(struct sublist_cache *cache)
{
    drop_all(cache);
    atomic_store_explicit(&cache->counters.fanout_max, 0, memory_order_relaxed);
    match_unref(cache->current);
    cache->current = NULL;
}

void
sublist_cache_sweep(struct sublist_cache *cache)
{
    /* acquire pairs with bump(): whoever sees the removal sees its generation. */
    uint64_t removes = atomic_load_explicit(&cache->sl->removes, memory_order_acquire);
    uint64_t entries = 0;

    match_unref(cache->current);
    cache->current = NULL;
    if (removes == cache->swept)
        return;
    cache->swept = removes;
    atomic_store_explicit(&cache->counters.fanout_max, 0, memory_order_relaxed);
    for (size_t i = 0; i < cache->sets * WAYS; i++) {
        struct entry *entry = &cache->entries[i];

        if (entry->match == NULL || entry_stale(cache, entry)) {
            entry_release(cache, entry);
        } else {
            fanout_seen(cache, entry->match);
            entries++;
        }
    }
    if (entries == 0)
        drop_all(cache);
    else if (entries < cache->sets * WAYS / 8 && cache->sets > SETS_MIN)
        resize(cache, cache->sets / 2);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * private - what sublist.c and cache.c share
 *
 * Generations tell a cache that its result is out of date. They only ever grow, and they grow
 * under the write lock, by what a change can affect:
 *
 *   literal subject            literal[hash of the subject]
 *   orders.*, orders.>         first[hash of "orders"]
 *   *.new, >                   all
 *
 * A subject depends on one counter of each kind. Their sum is equal at two moments only if all
 * three are. It is read before matching: a change that comes between can make a new result
 * look old, never an old one look new.
 */
#ifndef TESSERA_SUBLIST_PRIVATE_H
#define TESSERA_SUBLIST_PRIVATE_H

#include <assert.h>
#include <pthread.h>

#include "base/list.h"
#include "base/table.h"
#include "proto/subject.h"
#include "sublist/match.h"
#include "sublist/sublist.h"
#include "sublist/tree.h"

#define SUBLIST_LARGE                                                                              \
    16384 /* subscriptions, or nodes: some 2 MB, more than a processor keeps near */

#define GENERATIONS_LITERAL 4096U
#define GENERATIONS_FIRST   256U

/* Written by the cache's thread only, read by sublist_stats(). */
struct cache_counters {
    struct list link; /* under sublist.lock */
    atomic_uint_fast64_t matches, hits, entries;
    atomic_uint_fast64_t fanout;     /* subscriptions in all entries */
    atomic_uint_fast64_t fanout_max; /* in one entry since the last full sweep */
};

struct sublist {
    /* Matches that miss read, the rest writes. A writer that waits goes before new readers:
     * misses on many threads would keep SUB out for ever. */
    pthread_rwlock_t lock;
    struct table literals;            /* under lock: hash -> head of the chain with that subject */
    struct tree tree;                 /* under lock: those with wildcards */
    struct list caches;               /* under lock: struct cache_counters */
    uint64_t inserts;                 /* under lock */
    uint64_t past_matches, past_hits; /* under lock: of caches that are gone */
    /* Written under lock. A cache whose sweep saw this many has nothing to drop. */
    atomic_uint_fast64_t removes;
    atomic_uint_fast64_t count; /* written under lock */
    atomic_uint_fast64_t uncached_matches;
    /* Written under lock. all is read with every hit, so it keeps away from the lock's line. */
    atomic_uint_fast64_t first[GENERATIONS_FIRST];
    atomic_uint_fast64_t all;
    atomic_uint_fast64_t literal[GENERATIONS_LITERAL];
};

/* Which of sublist.first the subject depends on. */
static inline uint8_t
generation_first(struct str subject)
{
    struct str token = STR_NULL;

    (void)subject_next_token(&subject, &token);
    static_assert(GENERATIONS_FIRST == UINT8_MAX + 1, "an index is a uint8_t");
    return (uint8_t)hash_bytes(token.data, token.len);
}

/* acquire pairs with the release in sublist.c: whoever sees a change's number will, by taking
 * the lock, see the change. */
static inline uint64_t
generation_sum(const struct sublist *sl, uint32_t hash, uint8_t first)
{
    return atomic_load_explicit(&sl->literal[hash % GENERATIONS_LITERAL], memory_order_acquire) +
           atomic_load_explicit(&sl->first[first], memory_order_acquire) +
           atomic_load_explicit(&sl->all, memory_order_acquire);
}

/* A fresh match through col, which is empty before and after. hash is subject's table_hash().
 * NULL: out of memory. */
struct match *sublist_collect(struct sublist *sl, struct str subject, uint32_t hash,
                              struct collector *col);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * sublist - which subscriptions want this subject?
 *
 * Owns     one reference per inserted subscription, dropped by sublist_remove().
 * Threads  any; insert and remove exclude each other and every match that misses its
 *          cache. Nothing is called back while the list is locked.
 * Fails    only for want of memory, and then leaves the list untouched.
 * Cost     a literal subscription: one hash table step, no allocation of its own beyond
 *          the table's growth. A match that misses: one hash step for the literal ones,
 *          O(tokens * wildcards met) for the others, one allocation unless nobody matches.
 *          A match that hits a cache: one hash, one comparison, three loads; no lock.
 */
#ifndef TESSERA_SUBLIST_SUBLIST_H
#define TESSERA_SUBLIST_SUBLIST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* What becomes of a subscription, as bits; sublist itself does not look at them. */
enum {
    SUB_CLOSED = 1,   /* gone: skip it in matches made earlier */
    SUB_FILTERED = 2, /* not every message that it matches may reach its owner */
    SUB_LEAF = 4,     /* remote, and beyond it: a member of a queue group only if no other can be */
};

/* Whoever receives for a subscription embeds this first; the last reference to a
 * subscription drops the reference that it held on its owner. */
struct sub_owner {
    void (*unref)(struct sub_owner *owner);
};

/* Counted. subject, queue, sid, owner and remote never change.
 *
 * A remote one stands for the interest of another server of the cluster. Its owner gets one copy
 * of a message, however many of its subscriptions match (PROTOCOL.md 3.7). */
struct subscription {
    atomic_uint refs;
    uint32_t hash; /* private to sublist */
    /* private to sublist, under its lock: others with the same subject */
    struct subscription *next, *prev;
    struct sub_owner *owner;
    atomic_uint_fast64_t delivered; /* messages since SUB */
    union {
        atomic_uint_fast64_t max;    /* removed after this many; 0: never */
        atomic_uint_fast64_t weight; /* remote, in a queue group: members there; 0: never drawn */
    };
    atomic_uchar state; /* SUB_CLOSED, SUB_FILTERED */
    bool wildcard : 1;  /* private to sublist */
    bool remote : 1;
    uint16_t queue_len; /* 0: plain */
    uint32_t subject_len, sid_len;
    char text[]; /* subject, queue, sid, one behind the other */
};

/* One reference for the caller; takes over one reference on owner. NULL: out of memory, or
 * a queue name over 65535 bytes (the control line is shorter). */
struct subscription *subscription_new(struct sub_owner *owner, struct str subject, struct str queue,
                                      struct str sid);
/* The same for a remote one. It has no sid; what stands in its place is up to the owner. */
struct subscription *subscription_new_remote(struct sub_owner *owner, struct str subject,
                                             struct str queue, struct str tag, uint32_t weight);
struct subscription *subscription_ref(struct subscription *sub);
void subscription_unref(struct subscription *sub); /* NULL is allowed */

static inline bool
subscription_is(const struct subscription *sub, unsigned char bit)
{
    return (atomic_load_explicit(&sub->state, memory_order_acquire) & bit) != 0;
}

static inline struct str
subscription_subject(const struct subscription *sub)
{
    return (struct str) { sub->text, sub->subject_len };
}

/* data NULL for a plain subscription */
static inline struct str
subscription_queue(const struct subscription *sub)
{
    return (struct str) { sub->queue_len == 0 ? NULL : sub->text + sub->subject_len,
                          sub->queue_len };
}

static inline struct str
subscription_sid(const struct subscription *sub)
{
    return (struct str) { sub->text + sub->subject_len + sub->queue_len, sub->sid_len };
}

/* All members of one queue group name, whatever subject they subscribed to. */
struct match_group {
    uint32_t first, count; /* subs[first .. first + count), */
    uint32_t local;        /* of which the first so many are not remote */
};

/* Counted and immutable; holds a reference on every subscription in it. */
struct match {
    atomic_uint refs;
    uint32_t plain_count;  /* subs[0 .. plain_count) are the plain ones; */
    uint32_t remote_count; /* behind them so many remote plain ones, one for each owner */
    uint32_t group_count;
    bool remote; /* there is a remote one, plain or in a group */
    struct match_group *groups;
    struct subscription **subs;
};

struct sublist;

struct sublist *sublist_new(void); /* NULL: out of memory */
/* Drops the references of what is still inserted. NULL is allowed. */
void sublist_free(struct sublist *sl);

/* Files sub under its own subject and queue group. Takes a reference of its own. The subject
 * is valid (subject_valid) and sub is in no list (asserted). */
enum err sublist_insert(struct sublist *sl, struct subscription *sub);

/* Takes sub out and drops that reference; ERR_NOTFOUND when it is not in. */
enum err sublist_remove(struct sublist *sl, struct subscription *sub);

/* These subjects, SUBLIST_EXPECTED_MAX at most, will be asked for next: asks the processor for the
 * literal subscriptions to them, so that it waits for memory once and not for each. Changes
 * nothing. Worth its cost where the list is larger than the processor's caches. */
#define SUBLIST_EXPECTED_MAX 16
void sublist_expect(struct sublist *sl, const struct str *subjects, size_t count);

/* A fresh match, one reference for the caller; NULL: out of memory. A subject with an empty
 * token matches nothing; '*' and '>' in it are text. */
struct match *sublist_match(struct sublist *sl, struct str subject);
/* Keeps a borrowed match beyond its time. */
struct match *match_ref(const struct match *match);
void match_unref(struct match *match); /* NULL is allowed */

/* The count of subscriptions inserted now. */
size_t sublist_count(const struct sublist *sl);

/* The last three are sums (and the maximum) over the caches as they stand. */
struct sublist_stats {
    uint64_t subscriptions, inserts, removes, matches, cache_hits;
    uint64_t cache_entries, fanout, fanout_max;
};

void sublist_stats(struct sublist *sl, struct sublist_stats *stats);

/* Asserts every invariant; for tests. */
void sublist_check(struct sublist *sl);

/* One thread's cache of match results over one sublist, which outlives it. Up to 8192 subjects
 * of up to 256 bytes, some 2 MB with small results, 8 MiB more with large ones. */
struct sublist_cache;

struct sublist_cache *sublist_cache_new(struct sublist *sl); /* NULL: out of memory */
void sublist_cache_free(struct sublist_cache *cache);

/* The match for subject as of some moment during this call; borrowed until the next call on
 * this cache. NULL: out of memory. */
const struct match *sublist_cache_match(struct sublist_cache *cache, struct str subject);

/* None of the last matches was in the cache, and it is not for want of subscriptions: whoever
 * knows what comes next may say so (sublist_expect). */
bool sublist_cache_is_scattered(const struct sublist_cache *cache);

/* Drops what is out of date, and with it the closed subscriptions and owners that nothing else
 * keeps. Call it every second or so while anything may have been removed: one comparison if
 * nothing was, else three loads per entry. */
void sublist_cache_sweep(struct sublist_cache *cache);
/* Drops everything. */
void sublist_cache_clear(struct sublist_cache *cache);

#endif

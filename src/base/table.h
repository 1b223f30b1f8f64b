/* SPDX-License-Identifier: Apache-2.0
 *
 * table - a large hash table of pointers whose growth never stops the world
 *
 * Owns     its slots, not the items.
 * Threads  one at a time; look-ups may run side by side.
 * Fails    table_reserve() for want of memory, and then nothing changed.
 * Cost     12 bytes per slot, 53 to 80 % of them in use: 15 to 23 bytes per item.
 */
#ifndef TESSERA_BASE_TABLE_H
#define TESSERA_BASE_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

#define TABLE_SEGMENT_BITS 6
#define TABLE_SEGMENTS     (1U << TABLE_SEGMENT_BITS)
#define TABLE_CACHE_LINE   64 /* bytes */

/* Hash and pointer side by side, so that a probe touches one cache line; split in words, since
 * alignment would make it 16 bytes. */
struct table_slot {
    uint32_t hash; /* 0: free */
    uint32_t item[2];
};

struct table_segment {
    struct table_slot *slots;
    uint32_t cap, used;
};

struct table {
    struct table_segment segments[TABLE_SEGMENTS];
};

/* The 32 bits of a 64-bit hash that tables use; never 0. */
static inline uint32_t
table_fold(uint64_t hash)
{
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);

    return folded == 0 ? 1 : folded;
}

static inline uint32_t
table_hash(struct str text)
{
    return table_fold(hash_bytes(text.data, text.len));
}

static inline const struct table_segment *
table_segment(const struct table *table, uint32_t hash)
{
    return &table->segments[hash >> (32 - TABLE_SEGMENT_BITS)];
}

static inline void *
table_item(const struct table_slot *slot)
{
    void *item;

    static_assert(sizeof(item) <= sizeof(slot->item), "a slot holds a pointer");
    memcpy(&item, slot->item, sizeof(item));
    return item;
}

static inline void
table_set(struct table_slot *slot, void *item)
{
    memcpy(slot->item, &item, sizeof(item));
}

/* Where a probe for hash starts: the bits that did not choose the segment, scaled to cap, so
 * that cap need not be a power of two and slots stay in hash order when a segment is copied. */
static inline uint32_t
table_home(const struct table_segment *seg, uint32_t hash)
{
    return (uint32_t)(((uint64_t)(hash << TABLE_SEGMENT_BITS) * seg->cap) >> 32);
}

typedef bool table_equal(const void *item, const void *key);

/* The slot of the item under hash that equals key; NULL: there is none. Valid until the next
 * change. Inline so that equal is inlined too. */
static inline struct table_slot *
table_find(const struct table *table, uint32_t hash, table_equal *equal, const void *key)
{
    const struct table_segment *seg = table_segment(table, hash);

    if (seg->used == 0)
        return NULL;
    for (uint32_t at = table_home(seg, hash); seg->slots[at].hash != 0;) {
        if (seg->slots[at].hash == hash && equal(table_item(&seg->slots[at]), key))
            return &seg->slots[at];
        at = at + 1 == seg->cap ? 0 : at + 1;
    }
    return NULL;
}

/* For a look-up soon: asks the processor for the slot where the probe for hash starts. */
static inline void
table_prefetch_slot(const struct table *table, uint32_t hash)
{
    const struct table_segment *seg = table_segment(table, hash);

    if (seg->used > 0)
        __builtin_prefetch(&seg->slots[table_home(seg, hash)]);
}

/* The same, once that slot has come: asks for the first len bytes of what is likely the item. */
static inline void
table_prefetch_item(const struct table *table, uint32_t hash, size_t len)
{
    const struct table_segment *seg = table_segment(table, hash);
    const struct table_slot *slot;

    if (seg->used == 0)
        return;
    slot = &seg->slots[table_home(seg, hash)];
    while (slot->hash != 0 && slot->hash != hash && slot + 1 < seg->slots + seg->cap)
        slot++;
    if (slot->hash != hash)
        return;
    for (size_t at = 0; at < len; at += TABLE_CACHE_LINE)
        __builtin_prefetch((const char *)table_item(slot) + at);
}

/* Makes room for one more item under hash. */
bool table_reserve(struct table *table, uint32_t hash);
/* Puts item in; table_reserve() with the same hash came right before. */
void table_put(struct table *table, uint32_t hash, void *item);
/* Empties a slot that table_find() gave. */
void table_take(struct table *table, struct table_slot *slot);
void table_release(struct table *table);

/* Calls each for every item; the table must not change meanwhile. */
void table_each(const struct table *table, void (*each)(void *item, void *arg), void *arg);
/* The same for one of TABLE_SEGMENTS parts: an item stays in its part for life. */
void table_each_in(const struct table *table, unsigned segment, void (*each)(void *item, void *arg),
                   void *arg);
/* Asserts every invariant. */
void table_check(const struct table *table);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The top bits of a hash choose one of 64 segments; each is an open-addressing table with
 * linear probing that grows by half when it is 4/5 full and shrinks when it is 1/4 full. A
 * million items thus move in steps of some 16,000 (streamed in hash order, without looking at
 * the items), at different times, and an empty table costs 1 KB.
 *
 * Invariants (table_check)
 *   - a slot's hash is 0 if and only if the slot is free;
 *   - no free slot lies between an item's home and its place (removal shifts items back);
 *   - used <= 4/5 cap, so that every probe ends.
 */
#include "base/table.h"

#include <assert.h>
#include <stdlib.h>

#define SEGMENT_MIN 4U          /* slots */
#define SEGMENT_MAX 0x40000000U /* slots: home, growth and load are computed in 32 bits */

/* How many items cap slots may hold. */
static uint32_t
segment_room(uint32_t cap)
{
    return cap - (cap + 4) / 5;
}

/* The segment for writing. */
static struct table_segment *
segment_of(struct table *table, uint32_t hash)
{
    return &table->segments[hash >> (32 - TABLE_SEGMENT_BITS)];
}

static uint32_t
next(const struct table_segment *seg, uint32_t at)
{
    return at + 1 == seg->cap ? 0 : at + 1;
}

static void
segment_put(struct table_segment *seg, uint32_t hash, void *item)
{
    uint32_t at = table_home(seg, hash);

    while (seg->slots[at].hash != 0)
        at = next(seg, at);
    seg->slots[at].hash = hash;
    table_set(&seg->slots[at], item);
    seg->used++;
}

static bool
segment_resize(struct table_segment *seg, uint32_t cap)
{
    struct table_segment other = { calloc(cap, sizeof(*other.slots)), cap, 0 };

    if (other.slots == NULL)
        return false;
    for (uint32_t at = 0; at < seg->cap; at++) {
        if (seg->slots[at].hash != 0)
            segment_put(&other, seg->slots[at].hash, table_item(&seg->slots[at]));
    }
    free(seg->slots);
    *seg = other;
    return true;
}

bool
table_reserve(struct table *table, uint32_t hash)
{
    struct table_segment *seg = segment_of(table, hash);

    assert(hash != 0);
    if (seg->cap > 0 && seg->used < segment_room(seg->cap))
        return true;
    if (seg->cap >= SEGMENT_MAX)
        return false;
    return segment_resize(seg, seg->cap == 0 ? SEGMENT_MIN : seg->cap + seg->cap / 2);
}

void
table_put(struct table *table, uint32_t hash, void *item)
{
    struct table_segment *seg = segment_of(table, hash);

    assert(seg->used < segment_room(seg->cap));
    segment_put(seg, hash, item);
}

/* Steps from slot a on to slot b. */
static uint32_t
distance(const struct table_segment *seg, uint32_t a, uint32_t b)
{
    return b >= a ? b - a : b + seg->cap - a;
}

static void
segment_shrink(struct table_segment *seg)
{
    if (seg->used == 0) {
        free(seg->slots);
        *seg = (struct table_segment) { NULL, 0, 0 };
    } else if (seg->cap > 2 * SEGMENT_MIN && seg->used < seg->cap / 4) {
        (void)segment_resize(seg, seg->cap / 2); /* no memory: stays large */
    }
}

void
table_take(struct table *table, struct table_slot *slot)
{
    struct table_segment *seg = segment_of(table, slot->hash);
    uint32_t hole = (uint32_t)(slot - seg->slots);

    assert(hole < seg->cap);
    for (uint32_t at = next(seg, hole); seg->slots[at].hash != 0; at = next(seg, at)) {
        /* An item may move back into the hole unless its home lies behind the hole. */
        if (distance(seg, table_home(seg, seg->slots[at].hash), at) >= distance(seg, hole, at)) {
            seg->slots[hole] = seg->slots[at];
            hole = at;
        }
    }
    seg->slots[hole] = (struct table_slot) { 0, { 0, 0 } };
    seg->used--;
    segment_shrink(seg);
}

void
table_release(struct table *table)
{
    for (size_t i = 0; i < TABLE_SEGMENTS; i++) {
        free(table->segments[i].slots);
        table->segments[i] = (struct table_segment) { NULL, 0, 0 };
    }
}

void
table_each_in(const struct table *table, unsigned segment, void (*each)(void *item, void *arg),
              void *arg)
{
    const struct table_segment *seg = &table->segments[segment];

    for (uint32_t at = 0; at < seg->cap; at++) {
        if (seg->slots[at].hash != 0)
            each(table_item(&seg->slots[at]), arg);
    }
}

void
table_each(const struct table *table, void (*each)(void *item, void *arg), void *arg)
{
    for (unsigned i = 0; i < TABLE_SEGMENTS; i++)
        table_each_in(table, i, each, arg);
}

static void
segment_check(const struct table_segment *seg, uint32_t index)
{
    uint32_t used = 0;

    for (uint32_t at = 0; at < seg->cap; at++) {
        const struct table_slot *slot = &seg->slots[at];

        assert((slot->hash == 0) == (table_item(slot) == NULL));
        if (slot->hash == 0)
            continue;
        used++;
        assert(slot->hash >> (32 - TABLE_SEGMENT_BITS) == index);
        for (uint32_t i = table_home(seg, slot->hash); i != at; i = next(seg, i))
            assert(seg->slots[i].hash != 0);
    }
    assert(used == seg->used && used <= segment_room(seg->cap));
    /* A segment that was reserved for an item that did not come keeps the smallest size. */
    assert(used > 0 || seg->slots == NULL || seg->cap == SEGMENT_MIN);
}

void
table_check(const struct table *table)
{
    for (uint32_t i = 0; i < TABLE_SEGMENTS; i++)
        segment_check(&table->segments[i], i);
}

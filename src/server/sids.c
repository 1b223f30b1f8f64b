/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing; removal shifts the followers back, so that there are
 * no tombstones however long a client churns inboxes. It grows by half when it is four fifths
 * full, so its size is no power of two: a hash is scaled to it.
 */
#include "server/sids.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

#define SIDS_SMALLEST 8U
#define SIDS_LARGEST  0x40000000U /* slots: growth and load are computed in 32 bits */

static uint32_t
hash_sid(struct str sid)
{
    return (uint32_t)hash_bytes(sid.data, sid.len);
}

static uint32_t
home_of(const struct sids *sids, uint32_t hash)
{
    return (uint32_t)(((uint64_t)hash * sids->cap) >> 32);
}

static uint32_t
next(const struct sids *sids, uint32_t at)
{
    return at + 1 == sids->cap ? 0 : at + 1;
}

/* Steps from slot a on to slot b. */
static uint32_t
distance(const struct sids *sids, uint32_t a, uint32_t b)
{
    return b >= a ? b - a : b + sids->cap - a;
}

static void
put(struct sids *sids, uint32_t at, uint32_t hash, struct subscription *sub)
{
    sids->slots[at].hash = hash;
    memcpy(sids->slots[at].sub, &sub, sizeof(sub));
}

/* The slot that holds sid, or the free one where it would go. */
static uint32_t
probe(const struct sids *sids, struct str sid, uint32_t hash)
{
    uint32_t at = home_of(sids, hash);
    struct subscription *sub;

    while ((sub = sids_at(sids, at)) != NULL &&
           !(sids->slots[at].hash == hash && str_eq(subscription_sid(sub), sid)))
        at = next(sids, at);
    return at;
}

struct subscription *
sids_find(const struct sids *sids, struct str sid)
{
    if (sids->count == 0)
        return NULL;
    return sids_at(sids, probe(sids, sid, hash_sid(sid)));
}

static bool
resize(struct sids *sids, uint32_t cap)
{
    struct sids other = { calloc(cap, sizeof(*other.slots)), sids->count, cap };

    if (other.slots == NULL)
        return false;
    for (uint32_t i = 0; i < sids->cap; i++) {
        uint32_t at = home_of(&other, sids->slots[i].hash);

        if (sids_at(sids, i) == NULL)
            continue;
        while (sids_at(&other, at) != NULL)
            at = next(&other, at);
        other.slots[at] = sids->slots[i];
    }
    free(sids->slots);
    *sids = other;
    return true;
}

static bool
reserve(struct sids *sids)
{
    if (sids->count + 1 <= sids->cap - sids->cap / 5)
        return true;
    if (sids->cap >= SIDS_LARGEST)
        return false;
    return resize(sids, sids->cap == 0 ? SIDS_SMALLEST : sids->cap + sids->cap / 2);
}

bool
sids_add(struct sids *sids, struct subscription *sub)
{
    struct str sid = subscription_sid(sub);
    uint32_t hash = hash_sid(sid);
    uint32_t at;

    if (!reserve(sids))
        return false;
    at = probe(sids, sid, hash);
    assert(sids_at(sids, at) == NULL);
    put(sids, at, hash, sub);
    sids->count++;
    return true;
}

static void
close_gap(struct sids *sids, uint32_t gap)
{
    for (uint32_t at = next(sids, gap); sids_at(sids, at) != NULL; at = next(sids, at)) {
        uint32_t home = home_of(sids, sids->slots[at].hash);

        /* may move back unless its home lies cyclically in (gap, at] */
        if (distance(sids, home, at) < distance(sids, gap, at))
            continue;
        sids->slots[gap] = sids->slots[at];
        gap = at;
    }
    put(sids, gap, 0, NULL);
}

bool
sids_remove(struct sids *sids, struct subscription *sub)
{
    struct str sid = subscription_sid(sub);
    uint32_t at;

    if (sids->count == 0)
        return false;
    at = probe(sids, sid, hash_sid(sid));
    if (sids_at(sids, at) != sub)
        return false;
    close_gap(sids, at);
    sids->count--;
    if (sids->count == 0)
        sids_release(sids);
    else if (sids->cap > SIDS_SMALLEST && sids->count < sids->cap / 8)
        (void)resize(sids, sids->cap / 2); /* a failure only keeps it larger */
    return true;
}

struct subscription *
sids_take_any(struct sids *sids, size_t *cursor)
{
    while (*cursor < sids->cap) {
        struct subscription *sub = sids_at(sids, *cursor);

        /* order no longer matters: it is being drained */
        put(sids, (uint32_t)(*cursor)++, 0, NULL);
        if (sub != NULL) {
            sids->count--;
            return sub;
        }
    }
    return NULL;
}

void
sids_release(struct sids *sids)
{
    assert(sids->count == 0);
    free(sids->slots);
    *sids = (struct sids) { 0 };
}

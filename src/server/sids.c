/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing; removal shifts the followers back, so that there are
 * no tombstones however long a client churns inboxes.
 */
#include "server/sids.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

#define SIDS_SMALLEST 8

static uint32_t
hash_sid(struct str sid)
{
    return (uint32_t)hash_bytes(sid.data, sid.len);
}

/* The slot that holds sid, or the free one where it would go. */
static size_t
probe(const struct sids *sids, struct str sid, uint32_t hash)
{
    size_t mask = sids->cap - 1, at = hash & mask;

    while (sids->slots[at].sub != NULL &&
           !(sids->slots[at].hash == hash && str_eq(subscription_sid(sids->slots[at].sub), sid)))
        at = (at + 1) & mask;
    return at;
}

struct subscription *
sids_find(const struct sids *sids, struct str sid)
{
    if (sids->count == 0)
        return NULL;
    return sids->slots[probe(sids, sid, hash_sid(sid))].sub;
}

static bool
resize(struct sids *sids, size_t cap)
{
    struct sid_slot *slots = calloc(cap, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < sids->cap; i++) {
        size_t at = sids->slots[i].hash & (cap - 1);

        if (sids->slots[i].sub == NULL)
            continue;
        while (slots[at].sub != NULL)
            at = (at + 1) & (cap - 1);
        slots[at] = sids->slots[i];
    }
    free(sids->slots);
    sids->slots = slots;
    sids->cap = cap;
    return true;
}

bool
sids_add(struct sids *sids, struct subscription *sub)
{
    struct str sid = subscription_sid(sub);
    uint32_t hash = hash_sid(sid);
    size_t at;

    if (sids->count + 1 > sids->cap - sids->cap / 4 &&
        !resize(sids, sids->cap == 0 ? SIDS_SMALLEST : sids->cap * 2))
        return false;
    at = probe(sids, sid, hash);
    assert(sids->slots[at].sub == NULL);
    sids->slots[at] = (struct sid_slot) { sub, hash };
    sids->count++;
    return true;
}

static void
close_gap(struct sids *sids, size_t gap)
{
    size_t mask = sids->cap - 1;

    for (size_t at = (gap + 1) & mask; sids->slots[at].sub != NULL; at = (at + 1) & mask) {
        size_t home = sids->slots[at].hash & mask;

        /* may move back unless its home lies cyclically in (gap, at] */
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        sids->slots[gap] = sids->slots[at];
        gap = at;
    }
    sids->slots[gap].sub = NULL;
}

bool
sids_remove(struct sids *sids, struct subscription *sub)
{
    struct str sid = subscription_sid(sub);
    size_t at;

    if (sids->count == 0)
        return false;
    at = probe(sids, sid, hash_sid(sid));
    if (sids->slots[at].sub != sub)
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
        struct subscription *sub = sids->slots[*cursor].sub;

        sids->slots[(*cursor)++].sub = NULL; /* order no longer matters: it is being drained */
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * sids - one client's subscriptions by their sid
 *
 * Owns     one reference per subscription in it.
 * Threads  the client's loop.
 * Cost     12 bytes a slot, 53 to 80 % of them in use; nothing while empty.
 */
#ifndef TESSERA_SERVER_SIDS_H
#define TESSERA_SERVER_SIDS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sublist/sublist.h"

/* Hash and pointer side by side; split in words, since alignment would make it 16 bytes. */
struct sid_slot {
    uint32_t hash;
    uint32_t sub[2]; /* zero: free */
};

struct sids {
    struct sid_slot *slots;
    uint32_t count, cap;
};

/* NULL: the slot is free. */
static inline struct subscription *
sids_at(const struct sids *sids, size_t at)
{
    struct subscription *sub;

    static_assert(sizeof(sub) <= sizeof(sids->slots[at].sub), "a slot holds a pointer");
    memcpy(&sub, sids->slots[at].sub, sizeof(sub));
    return sub;
}

/* NULL: not there. Borrowed. */
struct subscription *sids_find(const struct sids *sids, struct str sid);
/* Takes over one reference; the sid is not in. false: out of memory, nothing changed. */
bool sids_add(struct sids *sids, struct subscription *sub);
/* Hands the reference to the caller; false when this very subscription is not in. */
bool sids_remove(struct sids *sids, struct subscription *sub);
/* Takes any one out, NULL when empty: the way to drain the table. */
struct subscription *sids_take_any(struct sids *sids, size_t *cursor);
/* The table is empty: gives its memory back. */
void sids_release(struct sids *sids);

#endif

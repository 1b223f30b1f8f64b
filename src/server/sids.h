/* SPDX-License-Identifier: Apache-2.0
 *
 * sids - one client's subscriptions by their sid
 *
 * Owns     one reference per subscription in it.
 * Threads  the client's loop.
 * Cost     16 bytes a slot, at most three quarters full; nothing while empty.
 */
#ifndef TESSERA_SERVER_SIDS_H
#define TESSERA_SERVER_SIDS_H

#include <stdbool.h>
#include <stddef.h>

#include "sublist/sublist.h"

struct sid_slot {
    struct subscription *sub; /* NULL: free */
    uint32_t hash;
};

struct sids {
    struct sid_slot *slots;
    size_t count, cap; /* cap: 0 or a power of two */
};

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

/* SPDX-License-Identifier: Apache-2.0
 *
 * remote_subs - the interest that one peer announced, by what its RS- will say (PROTOCOL.md 3.5)
 *
 * Owns     one reference per subscription in it.
 * Threads  the route's loop.
 * Cost     a hash step; 12 bytes a slot beside the subscription itself.
 */
#ifndef TESSERA_CLUSTER_REMOTE_SUBS_H
#define TESSERA_CLUSTER_REMOTE_SUBS_H

#include "base/table.h"
#include "server/account.h"

#define REMOTE_SUB_BYTES 128 /* about what one takes, the tables included */

struct remote_subs {
    struct table table;
    size_t count;
    unsigned cleared; /* segments, by remote_subs_clear_some() */
};

/* RS+ and LS+ of the same subject are two; origin.data NULL: RS+. */
struct remote_key {
    struct account *account;
    struct str origin, subject, queue;
};

/* NULL: not there. Borrowed. */
struct subscription *remote_subs_find(const struct remote_subs *subs, const struct remote_key *key);
/* RS+: sets the weight of what is in; else makes a subscription for key and files it in its
 * account. Takes over a reference on owner. false: out of memory, nothing changed but that
 * reference, which is dropped. */
bool remote_subs_set(struct remote_subs *subs, const struct remote_key *key,
                     struct sub_owner *owner, uint32_t weight);
/* Takes it out here and in its account. false: it is not in. */
bool remote_subs_remove(struct remote_subs *subs, const struct remote_key *key);
/* Takes out some thousands, about; to be called again while any are left, and nothing else then.
 * account_of() finds the account again by its name. Returns how many it took out. */
size_t remote_subs_clear_some(struct remote_subs *subs,
                              struct account *(*account_of)(void *arg, struct str name), void *arg);

#endif

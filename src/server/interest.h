/* SPDX-License-Identifier: Apache-2.0
 *
 * interest - what our clients want, as the other servers of the cluster are told (PROTOCOL.md 3.5)
 *
 * interest_table.h counts our subscriptions and says which changes are told; here is who is told.
 *
 * Threads  any loop's. A change and what is said of it are one step under one lock: so the lines
 *          in a peer's queue are in the order of the changes, and before any message that the
 *          subscriber publishes afterwards. No system call is made under it.
 * Cost     the table's, and a copy for each peer when something is to be told.
 */
#ifndef TESSERA_SERVER_INTEREST_H
#define TESSERA_SERVER_INTEREST_H

#include "server/account.h"
#include "server/interest_table.h"
#include "server/peer.h"

struct interest;

struct interest *interest_new(void);
/* Nobody is told any more. NULL is allowed. */
void interest_free(struct interest *interest);

/* One more of our subscriptions. false: out of memory, and nothing changed. */
bool interest_add(struct interest *interest, const struct account *account,
                  const struct subscription *sub, struct loop *loop);
/* One less. batch NULL: told at once; else with interest_tell(), soon. */
void interest_remove(struct interest *interest, const struct account *account,
                     const struct subscription *sub, struct loop *loop,
                     struct interest_batch *batch);
void interest_tell(struct interest *interest, struct interest_batch *batch, struct loop *loop);

/* From here on peer is told of every change. Its loop also tells it what there is, some of it with
 * each call of interest_tell_more(), which says false when that was all: 64 KB of lines, or what a
 * part of the table holds. What changes meanwhile may be told twice. */
void interest_join(struct interest *interest, struct peer *peer);
bool interest_tell_more(struct interest *interest, struct peer *peer, struct loop *loop);
/* On the peer's loop: it takes more than it took, whose permissions are taken over (NULL: it took
 * everything). What it did not take is told by interest_tell_more(). */
void interest_tell_again(struct peer *peer, struct permissions *took);
void interest_leave(struct interest *interest, struct peer *peer);

/* Distinct ones. */
size_t interest_count(struct interest *interest);

#endif

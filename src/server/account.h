/* SPDX-License-Identifier: Apache-2.0
 *
 * account - a space of subjects of its own
 *
 * Owns     its subject tree.
 * Threads  immutable but for the tree, which has its own rules. account_insert() and
 *          account_remove() are called on loops.
 * So far there are two: the global account "$G", into which every client logs in, and the system
 * account "$SYS", in which the servers of a cluster talk.
 */
#ifndef TESSERA_SERVER_ACCOUNT_H
#define TESSERA_SERVER_ACCOUNT_H

#include "net/loop.h"
#include "sublist/sublist.h"

#define ACCOUNT_GLOBAL "$G"
#define ACCOUNT_SYSTEM "$SYS"

struct interest;
struct interest_batch;

struct account {
    char *name;
    struct sublist *subs;
    struct interest *interest; /* the server's, which tells the cluster; NULL: there is none */
};

struct account *account_new(const char *name, struct interest *interest);
void account_free(struct account *account); /* NULL is allowed */

/* Files one of our own subscriptions, not a remote one, and tells the cluster. ERR_NOMEM: nothing
 * changed. */
enum err account_insert(struct account *account, struct subscription *sub, struct loop *loop);
/* Takes it out again; it is in. batch NULL: the cluster is told at once, see server/interest.h. */
void account_remove(struct account *account, struct subscription *sub, struct loop *loop,
                    struct interest_batch *batch);
/* Tells the cluster what batch has gathered. */
void account_tell(struct account *account, struct interest_batch *batch, struct loop *loop);

#endif

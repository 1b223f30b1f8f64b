/* SPDX-License-Identifier: Apache-2.0
 *
 * shares - which messages of a run go to which other server, and for which of its queue groups
 *
 * One copy of a message goes to each other server that has plain interest, or a member of a queue
 * group that was drawn; the line names those groups (PROTOCOL.md 3.7). So the draws come first, and
 * what fell on servers is noted; then what there is for each server is dealt out.
 *
 * Pure. A server is the owner of its remote subscriptions.
 *
 * Threads  one.
 * Fails    a pick for want of memory. A server whose groups cannot be named for want of it gets the
 *          message for its plain subscribers at least.
 * Cost     without picks one pass over the match's remote subscriptions. For each message and
 *          server one pass over the message's picks.
 */
#ifndef TESSERA_SERVER_SHARES_H
#define TESSERA_SERVER_SHARES_H

#include "base/buf.h"
#include "sublist/sublist.h"

#define SHARES_MESSAGES 64U

/* A message whose copy for a queue group goes to another server. */
struct share_pick {
    struct sub_owner *server; /* NULL: served already */
    uint32_t group;           /* of the match */
    uint32_t next;            /* of the same message: 1 + its index; 0: none */
};

/* Zeroed at first. */
struct shares {
    struct share_pick *picks;
    uint32_t count, cap;
    uint32_t first[SHARES_MESSAGES]; /* of each message: 1 + its index; 0: none */
    struct buf names;                /* of queue groups, for one server */
};

/* What one server gets of a run. */
struct share {
    struct sub_owner *server;
    unsigned count;
    unsigned char messages[SHARES_MESSAGES]; /* which ones, ascending */
    struct str queues[SHARES_MESSAGES];      /* with each: names, each followed by a blank */
    size_t ends[SHARES_MESSAGES];            /* private */
};

/* The message's copy for group, of match, goes to the server of sub, a remote member. false: it
 * cannot go there (any more), or there is no memory to note that. */
bool shares_pick(struct shares *shares, const struct match *match, const struct match_group *group,
                 const struct subscription *sub, unsigned message);
/* Calls send for each server that gets something of the messages 0 .. count - 1, once; then the
 * picks are forgotten. The share is valid during the call. */
void shares_deal(struct shares *shares, const struct match *match, unsigned count,
                 void (*send)(void *arg, const struct share *share), void *arg);
void shares_release(struct shares *shares);

#endif

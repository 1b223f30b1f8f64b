/* SPDX-License-Identifier: Apache-2.0
 *
 * peer - another server of the cluster, as those see it who send to it
 *
 * Owns     a reference on its queue; who embeds it frees it with the last reference.
 * Threads  any loop may send through the queue, and read gone; the rest is set before the peer
 * joins (interest_join) and does not change.
 */
#ifndef TESSERA_SERVER_PEER_H
#define TESSERA_SERVER_PEER_H

#include <stdatomic.h>

#include "auth/permissions.h"
#include "base/list.h"
#include "net/outq.h"
#include "sublist/sublist.h"

struct peer {
    struct sub_owner owner; /* first: its remote subscriptions point here */
    struct outq *outq;
    atomic_bool gone; /* its connection has ended: no message is to be drawn for it any more */
    bool headers;     /* takes HMSG */
    struct permissions *offered; /* interest that it is told of; NULL: all */
    struct list link;            /* under the lock of interest */
    /* Its loop's: */
    unsigned told;            /* segments of interest that it was told */
    bool again;               /* they are told again, but for what it took already: */
    struct permissions *took; /* NULL: all */
};

static inline struct peer *
peer_of(struct sub_owner *owner)
{
    return (struct peer *)(void *)owner;
}

#endif

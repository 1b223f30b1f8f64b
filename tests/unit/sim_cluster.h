/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_cluster - interest and messages on top of a simulated mesh
 *
 * Real: subject trees and their caches, the draw, the shares of other servers, the interest that is
 * counted and told, remote interest, and the lines between nodes with their parser. A model: what
 * server/delivery.c and routed.c do with sockets, queues and runs (sim_delivery.c), and what
 * cluster/route.c does when it is registered or ends.
 */
#ifndef TESSERA_TESTS_SIM_CLUSTER_H
#define TESSERA_TESTS_SIM_CLUSTER_H

#include <assert.h>

#include "base/random.h"
#include "cluster/remote_subs.h"
#include "proto/route_parser.h"
#include "server/interest_table.h"
#include "server/shares.h"
#include "sim_oracle.h"

enum { CLUSTER_CLIENTS = 3, CLUSTER_SUBS = 12, CLUSTER_PEERS = 2 * SIM_NODES_MAX };

/* Faults put in on purpose: each must be found. */
enum cluster_flaw {
    FLAW_NONE,
    FLAW_NO_WITHDRAWAL, /* RS- is not sent */
    FLAW_OLD_WEIGHT,    /* RS+ of what is known is ignored */
    FLAW_DEAF,          /* a peer hears of no change until it was told what there is */
    FLAW_LATE,          /* changes are told behind the messages that follow them */
    FLAW_KEPT,          /* the end of a route leaves the interest that came through it */
    FLAW_DOUBLE,        /* a route is registered twice */
    FLAW_FORWARD,       /* what a route brings is sent on to other routes */
    FLAW_ALL_GROUPS,    /* what a route brings is for groups that it does not name, too */
    FLAW_OWN_DRAW,      /* a group that has members here is served here, too, wherever drawn */
    FLAW_COUNT,
};

struct cluster {
    struct sim *sim;
    struct oracle *oracle;
    enum cluster_flaw flaw;
};

/* Another server, behind a registered link. */
struct cluster_peer {
    struct sub_owner owner; /* first: its remote subscriptions point here */
    unsigned refs;
    struct cluster_node *at; /* NULL: the link has ended */
    uint64_t link;           /* 0: the same */
    size_t other;            /* index of its node */
    char server_id[24];
    bool headers; /* it takes HMSG */
    unsigned told;
    bool telling;
    struct remote_subs subs;
    struct buf in;   /* an operation that is not complete */
    struct buf late; /* FLAW_LATE: to be told */
};

struct cluster_client {
    unsigned publisher;
    struct subscriber *subs[CLUSTER_SUBS];
    size_t count;
    struct interest_batch leaving;
};

struct cluster_node {
    struct cluster *cluster;
    struct sim_node *node;
    struct account *accounts[ORACLE_ACCOUNTS];
    struct sublist_cache *caches[ORACLE_ACCOUNTS];
    struct interest_table interest;
    struct shares shares;
    struct random random;
    struct cluster_peer *peers[CLUSTER_PEERS];
    size_t peer_count;
    struct cluster_peer *kept[CLUSTER_PEERS]; /* FLAW_KEPT */
    size_t kept_count;
    struct cluster_client clients[CLUSTER_CLIENTS];
};

/* For sim_new(), with a struct cluster as arg. sim_node.user is a struct cluster_node. */
extern const struct sim_hooks cluster_hooks;

/* What clients do. queue 0: none; left: messages until it is gone, 0: no limit. */
void cluster_subscribe(struct cluster_node *node, struct cluster_client *client,
                       const struct topic *topic, unsigned queue, unsigned left);
void cluster_unsubscribe(struct cluster_node *node, struct subscriber *who);
/* Drops all its subscriptions; the cluster hears of some at once, of the others a little later. */
void cluster_leave(struct cluster_node *node, struct cluster_client *client);
/* count messages, as a run; asks: each for an answer. */
void cluster_publish(struct cluster_node *node, struct cluster_client *client,
                     const struct topic *topic, unsigned count, bool asks);

/* Is what each node knows of the others what these have? */
void cluster_check(struct cluster *cluster);

/* ---- between sim_cluster.c, sim_interest.c and sim_delivery.c ---- */

/* What can only fail for want of memory, and what must not fail here. */
static inline void
need(bool done)
{
    assert(done);
}

void cluster_unref(struct cluster_peer *peer);
void cluster_send(struct cluster_peer *peer, const char *data, size_t len);
/* From here on it is told of every change, and part by part of what there is. */
void cluster_tell(struct cluster_peer *peer);
/* As cluster_leave(), but nobody hears of it yet. */
void cluster_drop(struct cluster_node *node, struct cluster_client *client);
struct interest_key cluster_key(const struct cluster_node *node, const struct subscriber *who);
/* A ROUTE_MSG of that peer. */
void cluster_message(struct cluster_peer *from, unsigned account, const struct route_op *op);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the cluster's shell share; nobody else includes this.
 */
#ifndef TESSERA_CLUSTER_CLUSTER_PRIVATE_H
#define TESSERA_CLUSTER_CLUSTER_PRIVATE_H

#include "cluster/cluster.h"
#include "cluster/mesh.h"
#include "cluster/route.h"
#include "net/dialer.h"

/* A connection that the mesh knows. */
struct cluster_link {
    struct list link; /* in cluster->links */
    uint64_t rid;
    struct route *route; /* counted */
    bool has_info;
    struct route_info info; /* what came first */
    bool closing;           /* it was told to close */
    bool waiting;           /* to be registered, when the others of that server have closed */
};

/* What is being dialled. */
struct dialling {
    struct list link; /* in cluster->dials */
    struct cluster *cluster;
    struct dial *dial;
    uint32_t target;
    char *host;
    uint16_t port;
    unsigned attempt;
    bool configured, reached, auth_required;
};

/* What a reload will put in force. */
struct prepared {
    struct auth_policy *policy; /* NULL: nothing is prepared */
    struct cluster_tls tls;
};

struct cluster {
    struct server_hooks hooks;
    struct route_events events;
    struct server *server; /* NULL: there is no cluster {} */
    struct mesh *mesh;
    struct listener *listener;
    uint16_t port; /* of the listener, also when it is closed */
    struct dialer *dialer;
    struct timer *timer;
    struct terms *terms;
    struct prepared next;
    struct list links, dials;
    int64_t announce_ms; /* when clients may be told again of other URLs */
    bool announce_due;   /* there are others than they were told */
    char *made_up_name;  /* NULL: the configuration names the cluster */
    bool stopping;
};

static inline const struct cluster_options *
cluster_options(const struct cluster *cluster)
{
    return &cluster->server->config->options->cluster;
}

static inline int64_t
cluster_now_ms(const struct cluster *cluster)
{
    return loop_now_ms(cluster->server->loop);
}

/* Carries out what the mesh wants, and sets the timer for its next tick. After each event. */
void cluster_act(struct cluster *cluster);

/* The terms as configuration, name and facts make them now; every route is told. Takes over policy
 * and tls. */
void cluster_set_terms(struct cluster *cluster, struct auth_policy *policy,
                       const struct cluster_tls *tls);
/* The same with the policy and TLS that are in force. */
void cluster_renew_terms(struct cluster *cluster);

/* cluster_links.c */
struct cluster_link *cluster_link(struct cluster *cluster, uint64_t rid); /* NULL: it is gone */
void cluster_accepted(void *arg, int fd, const struct endpoint *remote);  /* accepted_fn */
void cluster_dial(struct cluster *cluster, const struct mesh_action *action);
void cluster_stop_dialling(struct cluster *cluster);
/* Orders it once no other one of that server is left: a message must not go out on both. */
void cluster_register(struct cluster *cluster, struct cluster_link *link);
/* Every route hears that we are about to end. */
void cluster_say_goodbye(struct cluster *cluster);
void cluster_gossip(struct cluster *cluster, const struct mesh_action *action);
void cluster_forget_links(struct cluster *cluster);
/* What the routes report: a struct route_events. */
void cluster_on_connected(void *arg, uint64_t rid, const char *name, bool dynamic);
bool cluster_on_informed(void *arg, uint64_t rid, struct route_info *info);
void cluster_on_ending(void *arg, uint64_t rid);
void cluster_on_closed(void *arg, uint64_t rid);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes and their links: how peers come and go, and what they want.
 */
#include "sim_cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const account_names[] = { ACCOUNT_GLOBAL, ACCOUNT_SYSTEM };

/* ---- peers ---- */

void
cluster_unref(struct cluster_peer *peer)
{
    if (--peer->refs > 0)
        return;
    assert(peer->at == NULL);
    buf_release(&peer->in);
    buf_release(&peer->late);
    free(peer);
}

static void
unref_owner(struct sub_owner *owner)
{
    cluster_unref((struct cluster_peer *)(void *)owner);
}

static struct account *
account_of(void *arg, struct str name)
{
    struct cluster_node *node = arg;

    for (size_t i = 0; i < ORACLE_ACCOUNTS; i++)
        if (str_eq(name, str_of(account_names[i])))
            return node->accounts[i];
    return NULL;
}

static void
part_from(struct cluster_node *node, struct cluster_peer *peer)
{
    while (peer->subs.count > 0)
        (void)remote_subs_clear_some(&peer->subs, account_of, node);
    peer->at = NULL;
    peer->link = 0;
    cluster_unref(peer);
}

/* ---- what peers say ---- */

static void
take_interest(struct cluster_peer *peer, const struct route_op *op)
{
    struct cluster_node *node = peer->at;
    struct remote_key key = { account_of(node, op->account), op->origin, op->subject, op->queue };

    assert(key.account != NULL);
    if (op->kind == ROUTE_UNSUB) {
        (void)remote_subs_remove(&peer->subs, &key);
        return;
    }
    if (node->cluster->flaw == FLAW_OLD_WEIGHT && remote_subs_find(&peer->subs, &key) != NULL)
        return;
    peer->refs++;
    need(remote_subs_set(&peer->subs, &key, &peer->owner, op->weight));
}

/* Bytes used; 0: the operation is not complete. */
static size_t
take_op(struct cluster_peer *peer, const char *data, size_t len)
{
    static const struct route_limits limits = { 4096, SIZE_MAX, true };
    struct route_op op;
    size_t used = 0;

    switch (parse_route_op(&limits, data, len, &op, &used)) {
    case PARSE_MORE:
        return 0;
    case PARSE_OP:
        break;
    default:
        oracle_find(peer->at->cluster->oracle, "malformed: %.*s", (int)len, data);
        return len;
    }
    if (op.kind == ROUTE_MSG)
        cluster_message(peer, str_eq(op.account, str_of(ACCOUNT_SYSTEM)), &op);
    else
        take_interest(peer, &op);
    return used;
}

static void
receive(struct cluster_peer *peer, const void *data, size_t len)
{
    size_t at = 0, used = 1;

    need(buf_append(&peer->in, data, len));
    while (used > 0 && at < peer->in.len) {
        used = take_op(peer, peer->in.data + at, peer->in.len - at);
        at += used;
    }
    buf_consume(&peer->in, at);
}

static void
received(void *arg, struct sim_node *node, uint64_t link, const void *data, size_t len)
{
    const struct cluster_node *here = node->user;

    (void)arg;
    for (size_t i = 0; i < here->peer_count; i++)
        if (here->peers[i]->link == link)
            receive(here->peers[i], data, len);
}

/* ---- nodes and links ---- */

static void
started(void *arg, struct sim_node *node)
{
    struct cluster_node *here = xcalloc(1, sizeof(*here));

    node->user = here;
    here->cluster = arg;
    here->node = node;
    here->random.state = sim_random(node->sim, UINT32_MAX);
    for (size_t i = 0; i < ORACLE_ACCOUNTS; i++) {
        here->accounts[i] = account_new(account_names[i], NULL);
        here->caches[i] = sublist_cache_new(here->accounts[i]->subs);
        assert(here->caches[i] != NULL);
    }
    for (size_t i = 0; i < CLUSTER_CLIENTS; i++)
        here->clients[i].publisher = oracle_publisher(here->cluster->oracle);
}

static void
stopped(void *arg, struct sim_node *node)
{
    struct cluster *cluster = arg;
    struct cluster_node *here = node->user;

    for (size_t c = 0; c < CLUSTER_CLIENTS; c++)
        cluster_drop(here, &here->clients[c]);
    for (size_t i = 0; i < here->peer_count; i++) {
        oracle_route(cluster->oracle, node->index, here->peers[i]->other, -1);
        part_from(here, here->peers[i]);
    }
    for (size_t i = 0; i < here->kept_count; i++)
        part_from(here, here->kept[i]);
    for (size_t i = 0; i < ORACLE_ACCOUNTS; i++) {
        sublist_cache_free(here->caches[i]);
        account_free(here->accounts[i]);
    }
    interest_table_release(&here->interest);
    shares_release(&here->shares);
    free(here);
    node->user = NULL;
}

/* Ids hold the index: sim_start(). */
static size_t
index_of(const char *server_id)
{
    return strtoul(strchr(server_id, '-') + 1, NULL, 10);
}

static void
add_peer(struct cluster_node *here, uint64_t link, const char *server_id)
{
    struct cluster_peer *peer = xcalloc(1, sizeof(*peer));

    assert(here->peer_count < CLUSTER_PEERS);
    here->peers[here->peer_count++] = peer;
    peer->owner.unref = unref_owner;
    peer->refs = 1;
    peer->at = here;
    peer->link = link;
    peer->other = index_of(server_id);
    snprintf(peer->server_id, sizeof(peer->server_id), "%s", server_id);
    peer->headers = random_below(&here->random, 4) > 0;
    cluster_tell(peer);
}

static void
registered(void *arg, struct sim_node *node, uint64_t link, const char *server_id)
{
    struct cluster *cluster = arg;
    struct cluster_node *here = node->user;

    oracle_route(cluster->oracle, node->index, index_of(server_id), 1);
    for (size_t i = 0; i < here->peer_count; i++)
        if (strcmp(here->peers[i]->server_id, server_id) == 0)
            oracle_find(cluster->oracle, "two routes from node %zu to %s", node->index, server_id);
    add_peer(here, link, server_id);
    if (cluster->flaw == FLAW_DOUBLE && random_below(&here->random, 4) == 0)
        add_peer(here, link, server_id);
}

static void
closed(void *arg, struct sim_node *node, uint64_t link)
{
    struct cluster *cluster = arg;
    struct cluster_node *here = node->user;

    for (size_t i = 0; i < here->peer_count; i++) {
        struct cluster_peer *peer = here->peers[i];

        if (peer->link != link)
            continue;
        oracle_route(cluster->oracle, node->index, peer->other, -1);
        here->peers[i--] = here->peers[--here->peer_count];
        peer->link = 0;
        if (cluster->flaw != FLAW_KEPT || here->kept_count == CLUSTER_PEERS)
            part_from(here, peer);
        else
            here->kept[here->kept_count++] = peer;
    }
}

const struct sim_hooks cluster_hooks = { started, stopped, registered, received, closed };

/* ---- what must hold ---- */

struct checking {
    struct cluster *cluster;
    const struct cluster_node *node;
    struct cluster_peer *peer; /* what it knows of node */
    size_t seen;
};

/* Once for each distinct one would do. */
static void
check_subscriber(void *arg, struct subscriber *who)
{
    struct checking *checking = arg;
    const struct cluster_node *node = checking->node;
    struct cluster_peer *peer = checking->peer;
    struct interest_key key;
    struct remote_key remote;
    const struct subscription *sub;
    unsigned count;

    if (who->topic.node != node->node->index)
        return;
    count = oracle_count(checking->cluster->oracle, &who->topic, who->queue);
    key = cluster_key(node, who);
    if (interest_table_get(&node->interest, &key) != count)
        oracle_find(checking->cluster->oracle, "node %zu miscounts %s", node->node->index,
                    who->topic.subject);
    remote = (struct remote_key) { peer->at->accounts[who->topic.account], STR_NULL, key.subject,
                                   key.queue };
    sub = remote_subs_find(&peer->subs, &remote);
    if (sub == NULL)
        oracle_find(checking->cluster->oracle,
                    "interest in %s of node %zu is not known at node %zu", who->topic.subject,
                    node->node->index, peer->at->node->index);
    else if (who->queue != 0 && atomic_load_explicit(&sub->weight, memory_order_relaxed) != count)
        oracle_find(checking->cluster->oracle, "a wrong weight of node %zu at node %zu",
                    node->node->index, peer->at->node->index);
}

static void
check_peer(struct cluster *cluster, struct cluster_peer *peer)
{
    const struct sim_node *other = sim_node(cluster->sim, peer->other);
    struct checking checking = { cluster, other->user, peer, 0 };

    if (peer->in.len > 0)
        oracle_find(cluster->oracle, "half an operation is left");
    if (!other->up)
        return;
    oracle_each(cluster->oracle, check_subscriber, &checking);
    if (peer->subs.count != checking.node->interest.count)
        oracle_find(cluster->oracle, "node %zu knows %zu interests of node %zu, there are %zu",
                    peer->at->node->index, peer->subs.count, peer->other,
                    checking.node->interest.count);
}

static void
count_local(void *arg, struct subscriber *who)
{
    struct checking *checking = arg;

    checking->seen += who->topic.node == checking->node->node->index;
}

void
cluster_check(struct cluster *cluster)
{
    for (size_t i = 0; i < sim_node_count(cluster->sim); i++) {
        struct cluster_node *node = sim_node(cluster->sim, i)->user;
        struct checking checking = { .node = node };
        size_t filed = 0;

        if (node == NULL)
            continue;
        oracle_each(cluster->oracle, count_local, &checking);
        for (size_t p = 0; p < node->peer_count; p++) {
            check_peer(cluster, node->peers[p]);
            checking.seen += node->peers[p]->subs.count;
        }
        for (size_t a = 0; a < ORACLE_ACCOUNTS; a++) {
            sublist_check(node->accounts[a]->subs);
            filed += sublist_count(node->accounts[a]->subs);
        }
        if (filed != checking.seen)
            oracle_find(cluster->oracle, "node %zu has %zu subscriptions instead of %zu", i, filed,
                        checking.seen);
    }
}

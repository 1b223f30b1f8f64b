/* SPDX-License-Identifier: Apache-2.0
 *
 * Interest: what clients want, and what the peers are told of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_cluster.h"

static const char *const queues[] = { NULL, "q1", "q2", "q3" };

static struct str
queue_name(unsigned queue)
{
    return queue == 0 ? STR_NULL : str_of(queues[queue]);
}

/* At times in two pieces. */
void
cluster_send(struct cluster_peer *peer, const char *data, size_t len)
{
    struct cluster_node *node = peer->at;
    size_t cut =
        random_below(&node->random, 8) > 0 ? 0 : random_below(&node->random, (uint32_t)len);

    if (cut > 0)
        sim_send(node->node, peer->link, data, cut);
    if (len > cut)
        sim_send(node->node, peer->link, data + cut, len - cut);
}

/* ---- telling ---- */

static void
send_late(void *arg)
{
    struct cluster_peer *peer = arg;

    if (peer->link != 0 && peer->late.len > 0)
        cluster_send(peer, peer->late.data, peer->late.len);
    peer->late.len = 0;
    cluster_unref(peer);
}

static void
tell_peer(struct cluster_peer *peer, const struct interest_entry *entry)
{
    struct cluster *cluster = peer->at->cluster;
    struct buf line = BUF_INIT;

    need(interest_entry_line(entry, &line));
    if (cluster->flaw == FLAW_NO_WITHDRAWAL && memcmp(line.data, "RS-", 3) == 0)
        line.len = 0;
    if (cluster->flaw == FLAW_LATE && line.len > 0) {
        need(buf_append(&peer->late, line.data, line.len));
        peer->refs++;
        sim_at(cluster->sim, sim_now(cluster->sim) + 1, send_late, peer);
    } else if (line.len > 0) {
        cluster_send(peer, line.data, line.len);
    }
    buf_release(&line);
}

static void
tell_peers(void *arg, const struct interest_entry *entry)
{
    struct cluster_node *node = arg;

    for (size_t i = 0; i < node->peer_count; i++)
        if (node->cluster->flaw != FLAW_DEAF || !node->peers[i]->telling)
            tell_peer(node->peers[i], entry);
}

static void
tell_one(void *arg, const struct interest_entry *entry)
{
    tell_peer(arg, entry);
}

/* Some parts of the table now, the others later. */
static void
tell_more(void *arg)
{
    struct cluster_peer *peer = arg;
    struct cluster_node *node = peer->at;

    if (peer->link == 0) {
        cluster_unref(peer);
        return;
    }
    for (uint32_t parts = 1 + random_below(&node->random, 32); peer->telling && parts > 0; parts--)
        peer->telling = interest_table_tell(&node->interest, &peer->told, tell_one, peer);
    if (peer->telling)
        sim_at(node->cluster->sim,
               sim_now(node->cluster->sim) + 1 + random_below(&node->random, 20), tell_more, peer);
    else
        cluster_unref(peer);
}

void
cluster_tell(struct cluster_peer *peer)
{
    peer->refs++;
    peer->telling = true;
    tell_more(peer);
}

/* ---- our clients ---- */

struct interest_key
cluster_key(const struct cluster_node *node, const struct subscriber *who)
{
    return (struct interest_key) { node->accounts[who->topic.account]->name,
                                   str_of(who->topic.subject), queue_name(who->queue) };
}

void
cluster_subscribe(struct cluster_node *node, struct cluster_client *client,
                  const struct topic *topic, unsigned queue, unsigned left)
{
    struct subscriber *who;
    struct interest_key key;

    if (client->count == CLUSTER_SUBS)
        return;
    who = oracle_subscribe(node->cluster->oracle, topic, queue);
    client->subs[client->count++] = who;
    who->left = left;
    who->sub =
        subscription_new(&who->owner, str_of(topic->subject), queue_name(queue), STR_LIT("1"));
    key = cluster_key(node, who);
    need(who->sub != NULL &&
         sublist_insert(node->accounts[topic->account]->subs, who->sub) == ERR_OK);
    need(interest_table_add(&node->interest, &key, tell_peers, node));
}

/* batch NULL: the cluster is told at once. */
static void
drop(struct cluster_node *node, struct subscriber *who, struct interest_batch *batch)
{
    struct interest_key key = cluster_key(node, who);
    struct subscription *sub = who->sub;

    atomic_fetch_or_explicit(&sub->state, SUB_CLOSED, memory_order_release);
    need(sublist_remove(node->accounts[who->topic.account]->subs, sub) == ERR_OK);
    interest_table_remove(&node->interest, &key, batch, tell_peers, node);
    oracle_unsubscribe(node->cluster->oracle, who);
    who->sub = NULL;
    subscription_unref(sub);
}

void
cluster_unsubscribe(struct cluster_node *node, struct subscriber *who)
{
    drop(node, who, NULL);
    for (size_t c = 0; c < CLUSTER_CLIENTS; c++) {
        struct cluster_client *client = &node->clients[c];

        for (size_t i = 0; i < client->count; i++)
            if (client->subs[i] == who)
                client->subs[i] = client->subs[--client->count];
    }
}

struct settling {
    struct sim_node *node;
    unsigned life;
    size_t client;
};

/* Another thread may come in between two entries. */
static void
settle(void *arg)
{
    struct settling *settling = arg;
    struct cluster_node *node = settling->node->user;
    struct interest_batch *batch;

    if (node == NULL || settling->node->life != settling->life) {
        free(settling);
        return;
    }
    batch = &node->clients[settling->client].leaving;
    while (batch->first != NULL && random_below(&node->random, 4) > 0)
        interest_table_settle(&node->interest, batch, tell_peers, node);
    if (batch->first != NULL)
        sim_at(node->cluster->sim, sim_now(node->cluster->sim) + random_below(&node->random, 10),
               settle, settling);
    else
        free(settling);
}

void
cluster_drop(struct cluster_node *node, struct cluster_client *client)
{
    while (client->count > 0)
        drop(node, client->subs[--client->count], &client->leaving);
}

void
cluster_leave(struct cluster_node *node, struct cluster_client *client)
{
    struct settling *settling = xmalloc(sizeof(*settling));

    *settling =
        (struct settling) { node->node, node->node->life, (size_t)(client - node->clients) };
    cluster_drop(node, client);
    settle(settling);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages: as server/delivery.c and server/routed.c do, with calls in place of queues, and without
 * permissions and echo.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/route_lines.h"
#include "sim_cluster.h"
#include "sublist/draw.h"

#define HEADERS "NATS/1.0\r\nA: b\r\n\r\n"

enum { RUN_MAX = 8, TEXT_MAX = 48 };

struct run {
    struct cluster_node *node;
    struct topic topic;
    const struct match *match;
    bool routed; /* another server sent it */
    size_t letters[RUN_MAX];
    unsigned count;
};

/* ---- what is in a message: all of it follows from the letter's number ---- */

struct text {
    char payload[TEXT_MAX], reply[24];
    struct message message;
};

static void
write_text(struct text *text, const struct run *run, size_t number)
{
    bool headers = number % 3 == 0;
    struct str reply = STR_NULL;

    if (oracle_letter(run->node->cluster->oracle, number)->asks) {
        oracle_inbox(number, text->reply);
        reply = str_of(text->reply);
    }
    snprintf(text->payload, sizeof(text->payload), "%s%zu\r\n", headers ? HEADERS : "", number);
    message_init(&text->message, reply, (struct str) { text->payload, strlen(text->payload) - 2 },
                 headers ? strlen(HEADERS) : 0);
}

/* ---- to our clients ---- */

struct answer {
    struct sim_node *node;
    unsigned life;
    size_t letter;
};

static void
answer(void *arg)
{
    struct answer *answer = arg;
    struct cluster_node *node = answer->node->user;

    if (node != NULL && answer->node->life == answer->life) {
        const struct letter *letter = oracle_letter(node->cluster->oracle, answer->letter);
        struct topic topic = { answer->node->index, letter->topic.account, "" };

        oracle_inbox(answer->letter, topic.subject);
        cluster_publish(node, &node->clients[0], &topic, 1, false);
    }
    free(answer);
}

/* The first who gets it answers. */
static void
answer_soon(struct cluster_node *node, size_t number)
{
    struct letter *letter = oracle_letter(node->cluster->oracle, number);
    struct answer *soon;

    if (!letter->asks || letter->answered)
        return;
    letter->answered = true;
    soon = xmalloc(sizeof(*soon));
    *soon = (struct answer) { node->node, node->node->life, number };
    sim_at(node->cluster->sim, sim_now(node->cluster->sim) + random_below(&node->random, 3), answer,
           soon);
}

static bool
deliver(const struct run *run, const struct subscription *sub, size_t letter)
{
    struct subscriber *who = (struct subscriber *)(void *)sub->owner;

    if (subscription_is(sub, SUB_CLOSED))
        return false;
    oracle_delivered(run->node->cluster->oracle, who, letter);
    answer_soon(run->node, letter);
    if (who->left > 0 && --who->left == 0)
        cluster_unsubscribe(run->node, who);
    return true;
}

/* ---- queue groups ---- */

static bool
deliver_to_member(struct run *run, const struct match_group *group, uint32_t member, unsigned i)
{
    const struct subscription *sub = run->match->subs[group->first + member];

    if (sub->remote)
        return shares_pick(&run->node->shares, run->match, group, sub, i);
    return deliver(run, sub, run->letters[i]);
}

static void
deliver_to_group(struct run *run, const struct match_group *group)
{
    uint32_t count = run->routed ? group->local : group->count;

    if (run->node->cluster->flaw == FLAW_OWN_DRAW && !run->routed && group->local > 0)
        (void)deliver_to_member(run, group, 0, 0);
    for (unsigned i = 0; i < run->count; i++) {
        uint32_t drawn = draw_member(run->match, group, !run->routed, &run->node->random);

        if (drawn == group->count)
            continue;
        for (uint32_t k = 1; !deliver_to_member(run, group, drawn, i) && k < count; k++)
            drawn = (drawn + 1) % count;
    }
}

static bool
is_named(struct str names, struct str queue)
{
    struct str name;

    while ((name = route_next_queue(&names)).data != NULL)
        if (str_eq(name, queue))
            return true;
    return false;
}

/* ---- to other servers ---- */

static void
put_message(struct buf *out, const struct run *run, size_t letter, struct str queues, bool headers)
{
    struct str account = str_of(run->node->accounts[run->topic.account]->name);
    struct str subject = str_of(run->topic.subject), body;
    struct text text;
    char head[128], *end;
    size_t head_len;

    write_text(&text, run, letter);
    need(route_head_room(account, subject) <= sizeof(head));
    head_len = route_head(account, subject, head);
    need(buf_reserve(out,
                     route_msg_line_len(&text.message, head_len, queues, headers) + ENCODE_SLACK));
    end = route_msg_line(&text.message, head, head_len, queues, headers, out->data + out->len);
    buf_commit(out, (size_t)(end - out->data) - out->len);
    body = encode_body(&text.message, headers);
    need(buf_append(out, body.data, body.len + 2));
}

static void
send_share(void *arg, const struct share *share)
{
    const struct run *run = arg;
    struct cluster_peer *peer = (struct cluster_peer *)(void *)share->server;
    struct buf out = BUF_INIT;

    if (peer->link == 0)
        return;
    for (unsigned i = 0; i < share->count; i++)
        put_message(&out, run, run->letters[share->messages[i]], share->queues[i], peer->headers);
    cluster_send(peer, out.data, out.len);
    buf_release(&out);
}

/* ---- both ways in ---- */

static const struct match *
match_of(struct cluster_node *node, const struct topic *topic)
{
    const struct match *match =
        sublist_cache_match(node->caches[topic->account], str_of(topic->subject));

    need(match != NULL);
    return match;
}

void
cluster_publish(struct cluster_node *node, struct cluster_client *client, const struct topic *topic,
                unsigned count, bool asks)
{
    struct run run = { .node = node, .topic = *topic };
    struct letter letter = { .topic = *topic, .publisher = client->publisher, .asks = asks };

    need(count > 0 && count <= RUN_MAX);
    letter.answers = strncmp(topic->subject, "_INBOX.", 7) == 0;
    while (run.count < count) {
        size_t number = run.letters[run.count++] = oracle_publish(node->cluster->oracle, &letter);
        struct topic inbox = *topic;

        oracle_inbox(number, inbox.subject);
        if (asks)
            cluster_subscribe(node, client, &inbox, 0, 1);
    }
    run.match = match_of(node, topic);
    for (uint32_t i = 0; i < run.match->plain_count; i++)
        for (unsigned k = 0; k < run.count; k++)
            (void)deliver(&run, run.match->subs[i], run.letters[k]);
    for (uint32_t i = 0; i < run.match->group_count; i++)
        deliver_to_group(&run, &run.match->groups[i]);
    if (run.match->remote)
        shares_deal(&node->shares, run.match, run.count, send_share, &run);
}

/* What came is what was sent? Returns the letter's number. */
static size_t
read_text(struct cluster_node *node, const struct route_op *op)
{
    struct oracle *oracle = node->cluster->oracle;
    size_t number = strtoul(op->payload.data + op->header_len, NULL, 10);
    const struct letter *letter = oracle_letter(oracle, number);
    char reply[24] = "";

    if (letter->asks)
        oracle_inbox(number, reply);
    if (!str_eq(op->subject, str_of(letter->topic.subject)) || !str_eq(op->reply, str_of(reply)) ||
        (op->header_len > 0 && (op->header_len != strlen(HEADERS) ||
                                memcmp(op->payload.data, HEADERS, op->header_len) != 0)))
        oracle_find(oracle, "letter %zu came as another one", number);
    return number;
}

static void
forward(const struct cluster_peer *from, struct run *run)
{
    for (size_t i = 0; i < from->at->peer_count; i++) {
        struct cluster_peer *to = from->at->peers[i];
        struct buf out = BUF_INIT;

        if (to == from)
            continue;
        put_message(&out, run, run->letters[0], STR_NULL, true);
        cluster_send(to, out.data, out.len);
        buf_release(&out);
    }
}

void
cluster_message(struct cluster_peer *from, unsigned account, const struct route_op *op)
{
    struct cluster_node *node = from->at;
    struct run run = { .node = node, .routed = true, .count = 1 };
    enum cluster_flaw flaw = node->cluster->flaw;
    struct oracle *oracle = node->cluster->oracle;
    size_t before = oracle_deliveries(oracle);

    run.letters[0] = read_text(node, op);
    run.topic = oracle_letter(oracle, run.letters[0])->topic;
    if (run.topic.account != account)
        oracle_find(oracle, "letter %zu came in another account", run.letters[0]);
    run.match = match_of(node, &run.topic);
    for (uint32_t i = 0; i < run.match->plain_count; i++)
        (void)deliver(&run, run.match->subs[i], run.letters[0]);
    for (uint32_t i = 0; i < run.match->group_count; i++) {
        const struct match_group *group = &run.match->groups[i];

        if (flaw == FLAW_ALL_GROUPS ||
            is_named(op->queues, subscription_queue(run.match->subs[group->first])))
            deliver_to_group(&run, group);
    }
    oracle_arrived(oracle, run.letters[0], node->node->index, oracle_deliveries(oracle) > before);
    if (flaw == FLAW_FORWARD && run.topic.node == from->other)
        forward(from, &run);
}

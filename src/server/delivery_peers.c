/* SPDX-License-Identifier: Apache-2.0
 *
 * One copy of a message goes to each other server that has plain interest, or a member of a queue
 * group that was drawn; the line names those groups (PROTOCOL.md 3.7). So the draws come first, and
 * what fell on servers is noted in run->picks; then each server is sent what is for it.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/route_lines.h"
#include "server/peer.h"
#include "server/run.h"
#include "server/server.h"

bool
run_pick(struct run *run, const struct match_group *group, const struct subscription *sub,
         unsigned message)
{
    if (subscription_is(sub, SUB_CLOSED) ||
        atomic_load_explicit(&sub->weight, memory_order_relaxed) == 0)
        return false;
    if (run->pick_count == run->pick_cap) {
        uint32_t cap = run->pick_cap == 0 ? RUN_MESSAGES : run->pick_cap * 2;
        struct remote_pick *grown = realloc(run->picks, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        run->picks = grown;
        run->pick_cap = cap;
    }
    run->picks[run->pick_count] =
        (struct remote_pick) { peer_of(sub), (uint32_t)(group - run->match->groups),
                               run->pick_first[message] };
    run->pick_first[message] = ++run->pick_count;
    return true;
}

/* What one server gets of a run. */
struct share {
    unsigned char picks[RUN_MESSAGES];
    size_t ends[RUN_MESSAGES]; /* in run->names, where the names of each end */
    struct str queues[RUN_MESSAGES];
    unsigned count;
};

/* Appends the names of the groups whose copy of the message fell on peer; false: no memory. */
static bool
take_names(struct run *run, const struct peer *peer, unsigned message)
{
    for (uint32_t at = run->pick_first[message]; at != 0; at = run->picks[at - 1].next) {
        struct remote_pick *pick = &run->picks[at - 1];
        struct str name;

        if (pick->peer != peer)
            continue;
        pick->peer = NULL;
        name = subscription_queue(run->match->subs[run->match->groups[pick->group].first]);
        if (!buf_append(&run->names, name.data, name.len) || !buf_append_char(&run->names, ' '))
            return false;
    }
    return true;
}

/* plain: it gets every message, else those that it was picked for. */
static void
take_share(struct run *run, const struct peer *peer, bool plain, struct share *share)
{
    const char *names;
    size_t start = 0;

    run->names.len = 0;
    share->count = 0;
    for (unsigned i = 0; i < run->count; i++) {
        if (!take_names(run, peer, i))
            run->names.len = start; /* no memory: at least the plain subscribers get it */
        if (!plain && run->names.len == start)
            continue;
        share->picks[share->count] = (unsigned char)i;
        share->ends[share->count++] = start = run->names.len;
    }
    start = 0;
    names = run->names.data == NULL ? "" : run->names.data; /* it grows no more */
    for (unsigned i = 0; i < share->count; i++) {
        share->queues[i] = (struct str) { names + start, share->ends[i] - start };
        start = share->ends[i];
    }
}

static void
send_share(struct run *run, struct peer *peer, const struct share *share)
{
    struct str account = str_of(run->account->name);
    struct receiver to = { .outq = peer->outq,
                           .queues = share->queues,
                           .headers = peer->headers,
                           .picks = share->picks,
                           .count = share->count };
    bool last;

    run->head.len = 0;
    if (share->count == 0 || !buf_reserve(&run->head, route_head_room(account, run->subject)))
        return;
    to.head_len = route_head(account, run->subject, run->head.data);
    receiver_measure(run, &to);
    receiver_put(run, &to, &last);
}

/* Nobody's draw fell on a server: what each gets is the same. */
static void
send_to_plain(struct run *run)
{
    const struct match *match = run->match;
    struct share share;

    for (uint32_t i = 0; i < match->remote_count; i++) {
        struct peer *peer = peer_of(match->subs[match->plain_count + i]);

        if (i == 0 || run->pick_count > 0)
            take_share(run, peer, true, &share);
        send_share(run, peer, &share);
    }
}

void
run_deliver_to_peers(struct run *run)
{
    struct share share;

    send_to_plain(run);
    for (uint32_t i = 0; i < run->pick_count; i++) {
        struct peer *peer = run->picks[i].peer;

        if (peer == NULL)
            continue;
        take_share(run, peer, false, &share);
        send_share(run, peer, &share);
    }
    if (run->pick_count > 0)
        memset(run->pick_first, 0, run->count * sizeof(*run->pick_first));
    run->pick_count = 0;
}

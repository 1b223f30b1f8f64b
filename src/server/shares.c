/* SPDX-License-Identifier: Apache-2.0 */
#include "server/shares.h"

#include <stdlib.h>
#include <string.h>

bool
shares_pick(struct shares *shares, const struct match *match, const struct match_group *group,
            const struct subscription *sub, unsigned message)
{
    if (subscription_is(sub, SUB_CLOSED) ||
        atomic_load_explicit(&sub->weight, memory_order_relaxed) == 0)
        return false;
    if (shares->count == shares->cap) {
        uint32_t cap = shares->cap == 0 ? SHARES_MESSAGES : shares->cap * 2;
        struct share_pick *grown = realloc(shares->picks, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        shares->picks = grown;
        shares->cap = cap;
    }
    shares->picks[shares->count] =
        (struct share_pick) { sub->owner, (uint32_t)(group - match->groups),
                              shares->first[message] };
    shares->first[message] = ++shares->count;
    return true;
}

/* Appends the names of the groups whose copy of the message fell on server; false: no memory. */
static bool
take_names(struct shares *shares, const struct match *match, const struct sub_owner *server,
           unsigned message)
{
    for (uint32_t at = shares->first[message]; at != 0; at = shares->picks[at - 1].next) {
        struct share_pick *pick = &shares->picks[at - 1];
        struct str name;

        if (pick->server != server)
            continue;
        pick->server = NULL;
        name = subscription_queue(match->subs[match->groups[pick->group].first]);
        if (!buf_append(&shares->names, name.data, name.len) ||
            !buf_append_char(&shares->names, ' '))
            return false;
    }
    return true;
}

/* plain: it gets every message, else those that it was picked for. */
static void
take(struct shares *shares, const struct match *match, unsigned count, bool plain,
     struct share *share)
{
    const char *names;
    size_t start = 0;

    shares->names.len = 0;
    share->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!take_names(shares, match, share->server, i))
            shares->names.len = start; /* no memory: at least the plain subscribers get it */
        if (!plain && shares->names.len == start)
            continue;
        share->messages[share->count] = (unsigned char)i;
        share->ends[share->count++] = start = shares->names.len;
    }
    start = 0;
    names = shares->names.data == NULL ? "" : shares->names.data; /* it grows no more */
    for (unsigned i = 0; i < share->count; i++) {
        share->queues[i] = (struct str) { names + start, share->ends[i] - start };
        start = share->ends[i];
    }
}

void
shares_deal(struct shares *shares, const struct match *match, unsigned count,
            void (*send)(void *arg, const struct share *share), void *arg)
{
    struct share share;

    for (uint32_t i = 0; i < match->remote_count; i++) {
        share.server = match->subs[match->plain_count + i]->owner;
        if (i == 0 || shares->count > 0) /* without picks each gets the same */
            take(shares, match, count, true, &share);
        send(arg, &share);
    }
    for (uint32_t i = 0; i < shares->count; i++) {
        share.server = shares->picks[i].server;
        if (share.server == NULL)
            continue;
        take(shares, match, count, false, &share);
        if (share.count > 0)
            send(arg, &share);
    }
    if (shares->count > 0)
        memset(shares->first, 0, count * sizeof(*shares->first));
    shares->count = 0;
}

void
shares_release(struct shares *shares)
{
    buf_release(&shares->names);
    free(shares->picks);
    *shares = (struct shares) { 0 };
}

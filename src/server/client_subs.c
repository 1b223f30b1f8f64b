/* SPDX-License-Identifier: Apache-2.0
 *
 * SUB and UNSUB. A subscription is removed exactly once, by whoever sets its SUB_CLOSED first:
 * its own client, or the loop whose delivery reached its maximum. The sid table belongs to the
 * client's loop, so another loop leaves that part to it by mail.
 */
#include <stdlib.h>

#include "proto/errors.h"
#include "proto/subject.h"
#include "server/client.h"
#include "server/interest.h"
#include "server/server.h"
#include "server/trace.h"

#define SUBSCRIPTION_BYTES 128 /* about what one takes, the tables included */

static void
trace_delsub(struct client *client, const struct subscription *sub)
{
    struct str sid = subscription_sid(sub);

    client_log_write(client, LOG_LEVEL_TRC, "<-> [DELSUB %.*s]", (int)sid.len, sid.data);
}

/* True for the one caller that has to take it out of the tree. */
static bool
close_once(struct subscription *sub)
{
    return (atomic_fetch_or_explicit(&sub->state, SUB_CLOSED, memory_order_acq_rel) & SUB_CLOSED) ==
           0;
}

/* On the client's loop: drops the sid table's reference. */
static void
unref_own(struct client *client, struct subscription *sub)
{
    loop_note_freed(client->worker->loop, SUBSCRIPTION_BYTES);
    subscription_unref(sub);
}

/* On the client's loop: drops the sid table's reference, if it is still there. */
static void
forget_sid(struct client *client, struct subscription *sub)
{
    if (sids_remove(&client->sids, sub))
        unref_own(client, sub);
}

static void
remove_sub(struct client *client, struct subscription *sub)
{
    if (client_tracing(client))
        trace_delsub(client, sub);
    if (close_once(sub))
        account_remove(client->account, sub, client->worker->loop, NULL);
    forget_sid(client, sub);
}

struct expired {
    struct mail mail;
    struct subscription *sub; /* counted, and it holds its client */
};

static void
deliver_expired(struct mail *mail)
{
    struct expired *expired = (struct expired *)(void *)mail;
    struct client *client = client_of(expired->sub);

    atomic_fetch_sub_explicit(&client->expired, 1, memory_order_relaxed);
    forget_sid(client, expired->sub);
    subscription_unref(expired->sub);
    free(expired);
}

void
client_expire_sub(struct subscription *sub, struct worker *current)
{
    struct client *client = client_of(sub);
    struct expired *expired;

    if (!close_once(sub))
        return;
    account_remove(client->account, sub, current->loop, NULL);
    if (client->worker == current) {
        forget_sid(client, sub);
        return;
    }
    expired = malloc(sizeof(*expired));
    if (expired == NULL)
        return; /* the entry stays, closed, until its sid is used again or the client goes */
    expired->mail.deliver = deliver_expired;
    expired->sub = subscription_ref(sub);
    atomic_fetch_add_explicit(&client->expired, 1, memory_order_release);
    loop_post(client->worker->loop, &expired->mail);
}

void
client_drop_subs(struct client *client)
{
    struct interest_batch changes = { NULL };
    struct subscription *sub;
    size_t cursor = 0;

    while ((sub = sids_take_any(&client->sids, &cursor)) != NULL) {
        if (close_once(sub))
            account_remove(client->account, sub, client->worker->loop, &changes);
        unref_own(client, sub);
    }
    account_tell(client->account, &changes, client->worker->loop);
    sids_release(&client->sids);
}

/* A permission error of the core rules; true when the SUB was refused. */
static bool
refused(struct client *client, const struct op *op, enum subscribe_verdict right)
{
    const struct options *options = client->worker->config->options;
    bool too_many = options->max_sub_tokens > 0 &&
                    subject_token_count(op->subject) > (size_t)options->max_sub_tokens;
    bool reserved = op->queue.data != NULL && str_eq(op->queue, STR_LIT("_sys_"));

    if (too_many)
        client_violation(client, PROTO_VIOLATION_TOO_MANY_TOKENS, op->subject, STR_NULL);
    else if (reserved || right == SUBSCRIBE_REFUSED)
        client_violation(client, PROTO_VIOLATION_SUBSCRIPTION, op->subject, op->queue);
    return too_many || reserved || right == SUBSCRIBE_REFUSED;
}

static bool
add_sub(struct client *client, const struct op *op, bool filtered)
{
    struct subscription *sub =
        subscription_new(&client_ref(client)->owner, op->subject, op->queue, op->sid);

    if (sub == NULL) {
        client_unref(client);
        return false;
    }
    if (filtered)
        atomic_store_explicit(&sub->state, SUB_FILTERED, memory_order_relaxed);
    if (!sids_add(&client->sids, sub)) {
        subscription_unref(sub);
        return false;
    }
    if (account_insert(client->account, sub, client->worker->loop) != ERR_OK) {
        forget_sid(client, sub);
        return false;
    }
    return true;
}

/* Those that another loop took out still stand in the table until its letter arrives. */
static bool
is_full(const struct client *client)
{
    int64_t most = client->worker->config->options->max_subscriptions;
    size_t expired = atomic_load_explicit(&client->expired, memory_order_acquire);

    return most > 0 && client->sids.count >= (size_t)most + expired;
}

void
client_sub(struct client *client, const struct op *op)
{
    enum subscribe_verdict right;
    struct subscription *old;

    if (!subject_valid(op->subject)) {
        client_error(client, PROTO_ERR_INVALID_SUBJECT);
        return;
    }
    right = rights_may_subscribe(&client->rights, op->subject, op->queue);
    if (refused(client, op, right))
        return;
    if (is_full(client)) {
        client_err(client, "%s", proto_error_text(PROTO_ERR_MAX_SUBSCRIPTIONS));
        client_error(client, PROTO_ERR_MAX_SUBSCRIPTIONS);
        return;
    }
    old = sids_find(&client->sids, op->sid);
    if (old != NULL && subscription_is(old, SUB_CLOSED)) {
        forget_sid(client, old);
        old = NULL;
    }
    if (old == NULL && !add_sub(client, op, right == SUBSCRIBE_FILTERED)) {
        client_close(client, CLOSE_INTERNAL);
        return;
    }
    client_ok(client);
}

/* Sets the maximum, under the lock that deliveries count under; true when it is reached. */
static bool
reaches_max(struct client *client, struct subscription *sub, uint64_t max)
{
    bool locked = outq_begin(client->outq, client->worker->loop, 0) == OUTQ_OK;
    bool reached;

    atomic_store_explicit(&sub->max, max, memory_order_relaxed);
    reached = max == 0 || atomic_load_explicit(&sub->delivered, memory_order_relaxed) >= max;
    if (locked)
        outq_end(client->outq, client->worker->loop);
    return reached;
}

void
client_unsub(struct client *client, const struct op *op)
{
    struct subscription *sub = sids_find(&client->sids, op->sid);

    if (sub != NULL && reaches_max(client, sub, op->max))
        remove_sub(client, sub);
    client_ok(client);
}

static void
set_filtered(struct subscription *sub, bool filtered)
{
    if (filtered)
        atomic_fetch_or_explicit(&sub->state, SUB_FILTERED, memory_order_release);
    else
        atomic_fetch_and_explicit(&sub->state, (unsigned char)~SUB_FILTERED, memory_order_release);
}

/* True when the subscription may stay; it is filtered as it must be from now on. */
static bool
review_sub(struct client *client, struct subscription *sub)
{
    enum subscribe_verdict right =
        rights_may_subscribe(&client->rights, subscription_subject(sub), subscription_queue(sub));

    if (right != SUBSCRIBE_REFUSED)
        set_filtered(sub, right == SUBSCRIBE_FILTERED);
    return right != SUBSCRIBE_REFUSED;
}

/* Removing shifts later slots back, so the same one is looked at again; when the table shrinks
 * they all move, and it begins anew: to review a subscription twice does no harm. */
void
client_review_subs(struct client *client)
{
    size_t at = 0;

    while (at < client->sids.cap) {
        struct subscription *sub = sids_at(&client->sids, at);
        size_t cap = client->sids.cap;

        if (sub == NULL || review_sub(client, sub)) {
            at++;
            continue;
        }
        client_sub_revoked(client, sub);
        remove_sub(client, sub);
        if (client->sids.cap != cap)
            at = 0;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic only: what is sent, what is expected and what is checked all ask here.
 */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "check.h"

#define SHUFFLE_SEED 4222 /* each run the same order */

static void
shuffle(struct plan *plan)
{
    struct random random = { SHUFFLE_SEED };

    plan->order = xcalloc(plan->subjects, sizeof(*plan->order));
    plan->rank = xcalloc(plan->subjects, sizeof(*plan->rank));
    for (uint32_t i = 0; i < plan->subjects; i++) {
        uint32_t other = random_below(&random, i + 1);

        plan->order[i] = plan->order[other];
        plan->order[other] = i;
    }
    for (uint32_t i = 0; i < plan->subjects; i++)
        plan->rank[plan->order[i]] = i;
}

static enum err
refuse(const struct plan *plan, struct errmsg *why)
{
    if (plan->publishers == 0 || plan->subjects == 0 || plan->messages == 0)
        return err_set(why, ERR_INVALID, "there must be messages, publishers and subjects");
    if ((plan->check || plan->latency) && plan->size < STAMP_LEN)
        return err_set(why, ERR_LIMIT, "a payload of less than %d bytes can't be checked",
                       STAMP_LEN);
    if (plan->publishers > STAMP_PUBLISHERS_MAX)
        return err_set(why, ERR_LIMIT, "more than %d publishers", STAMP_PUBLISHERS_MAX);
    if (plan->queue > plan->subscribers)
        return err_set(why, ERR_INVALID, "there are fewer subscribers than queue groups");
    if (plan->latency && (plan->rate == 0 || plan->subscribers == 0))
        return err_set(why, ERR_INVALID, "latency wants a rate and a subscriber");
    if (plan->raw &&
        (plan->queue > 0 || plan->sub_connections > 0 || plan->never_read > 0 || plan->churn > 0 ||
         plan->idle > 0 || plan->sub_filler > 0 || plan->publishers != plan->subjects))
        return err_set(why, ERR_INVALID, "a relay can only copy each publisher's bytes");
    return ERR_OK;
}

enum err
plan_prepare(struct plan *plan, struct errmsg *why)
{
    enum err err = refuse(plan, why);

    if (err != ERR_OK)
        return err;
    if (plan->sub_connections == 0 || plan->sub_connections > plan_subscriptions(plan))
        plan->sub_connections = plan_subscriptions(plan);
    shuffle(plan);
    return ERR_OK;
}

void
plan_release(struct plan *plan)
{
    free(plan->order);
    free(plan->rank);
    plan->order = plan->rank = NULL;
}

/* Of count things dealt out to so many, what the one with this number gets. */
static uint64_t
share(uint64_t count, uint64_t among, uint64_t number)
{
    return count / among + (number < count % among ? 1 : 0);
}

uint64_t
plan_quota(const struct plan *plan, uint64_t publisher)
{
    return share(plan->messages, plan->publishers, publisher);
}

uint64_t
plan_subject(const struct plan *plan, uint64_t publisher, uint64_t i)
{
    return plan->publishers > 1 ? publisher % plan->subjects : plan->order[i % plan->subjects];
}

uint64_t
plan_sequence(const struct plan *plan, uint64_t i)
{
    return plan->publishers > 1 ? i : i / plan->subjects;
}

uint64_t
plan_number(const struct plan *plan, uint64_t publisher, uint64_t subject, uint64_t sequence)
{
    if (plan->publishers > 1)
        return sequence * plan->publishers + publisher;
    return sequence * plan->subjects + plan->rank[subject];
}

uint64_t
plan_publishers_of(const struct plan *plan, uint64_t subject)
{
    return plan->publishers > 1 ? share(plan->publishers, plan->subjects, subject) : 1;
}

uint64_t
plan_publisher_of(const struct plan *plan, uint64_t subject, uint64_t slot)
{
    return plan->publishers > 1 ? slot * plan->subjects + subject : 0;
}

uint64_t
plan_messages_to(const struct plan *plan, uint64_t publisher, uint64_t subject)
{
    if (plan->publishers > 1) {
        assert(publisher % plan->subjects == subject);
        return plan_quota(plan, publisher);
    }
    return share(plan->messages, plan->subjects, plan->rank[subject]);
}

uint64_t
plan_subscriptions(const struct plan *plan)
{
    return plan->subjects * plan->subscribers;
}

uint64_t
plan_expected(const struct plan *plan, uint64_t subject)
{
    uint64_t sum = 0;

    for (uint64_t slot = 0; slot < plan_publishers_of(plan, subject); slot++)
        sum += plan_messages_to(plan, plan_publisher_of(plan, subject, slot), subject);
    return sum;
}

uint64_t
plan_deliveries(const struct plan *plan)
{
    return plan->messages * (plan->queue > 0 ? plan->queue : plan->subscribers);
}

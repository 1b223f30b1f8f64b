/* SPDX-License-Identifier: Apache-2.0 */
#include "sublist/draw.h"

static uint64_t
weight_of(const struct subscription *sub, bool leaf)
{
    if (subscription_is(sub, SUB_LEAF) != leaf)
        return 0;
    return atomic_load_explicit(&sub->weight, memory_order_relaxed);
}

/* A weight that sinks meanwhile may leave nobody where the number points. */
static uint32_t
draw_remote(const struct match *match, const struct match_group *group, uint64_t local, bool leaf,
            struct random *random)
{
    struct subscription **subs = &match->subs[group->first];
    uint64_t total = local, at;

    for (uint32_t i = group->local; i < group->count; i++)
        total += weight_of(subs[i], leaf);
    if (total == 0)
        return group->count;
    at = random_next(random) % total; /* weights have 30 bits: no bias to speak of */
    if (at < local)
        return (uint32_t)at;
    at -= local;
    for (uint32_t i = group->local; i < group->count; i++) {
        uint64_t weight = weight_of(subs[i], leaf);

        if (at < weight)
            return i;
        at -= weight;
    }
    return local > 0 ? 0 : group->count;
}

uint32_t
draw_member(const struct match *match, const struct match_group *group, bool remote,
            struct random *random)
{
    uint32_t drawn;

    if (group->local == group->count)
        return random_below(random, group->count);
    if (!remote)
        return group->local == 0 ? group->count : random_below(random, group->local);
    drawn = draw_remote(match, group, group->local, false, random);
    return drawn < group->count ? drawn : draw_remote(match, group, 0, true, random);
}

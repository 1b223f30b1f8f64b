/* SPDX-License-Identifier: Apache-2.0
 *
 * A match is one block: header, groups, subscriptions. Queue members are put into groups in
 * two passes (count, then place), linear in the members however many names there are: a
 * small hash table finds the group of a name, and the member before is tried first, because
 * members of one group mostly come in a row. Groups stand in order of first appearance. Remote
 * subscriptions stand apart from the others, so that who delivers locally need not ask.
 *
 * "Nobody" is one constant shared by all threads, so that it is not counted.
 */
#include "sublist/match.h"

#include <assert.h>

#include "base/table.h"

struct member {
    struct subscription *sub;
    uint32_t group;
};

struct group {
    struct str name; /* in a member's text */
    uint32_t hash;
    uint32_t local, remote; /* members; later: where the next one goes */
};

static const struct match nobody;

bool
collector_add(struct collector *col, struct subscription *head)
{
    for (struct subscription *sub = head; sub != NULL; sub = sub->next) {
        struct subscription **plain = NULL;
        struct member *member = NULL;

        if (sub->queue_len == 0)
            plain = vec_add(sub->remote ? &col->remote : &col->plain, sizeof(*plain));
        else
            member = vec_add(&col->queued, sizeof(*member));
        if (plain != NULL)
            *plain = subscription_ref(sub);
        else if (member != NULL)
            *member = (struct member) { subscription_ref(sub), 0 };
        else
            return false;
    }
    return true;
}

/* The bucket of name: its own or a free one. */
static uint32_t *
bucket(const struct collector *col, struct str name, uint32_t hash)
{
    const struct group *groups = col->groups.data;

    for (size_t at = hash;; at++) {
        uint32_t *slot = &col->buckets[at & (col->bucket_count - 1)];

        if (*slot == 0)
            return slot;
        if (groups[*slot - 1].hash == hash && str_eq(groups[*slot - 1].name, name))
            return slot;
    }
}

static bool
buckets_grow(struct collector *col)
{
    size_t count = col->bucket_count == 0 ? VEC_FIRST : col->bucket_count * 2;
    uint32_t *buckets = calloc(count, sizeof(*buckets));
    const struct group *groups = col->groups.data;

    if (buckets == NULL)
        return false;
    free(col->buckets);
    col->buckets = buckets;
    col->bucket_count = count;
    for (uint32_t i = 0; i < col->groups.len; i++)
        *bucket(col, groups[i].name, groups[i].hash) = i + 1;
    return true;
}

/* The index of the group called name, which is added if need be. */
static bool
group_find(struct collector *col, struct str name, uint32_t *index)
{
    uint32_t hash = table_hash(name);
    uint32_t *slot;
    struct group *group;

    if ((col->groups.len + 1) * 2 > col->bucket_count && !buckets_grow(col))
        return false;
    slot = bucket(col, name, hash);
    if (*slot == 0) {
        group = vec_add(&col->groups, sizeof(*group));
        if (group == NULL)
            return false;
        *group = (struct group) { name, hash, 0, 0 };
        *slot = (uint32_t)col->groups.len;
    }
    *index = *slot - 1;
    return true;
}

/* First pass: each member learns its group, each group its size. */
static bool
count_groups(struct collector *col)
{
    struct member *members = col->queued.data;

    for (size_t i = 0; i < col->queued.len; i++) {
        struct str name = subscription_queue(members[i].sub);
        struct group *group;

        if (i > 0 && str_eq(name, subscription_queue(members[i - 1].sub)))
            members[i].group = members[i - 1].group;
        else if (!group_find(col, name, &members[i].group))
            return false;
        group = (struct group *)col->groups.data + members[i].group;
        if (members[i].sub->remote)
            group->remote++;
        else
            group->local++;
    }
    return true;
}

/* Second pass. */
static void
place_members(struct collector *col, struct match *match)
{
    const struct member *members = col->queued.data;
    struct group *groups = col->groups.data;
    uint32_t first = match->plain_count + match->remote_count;

    for (size_t i = 0; i < col->groups.len; i++) {
        uint32_t count = groups[i].local + groups[i].remote;

        match->groups[i] = (struct match_group) { first, count, groups[i].local };
        match->remote = match->remote || groups[i].remote > 0;
        groups[i].remote = first + groups[i].local;
        groups[i].local = first;
        first += count;
    }
    for (size_t i = 0; i < col->queued.len; i++) {
        struct group *group = &groups[members[i].group];
        uint32_t *at = members[i].sub->remote ? &group->remote : &group->local;

        match->subs[(*at)++] = members[i].sub;
    }
}

/* Of each owner one plain remote subscription stays. Owners are servers, so there are few. */
static void
thin_remote(struct collector *col)
{
    struct subscription **subs = col->remote.data;
    size_t kept = 0;

    for (size_t i = 0; i < col->remote.len; i++) {
        size_t at = 0;

        while (at < kept && subs[at]->owner != subs[i]->owner)
            at++;
        if (at < kept)
            subscription_unref(subs[i]);
        else
            subs[kept++] = subs[i];
    }
    col->remote.len = kept;
}

static struct match *
match_new(struct collector *col)
{
    size_t groups = col->groups.len, plain = col->plain.len, remote = col->remote.len;
    size_t subs = plain + remote + col->queued.len;
    struct match *match;

    if (subs > UINT32_MAX)
        return NULL;
    match = malloc(sizeof(*match) + match_groups_bytes(groups) + subs * sizeof(*match->subs));
    if (match == NULL)
        return NULL;
    atomic_init(&match->refs, 1);
    match->plain_count = (uint32_t)plain;
    match->remote_count = (uint32_t)remote;
    match->group_count = (uint32_t)groups;
    match->remote = remote > 0;
    match->groups = (struct match_group *)(match + 1);
    match->subs = (void *)((char *)match->groups + match_groups_bytes(groups));
    if (plain > 0)
        memcpy(match->subs, col->plain.data, plain * sizeof(*match->subs));
    if (remote > 0)
        memcpy(match->subs + plain, col->remote.data, remote * sizeof(*match->subs));
    place_members(col, match);
    return match;
}

/* Empties the collector without touching the references. */
static void
collector_forget(struct collector *col)
{
    vec_clear(&col->plain, sizeof(struct subscription *));
    vec_clear(&col->remote, sizeof(struct subscription *));
    vec_clear(&col->queued, sizeof(struct member));
    if (col->groups.len > 0)
        memset(col->buckets, 0, col->bucket_count * sizeof(*col->buckets));
    vec_clear(&col->groups, sizeof(struct group));
    if (col->bucket_count * sizeof(*col->buckets) > VEC_KEPT_BYTES) {
        free(col->buckets);
        col->buckets = NULL;
        col->bucket_count = 0;
    }
}

struct match *
collector_finish(struct collector *col)
{
    struct match *match;

    if (col->plain.len + col->remote.len + col->queued.len == 0)
        return (struct match *)&nobody; /* nobody writes to it: see match_ref, match_unref */
    thin_remote(col);
    match = count_groups(col) ? match_new(col) : NULL;
    if (match == NULL)
        collector_clear(col);
    else
        collector_forget(col);
    return match;
}

void
collector_clear(struct collector *col)
{
    struct subscription **plain = col->plain.data, **remote = col->remote.data;
    const struct member *queued = col->queued.data;

    for (size_t i = 0; i < col->plain.len; i++)
        subscription_unref(plain[i]);
    for (size_t i = 0; i < col->remote.len; i++)
        subscription_unref(remote[i]);
    for (size_t i = 0; i < col->queued.len; i++)
        subscription_unref(queued[i].sub);
    collector_forget(col);
}

void
collector_release(struct collector *col)
{
    collector_clear(col);
    vec_release(&col->plain);
    vec_release(&col->remote);
    vec_release(&col->queued);
    vec_release(&col->groups);
    vec_release(&col->level);
    vec_release(&col->deeper);
    free(col->buckets);
    col->buckets = NULL;
    col->bucket_count = 0;
}

struct match *
match_ref(const struct match *match)
{
    struct match *own = (struct match *)match;

    if (match != &nobody)
        atomic_fetch_add_explicit(&own->refs, 1, memory_order_relaxed);
    return own;
}

void
match_unref(struct match *match)
{
    size_t count;

    if (match == NULL || match == &nobody ||
        atomic_fetch_sub_explicit(&match->refs, 1, memory_order_acq_rel) > 1)
        return;
    count = match_count(match);
    for (size_t i = 0; i < count; i++)
        subscription_unref(match->subs[i]);
    free(match);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A match is one block: header, groups, subscriptions. Queue members are put into groups in
 * two passes (count, then place), linear in the members however many names there are: a
 * small hash table finds the group of a name, and the member before is tried first, because
 * members of one group mostly come in a row. Groups stand in order of first appearance.
 *
 * "Nobody" is one constant shared by all threads, so that it is not counted.
 */
#include "sublist/match.h"

#include <assert.h>

#include "sublist/table.h"

struct member {
    struct subscription *sub;
    uint32_t group;
};

struct group {
    struct str name; /* in a member's text */
    uint32_t hash;
    uint32_t count; /* members; later: where the next one goes */
};

static const struct match nobody;

bool
collector_add(struct collector *col, struct subscription *head)
{
    for (struct subscription *sub = head; sub != NULL; sub = sub->next) {
        struct subscription **plain = NULL;
        struct member *member = NULL;

        if (sub->queue_len == 0)
            plain = vec_add(&col->plain, sizeof(*plain));
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
        *group = (struct group) { name, hash, 0 };
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

        if (i > 0 && str_eq(name, subscription_queue(members[i - 1].sub)))
            members[i].group = members[i - 1].group;
        else if (!group_find(col, name, &members[i].group))
            return false;
        ((struct group *)col->groups.data)[members[i].group].count++;
    }
    return true;
}

/* Second pass. */
static void
place_members(struct collector *col, struct match *match)
{
    const struct member *members = col->queued.data;
    struct group *groups = col->groups.data;
    uint32_t first = match->plain_count;

    for (size_t i = 0; i < col->groups.len; i++) {
        match->groups[i] = (struct match_group) { first, groups[i].count };
        groups[i].count = first;
        first += match->groups[i].count;
    }
    for (size_t i = 0; i < col->queued.len; i++)
        match->subs[groups[members[i].group].count++] = members[i].sub;
}

static struct match *
match_new(struct collector *col)
{
    size_t groups = col->groups.len, plain = col->plain.len, queued = col->queued.len;
    struct match *match;

    if (plain + queued > UINT32_MAX)
        return NULL;
    match = malloc(sizeof(*match) + groups * sizeof(*match->groups) +
                   (plain + queued) * sizeof(*match->subs));
    if (match == NULL)
        return NULL;
    atomic_init(&match->refs, 1);
    match->plain_count = (uint32_t)plain;
    match->group_count = (uint32_t)groups;
    match->groups = (struct match_group *)(match + 1);
    match->subs = (struct subscription **)(void *)(match->groups + groups);
    if (plain > 0)
        memcpy(match->subs, col->plain.data, plain * sizeof(*match->subs));
    place_members(col, match);
    return match;
}

/* Empties the collector without touching the references. */
static void
collector_forget(struct collector *col)
{
    vec_clear(&col->plain, sizeof(struct subscription *));
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

    if (col->plain.len + col->queued.len == 0)
        return (struct match *)&nobody; /* nobody writes to it: see match_ref, match_unref */
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
    struct subscription **plain = col->plain.data;
    const struct member *queued = col->queued.data;

    for (size_t i = 0; i < col->plain.len; i++)
        subscription_unref(plain[i]);
    for (size_t i = 0; i < col->queued.len; i++)
        subscription_unref(queued[i].sub);
    collector_forget(col);
}

void
collector_release(struct collector *col)
{
    collector_clear(col);
    vec_release(&col->plain);
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

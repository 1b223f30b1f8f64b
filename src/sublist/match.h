/* SPDX-License-Identifier: Apache-2.0
 *
 * match - from the chains that match to one match result (private to sublist)
 *
 * A collector is one thread's scratch memory. Under the list's lock it only notes the
 * subscriptions and takes a reference on each; sorting them into groups comes after.
 */
#ifndef TESSERA_SUBLIST_MATCH_H
#define TESSERA_SUBLIST_MATCH_H

#include "sublist/sublist.h"
#include "sublist/vec.h"

struct collector {
    struct vec plain, remote; /* struct subscription * */
    struct vec queued;        /* struct member */
    struct vec groups;        /* struct group */
    uint32_t *buckets;        /* hash of a queue name -> index in groups + 1; 0: free */
    size_t bucket_count;      /* a power of two, at least twice groups.len */
    struct vec level, deeper; /* struct node *: the tree's, see tree_match() */
};

/* Notes every subscription of the chain; false: out of memory. */
bool collector_add(struct collector *col, struct subscription *head);

/* Makes a match of what was noted and hands over the references. NULL: out of memory; the
 * references are dropped. The collector is empty afterwards in any case. */
struct match *collector_finish(struct collector *col);

/* Drops what was noted. */
void collector_clear(struct collector *col);
/* Gives the scratch memory back; the collector is empty. */
void collector_release(struct collector *col);

/* All subscriptions in the match. */
static inline size_t
match_count(const struct match *match)
{
    const struct match_group *last;

    if (match->group_count == 0)
        return (size_t)match->plain_count + match->remote_count;
    last = &match->groups[match->group_count - 1];
    return (size_t)last->first + last->count;
}

/* The pointers behind the groups are aligned. */
static inline size_t
match_groups_bytes(size_t groups)
{
    size_t bytes = groups * sizeof(struct match_group), align = sizeof(struct subscription *);

    return (bytes + align - 1) / align * align;
}

/* What the match occupies, without its subscriptions. */
static inline size_t
match_bytes(const struct match *match)
{
    return sizeof(*match) + match_groups_bytes(match->group_count) +
           match_count(match) * sizeof(struct subscription *);
}

#endif

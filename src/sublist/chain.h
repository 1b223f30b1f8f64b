/* SPDX-License-Identifier: Apache-2.0
 *
 * chain - subscriptions with the same subject, linked through themselves (private to sublist)
 *
 * The first one's prev is the last one, the last one's next is NULL: both ends are one step
 * away and the order of insertion is kept. prev is NULL outside of any chain.
 */
#ifndef TESSERA_SUBLIST_CHAIN_H
#define TESSERA_SUBLIST_CHAIN_H

#include <assert.h>

#include "sublist/sublist.h"

static inline void
chain_push(struct subscription **head, struct subscription *sub)
{
    assert(sub->prev == NULL && sub->next == NULL);
    if (*head == NULL) {
        *head = sub->prev = sub;
        return;
    }
    sub->prev = (*head)->prev;
    sub->prev->next = sub;
    (*head)->prev = sub;
}

static inline void
chain_remove(struct subscription **head, struct subscription *sub)
{
    struct subscription *behind = sub->next != NULL ? sub->next : *head;

    assert(sub->prev != NULL && *head != NULL);
    behind->prev = sub->prev;
    if (*head == sub)
        *head = sub->next;
    else
        sub->prev->next = sub->next;
    sub->next = sub->prev = NULL;
}

/* Drops the reference that the list holds on each. */
static inline void
chain_release(struct subscription *head)
{
    while (head != NULL) {
        struct subscription *next = head->next;

        head->next = head->prev = NULL;
        subscription_unref(head);
        head = next;
    }
}

/* Asserts the links and that all have the same subject; returns how many there are. */
static inline size_t
chain_check(const struct subscription *head, bool wildcard)
{
    size_t count = 0;

    for (const struct subscription *sub = head; sub != NULL; sub = sub->next, count++) {
        assert(sub->next == NULL ? head->prev == sub : sub->next->prev == sub);
        assert(sub->wildcard == wildcard && sub->hash == head->hash);
        assert(str_eq(subscription_subject(sub), subscription_subject(head)));
        assert(atomic_load_explicit(&sub->refs, memory_order_relaxed) > 0);
    }
    return count;
}

#endif

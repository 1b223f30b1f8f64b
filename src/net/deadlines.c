/* SPDX-License-Identifier: Apache-2.0
 *
 * Each deadline is no later than its children, whose list hangs on it. Two heaps meld by making
 * the later root the first child of the other. When a root goes, its children meld in pairs, and
 * the pairs, last to first, into one heap.
 */
#include "net/deadlines.h"

#include <assert.h>

/* Two roots, without siblings. */
static struct deadline *
meld(struct deadline *a, struct deadline *b)
{
    struct deadline *later = a->due_ms <= b->due_ms ? b : a;
    struct deadline *root = later == b ? a : b;

    later->prev = root;
    later->next = root->child;
    if (later->next != NULL)
        later->next->prev = later;
    root->child = later;
    return root;
}

/* Takes the first out of a list of siblings. */
static struct deadline *
take(struct deadline **list)
{
    struct deadline *one = *list;

    *list = one->next;
    one->next = one->prev = NULL;
    return one;
}

/* Siblings to one heap; NULL of none. In two loops, since there may be a great many. */
static struct deadline *
meld_all(struct deadline *list)
{
    struct deadline *pairs = NULL, *root = NULL;

    while (list != NULL) {
        struct deadline *one = take(&list);

        if (list != NULL)
            one = meld(one, take(&list));
        one->next = pairs;
        pairs = one;
    }
    while (pairs != NULL) {
        struct deadline *one = take(&pairs);

        root = root == NULL ? one : meld(root, one);
    }
    return root;
}

static void
insert(struct deadlines *deadlines, struct deadline *heap)
{
    deadlines->first = deadlines->first == NULL ? heap : meld(deadlines->first, heap);
}

void
deadlines_add(struct deadlines *deadlines, struct deadline *deadline, int64_t due_ms)
{
    assert(due_ms > 0 && !deadline_is_set(deadline));
    deadline->due_ms = due_ms;
    insert(deadlines, deadline);
}

static void
unlink_sibling(struct deadline *deadline)
{
    if (deadline->prev->child == deadline)
        deadline->prev->child = deadline->next;
    else
        deadline->prev->next = deadline->next;
    if (deadline->next != NULL)
        deadline->next->prev = deadline->prev;
}

void
deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
    struct deadline *rest = meld_all(deadline->child);

    assert(deadline_is_set(deadline));
    if (deadline == deadlines->first) {
        deadlines->first = rest;
    } else {
        unlink_sibling(deadline);
        if (rest != NULL)
            insert(deadlines, rest);
    }
    *deadline = (struct deadline) { 0 };
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * list - intrusive doubly linked list: the link lives in the element, nothing allocates
 *
 * A link that is in no list points at itself after list_init() and list_remove().
 */
#ifndef TESSERA_BASE_LIST_H
#define TESSERA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))

#define LIST_FOREACH_SAFE(pos, tmp, head)                                                          \
    for ((pos) = (head)->next; (tmp) = (pos)->next, (pos) != (head); (pos) = (tmp))

static inline void
list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool
list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void
list_push_back(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void
list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

#endif

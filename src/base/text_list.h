/* SPDX-License-Identifier: Apache-2.0
 *
 * text_list - a few texts in order
 *
 * Owns     its copies of them. All zero is an empty list.
 * Threads  one at a time.
 * Cost     to look for a text: all of them. Lists that strangers size are sorted instead.
 */
#ifndef TESSERA_BASE_TEXT_LIST_H
#define TESSERA_BASE_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct text_list {
    char **texts; /* NULL-terminated; NULL: never had one */
    size_t count;
};

void text_list_add(struct text_list *list, const char *text);
/* Unless it is there. */
void text_list_add_once(struct text_list *list, const char *text);
bool text_list_has(const struct text_list *list, const char *text);
/* By bytes; of equal ones one stays. */
void text_list_sort_once(struct text_list *list);
/* The same texts in the same order? */
bool text_list_equal(const struct text_list *a, const struct text_list *b);
/* Empties it. */
void text_list_release(struct text_list *list);

/* For those who read NULL-terminated lists; NULL or one without elements when it is empty. */
static inline const char *const *
text_list_texts(const struct text_list *list)
{
    return (const char *const *)list->texts;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
text_list_add(struct text_list *list, const char *text)
{
    list->texts = xrealloc(list->texts, (list->count + 2) * sizeof(*list->texts));
    list->texts[list->count++] = xstrdup(text);
    list->texts[list->count] = NULL;
}

void
text_list_add_once(struct text_list *list, const char *text)
{
    if (!text_list_has(list, text))
        text_list_add(list, text);
}

bool
text_list_has(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->texts[i], text) == 0)
            return true;
    return false;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void
text_list_sort_once(struct text_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->texts, list->count, sizeof(*list->texts), compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->texts[kept - 1], list->texts[i]) == 0)
            free(list->texts[i]);
        else
            list->texts[kept++] = list->texts[i];
    }
    list->texts[kept] = NULL;
    list->count = kept;
}

bool
text_list_equal(const struct text_list *a, const struct text_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->texts[i], b->texts[i]) != 0)
            return false;
    return true;
}

void
text_list_release(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
    *list = (struct text_list) { 0 };
}

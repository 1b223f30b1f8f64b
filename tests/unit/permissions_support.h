/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions_support - permissions from lists written as one text: "foo.*, bar q1"
 *
 * Includers have cmocka.
 */
#ifndef TESSERA_TESTS_PERMISSIONS_SUPPORT_H
#define TESSERA_TESTS_PERMISSIONS_SUPPORT_H

#include <string.h>

#include "auth/permissions.h"
#include "base/mem.h"

#define SUPPORT_ITEMS_MAX 32

/* NULL: no such list; "": an empty one. */
struct lists {
    const char *publish_allow, *publish_deny, *subscribe_allow, *subscribe_deny;
};

/* The texts between commas, as items that support_release() frees. */
static inline struct subject_list
support_split(const char *text, char **items)
{
    struct subject_list list = { items, 0 };

    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");

        assert_true(list.count < SUPPORT_ITEMS_MAX);
        items[list.count++] = xmemdup0(text, len);
        text += len + strspn(text + len, ", ");
    }
    return list;
}

static inline void
support_release(struct subject_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
}

static inline struct permissions *
support_permissions(const struct lists *lists, int64_t responses_max)
{
    char *items[4][SUPPORT_ITEMS_MAX];
    struct permissions_options options = {
        .publish = { lists->publish_allow != NULL, support_split(lists->publish_allow, items[0]),
                     support_split(lists->publish_deny, items[1]) },
        .subscribe = { lists->subscribe_allow != NULL,
                       support_split(lists->subscribe_allow, items[2]),
                       support_split(lists->subscribe_deny, items[3]) },
        .allow_responses = responses_max != 0,
        .responses_max = responses_max,
        .responses_expires_ns = 5,
    };
    struct permissions *permissions = permissions_new(&options);

    support_release(&options.publish.allow);
    support_release(&options.publish.deny);
    support_release(&options.subscribe.allow);
    support_release(&options.subscribe.deny);
    return permissions;
}

#endif

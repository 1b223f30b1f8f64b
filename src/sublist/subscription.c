/* SPDX-License-Identifier: Apache-2.0
 *
 * One allocation per subscription: with a subject of 20 bytes and a sid of 6 it is 86 bytes,
 * which a 64-bit malloc rounds to 96. What matching would have to find out again, the hash
 * and whether there is a wildcard, is found here, outside any lock.
 */
#include <stdlib.h>

#include "base/table.h"
#include "proto/subject.h"
#include "sublist/sublist.h"

static char *
put(char *to, struct str text)
{
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    return to + text.len;
}

static struct subscription *
make(struct sub_owner *owner, struct str subject, struct str queue, struct str sid)
{
    struct subscription *sub;
    char *to;

    if (subject.len > UINT32_MAX || queue.len > UINT16_MAX || sid.len > UINT32_MAX)
        return NULL;
    sub = malloc(offsetof(struct subscription, text) + subject.len + queue.len + sid.len);
    if (sub == NULL)
        return NULL;
    atomic_init(&sub->refs, 1);
    sub->hash = table_hash(subject);
    sub->next = sub->prev = NULL;
    sub->owner = owner;
    atomic_init(&sub->delivered, 0);
    atomic_init(&sub->max, 0);
    atomic_init(&sub->state, 0);
    sub->wildcard = subject_has_wildcard(subject);
    sub->remote = false;
    sub->queue_len = (uint16_t)queue.len;
    sub->subject_len = (uint32_t)subject.len;
    sub->sid_len = (uint32_t)sid.len;
    to = put(sub->text, subject);
    to = put(to, queue);
    (void)put(to, sid);
    return sub;
}

struct subscription *
subscription_new(struct sub_owner *owner, struct str subject, struct str queue, struct str sid)
{
    return make(owner, subject, queue, sid);
}

struct subscription *
subscription_new_remote(struct sub_owner *owner, struct str subject, struct str queue,
                        struct str tag, uint32_t weight)
{
    struct subscription *sub = make(owner, subject, queue, tag);

    if (sub != NULL) {
        sub->remote = true;
        atomic_init(&sub->weight, weight);
    }
    return sub;
}

struct subscription *
subscription_ref(struct subscription *sub)
{
    atomic_fetch_add_explicit(&sub->refs, 1, memory_order_relaxed);
    return sub;
}

void
subscription_unref(struct subscription *sub)
{
    struct sub_owner *owner;

    /* acq_rel: what other holders did to sub happened before it is freed */
    if (sub == NULL || atomic_fetch_sub_explicit(&sub->refs, 1, memory_order_acq_rel) > 1)
        return;
    owner = sub->owner;
    free(sub);
    if (owner != NULL)
        owner->unref(owner);
}

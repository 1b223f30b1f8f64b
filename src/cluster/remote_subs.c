/* SPDX-License-Identifier: Apache-2.0
 *
 * A remote subscription has no sid. In its place stand account and origin, which a key consists of,
 * too; both are left out where they are the usual ones, of RS+ in the global account, so that most
 * subscriptions pay nothing for it:
 *
 *   RS+ $G orders.eu            ""
 *   RS+ SALES orders.eu         "SALES"
 *   LS+ leaf $G orders.eu       "$G leaf"
 */
#include "cluster/remote_subs.h"

#include <stdlib.h>

#include "base/buf.h"

#define CLEARED_AT_ONCE 4096 /* some ms; the rest of the segment comes on top */

static bool
put_tag(struct buf *out, const struct remote_key *key)
{
    struct str account = str_of(key->account->name);

    if (key->origin.data == NULL && str_eq(account, STR_LIT(ACCOUNT_GLOBAL)))
        return true;
    if (!buf_append(out, account.data, account.len))
        return false;
    return key->origin.data == NULL ||
           (buf_append_char(out, ' ') && buf_append(out, key->origin.data, key->origin.len));
}

static struct str
tag_account(struct str tag)
{
    const char *blank = tag.len == 0 ? NULL : memchr(tag.data, ' ', tag.len);

    if (tag.len == 0)
        return STR_LIT(ACCOUNT_GLOBAL);
    return (struct str) { tag.data, blank == NULL ? tag.len : (size_t)(blank - tag.data) };
}

/* Is tag that of account and origin? Without making one. */
static bool
tag_is(struct str tag, const struct remote_key *key)
{
    struct str account = tag_account(tag);
    struct str origin = STR_NULL;

    if (tag.len > account.len)
        origin = (struct str) { tag.data + account.len + 1, tag.len - account.len - 1 };
    return str_eq(account, str_of(key->account->name)) &&
           (origin.data == NULL) == (key->origin.data == NULL) && str_eq(origin, key->origin);
}

static bool
equal(const void *item, const void *arg)
{
    const struct subscription *sub = item;
    const struct remote_key *key = arg;

    return str_eq(subscription_subject(sub), key->subject) &&
           str_eq(subscription_queue(sub), key->queue) && tag_is(subscription_sid(sub), key);
}

static uint32_t
hash(struct str subject, struct str queue)
{
    return table_fold(hash_bytes(subject.data, subject.len) +
                      3 * hash_bytes(queue.data, queue.len));
}

static struct table_slot *
find(const struct remote_subs *subs, const struct remote_key *key)
{
    return table_find(&subs->table, hash(key->subject, key->queue), equal, key);
}

struct subscription *
remote_subs_find(const struct remote_subs *subs, const struct remote_key *key)
{
    struct table_slot *slot = find(subs, key);

    return slot == NULL ? NULL : table_item(slot);
}

/* Takes over the reference on owner; NULL: out of memory. */
static struct subscription *
make(const struct remote_key *key, struct sub_owner *owner, uint32_t weight)
{
    struct buf tag = BUF_INIT;
    struct subscription *sub = NULL;

    if (put_tag(&tag, key))
        sub =
            subscription_new_remote(owner, key->subject, key->queue,
                                    (struct str) { tag.len == 0 ? "" : tag.data, tag.len }, weight);
    if (sub == NULL)
        owner->unref(owner);
    else if (key->origin.data != NULL)
        atomic_store_explicit(&sub->state, SUB_LEAF, memory_order_relaxed);
    buf_release(&tag);
    return sub;
}

static bool
add(struct remote_subs *subs, const struct remote_key *key, struct sub_owner *owner,
    uint32_t weight)
{
    uint32_t at = hash(key->subject, key->queue);
    struct subscription *sub = make(key, owner, weight);

    if (sub == NULL)
        return false;
    if (!table_reserve(&subs->table, at) || sublist_insert(key->account->subs, sub) != ERR_OK) {
        subscription_unref(sub);
        return false;
    }
    table_put(&subs->table, at, sub);
    subs->count++;
    return true;
}

bool
remote_subs_set(struct remote_subs *subs, const struct remote_key *key, struct sub_owner *owner,
                uint32_t weight)
{
    struct subscription *known = remote_subs_find(subs, key);

    if (known == NULL)
        return add(subs, key, owner, weight);
    atomic_store_explicit(&known->weight, weight, memory_order_relaxed);
    owner->unref(owner);
    return true;
}

/* Results of earlier matches may still hold it: no message is to be drawn for it any more. */
static void
take_out(struct account *account, struct subscription *sub)
{
    atomic_fetch_or_explicit(&sub->state, SUB_CLOSED, memory_order_release);
    (void)sublist_remove(account->subs, sub);
    subscription_unref(sub);
}

bool
remote_subs_remove(struct remote_subs *subs, const struct remote_key *key)
{
    struct table_slot *slot = find(subs, key);
    struct subscription *sub;

    if (slot == NULL)
        return false;
    sub = table_item(slot);
    table_take(&subs->table, slot);
    subs->count--;
    take_out(key->account, sub);
    return true;
}

struct clearing {
    struct account *(*account_of)(void *arg, struct str name);
    void *arg;
    size_t count;
};

static void
clear_one(void *item, void *arg)
{
    struct subscription *sub = item;
    struct clearing *clearing = arg;

    take_out(clearing->account_of(clearing->arg, tag_account(subscription_sid(sub))), sub);
    clearing->count++;
}

size_t
remote_subs_clear_some(struct remote_subs *subs,
                       struct account *(*account_of)(void *arg, struct str name), void *arg)
{
    struct clearing clearing = { account_of, arg, 0 };

    while (clearing.count < subs->count && clearing.count < CLEARED_AT_ONCE)
        table_each_in(&subs->table, subs->cleared++, clear_one, &clearing);
    subs->count -= clearing.count;
    if (subs->count == 0)
        table_release(&subs->table);
    return clearing.count;
}

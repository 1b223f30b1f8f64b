/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer that joins is told of every change from then on, and of what there is part by part: the
 * lock is held for a part only, and its loop serves others in between. A change in a part that was
 * not told yet is told, too; that it is told again does no harm, since RS+ sets and RS- of what a
 * peer does not know is ignored.
 */
#include "server/interest.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/table.h"
#include "proto/route_lines.h"

#define TELL_BYTES 65536 /* of one call, about; a part of the table is told whole */

struct interest_entry {
    const struct account *account; /* of the server: it outlives this */
    struct interest_entry *next;   /* in a batch */
    uint32_t count, hash;
    uint32_t subject_len;
    uint16_t queue_len; /* 0: plain */
    bool batched;
    char text[]; /* subject, queue */
};

struct interest {
    pthread_mutex_t lock;
    /* under lock */
    struct table entries;
    struct list peers;
    struct buf line; /* the one being told */
    size_t count;
};

struct key {
    const struct account *account;
    struct str subject, queue;
};

static struct str
entry_subject(const struct interest_entry *entry)
{
    return (struct str) { entry->text, entry->subject_len };
}

/* data NULL: plain */
static struct str
entry_queue(const struct interest_entry *entry)
{
    return (struct str) { entry->queue_len == 0 ? NULL : entry->text + entry->subject_len,
                          entry->queue_len };
}

static bool
entry_equal(const void *item, const void *arg)
{
    const struct interest_entry *entry = item;
    const struct key *key = arg;

    return entry->account == key->account && str_eq(entry_subject(entry), key->subject) &&
           str_eq(entry_queue(entry), key->queue);
}

/* Accounts are few, so that those of one subject may share a hash. */
static uint32_t
key_hash(const struct key *key)
{
    return table_fold(hash_bytes(key->subject.data, key->subject.len) +
                      3 * hash_bytes(key->queue.data, key->queue.len));
}

static struct key
key_of(const struct account *account, const struct subscription *sub)
{
    return (struct key) { account, subscription_subject(sub), subscription_queue(sub) };
}

struct interest *
interest_new(void)
{
    struct interest *interest = xcalloc(1, sizeof(*interest));

    pthread_mutex_init(&interest->lock, NULL);
    list_init(&interest->peers);
    return interest;
}

static void
free_entry(void *item, void *arg)
{
    (void)arg;
    free(item);
}

void
interest_free(struct interest *interest)
{
    if (interest == NULL)
        return;
    assert(list_empty(&interest->peers));
    table_each(&interest->entries, free_entry, NULL);
    table_release(&interest->entries);
    buf_release(&interest->line);
    pthread_mutex_destroy(&interest->lock);
    free(interest);
}

static bool
put_line(struct buf *out, const struct interest_entry *entry)
{
    struct str account = str_of(entry->account->name);

    if (entry->count == 0)
        return route_unsub_line(out, account, entry_subject(entry), entry_queue(entry));
    return route_sub_line(out, account, entry_subject(entry), entry_queue(entry), entry->count);
}

static bool
is_offered(const struct peer *peer, const struct interest_entry *entry)
{
    return permissions_may_publish(peer->offered, entry_subject(entry));
}

/* A peer that cannot be told for want of memory has lost its connection with it: outq.h. */
static void
tell_locked(struct interest *interest, const struct interest_entry *entry, struct loop *loop)
{
    struct list *pos, *next;

    if (list_empty(&interest->peers))
        return;
    interest->line.len = 0;
    if (!put_line(&interest->line, entry))
        return;
    LIST_FOREACH_SAFE(pos, next, &interest->peers)
    {
        struct peer *peer = LIST_ENTRY(pos, struct peer, link);

        if (is_offered(peer, entry))
            (void)outq_append_later(peer->outq, loop, interest->line.data, interest->line.len);
    }
}

static struct interest_entry *
add_entry_locked(struct interest *interest, const struct key *key, uint32_t hash)
{
    struct interest_entry *entry = malloc(sizeof(*entry) + key->subject.len + key->queue.len);

    if (entry == NULL || !table_reserve(&interest->entries, hash)) {
        free(entry);
        return NULL;
    }
    *entry = (struct interest_entry) { .account = key->account,
                                       .hash = hash,
                                       .subject_len = (uint32_t)key->subject.len,
                                       .queue_len = (uint16_t)key->queue.len };
    memcpy(entry->text, key->subject.data, key->subject.len);
    if (key->queue.len > 0)
        memcpy(entry->text + key->subject.len, key->queue.data, key->queue.len);
    table_put(&interest->entries, hash, entry);
    interest->count++;
    return entry;
}

static struct interest_entry *
find_locked(struct interest *interest, const struct key *key, uint32_t hash)
{
    struct table_slot *slot = table_find(&interest->entries, hash, entry_equal, key);

    return slot == NULL ? NULL : table_item(slot);
}

static void
drop_entry_locked(struct interest *interest, struct interest_entry *entry)
{
    struct key key = { entry->account, entry_subject(entry), entry_queue(entry) };

    table_take(&interest->entries, table_find(&interest->entries, entry->hash, entry_equal, &key));
    interest->count--;
    free(entry);
}

bool
interest_add(struct interest *interest, const struct account *account,
             const struct subscription *sub, struct loop *loop)
{
    struct key key = key_of(account, sub);
    uint32_t hash = key_hash(&key);
    struct interest_entry *entry;

    pthread_mutex_lock(&interest->lock);
    entry = find_locked(interest, &key, hash);
    if (entry == NULL)
        entry = add_entry_locked(interest, &key, hash);
    if (entry != NULL && (++entry->count == 1 || entry->queue_len > 0))
        tell_locked(interest, entry, loop);
    pthread_mutex_unlock(&interest->lock);
    return entry != NULL;
}

/* One that is in a batch stays until that is told. */
static void
tell_removed_locked(struct interest *interest, struct interest_entry *entry, struct loop *loop)
{
    if (entry->count == 0 || entry->queue_len > 0)
        tell_locked(interest, entry, loop);
    if (entry->count == 0 && !entry->batched)
        drop_entry_locked(interest, entry);
}

void
interest_remove(struct interest *interest, const struct account *account,
                const struct subscription *sub, struct loop *loop, struct interest_batch *batch)
{
    struct key key = key_of(account, sub);
    struct interest_entry *entry;

    pthread_mutex_lock(&interest->lock);
    entry = find_locked(interest, &key, key_hash(&key));
    assert(entry != NULL && entry->count > 0);
    entry->count--;
    if (batch == NULL) {
        tell_removed_locked(interest, entry, loop);
    } else if (!entry->batched) {
        entry->batched = true;
        entry->next = batch->first;
        batch->first = entry;
    }
    pthread_mutex_unlock(&interest->lock);
}

void
interest_tell(struct interest *interest, struct interest_batch *batch, struct loop *loop)
{
    while (batch->first != NULL) {
        struct interest_entry *entry;

        pthread_mutex_lock(&interest->lock);
        entry = batch->first;
        batch->first = entry->next;
        entry->batched = false;
        tell_removed_locked(interest, entry, loop);
        pthread_mutex_unlock(&interest->lock);
    }
}

void
interest_join(struct interest *interest, struct peer *peer)
{
    pthread_mutex_lock(&interest->lock);
    peer->told = 0;
    list_push_back(&interest->peers, &peer->link);
    pthread_mutex_unlock(&interest->lock);
}

struct telling {
    struct peer *peer;
    struct loop *loop;
    struct buf lines;
    size_t sent;
};

static void
send_lines(struct telling *telling)
{
    if (telling->lines.len > 0)
        (void)outq_append_later(telling->peer->outq, telling->loop, telling->lines.data,
                                telling->lines.len);
    telling->sent += telling->lines.len;
    telling->lines.len = 0;
}

static void
tell_entry(void *item, void *arg)
{
    const struct interest_entry *entry = item;
    struct telling *telling = arg;

    if (entry->count == 0 || !is_offered(telling->peer, entry) ||
        (telling->peer->again &&
         permissions_may_publish(telling->peer->took, entry_subject(entry))))
        return;
    (void)put_line(&telling->lines, entry);
    if (telling->lines.len >= TELL_BYTES)
        send_lines(telling);
}

bool
interest_tell_more(struct interest *interest, struct peer *peer, struct loop *loop)
{
    struct telling telling = { peer, loop, BUF_INIT, 0 };

    while (peer->told < TABLE_SEGMENTS && telling.sent < TELL_BYTES) {
        pthread_mutex_lock(&interest->lock);
        table_each_in(&interest->entries, peer->told++, tell_entry, &telling);
        send_lines(&telling);
        pthread_mutex_unlock(&interest->lock);
    }
    buf_release(&telling.lines);
    return peer->told < TABLE_SEGMENTS;
}

void
interest_tell_again(struct peer *peer, struct permissions *took)
{
    permissions_unref(peer->took);
    peer->took = took;
    peer->again = true;
    peer->told = 0;
}

void
interest_leave(struct interest *interest, struct peer *peer)
{
    pthread_mutex_lock(&interest->lock);
    list_remove(&peer->link);
    pthread_mutex_unlock(&interest->lock);
}

size_t
interest_count(struct interest *interest)
{
    size_t count;

    pthread_mutex_lock(&interest->lock);
    count = interest->count;
    pthread_mutex_unlock(&interest->lock);
    return count;
}

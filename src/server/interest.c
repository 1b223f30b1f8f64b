/* SPDX-License-Identifier: Apache-2.0
 *
 * The table, a lock around it, and the peers who are told. One that joins is told of what there is
 * part by part: the lock is held for a part only, and its loop serves others in between.
 */
#include "server/interest.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#define TELL_BYTES 65536 /* of one call, about; a part of the table is told whole */

struct interest {
    pthread_mutex_t lock;
    /* under lock */
    struct interest_table table;
    struct list peers;
    struct buf line; /* the one being told */
};

static struct interest_key
key_of(const struct account *account, const struct subscription *sub)
{
    return (struct interest_key) { account->name, subscription_subject(sub),
                                   subscription_queue(sub) };
}

struct interest *
interest_new(void)
{
    struct interest *interest = xcalloc(1, sizeof(*interest));

    pthread_mutex_init(&interest->lock, NULL);
    list_init(&interest->peers);
    return interest;
}

void
interest_free(struct interest *interest)
{
    if (interest == NULL)
        return;
    assert(list_empty(&interest->peers));
    interest_table_release(&interest->table);
    buf_release(&interest->line);
    pthread_mutex_destroy(&interest->lock);
    free(interest);
}

static bool
is_offered(const struct peer *peer, const struct interest_entry *entry)
{
    return permissions_may_publish(peer->offered, interest_entry_subject(entry));
}

struct change {
    struct interest *interest;
    struct loop *loop;
};

/* A peer that cannot be told for want of memory has lost its connection with it: outq.h. */
static void
tell_locked(void *arg, const struct interest_entry *entry)
{
    const struct change *change = arg;
    struct interest *interest = change->interest;
    struct list *pos, *next;

    if (list_empty(&interest->peers))
        return;
    interest->line.len = 0;
    if (!interest_entry_line(entry, &interest->line))
        return;
    LIST_FOREACH_SAFE(pos, next, &interest->peers)
    {
        struct peer *peer = LIST_ENTRY(pos, struct peer, link);

        if (is_offered(peer, entry))
            (void)outq_append_later(peer->outq, change->loop, interest->line.data,
                                    interest->line.len);
    }
}

bool
interest_add(struct interest *interest, const struct account *account,
             const struct subscription *sub, struct loop *loop)
{
    struct interest_key key = key_of(account, sub);
    struct change change = { interest, loop };
    bool added;

    pthread_mutex_lock(&interest->lock);
    added = interest_table_add(&interest->table, &key, tell_locked, &change);
    pthread_mutex_unlock(&interest->lock);
    return added;
}

void
interest_remove(struct interest *interest, const struct account *account,
                const struct subscription *sub, struct loop *loop, struct interest_batch *batch)
{
    struct interest_key key = key_of(account, sub);
    struct change change = { interest, loop };

    pthread_mutex_lock(&interest->lock);
    interest_table_remove(&interest->table, &key, batch, tell_locked, &change);
    pthread_mutex_unlock(&interest->lock);
}

void
interest_tell(struct interest *interest, struct interest_batch *batch, struct loop *loop)
{
    struct change change = { interest, loop };

    while (batch->first != NULL) {
        pthread_mutex_lock(&interest->lock);
        interest_table_settle(&interest->table, batch, tell_locked, &change);
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
tell_entry(void *arg, const struct interest_entry *entry)
{
    struct telling *telling = arg;

    if (!is_offered(telling->peer, entry) ||
        (telling->peer->again &&
         permissions_may_publish(telling->peer->took, interest_entry_subject(entry))))
        return;
    (void)interest_entry_line(entry, &telling->lines);
    if (telling->lines.len >= TELL_BYTES)
        send_lines(telling);
}

bool
interest_tell_more(struct interest *interest, struct peer *peer, struct loop *loop)
{
    struct telling telling = { peer, loop, BUF_INIT, 0 };
    bool more = true;

    while (more && telling.sent < TELL_BYTES) {
        pthread_mutex_lock(&interest->lock);
        more = interest_table_tell(&interest->table, &peer->told, tell_entry, &telling);
        send_lines(&telling);
        pthread_mutex_unlock(&interest->lock);
    }
    buf_release(&telling.lines);
    return more;
}

/* If it was not told all so far, nobody knows which of what it took it was told. */
void
interest_tell_again(struct peer *peer, struct permissions *took)
{
    peer->again = peer->told == TABLE_SEGMENTS;
    permissions_unref(peer->took);
    peer->took = took;
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
    count = interest->table.count;
    pthread_mutex_unlock(&interest->lock);
    return count;
}

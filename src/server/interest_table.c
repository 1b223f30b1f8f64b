/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer that joins hears of every change from then on, and of what there is part by part. A change
 * in a part that was not told yet is told, too; that it is told again does no harm, since RS+ sets
 * and RS- of what a peer does not know is ignored.
 */
#include "server/interest_table.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/route_lines.h"

struct interest_entry {
    const char *account;
    struct interest_entry *next; /* in a batch */
    uint32_t count, hash;
    uint32_t subject_len;
    uint16_t queue_len; /* 0: plain */
    bool batched;
    char text[]; /* subject, queue */
};

struct str
interest_entry_subject(const struct interest_entry *entry)
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

bool
interest_entry_line(const struct interest_entry *entry, struct buf *out)
{
    struct str account = str_of(entry->account), subject = interest_entry_subject(entry);

    if (entry->count == 0)
        return route_unsub_line(out, account, subject, entry_queue(entry));
    return route_sub_line(out, account, subject, entry_queue(entry), entry->count);
}

static bool
entry_equal(const void *item, const void *arg)
{
    const struct interest_entry *entry = item;
    const struct interest_key *key = arg;

    return entry->account == key->account && str_eq(interest_entry_subject(entry), key->subject) &&
           str_eq(entry_queue(entry), key->queue);
}

/* Accounts are few, so that those of one subject may share a hash. */
static uint32_t
key_hash(const struct interest_key *key)
{
    return table_fold(hash_bytes(key->subject.data, key->subject.len) +
                      3 * hash_bytes(key->queue.data, key->queue.len));
}

static struct interest_entry *
find(const struct interest_table *table, const struct interest_key *key, uint32_t hash)
{
    struct table_slot *slot = table_find(&table->entries, hash, entry_equal, key);

    return slot == NULL ? NULL : table_item(slot);
}

static void
free_entry(void *item, void *arg)
{
    (void)arg;
    free(item);
}

void
interest_table_release(struct interest_table *table)
{
    table_each(&table->entries, free_entry, NULL);
    table_release(&table->entries);
}

static struct interest_entry *
add_entry(struct interest_table *table, const struct interest_key *key, uint32_t hash)
{
    struct interest_entry *entry = malloc(sizeof(*entry) + key->subject.len + key->queue.len);

    if (entry == NULL || !table_reserve(&table->entries, hash)) {
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
    table_put(&table->entries, hash, entry);
    table->count++;
    return entry;
}

static void
drop_entry(struct interest_table *table, struct interest_entry *entry)
{
    struct interest_key key = { entry->account, interest_entry_subject(entry), entry_queue(entry) };

    table_take(&table->entries, table_find(&table->entries, entry->hash, entry_equal, &key));
    table->count--;
    free(entry);
}

bool
interest_table_add(struct interest_table *table, const struct interest_key *key,
                   interest_told *told, void *arg)
{
    uint32_t hash = key_hash(key);
    struct interest_entry *entry = find(table, key, hash);

    if (entry == NULL)
        entry = add_entry(table, key, hash);
    if (entry == NULL)
        return false;
    if (++entry->count == 1 || entry->queue_len > 0)
        told(arg, entry);
    return true;
}

/* One that is in a batch stays until that is told. */
static void
tell_removed(struct interest_table *table, struct interest_entry *entry, interest_told *told,
             void *arg)
{
    if (entry->count == 0 || entry->queue_len > 0)
        told(arg, entry);
    if (entry->count == 0 && !entry->batched)
        drop_entry(table, entry);
}

void
interest_table_remove(struct interest_table *table, const struct interest_key *key,
                      struct interest_batch *batch, interest_told *told, void *arg)
{
    struct interest_entry *entry = find(table, key, key_hash(key));

    assert(entry != NULL && entry->count > 0);
    entry->count--;
    if (batch == NULL) {
        tell_removed(table, entry, told, arg);
    } else if (!entry->batched) {
        entry->batched = true;
        entry->next = batch->first;
        batch->first = entry;
    }
}

void
interest_table_settle(struct interest_table *table, struct interest_batch *batch,
                      interest_told *told, void *arg)
{
    struct interest_entry *entry = batch->first;

    batch->first = entry->next;
    entry->batched = false;
    tell_removed(table, entry, told, arg);
}

struct telling {
    interest_told *told;
    void *arg;
};

static void
tell_entry(void *item, void *arg)
{
    const struct interest_entry *entry = item;
    const struct telling *telling = arg;

    if (entry->count > 0)
        telling->told(telling->arg, entry);
}

bool
interest_table_tell(const struct interest_table *table, unsigned *part, interest_told *told,
                    void *arg)
{
    struct telling telling = { told, arg };

    if (*part < TABLE_SEGMENTS)
        table_each_in(&table->entries, (*part)++, tell_entry, &telling);
    return *part < TABLE_SEGMENTS;
}

uint32_t
interest_table_get(const struct interest_table *table, const struct interest_key *key)
{
    const struct interest_entry *entry = find(table, key, key_hash(key));

    return entry == NULL ? 0 : entry->count;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * interest_table - how often our clients want what, and what the cluster is told of it
 * (PROTOCOL.md 3.5)
 *
 * For each account, subject and queue group it counts our subscriptions. A plain subject is told
 * when the first one comes (RS+) and when the last one goes (RS-); a queue group with each change,
 * since its size is its weight in the draw. Who hears of it is the caller's affair: the functions
 * call told() for each entry whose line (interest_entry_line()) is due.
 *
 * Pure: no lock, no socket, no clock. server/interest.h puts a lock around it and peers behind.
 *
 * Threads  one at a time.
 * Cost     a hash step for each change. Memory: about 80 bytes for each distinct subject.
 */
#ifndef TESSERA_SERVER_INTEREST_TABLE_H
#define TESSERA_SERVER_INTEREST_TABLE_H

#include "base/buf.h"
#include "base/table.h"

struct interest_entry;

/* Zeroed at first. */
struct interest_table {
    struct table entries;
    size_t count; /* distinct ones */
};

/* account: its name, which outlives the table; the same account always has the same pointer. queue:
 * data NULL for a plain subscription. */
struct interest_key {
    const char *account;
    struct str subject, queue;
};

/* Changes that are told together: a client that leaves with a thousand members of a group is
 * one line. Zeroed at first. */
struct interest_batch {
    struct interest_entry *first;
};

typedef void interest_told(void *arg, const struct interest_entry *entry);

void interest_table_release(struct interest_table *table);

/* One more subscription. false: out of memory, and nothing changed. */
bool interest_table_add(struct interest_table *table, const struct interest_key *key,
                        interest_told *told, void *arg);
/* One less of those that were added. batch NULL: told at once; else by interest_table_settle(). */
void interest_table_remove(struct interest_table *table, const struct interest_key *key,
                           struct interest_batch *batch, interest_told *told, void *arg);
/* Tells the next change of the batch, which has one. */
void interest_table_settle(struct interest_table *table, struct interest_batch *batch,
                           interest_told *told, void *arg);

/* For a peer that joins: what there is, a part of the table with each call; *part is 0 at first.
 * false: that was all. Whoever hears of every change from before the first call on is told all of
 * it, some of it twice. */
bool interest_table_tell(const struct interest_table *table, unsigned *part, interest_told *told,
                         void *arg);

struct str interest_entry_subject(const struct interest_entry *entry);
/* Appends RS+ or RS-, as it stands now. false: out of memory. */
bool interest_entry_line(const struct interest_entry *entry, struct buf *out);

/* How many subscriptions there are of that; 0: none. */
uint32_t interest_table_get(const struct interest_table *table, const struct interest_key *key);

#endif

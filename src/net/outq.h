/* SPDX-License-Identifier: Apache-2.0
 *
 * outq - the bytes that wait to go out on one connection
 *
 * Any loop appends under the queue's lock. The end of a loop's round flushes what it touched:
 * its own queues and a few foreign ones by writing at once, many foreign ones by waking
 * their owners, so that a fan-out is written in parallel. When the socket is full the owner
 * waits for it to become writable.
 *
 * Owns     the stream (closed when the queue is closed and nobody writes), its chunks.
 * Threads  any loop's thread; counted. No call is made with the lock held but the kernel's.
 * Limits   max_pending bytes: what would pass it ends the connection (slow consumer). One
 *          message always fits into an empty queue; while another thread is writing, up to
 *          twice as much may wait, because what is being written still counts.
 */
#ifndef TESSERA_NET_OUTQ_H
#define TESSERA_NET_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "net/chunk.h"
#include "net/loop.h"

struct outq;

enum outq_status {
    OUTQ_OK,
    OUTQ_CLOSED, /* the connection is ending: drop it */
    OUTQ_SLOW,   /* over max_pending: the owner was told to end it */
};

struct outq *outq_ref(struct outq *q);
void outq_unref(struct outq *q); /* NULL is allowed */

/* Announces total bytes. OUTQ_OK: the queue is locked until outq_end(). */
enum outq_status outq_begin(struct outq *q, struct loop *loop, size_t total);
/* Room for at least need bytes in one piece, its size in *room; want is what the caller will
 * append in all. Only what outq_commit() says counts. NULL: out of memory, the connection will
 * end; go on to outq_end(). */
char *outq_room(struct outq *q, struct loop *loop, size_t need, size_t want, size_t *room);
/* The first len bytes of the room were written. */
void outq_commit(struct outq *q, size_t len);
/* Appends bytes inside block by reference. */
void outq_put_ref(struct outq *q, struct loop *loop, struct block *block, const char *data,
                  size_t len);
/* Unlocks; the queue is flushed at the end of the round, or now when much has gathered. */
void outq_end(struct outq *q, struct loop *loop);

/* Begin, copy, end. */
enum outq_status outq_append(struct outq *q, struct loop *loop, const void *data, size_t len);

/* The same, but never writes, which callers who hold a lock want: the end of the round does. */
enum outq_status outq_append_later(struct outq *q, struct loop *loop, const void *data, size_t len);

/* The same for bytes that are wiped once they are written. */
enum outq_status outq_append_secret(struct outq *q, struct loop *loop, const void *data,
                                    size_t len);

/* outq_append() for a connection's last words: whatever another loop appends afterwards is refused.
 */
enum outq_status outq_append_last(struct outq *q, struct loop *loop, const void *data, size_t len);

/* Bytes that wait now. */
size_t outq_pending(struct outq *q);

/* Between begin and end: counts messages, with so many bytes of payload in all. */
void outq_count_messages(struct outq *q, size_t messages, size_t bytes);
void outq_get_counts(struct outq *q, uint64_t *messages, uint64_t *bytes);

/* Between begin and end: should a publisher wait for this receiver? It has over 75 % of
 * max_pending (see struct conn_options) waiting and still reads: one that does not read at all is
 * not worth waiting for, it will be ended. */
bool outq_congested(struct outq *q, const struct loop *loop);

#endif

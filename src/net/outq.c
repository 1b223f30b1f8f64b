/* SPDX-License-Identifier: Apache-2.0
 *
 * The lock is never held across a system call: the thread that writes marks the queue as
 * `writing`, takes a snapshot of the chunks, unlocks, sends, locks and drops what
 * went out. Appending meanwhile is safe: it only touches bytes behind the snapshot. A second
 * thread that wants to flush leaves it to the first, which looks again before it stops.
 */
#include "net/outq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/loop_private.h"
#include "net/outq_private.h"

#define FLUSH_IOVECS   64
#define FLUSH_WRITES   16           /* system calls of one flush */
#define FLUSH_SOON     (256 * 1024) /* bytes gathered in a round before we write early */
#define GATHER_ROUNDS  8            /* flushes that may be left out while a turn goes on */
#define FOREIGN_WRITES 4            /* foreign queues that a round still writes itself */

struct outq *
outq_ref(struct outq *q)
{
    atomic_fetch_add_explicit(&q->refs, 1, memory_order_relaxed);
    return q;
}

void
outq_unref(struct outq *q)
{
    if (q == NULL || atomic_fetch_sub_explicit(&q->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(q->stream.fd == -1 && q->head == NULL);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Owner's thread: some thread left a state that only we can act on. */
static void
deliver_notice(struct mail *mail)
{
    struct outq *q = LIST_ENTRY(mail, struct outq, mail);

    pthread_mutex_lock(&q->lock);
    q->mail_posted = false;
    pthread_mutex_unlock(&q->lock);
    if (q->conn != NULL) {
        outq_flush(q, q->owner);
        conn_look(q->conn);
    }
    outq_unref(q);
}

struct outq *
outq_new(struct loop *owner, struct conn *conn, int fd, const struct conn_options *options)
{
    struct outq *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    atomic_init(&q->refs, 1);
    pthread_mutex_init(&q->lock, NULL);
    q->owner = owner;
    q->conn = conn;
    q->mail.deliver = deliver_notice;
    q->stream.fd = fd;
    outq_set_options(q, options);
    q->failed = CONN_OPEN;
    return q;
}

/* Locked. Only posts: the mailbox has a lock of its own, of higher rank. */
static void
notify_owner_locked(struct outq *q)
{
    if (q->mail_posted || q->closed)
        return;
    q->mail_posted = true;
    outq_ref(q);
    loop_post(q->owner, &q->mail);
}

static void
fail_locked(struct outq *q, enum conn_end end)
{
    if (q->failed == CONN_OPEN)
        q->failed = end;
    notify_owner_locked(q);
}

/* Locked. While another thread writes, what it writes still counts as pending, so twice the
 * limit is allowed; and one message, however large, always fits into an empty queue. */
static bool
is_over_locked(const struct outq *q, size_t total)
{
    size_t limit = q->writing && !q->blocked ? q->max_pending * 2 : q->max_pending;

    return q->pending > 0 && q->pending + total > limit;
}

/* Locked; the lock is kept only with OUTQ_OK. */
static enum outq_status
admit_locked(struct outq *q, size_t total)
{
    if (q->closed || q->draining || q->failed != CONN_OPEN) {
        pthread_mutex_unlock(&q->lock);
        return OUTQ_CLOSED;
    }
    if (is_over_locked(q, total)) {
        fail_locked(q, CONN_END_PENDING);
        pthread_mutex_unlock(&q->lock);
        return OUTQ_SLOW;
    }
    return OUTQ_OK;
}

enum outq_status
outq_begin(struct outq *q, struct loop *loop, size_t total)
{
    pthread_mutex_lock(&q->lock);
    if (q->pending + total > q->max_pending && !q->blocked && !q->closed) {
        /* a burst may pass the limit although the socket would take it */
        pthread_mutex_unlock(&q->lock);
        outq_flush(q, loop);
        pthread_mutex_lock(&q->lock);
    }
    return admit_locked(q, total);
}

static void
link_chunk_locked(struct outq *q, struct chunk *chunk)
{
    if (q->tail == NULL)
        q->head = chunk;
    else
        q->tail->next = chunk;
    q->tail = chunk;
}

static void
count_appended_locked(struct outq *q, size_t len)
{
    q->pending += len;
    q->unflushed += len;
    q->appended_total += len;
}

/* An idle queue begins with a small chunk, if that is enough. */
static enum chunk_use
next_use(const struct chunk *tail)
{
    if (tail == NULL)
        return CHUNK_FIRST;
    return tail->cap == 0 ? CHUNK_BETWEEN : CHUNK_NEXT;
}

char *
outq_room(struct outq *q, struct loop *loop, size_t need, size_t want, size_t *room)
{
    struct chunk *tail = q->tail;

    if (tail == NULL || tail->cap - tail->len < need || tail->cap == 0) {
        tail = chunk_get(&loop->chunks, need, want, next_use(tail));
        if (tail == NULL) {
            fail_locked(q, CONN_END_NOMEM);
            return NULL;
        }
        link_chunk_locked(q, tail);
    }
    *room = tail->cap - tail->len;
    return tail->data + tail->len;
}

void
outq_commit(struct outq *q, size_t len)
{
    q->tail->len += len;
    count_appended_locked(q, len);
}

void
outq_put_ref(struct outq *q, struct loop *loop, struct block *block, const char *data, size_t len)
{
    struct chunk *chunk = chunk_get_ref(block, data, len);

    (void)loop;
    if (chunk == NULL) {
        fail_locked(q, CONN_END_NOMEM);
        return;
    }
    link_chunk_locked(q, chunk);
    count_appended_locked(q, len);
}

/* Locked. Remembers to flush q at the end of the loop's round. */
static void
touch_locked(struct outq *q, struct loop *loop)
{
    uint64_t bit = 1ULL << loop->index;

    if ((q->touched & bit) != 0 || q->blocked)
        return;
    if (loop->touched_count == loop->touched_cap) {
        size_t cap = loop->touched_cap == 0 ? 64 : loop->touched_cap * 2;
        struct outq **grown = realloc(loop->touched, cap * sizeof(*grown));

        if (grown == NULL) {
            notify_owner_locked(q); /* flushes too, only dearer */
            return;
        }
        loop->touched = grown;
        loop->touched_cap = cap;
    }
    q->touched |= bit;
    loop->touched[loop->touched_count++] = outq_ref(q);
}

void
outq_end(struct outq *q, struct loop *loop)
{
    bool flush_now;

    touch_locked(q, loop);
    flush_now = q->unflushed >= FLUSH_SOON && !q->blocked && !q->writing;
    pthread_mutex_unlock(&q->lock);
    if (flush_now)
        outq_flush(q, loop);
}

static bool
copy_locked(struct outq *q, struct loop *loop, const void *data, size_t len)
{
    size_t size;
    char *room = outq_room(q, loop, len, len, &size);

    if (room == NULL)
        return false;
    memcpy(room, data, len);
    outq_commit(q, len);
    return true;
}

static enum outq_status
append(struct outq *q, struct loop *loop, const void *data, size_t len, bool last)
{
    enum outq_status status = outq_begin(q, loop, len);
    bool copied;

    if (status != OUTQ_OK)
        return status;
    copied = copy_locked(q, loop, data, len);
    q->draining = last;
    outq_end(q, loop);
    return copied ? OUTQ_OK : OUTQ_CLOSED;
}

enum outq_status
outq_append(struct outq *q, struct loop *loop, const void *data, size_t len)
{
    return append(q, loop, data, len, false);
}

static enum outq_status
append_later(struct outq *q, struct loop *loop, const void *data, size_t len, bool secret)
{
    enum outq_status status;
    bool copied;

    pthread_mutex_lock(&q->lock);
    status = admit_locked(q, len);
    if (status != OUTQ_OK)
        return status;
    copied = copy_locked(q, loop, data, len);
    q->wiping = q->wiping || secret;
    touch_locked(q, loop);
    pthread_mutex_unlock(&q->lock);
    return copied ? OUTQ_OK : OUTQ_CLOSED;
}

enum outq_status
outq_append_later(struct outq *q, struct loop *loop, const void *data, size_t len)
{
    return append_later(q, loop, data, len, false);
}

enum outq_status
outq_append_secret(struct outq *q, struct loop *loop, const void *data, size_t len)
{
    return append_later(q, loop, data, len, true);
}

enum outq_status
outq_append_last(struct outq *q, struct loop *loop, const void *data, size_t len)
{
    return append(q, loop, data, len, true);
}

void
outq_count_messages(struct outq *q, size_t messages, size_t bytes)
{
    q->messages += messages;
    q->message_bytes += bytes;
}

/* Locked. Returns the count of iovecs, 0 when nothing waits. */
static size_t
gather_locked(struct outq *q, struct iovec *iov)
{
    size_t count = 0;

    for (struct chunk *chunk = q->head; chunk != NULL && count < FLUSH_IOVECS;
         chunk = chunk->next) {
        if (chunk->len == chunk->sent)
            continue;
        iov[count].iov_base = chunk->data + chunk->sent;
        iov[count].iov_len = chunk->len - chunk->sent;
        count++;
    }
    return count;
}

static void
put_chunk_locked(struct outq *q, struct loop *loop, struct chunk *chunk)
{
    if (q->wiping && chunk->cap > 0)
        mem_wipe(chunk->data, chunk->len);
    chunk_put(&loop->chunks, chunk);
}

/* Locked. Drops len bytes from the front; an emptied chunk goes back to the pool. */
static void
drop_sent_locked(struct outq *q, struct loop *loop, size_t len)
{
    q->pending -= len;
    q->written_total += len;
    while (q->head != NULL) {
        struct chunk *chunk = q->head;
        size_t waits = chunk->len - chunk->sent;

        if (len < waits) {
            chunk->sent += len;
            return;
        }
        len -= waits;
        q->head = chunk->next;
        if (q->head == NULL)
            q->tail = NULL;
        put_chunk_locked(q, loop, chunk);
    }
    assert(len == 0 && q->pending == 0);
    q->wiping = false;
}

static void
drop_all_locked(struct outq *q, struct loop *loop)
{
    while (q->head != NULL) {
        struct chunk *chunk = q->head;

        q->head = chunk->next;
        put_chunk_locked(q, loop, chunk);
    }
    q->tail = NULL;
    q->pending = 0;
}

static void
close_fd_locked(struct outq *q, struct loop *loop)
{
    drop_all_locked(q, loop);
    stream_close(&q->stream);
}

/* Unlocked during the call. Returns false when the flush is over for now. */
static bool
write_some_locked(struct outq *q, struct loop *loop)
{
    struct iovec iov[FLUSH_IOVECS];
    struct stream stream = q->stream;
    size_t count = gather_locked(q, iov);
    ssize_t sent;
    int failure;

    if (count == 0)
        return false;
    q->unflushed = 0;
    pthread_mutex_unlock(&q->lock);
    sent = stream_sendv(&stream, iov, count);
    failure = errno;
    pthread_mutex_lock(&q->lock);
    if (sent >= 0) {
        drop_sent_locked(q, loop, (size_t)sent);
        return !q->closed;
    }
    if (failure == EINTR)
        return !q->closed;
    if (failure == EAGAIN || failure == EWOULDBLOCK) {
        q->blocked = true;
        notify_owner_locked(q);
    } else {
        fail_locked(q, CONN_END_WRITE);
    }
    return false;
}

void
outq_flush(struct outq *q, struct loop *loop)
{
    pthread_mutex_lock(&q->lock);
    if (q->closed || q->writing || q->blocked || q->failed != CONN_OPEN) {
        pthread_mutex_unlock(&q->lock);
        return;
    }
    q->writing = true;
    for (int writes = 1; write_some_locked(q, loop); writes++) {
        if (writes == FLUSH_WRITES) { /* others append as fast as we write: let the owner go on */
            notify_owner_locked(q);
            break;
        }
    }
    q->writing = false;
    if (q->draining)
        notify_owner_locked(q);
    if (q->closed)
        close_fd_locked(q, loop);
    pthread_mutex_unlock(&q->lock);
}

void
outq_close(struct outq *q, struct loop *loop)
{
    q->conn = NULL;
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    if (!q->writing)
        close_fd_locked(q, loop);
    pthread_mutex_unlock(&q->lock);
}

static void
flush_or_wake(struct outq *q, struct loop *loop, size_t *foreign_writes)
{
    bool foreign = q->owner != loop;
    bool wake;

    pthread_mutex_lock(&q->lock);
    q->touched &= ~(1ULL << loop->index);
    wake = foreign && *foreign_writes == FOREIGN_WRITES && q->pending > 0 && !q->blocked;
    if (wake)
        notify_owner_locked(q);
    pthread_mutex_unlock(&q->lock);
    if (wake)
        return;
    if (foreign)
        (*foreign_writes)++;
    outq_flush(q, loop);
}

/* While a connection goes on with input that it had left, what it appends gathers for a moment:
 * of a fan-out to 1,000 each turn has only some messages for each, and a system call costs as
 * much as dozens. */
static bool
gather_more(struct loop *loop)
{
    bool more = !list_empty(&loop->ready) && loop->gathered < GATHER_ROUNDS;

    loop->gathered = more ? loop->gathered + 1 : 0;
    return more;
}

/* Flushing appends nothing, so the array does not grow meanwhile. */
void
outq_flush_touched(struct loop *loop)
{
    size_t foreign_writes = 0;

    if (gather_more(loop))
        return;
    for (size_t i = 0; i < loop->touched_count; i++) {
        flush_or_wake(loop->touched[i], loop, &foreign_writes);
        outq_unref(loop->touched[i]);
    }
    loop->touched_count = 0;
}

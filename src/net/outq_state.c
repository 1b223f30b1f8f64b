/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of a queue beside its bytes: how full it is, whether its peer still reads, and what
 * its owner sets. The bytes are in outq.c.
 */
#include <assert.h>

#include "net/loop_private.h"
#include "net/outq_private.h"

#define CONGESTED_SHARE 4 /* over 3/4 of max_pending */
/* A receiver that took nothing for so long is not waited for any more. It has the rest of
 * max_pending to come back. */
#define CONGESTED_GONE_MS 50
/* It is looked at from a fraction of that mark on: the time that one who never reads takes to fill
 * its queue is enough to know it, so that nobody waits for it. */
#define CONGESTED_LOOK_SHARE 16

size_t
outq_pending(struct outq *q)
{
    size_t pending;

    pthread_mutex_lock(&q->lock);
    pending = q->pending;
    pthread_mutex_unlock(&q->lock);
    return pending;
}

void
outq_get_counts(struct outq *q, uint64_t *messages, uint64_t *bytes)
{
    pthread_mutex_lock(&q->lock);
    *messages = q->messages;
    *bytes = q->message_bytes;
    pthread_mutex_unlock(&q->lock);
}

/* Locked. Has the peer taken bytes lately? The socket tells it sooner than our writes: it asks for
 * more only when a third of its buffer is free. With TLS the two counts are of different bytes:
 * what is written counts as taken too, which ends with the room in the socket. */
static bool
is_taking_locked(struct outq *q, int64_t now_ms)
{
    size_t in_socket;

    if (now_ms != q->looked_ms && !q->writing && stream_unsent(&q->stream, &in_socket)) {
        uint64_t taken = q->written_total - in_socket;

        if (taken != q->taken_total)
            q->progress_ms = now_ms;
        q->taken_total = taken;
        q->looked_ms = now_ms;
    }
    return now_ms - q->progress_ms < CONGESTED_GONE_MS;
}

bool
outq_congested(struct outq *q, const struct loop *loop)
{
    return q->pending > q->congested / CONGESTED_LOOK_SHARE && !q->closed &&
           is_taking_locked(q, loop_now_ms(loop)) && q->pending > q->congested;
}

bool
outq_still_congested(struct outq *q, const struct loop *loop)
{
    bool congested;

    pthread_mutex_lock(&q->lock);
    congested = outq_congested(q, loop);
    pthread_mutex_unlock(&q->lock);
    return congested;
}

bool
outq_drain(struct outq *q)
{
    bool idle;

    pthread_mutex_lock(&q->lock);
    q->draining = true;
    idle = !q->writing && q->pending == 0;
    pthread_mutex_unlock(&q->lock);
    return idle;
}

void
outq_set_options(struct outq *q, const struct conn_options *options)
{
    pthread_mutex_lock(&q->lock);
    q->max_pending = options->max_pending;
    q->congested = options->congested;
    if (q->congested == 0)
        q->congested = q->max_pending - q->max_pending / CONGESTED_SHARE;
    pthread_mutex_unlock(&q->lock);
}

bool
outq_start_tls(struct outq *q, struct tls_session *session)
{
    bool empty;

    pthread_mutex_lock(&q->lock);
    assert(q->stream.tls == NULL && !q->closed);
    empty = q->pending == 0 && !q->writing;
    if (empty) {
        q->stream.tls = session;
        q->blocked = true;
    }
    pthread_mutex_unlock(&q->lock);
    return empty;
}

void
outq_unblock(struct outq *q)
{
    pthread_mutex_lock(&q->lock);
    q->blocked = false;
    pthread_mutex_unlock(&q->lock);
}

bool
outq_is_blocked(struct outq *q)
{
    bool blocked;

    pthread_mutex_lock(&q->lock);
    blocked = q->blocked;
    pthread_mutex_unlock(&q->lock);
    return blocked;
}

enum conn_end
outq_failed(struct outq *q)
{
    enum conn_end failed;

    pthread_mutex_lock(&q->lock);
    failed = q->failed;
    pthread_mutex_unlock(&q->lock);
    return failed;
}

/* As in the reference, the deadline covers what waited when the write began to block, not
 * the time since the last byte: a peer that takes a byte now and then cannot hold the memory
 * for ever. patient: of a peer that is worth more, it may. */
bool
outq_deadline_passed(struct outq *q, int64_t now_ms, int64_t write_deadline_ms, bool patient)
{
    bool passed = false;

    pthread_mutex_lock(&q->lock);
    if (q->pending == 0) {
        q->deadline_ms = 0;
    } else if (q->deadline_ms == 0 || q->written_total >= q->deadline_mark) {
        q->deadline_ms = now_ms + write_deadline_ms;
        q->deadline_mark = patient ? q->written_total + 1 : q->appended_total;
    } else {
        passed = now_ms >= q->deadline_ms;
    }
    pthread_mutex_unlock(&q->lock);
    return passed;
}

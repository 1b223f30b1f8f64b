/* SPDX-License-Identifier: Apache-2.0
 *
 * States of a connection:
 *
 *   HANDSHAKE <──> OPEN ──> LINGER ──> GONE
 *       │            └───────────────────^
 *       └────────────────────────────────┘
 *
 * In OPEN its handler is called. HANDSHAKE is in conn_tls.c. LINGER first lets the queue empty
 * itself, then shuts down for writing; it reads and drops what the peer still sends, so that
 * closing does not reset the connection and destroy our last words on their way (TCP answers unread
 * input with RST). GONE lasts until the round is over: the poller may still name the connection.
 */
#include "net/conn_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop_private.h"
#include "net/outq_private.h"

#define LINGER_MS        1000 /* how long the peer may take to see our last words */
#define LINGER_CONNS_MAX 256  /* per loop; over it connections are closed at once */
#define BLOCKED_TICK_MS  50   /* how exactly write deadlines are kept */
#define STALLED_READ_MIN 8192 /* bytes that one read takes at least from a stalled producer */
#define STALLED_TICK_MS  1

void
conn_free_gone(struct loop *loop)
{
    while (!list_empty(&loop->gone)) {
        struct conn *conn = LIST_ENTRY(loop->gone.next, struct conn, ready_link);

        list_remove(&conn->ready_link);
        outq_unref(conn->outq);
        conn_tls_release(conn);
        free(conn);
    }
}

/* The kernel refuses only what has no descriptor any more, or for want of memory: then the
 * connection could wait for ever. */
static void
watch(struct conn *conn, unsigned events)
{
    bool done;

    if (events == conn->polling)
        return;
    done = poller_watch(&conn->loop->poller, conn->stream.fd, conn, conn->polling, events);
    conn->polling = done ? events & 3U : 0;
    if (!done)
        conn_fail(conn, CONN_END_NOMEM);
}

void
conn_update_polling(struct conn *conn)
{
    unsigned events = 0;

    if (conn->state == STATE_GONE)
        return;
    if (conn->state == STATE_HANDSHAKE) {
        watch(conn, conn_tls_events(conn));
        return;
    }
    /* one that yielded goes on in the next round: not worth two system calls */
    if (conn->state == STATE_LINGER || (!conn->paused && !conn->stalled))
        events |= POLLER_READ;
    if (!list_empty(&conn->blocked_link) || conn->fin_full)
        events |= POLLER_WRITE;
    watch(conn, events);
}

void
conn_stop_timer(struct conn *conn)
{
    if (deadline_is_set(&conn->timer))
        deadlines_remove(&conn->loop->deadlines, &conn->timer);
}

static void
end_stall(struct conn *conn)
{
    conn->stalled = false;
    list_remove(&conn->stalled_link);
    outq_unref(conn->stall_receiver);
    conn->stall_receiver = NULL;
}

static void
go_away(struct conn *conn)
{
    if (conn->state == STATE_LINGER)
        conn->loop->lingering--;
    conn->state = STATE_GONE;
    if (conn->stalled)
        end_stall(conn);
    list_remove(&conn->blocked_link);
    list_remove(&conn->ready_link);
    if (!conn->in_data)
        conn_input_release(conn);
    conn_stop_timer(conn);
    if (conn->polling != 0) /* another thread may be writing, and close the socket later */
        (void)poller_watch(&conn->loop->poller, conn->stream.fd, conn, conn->polling, 0);
    conn->polling = 0;
    conn->stream.tls = NULL; /* the next line frees it, or another thread will */
    outq_close(conn->outq, conn->loop);
    list_push_back(&conn->loop->gone, &conn->ready_link);
    conn->loop->conns--;
}

/* Tells the peer's owner, once. */
static void
end_peer(struct conn *conn, enum conn_end end)
{
    const struct conn_handler *handler = conn->handler;

    if (handler == NULL)
        return;
    conn->handler = NULL;
    handler->on_end(conn->peer, end);
    conn->peer = NULL;
}

void
conn_fail(struct conn *conn, enum conn_end end)
{
    if (conn->state == STATE_GONE)
        return;
    go_away(conn);
    end_peer(conn, end);
}

static void
timer_fired(struct conn *conn)
{
    if (conn->state == STATE_LINGER)
        go_away(conn);
    else if (conn->state == STATE_HANDSHAKE)
        conn_tls_timer(conn);
    else
        conn->handler->on_timer(conn->peer);
}

void
conn_fire_timers(struct loop *loop)
{
    int64_t now_ms = loop_now_ms(loop);
    struct deadline *first;

    while ((first = loop->deadlines.first) != NULL && first->due_ms <= now_ms) {
        deadlines_remove(&loop->deadlines, first);
        timer_fired(LIST_ENTRY(first, struct conn, timer));
    }
}

void
conn_start_timer(struct conn *conn, int64_t ms)
{
    conn_stop_timer(conn);
    /* at least 1: one that starts itself again must not hold up the rest */
    deadlines_add(&conn->loop->deadlines, &conn->timer,
                  loop_now_ms(conn->loop) + (ms < 1 ? 1 : ms));
}

struct conn *
conn_new(struct loop *loop, int fd, const struct conn_options *options,
         const struct conn_handler *handler, void *peer)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    if (conn != NULL)
        conn->outq = outq_new(loop, conn, fd, options);
    if (conn == NULL || conn->outq == NULL) {
        free(conn);
        close(fd);
        return NULL;
    }
    conn->loop = loop;
    conn->stream.fd = fd;
    conn->handler = handler;
    conn->peer = peer;
    conn->paused = true;
    conn->read_max =
        options->read_max < LOOP_READ_BYTES ? (uint32_t)options->read_max : LOOP_READ_BYTES;
    conn->read_now = LOOP_READ_BYTES;
    conn->write_deadline_ms = options->write_deadline_ms;
    conn->patient = options->patient;
    list_init(&conn->blocked_link);
    list_init(&conn->stalled_link);
    list_init(&conn->ready_link);
    loop->conns++;
    return conn;
}

struct outq *
conn_outq(struct conn *conn)
{
    return conn->outq;
}

struct tls_session *
conn_session(const struct conn *conn)
{
    return conn->state == STATE_OPEN ? conn->stream.tls : NULL;
}

void
conn_flush(struct conn *conn)
{
    outq_flush(conn->outq, conn->loop);
}

void
conn_trust(struct conn *conn)
{
    conn->read_max = LOOP_READ_BYTES;
    stream_stop_wiping(&conn->stream);
}

void
conn_set_timer(struct conn *conn, int64_t ms)
{
    if (conn->state != STATE_OPEN)
        return;
    if (ms < 0)
        conn_stop_timer(conn);
    else
        conn_start_timer(conn, ms);
}

/* As it comes: what is dropped need not be decrypted. */
static void
linger_some(struct conn *conn)
{
    ssize_t got = recv(conn->stream.fd, conn->loop->read_buffer, LOOP_READ_BYTES, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        go_away(conn);
}

void
conn_ready(struct conn *conn, unsigned events)
{
    if (conn->state == STATE_HANDSHAKE) {
        conn_tls_ready(conn);
        return;
    }
    if ((events & POLLER_WRITE) != 0 && (!list_empty(&conn->blocked_link) || conn->fin_full)) {
        conn->fin_full = false;
        outq_unblock(conn->outq);
        outq_flush(conn->outq, conn->loop);
        conn_look(conn);
    }
    if ((events & POLLER_READ) != 0) {
        if (conn->state == STATE_LINGER)
            linger_some(conn);
        else if (conn->state == STATE_OPEN && conn_may_read(conn))
            conn_input_read(conn);
    }
}

static bool
deadline_passed(const struct conn *conn)
{
    return outq_deadline_passed(conn->outq, loop_now_ms(conn->loop), conn->write_deadline_ms,
                                conn->patient);
}

static void
check_deadlines(uv_timer_t *tick)
{
    struct loop *loop = tick->data;
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &loop->blocked)
    {
        struct conn *conn = LIST_ENTRY(pos, struct conn, blocked_link);

        if (deadline_passed(conn))
            conn_fail(conn, CONN_END_DEADLINE);
    }
    if (list_empty(&loop->blocked))
        uv_timer_stop(tick);
}

void
conn_look(struct conn *conn)
{
    enum conn_end failed = outq_failed(conn->outq);
    bool blocked;

    if (conn->state == STATE_GONE)
        return;
    if (failed != CONN_OPEN) {
        conn_fail(conn, failed);
        return;
    }
    if (conn->state == STATE_HANDSHAKE)
        return; /* what waits goes out when it is done */
    blocked = outq_is_blocked(conn->outq);
    if (blocked && list_empty(&conn->blocked_link)) {
        if (list_empty(&conn->loop->blocked))
            uv_timer_start(&conn->loop->blocked_tick, check_deadlines, BLOCKED_TICK_MS,
                           BLOCKED_TICK_MS);
        list_push_back(&conn->loop->blocked, &conn->blocked_link);
        (void)deadline_passed(conn);
    } else if (!blocked && !list_empty(&conn->blocked_link)) {
        list_remove(&conn->blocked_link);
    }
    if (conn->fin_due && outq_drain(conn->outq)) {
        conn->fin_full = !stream_finish(&conn->stream);
        conn->fin_due = conn->fin_full;
    }
    conn_update_polling(conn);
}

static bool
can_read_now(const struct conn *conn)
{
    return conn_may_read(conn) && !conn->in_data && conn->state == STATE_OPEN;
}

/* Input that was left untaken is offered before the stream is read again. */
static void
reading_may_go_on(struct conn *conn)
{
    if (conn->input != NULL && can_read_now(conn))
        conn_input_offer(conn);
    if (can_read_now(conn) && stream_holds_input(&conn->stream))
        conn_input_read(conn);
    conn_update_polling(conn);
}

void
conn_pause(struct conn *conn)
{
    conn->paused = true;
    conn_update_polling(conn);
}

void
conn_resume(struct conn *conn)
{
    conn->paused = false;
    reading_may_go_on(conn);
}

void
conn_take_turns(struct loop *loop)
{
    struct list turn;

    /* those who yield again wait for the next round */
    list_init(&turn);
    while (!list_empty(&loop->ready)) {
        struct list *link = loop->ready.next;

        list_remove(link);
        list_push_back(&turn, link);
    }
    while (!list_empty(&turn)) {
        struct conn *conn = LIST_ENTRY(turn.next, struct conn, ready_link);

        list_remove(&conn->ready_link);
        conn->yielded = false;
        reading_may_go_on(conn);
    }
}

void
conn_yield(struct conn *conn)
{
    if (conn->yielded || conn->state != STATE_OPEN)
        return;
    conn->yielded = true;
    list_push_back(&conn->loop->ready, &conn->ready_link);
}

void
conn_set_options(struct conn *conn, const struct conn_options *options)
{
    conn->write_deadline_ms = options->write_deadline_ms;
    conn->patient = options->patient;
    outq_set_options(conn->outq, options);
}

static void
check_stalls(uv_timer_t *tick)
{
    struct loop *loop = tick->data;
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &loop->stalled)
    {
        struct conn *conn = LIST_ENTRY(pos, struct conn, stalled_link);

        if (!outq_still_congested(conn->stall_receiver, loop))
            conn->read_now = LOOP_READ_BYTES;
        else if (loop_now_ms(loop) < conn->stall_until_ms)
            continue;
        else if (conn->read_now > STALLED_READ_MIN)
            conn->read_now /= 2;
        end_stall(conn);
        reading_may_go_on(conn);
    }
    if (list_empty(&loop->stalled))
        uv_timer_stop(tick);
}

void
conn_stall(struct conn *conn, struct outq *receiver, int64_t max_ms)
{
    if (conn->stalled || conn->state != STATE_OPEN)
        return;
    conn->stalled = true;
    conn->stall_receiver = outq_ref(receiver);
    conn->stall_until_ms = loop_now_ms(conn->loop) + max_ms;
    if (list_empty(&conn->loop->stalled))
        uv_timer_start(&conn->loop->stalled_tick, check_stalls, STALLED_TICK_MS, STALLED_TICK_MS);
    list_push_back(&conn->loop->stalled, &conn->stalled_link);
    conn_update_polling(conn);
}

void
conn_finish(struct conn *conn, bool linger, enum conn_end end)
{
    outq_flush(conn->outq, conn->loop);
    list_remove(&conn->ready_link);
    end_peer(conn, end); /* before the linger, which may find that another loop's append failed */
    if (linger && conn->loop->lingering < LINGER_CONNS_MAX &&
        outq_failed(conn->outq) == CONN_OPEN) {
        if (conn->stalled)
            end_stall(conn);
        conn->state = STATE_LINGER;
        conn->loop->lingering++;
        conn->fin_due = true;
        conn_start_timer(conn, LINGER_MS);
        conn_look(conn);
    } else {
        go_away(conn);
    }
}

void
conn_close(struct conn *conn, bool linger)
{
    bool in_handshake = conn->state == STATE_HANDSHAKE && conn->stream.tls != NULL;

    if (conn->state == STATE_OPEN || conn->state == STATE_HANDSHAKE)
        conn_finish(conn, linger && !in_handshake, CONN_END_LOCAL);
}

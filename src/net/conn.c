/* SPDX-License-Identifier: Apache-2.0
 *
 * States of a connection:
 *
 *   OPEN ──> LINGER ──> GONE
 *     └───────────────────^
 *
 * In OPEN its handler is called. LINGER first lets the queue empty itself, then shuts down for
 * writing; it reads and drops what the peer still sends, so that closing does not reset the
 * connection and destroy our last words on their way (TCP answers unread input with RST). GONE
 * waits for libuv to let go of the handles.
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

static void poll_event(uv_poll_t *poll, int status, int events);

static void
end_handle(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    if (--conn->handles_open > 0)
        return;
    outq_unref(conn->outq);
    free(conn);
}

static void
update_polling(struct conn *conn)
{
    int events = 0;

    if (conn->state == STATE_GONE)
        return;
    if (conn->state == STATE_LINGER || conn_may_read(conn))
        events |= UV_READABLE;
    if (!list_empty(&conn->blocked_link))
        events |= UV_WRITABLE;
    if (events == conn->polling)
        return;
    conn->polling = events;
    if (events == 0)
        uv_poll_stop(&conn->poll);
    else
        uv_poll_start(&conn->poll, events, poll_event);
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
    uv_close((uv_handle_t *)&conn->poll, end_handle);
    uv_close((uv_handle_t *)&conn->timer, end_handle);
    outq_close(conn->outq, conn->loop);
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
timer_fired(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    if (conn->state == STATE_LINGER)
        go_away(conn);
    else if (conn->state == STATE_OPEN)
        conn->handler->on_timer(conn->peer);
}

struct conn *
conn_new(struct loop *loop, int fd, const struct conn_options *options,
         const struct conn_handler *handler, void *peer)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL || uv_poll_init(&loop->uv, &conn->poll, fd) != 0) {
        free(conn);
        close(fd);
        return NULL;
    }
    conn->poll.data = conn;
    uv_timer_init(&loop->uv, &conn->timer);
    conn->timer.data = conn;
    conn->handles_open = 2;
    conn->loop = loop;
    conn->fd = fd;
    conn->handler = handler;
    conn->peer = peer;
    conn->paused = true;
    conn->read_max = options->read_max;
    conn->read_now = LOOP_READ_BYTES;
    conn->write_deadline_ms = options->write_deadline_ms;
    list_init(&conn->blocked_link);
    list_init(&conn->stalled_link);
    list_init(&conn->ready_link);
    conn->outq = outq_new(loop, conn, fd, options->max_pending);
    if (conn->outq == NULL) {
        close(fd);
        uv_close((uv_handle_t *)&conn->poll, end_handle);
        uv_close((uv_handle_t *)&conn->timer, end_handle);
        return NULL;
    }
    return conn;
}

struct outq *
conn_outq(struct conn *conn)
{
    return conn->outq;
}

void
conn_set_read_max(struct conn *conn, size_t bytes)
{
    conn->read_max = bytes;
}

void
conn_set_timer(struct conn *conn, int64_t ms)
{
    if (conn->state != STATE_OPEN)
        return;
    if (ms < 0)
        uv_timer_stop(&conn->timer);
    else
        uv_timer_start(&conn->timer, timer_fired, (uint64_t)ms, 0);
}

static void
linger_some(struct conn *conn)
{
    ssize_t got = recv(conn->fd, conn->loop->read_buffer, LOOP_READ_BYTES, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        go_away(conn);
}

static void
poll_event(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;

    if (status < 0)
        events = UV_READABLE | UV_WRITABLE; /* let the system call name the error */
    if ((events & UV_WRITABLE) != 0 && conn->state != STATE_GONE) {
        outq_unblock(conn->outq);
        outq_flush(conn->outq, conn->loop);
        conn_look(conn);
    }
    if ((events & UV_READABLE) != 0) {
        if (conn->state == STATE_LINGER)
            linger_some(conn);
        else if (conn->state == STATE_OPEN && conn_may_read(conn))
            conn_input_read(conn);
    }
}

static void
check_deadlines(uv_timer_t *tick)
{
    struct loop *loop = tick->data;
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &loop->blocked)
    {
        struct conn *conn = LIST_ENTRY(pos, struct conn, blocked_link);

        if (outq_deadline_passed(conn->outq, loop_now_ms(loop), conn->write_deadline_ms))
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
    blocked = outq_is_blocked(conn->outq);
    if (blocked && list_empty(&conn->blocked_link)) {
        if (list_empty(&conn->loop->blocked))
            uv_timer_start(&conn->loop->blocked_tick, check_deadlines, BLOCKED_TICK_MS,
                           BLOCKED_TICK_MS);
        list_push_back(&conn->loop->blocked, &conn->blocked_link);
        (void)outq_deadline_passed(conn->outq, loop_now_ms(conn->loop), conn->write_deadline_ms);
    } else if (!blocked && !list_empty(&conn->blocked_link)) {
        list_remove(&conn->blocked_link);
    }
    if (conn->fin_due && outq_drain(conn->outq)) {
        conn->fin_due = false;
        shutdown(conn->fd, SHUT_WR);
    }
    update_polling(conn);
}

/* Input that was left untaken is offered before the socket is read again. */
static void
reading_may_go_on(struct conn *conn)
{
    if (conn_may_read(conn) && conn->input != NULL && !conn->in_data && conn->state == STATE_OPEN)
        conn_input_offer(conn);
    update_polling(conn);
}

void
conn_pause(struct conn *conn)
{
    conn->paused = true;
    update_polling(conn);
}

void
conn_resume(struct conn *conn)
{
    conn->paused = false;
    reading_may_go_on(conn);
}

static void
take_turns(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
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
    if (list_empty(&loop->ready))
        uv_idle_stop(idle);
}

void
conn_yield(struct conn *conn)
{
    if (conn->yielded || conn->state != STATE_OPEN)
        return;
    conn->yielded = true;
    if (list_empty(&conn->loop->ready))
        uv_idle_start(&conn->loop->ready_turn, take_turns);
    list_push_back(&conn->loop->ready, &conn->ready_link);
    update_polling(conn);
}

void
conn_set_options(struct conn *conn, const struct conn_options *options)
{
    conn->write_deadline_ms = options->write_deadline_ms;
    outq_set_max_pending(conn->outq, options->max_pending);
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
    update_polling(conn);
}

void
conn_close(struct conn *conn, bool linger)
{
    if (conn->state != STATE_OPEN)
        return;
    outq_flush(conn->outq, conn->loop);
    list_remove(&conn->ready_link);
    if (linger && conn->loop->lingering < LINGER_CONNS_MAX &&
        outq_failed(conn->outq) == CONN_OPEN) {
        if (conn->stalled)
            end_stall(conn);
        conn->state = STATE_LINGER;
        conn->loop->lingering++;
        conn->fin_due = true;
        uv_timer_start(&conn->timer, timer_fired, LINGER_MS, 0);
        conn_look(conn);
    } else {
        go_away(conn);
    }
    end_peer(conn, CONN_END_LOCAL);
}

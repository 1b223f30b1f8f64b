/* SPDX-License-Identifier: Apache-2.0
 *
 * The handshake of a connection: first, if it is to be asked for, a look at what the peer begins
 * with; then steps of tls_session_handshake().
 *
 *   conn_start_tls ──> LOOK ──silence or another byte──> CLEAR, back to OPEN
 *         │             │
 *         └─────────────┴──> WAIT <──────────> TURN ──> DONE, back to OPEN
 *
 * Who dials has the first word, and begins with a turn.
 *
 * A step costs as much as hundreds of messages, and strangers ask for it. So a connection whose
 * socket is ready queues up in loop->handshakes (TURN, not polled meanwhile), and each round of the
 * loop takes a few of them: however many there are, the others wait for a few steps only. Who
 * connects and says nothing costs a small structure: the session is made at the first turn.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/conn_private.h"
#include "net/outq_private.h"

#define STEPS_PER_ROUND 4    /* about 1 ms with an EC key, 2 ms with RSA 2048 */
#define HANDSHAKE_BYTE  0x16 /* a record of TLS that begins a handshake */

enum phase { PHASE_LOOK, PHASE_WAIT, PHASE_TURN };

struct handshake {
    struct conn_tls how; /* the context is counted */
    enum phase phase;
    unsigned events;    /* of LOOK and WAIT */
    char server_name[]; /* of dialling */
};

void
conn_tls_release(struct conn *conn)
{
    if (conn->handshake == NULL)
        return;
    tls_context_unref(conn->handshake->how.context);
    free(conn->handshake);
    conn->handshake = NULL;
}

/* The peer gets to see the alert, if there is one. */
static void
fail(struct conn *conn, const char *why)
{
    conn->loop->tls_failure = why;
    conn_finish(conn, outq_pending(conn->outq) == 0, CONN_END_TLS);
    conn->loop->tls_failure = NULL;
}

static void
end_handshake(struct conn *conn, enum conn_tls_event event)
{
    conn_stop_timer(conn);
    conn_tls_release(conn);
    conn->state = STATE_OPEN;
    conn->handler->on_tls(conn->peer, event);
    conn_update_polling(conn);
}

static void
take_turn(struct conn *conn)
{
    conn->handshake->phase = PHASE_TURN;
    list_push_back(&conn->loop->handshakes, &conn->ready_link);
    conn_update_polling(conn);
}

static void
begin(struct conn *conn)
{
    struct handshake *handshake = conn->handshake;

    handshake->phase = PHASE_WAIT;
    handshake->events = POLLER_READ;
    conn_start_timer(conn, handshake->how.timeout_ms);
    conn->handler->on_tls(conn->peer, CONN_TLS_BEGINS);
    if (conn->state != STATE_HANDSHAKE)
        return;
    outq_flush(conn->outq, conn->loop);
    if (handshake->how.dialling)
        take_turn(conn);
}

/* NULL: out of memory. */
static struct handshake *
new_handshake(const struct conn_tls *how)
{
    size_t name_size = how->dialling ? strlen(how->server_name) + 1 : 0;
    struct handshake *handshake = malloc(sizeof(*handshake) + name_size);

    if (handshake == NULL)
        return NULL;
    *handshake = (struct handshake) { *how, PHASE_LOOK, POLLER_READ };
    if (how->dialling)
        memcpy(handshake->server_name, how->server_name, name_size);
    (void)tls_context_ref(how->context);
    return handshake;
}

void
conn_start_tls(struct conn *conn, const struct conn_tls *how)
{
    struct handshake *handshake = new_handshake(how);

    assert(conn->state == STATE_OPEN && conn->stream.tls == NULL && conn->input == NULL);
    assert(!how->dialling || how->when == CONN_TLS_AT_ONCE);
    if (handshake == NULL) {
        conn_fail(conn, CONN_END_NOMEM);
        return;
    }
    conn->handshake = handshake;
    conn->state = STATE_HANDSHAKE;
    if (how->when == CONN_TLS_AT_ONCE) {
        begin(conn);
    } else {
        outq_flush(conn->outq, conn->loop);
        conn_start_timer(conn, how->look_ms);
    }
    conn_update_polling(conn);
}

const char *
conn_tls_failure(const struct conn *conn)
{
    return conn->loop->tls_failure;
}

unsigned
conn_tls_events(const struct conn *conn)
{
    return conn->handshake->phase == PHASE_TURN ? 0 : conn->handshake->events;
}

/* The byte stays in the socket for whoever reads next. */
static void
look(struct conn *conn)
{
    bool any = conn->handshake->how.when == CONN_TLS_IF_ANY;
    unsigned char first;
    ssize_t got = recv(conn->stream.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

    if (got == 0) {
        conn_fail(conn, CONN_END_PEER);
    } else if (got < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            conn_fail(conn, CONN_END_READ);
    } else if (any || first == HANDSHAKE_BYTE) {
        begin(conn);
        if (conn->state == STATE_HANDSHAKE)
            take_turn(conn);
    } else {
        end_handshake(conn, CONN_TLS_CLEAR);
    }
}

void
conn_tls_ready(struct conn *conn)
{
    if (conn->handshake->phase == PHASE_LOOK)
        look(conn);
    else if (conn->handshake->phase == PHASE_WAIT)
        take_turn(conn);
}

void
conn_tls_timer(struct conn *conn)
{
    if (conn->handshake->phase == PHASE_LOOK)
        end_handshake(conn, CONN_TLS_CLEAR);
    else
        fail(conn, "timeout");
}

/* false: the connection has ended. */
static bool
start_session(struct conn *conn)
{
    const struct handshake *handshake = conn->handshake;
    struct tls_context *context = handshake->how.context;
    struct tls_session *session =
        handshake->how.dialling
            ? tls_session_new_dialling(context, conn->stream.fd, handshake->server_name)
            : tls_session_new(context, conn->stream.fd);

    if (session == NULL) {
        conn_fail(conn, CONN_END_NOMEM);
        return false;
    }
    if (!outq_start_tls(conn->outq, session)) {
        tls_session_free(session);
        fail(conn, "the peer does not take what precedes it");
        return false;
    }
    conn->stream.tls = session;
    return true;
}

static void
step(struct conn *conn)
{
    struct handshake *handshake = conn->handshake;
    struct errmsg why;

    if (conn->stream.tls == NULL && !start_session(conn))
        return;
    switch (tls_session_handshake(conn->stream.tls, &why)) {
    case TLS_DONE:
        outq_unblock(conn->outq);
        outq_flush(conn->outq, conn->loop);
        end_handshake(conn, CONN_TLS_DONE);
        return;
    case TLS_FAILED:
        fail(conn, why.text);
        return;
    case TLS_WANT_READ:
        handshake->events = POLLER_READ;
        break;
    case TLS_WANT_WRITE:
        handshake->events = POLLER_WRITE;
        break;
    }
    handshake->phase = PHASE_WAIT;
    conn_update_polling(conn);
}

void
conn_take_handshakes(struct loop *loop)
{
    for (int steps = 0; steps < STEPS_PER_ROUND && !list_empty(&loop->handshakes); steps++) {
        struct conn *conn = LIST_ENTRY(loop->handshakes.next, struct conn, ready_link);

        list_remove(&conn->ready_link);
        step(conn);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * conn - one stream to a peer: input handed to its handler, output through its queue
 *
 * Owns     the input that is not yet complete, a timer, the outbound queue, a handshake under way.
 * Threads  all calls on its loop's thread, for life.
 * Memory   an idle connection holds no buffer: input is read into the loop's buffer and only
 *          the bytes of an unfinished operation are kept.
 */
#ifndef TESSERA_NET_CONN_H
#define TESSERA_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/chunk.h"
#include "net/loop.h"
#include "net/outq.h"

struct tls_context;
struct tls_session;

enum conn_end {
    CONN_OPEN,         /* it has not ended */
    CONN_END_LOCAL,    /* we closed it */
    CONN_END_PEER,     /* the peer closed */
    CONN_END_READ,     /* reading failed; with TLS conn_tls_failure() may say why */
    CONN_END_WRITE,    /* writing failed */
    CONN_END_PENDING,  /* slow consumer: over max_pending */
    CONN_END_DEADLINE, /* slow consumer: a write took longer than write_deadline */
    CONN_END_NOMEM,
    CONN_END_TLS, /* no handshake came about; conn_tls_failure() says why */
};

enum conn_tls_event {
    CONN_TLS_BEGINS, /* the last moment to say no, in clear */
    CONN_TLS_DONE,   /* all bytes go through it from here on; conn_resume() */
    CONN_TLS_CLEAR,  /* the stream stays in clear: start again, or conn_resume() */
};

struct conn_handler {
    /* Takes whole operations from data[0..len) and returns the bytes taken. *need: the bytes
     * that the first operation not taken needs in all, if known (0: unknown). May pause or
     * close the connection; what was not taken comes again. */
    size_t (*on_data)(void *peer, char *data, size_t len, size_t *need);
    void (*on_timer)(void *peer);
    /* Of conn_start_tls(); NULL: it is never called. May close the connection. */
    void (*on_tls)(void *peer, enum conn_tls_event event);
    /* The last call for this connection. */
    void (*on_end)(void *peer, enum conn_end end);
};

struct conn_options {
    size_t max_pending; /* bytes */
    size_t congested;   /* bytes that wait when publishers should wait, too; 0: 3/4 of the above */
    int64_t write_deadline_ms;
    bool patient;    /* the deadline begins anew whenever the peer takes something */
    size_t read_max; /* bytes taken by one read; see conn_trust */
};

struct conn;

/* Takes over fd, a connected non-blocking socket. NULL: out of memory or refused by the
 * kernel; fd is closed then. Nothing is read before conn_resume(). */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_options *options,
                      const struct conn_handler *handler, void *peer);

enum conn_tls_when {
    CONN_TLS_AT_ONCE,
    CONN_TLS_IF_ANY,   /* if the peer sends anything, whatever it is; not if it waits for us */
    CONN_TLS_IF_HELLO, /* if the first byte is that of a handshake */
};

struct conn_tls {
    struct tls_context *context;
    enum conn_tls_when when;
    int64_t look_ms;    /* of the last two: how long the first byte is waited for */
    int64_t timeout_ms; /* of the handshake */
    bool dialling;      /* we connected to the peer; CONN_TLS_AT_ONCE, a context for dialling */
    const char *server_name; /* of dialling: see tls_session_new_dialling(); copied */
};

/* Agrees on TLS with the peer. Before the first conn_resume(). What the queue holds goes out in
 * clear first; until on_tls() says how it went nothing may be appended. That may be before this
 * returns; a failure ends the connection. Cost: the handshakes of a loop take turns, a few steps in
 * a round (0.2 to 0.5 ms each). */
void conn_start_tls(struct conn *conn, const struct conn_tls *how);

/* In on_end(CONN_END_TLS), or CONN_END_READ: what the peer sent was not TLS as agreed, or an alert,
 * which is how who dials learns that its certificate was refused. A constant, or of the loop; NULL:
 * it was not for TLS. */
const char *conn_tls_failure(const struct conn *conn);

/* For questions about the peer; NULL: in clear, or the handshake is not done. Borrowed while the
 * connection is open. */
struct tls_session *conn_session(const struct conn *conn);

/* The queue, borrowed; take a reference to use it from other threads or longer than conn. */
struct outq *conn_outq(struct conn *conn);

/* Writes what waits now, not at the end of the round. */
void conn_flush(struct conn *conn);

/* Stops and starts reading. conn_resume() at once offers what was left untaken, so the
 * connection may have ended when it returns. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* From on_data: enough for one turn. What is left is offered again in the next round, after the
 * others of the loop had theirs. */
void conn_yield(struct conn *conn);

/* All change but read_max. */
void conn_set_options(struct conn *conn, const struct conn_options *options);

/* After this round, reads nothing until receiver has caught up, at most for max_ms: how a fast
 * producer is slowed. Takes no reference beyond the wait. */
void conn_stall(struct conn *conn, struct outq *receiver, int64_t max_ms);

/* The peer is logged in: reads are as large as they can be, where options.read_max kept small what
 * a stranger could make us hold; and what follows is no secret any more. */
void conn_trust(struct conn *conn);

/* The counted block that holds the data given to on_data() now; NULL: it is the loop's own
 * buffer. A holder of a reference may keep pointers into it. */
struct block *conn_input_block(struct conn *conn);

/* One timer per connection: calls on_timer() once after ms. Starting replaces; < 0 stops. */
void conn_set_timer(struct conn *conn, int64_t ms);

/* Writes what waits as far as the socket takes it, then closes; on_end() is called before this
 * returns, and conn is gone for the caller. linger: the peer may still be sending: its bytes are
 * read and dropped for a moment, so that a reset does not destroy our last words. */
void conn_close(struct conn *conn, bool linger);

#endif

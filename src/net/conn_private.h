/* SPDX-License-Identifier: Apache-2.0
 *
 * What conn.c (life, polling, the end), conn_input.c (bytes from the peer) and conn_tls.c (the
 * handshake) share; nobody else includes this.
 */
#ifndef TESSERA_NET_CONN_PRIVATE_H
#define TESSERA_NET_CONN_PRIVATE_H

#include "net/conn.h"
#include "net/loop_private.h"
#include "net/stream.h"

enum conn_state { STATE_OPEN, STATE_HANDSHAKE, STATE_LINGER, STATE_GONE };

struct handshake;

struct conn {
    struct loop *loop;
    struct outq *outq;
    const struct conn_handler *handler;
    void *peer;
    struct deadline timer;       /* in loop->deadlines */
    struct handshake *handshake; /* NULL: there is none, or it is done */
    struct stream stream; /* outq closes it; the session is NULL once the connection is gone */
    enum conn_state state : 8;
    unsigned polling : 8; /* POLLER_READ, POLLER_WRITE: what is watched now */
    bool paused : 1, stalled : 1, yielded : 1, in_data : 1;
    bool fin_due : 1;    /* in LINGER: shut down for writing when the queue is empty */
    bool fin_full : 1;   /* the same, but the socket is full */
    bool input_lent : 1; /* on_data is looking at input now */
    bool patient : 1;
    uint32_t read_max;
    uint32_t read_now; /* the same, or less while stalls follow each other */
    int64_t write_deadline_ms;

    struct block *input; /* unfinished operation; NULL: none */
    size_t input_len;
    size_t input_need; /* bytes that it needs in all, if known */

    struct list ready_link;                 /* in loop->ready or handshakes; at the end in gone */
    struct list blocked_link, stalled_link; /* in loop->blocked, stalled */
    struct outq *stall_receiver;
    int64_t stall_until_ms;
};

static inline bool
conn_may_read(const struct conn *conn)
{
    return !conn->paused && !conn->stalled && !conn->yielded;
}

/* Ends the connection, whatever waits, and tells its handler; once. */
void conn_fail(struct conn *conn, enum conn_end end);
/* The same, but what waits is sent first; linger as for conn_close(). */
void conn_finish(struct conn *conn, bool linger, enum conn_end end);

/* Sets what is polled for by what the connection waits for. May end it. */
void conn_update_polling(struct conn *conn);
void conn_start_timer(struct conn *conn, int64_t ms);
void conn_stop_timer(struct conn *conn);

/* In STATE_HANDSHAKE: what to poll for; the socket is ready for it; the timer fired. */
unsigned conn_tls_events(const struct conn *conn);
void conn_tls_ready(struct conn *conn);
void conn_tls_timer(struct conn *conn);
void conn_tls_release(struct conn *conn);

/* The socket is readable: receives and offers. May end the connection, as the next may. */
void conn_input_read(struct conn *conn);
/* Offers what was left untaken; there is something, and reading may go on. */
void conn_input_offer(struct conn *conn);
/* Wipes and gives back what is unfinished. */
void conn_input_release(struct conn *conn);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What conn.c and loop.c know of a queue; nobody else includes this.
 */
#ifndef TESSERA_NET_OUTQ_PRIVATE_H
#define TESSERA_NET_OUTQ_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/conn.h"
#include "net/outq.h"
#include "net/stream.h"

struct outq {
    atomic_uint refs;
    pthread_mutex_t lock;
    struct loop *owner;
    struct conn *conn; /* owner's thread only; NULL once the connection ended */
    struct mail mail;  /* tells the owner to look at the state below */

    /* under lock */
    struct stream stream; /* its fd is -1 once closed */
    bool closed;
    bool draining; /* takes no more; its owner waits until all is out */
    bool writing;  /* some thread is in a system call; it closes the stream if closed was set
                      meanwhile */
    bool blocked;  /* the socket is full: the owner polls for writable; or TLS is agreed on */
    bool wiping;   /* what is written is wiped: it was secret */
    bool mail_posted;
    enum conn_end failed; /* CONN_OPEN, or why the owner must end the connection */
    struct chunk *head, *tail;
    size_t pending, max_pending, congested; /* see struct conn_options */
    uint64_t messages, message_bytes;       /* what outq_count_messages() was told */
    size_t unflushed;                       /* appended since the last flush */
    uint64_t touched;                       /* bit per loop that will flush at its round's end */
    uint64_t appended_total, written_total;
    uint64_t deadline_mark; /* when written_total reaches it the write deadline starts anew */
    int64_t deadline_ms;    /* loop time; 0: nothing is blocked */
    /* While over its mark, see outq_congested(); loop time: */
    int64_t looked_ms;    /* when the socket was asked last */
    int64_t progress_ms;  /* when the peer was last seen to have taken bytes */
    uint64_t taken_total; /* what shows by its change that it had; of TLS no count of bytes */
};

struct outq *outq_new(struct loop *owner, struct conn *conn, int fd,
                      const struct conn_options *options);

/* Writes what waits, unless blocked, closed or being written. */
void outq_flush(struct outq *q, struct loop *loop);

/* Owner's thread, in conn.c: the queue was flushed or failed; polls, ends, or nothing. */
void conn_look(struct conn *conn);

/* Owner: from now on the bytes go through session, which becomes the queue's, but none before
 * outq_unblock(). false: some still wait in clear. */
bool outq_start_tls(struct outq *q, struct tls_session *session);

/* Owner: the socket is writable again. */
void outq_unblock(struct outq *q);
bool outq_is_blocked(struct outq *q);
enum conn_end outq_failed(struct outq *q);

/* Owner: takes nothing more; true when all is out. The owner is notified when it gets so. */
bool outq_drain(struct outq *q);
void outq_set_options(struct outq *q, const struct conn_options *options);

/* Owner: drops what waits and closes the descriptor, or leaves that to the thread that writes. */
void outq_close(struct outq *q, struct loop *loop);

/* Owner: sets or checks the write deadline of a blocked queue; true when it passed. */
bool outq_deadline_passed(struct outq *q, int64_t now_ms, int64_t write_deadline_ms, bool patient);

/* outq_congested() for a thread that does not hold the lock. */
bool outq_still_congested(struct outq *q, const struct loop *loop);

/* End of a round: flushes what the loop touched. */
void outq_flush_touched(struct loop *loop);

#endif

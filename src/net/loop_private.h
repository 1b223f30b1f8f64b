/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of net/ share about a loop; nobody else includes this.
 */
#ifndef TESSERA_NET_LOOP_PRIVATE_H
#define TESSERA_NET_LOOP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "net/chunk.h"
#include "net/deadlines.h"
#include "net/loop.h"
#include "net/poller.h"

struct conn;
struct outq;

struct loop {
    uv_loop_t uv;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    char *read_buffer; /* LOOP_READ_BYTES, lent to the connection that is being read */
    struct chunk_pool chunks;

    int wake_fd; /* an eventfd: there is mail */
    bool uv_ready;
    bool stopping, over;
    pthread_mutex_t mail_lock;
    struct mail *mail_head, **mail_tail; /* under mail_lock */
    bool mail_woken;                     /* under mail_lock: wake was sent and not yet seen */

    struct outq **touched; /* queues that this loop appended to in this round; counted */
    size_t touched_count, touched_cap;
    unsigned gathered; /* flushes left out in a row */

    struct poller poller;       /* the connections, wake_fd, and libuv as one */
    struct deadlines deadlines; /* of the connections */
    unsigned conns;             /* that are not gone; the loop ends after them */
    struct list gone;           /* memory of connections that ended in this round */

    struct list handshakes;  /* connections whose next step of a handshake is due */
    const char *tls_failure; /* why the handshake failed whose end is being told */
    struct list ready;       /* connections that used up their turn with input left */
    struct list blocked;     /* connections whose socket takes no more: write deadline */
    struct list stalled;     /* connections that are not read until their receivers caught up */
    uv_timer_t blocked_tick, stalled_tick;
    uv_timer_t tidy_tick; /* runs while there are spare chunks, or something was freed */
    void (*on_freed)(void *arg);
    void *on_freed_arg;
    unsigned lingering; /* connections that only wait for the peer's FIN */
};

/* In conn.c, for loop.c: */
void conn_ready(struct conn *conn, unsigned events); /* what the poller says */
void conn_fire_timers(struct loop *loop);
void conn_take_turns(struct loop *loop); /* of those in loop->ready */
void conn_free_gone(struct loop *loop);
/* In conn_tls.c: some of those in loop->handshakes. */
void conn_take_handshakes(struct loop *loop);

#endif

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
#include "net/loop.h"

struct outq;

struct loop {
    uv_loop_t uv;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    char *read_buffer; /* LOOP_READ_BYTES, lent to the connection that is being read */
    struct chunk_pool chunks;

    uv_async_t wake;
    uv_prepare_t before_poll;
    uv_check_t round_end;
    uv_idle_t ready_turn; /* runs while somebody is in ready */
    bool stopping;
    pthread_mutex_t mail_lock;
    struct mail *mail_head, **mail_tail; /* under mail_lock */
    bool mail_woken;                     /* under mail_lock: wake was sent and not yet seen */

    struct outq **touched; /* queues that this loop appended to in this round; counted */
    size_t touched_count, touched_cap;
    unsigned gathered; /* flushes left out in a row */

    struct list ready;   /* connections that used up their turn with input left */
    struct list blocked; /* connections whose socket takes no more: write deadline */
    struct list stalled; /* connections that are not read until their receivers caught up */
    uv_timer_t blocked_tick, stalled_tick;
    uv_timer_t tidy_tick; /* runs while there are spare chunks, or something was freed */
    void (*on_freed)(void *arg);
    void *on_freed_arg;
    unsigned lingering; /* connections that only wait for the peer's FIN */
};

#endif

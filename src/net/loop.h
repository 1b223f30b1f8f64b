/* SPDX-License-Identifier: Apache-2.0
 *
 * loop - one thread that reads, parses, times and closes its connections
 *
 *   poll ──> readable connections: recv, parse, append to outbound queues
 *        ──> mailbox: what other threads handed over
 *        ──> end of the round: every queue touched in it is flushed once
 *
 * Owns     its libuv loop, read buffer, chunk pool and mailbox.
 * Threads  loop_post(), loop_index(): any. loop_run() is the thread; everything else belongs
 *          to it.
 * Only net/ knows libuv.
 */
#ifndef TESSERA_NET_LOOP_H
#define TESSERA_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LOOP_READ_BYTES 65536 /* the loop's one read buffer: the most that one recv takes */
#define LOOPS_MAX       64    /* an outbound queue has one bit for each */

/* Something for another thread to do. Embedded in what it is about; in one mailbox at a time. */
struct mail {
    struct mail *next;
    void (*deliver)(struct mail *mail); /* on the loop's thread; may free the mail */
};

struct loop;

/* index: 0 .. LOOPS_MAX - 1, unique in the process; LOOPS_MAX for a loop that never appends to
 * a queue. */
enum err loop_new(struct loop **out, unsigned index, struct errmsg *why);
/* After loop_run() returned (or was never called). NULL is allowed. */
void loop_free(struct loop *loop);

/* Starts a thread that runs the loop until loop_stop(). */
enum err loop_start(struct loop *loop, struct errmsg *why);
/* Runs the loop on the calling thread until loop_stop(). */
void loop_run(struct loop *loop);
/* Asks the loop to end once all its handles are closed; joins its thread if it has one. */
void loop_stop(struct loop *loop);

unsigned loop_index(const struct loop *loop);

/* Puts mail into the loop's mailbox; many posts cost one wake-up. */
void loop_post(struct loop *loop, struct mail *mail);

/* Milliseconds of the monotonic clock as of this round; costs nothing. */
int64_t loop_now_ms(const struct loop *loop);

/* on_freed() is called on the loop's thread, at most once a second, when it has given back
 * megabytes to the allocator, which may be worth a mem_trim(). Set before the loop runs. */
void loop_set_on_freed(struct loop *loop, void (*on_freed)(void *arg), void *arg);
/* On the loop's thread: so many bytes were freed, about. What net/ frees it notes itself. */
void loop_note_freed(struct loop *loop, size_t bytes);

/* A one-shot or repeating timer on the loop. */
struct timer;
struct timer *timer_new(struct loop *loop, void (*fire)(void *arg), void *arg);
/* repeat_ms 0: once. Starting again replaces what was set. */
void timer_start(struct timer *timer, int64_t after_ms, int64_t repeat_ms);
void timer_stop(struct timer *timer);
/* NULL is allowed. */
void timer_free(struct timer *timer);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * One round of a loop: timers, connections that go on with input they had left, a few steps of
 * TLS handshakes, poll (readable and writable descriptors, the mailbox), then the next. What was
 * touched is flushed twice in it: before poll, since that may sleep, and behind it.
 *
 * The poller watches the connections and the mailbox. libuv, which does listeners, timers that are
 * not a connection's and the descriptor of signals, is one more descriptor in it: it runs when it
 * has something to do. (The other way round, the poller's set watched by libuv, each wake-up costs
 * one more system call: 2 us per request and reply.)
 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "net/loop_private.h"
#include "net/outq_private.h"

#define TIDY_TICK_MS 1000
#define FREED_MIN    (1024 * 1024) /* bytes that are worth telling */

static struct mail *
mailbox_take(struct loop *loop)
{
    struct mail *mail;

    pthread_mutex_lock(&loop->mail_lock);
    mail = loop->mail_head;
    loop->mail_head = NULL;
    loop->mail_tail = &loop->mail_head;
    loop->mail_woken = false;
    pthread_mutex_unlock(&loop->mail_lock);
    return mail;
}

static void
deliver_all(struct loop *loop)
{
    struct mail *mail = mailbox_take(loop);

    while (mail != NULL) {
        struct mail *next = mail->next;

        mail->deliver(mail);
        mail = next;
    }
}

static void
take_mail(struct loop *loop)
{
    uint64_t posts;

    (void)!read(loop->wake_fd, &posts, sizeof(posts));
    uv_update_time(&loop->uv); /* the round may have been long: letters set timers */
    deliver_all(loop);
    outq_flush_touched(loop);
}

static bool
is_tidy(const struct loop *loop)
{
    return chunk_pool_is_empty(&loop->chunks) && loop->chunks.freed < FREED_MIN;
}

static void
tidy(uv_timer_t *tick)
{
    struct loop *loop = tick->data;

    chunk_pool_age(&loop->chunks);
    if (loop->chunks.freed >= FREED_MIN) {
        loop->chunks.freed = 0;
        if (loop->on_freed != NULL)
            loop->on_freed(loop->on_freed_arg);
    }
    if (is_tidy(loop))
        uv_timer_stop(tick);
}

static void
clean_up(struct loop *loop)
{
    conn_free_gone(loop);
    if (!is_tidy(loop) && !uv_is_active((uv_handle_t *)&loop->tidy_tick))
        uv_timer_start(&loop->tidy_tick, tidy, TIDY_TICK_MS, TIDY_TICK_MS);
}

/* On pages of its own, which no core file gets: tokens pass through it. */
static char *
make_read_buffer(void)
{
    void *pages =
        mmap(NULL, LOOP_READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        abort();
    (void)madvise(pages, LOOP_READ_BYTES, MADV_DONTDUMP);
    return pages;
}

static enum err
open_poller(struct loop *loop, struct errmsg *why)
{
    enum err err = poller_open(&loop->poller, why);

    if (err != ERR_OK)
        return err;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd == -1 ||
        !poller_watch(&loop->poller, loop->wake_fd, &loop->wake_fd, 0, POLLER_READ) ||
        !poller_watch(&loop->poller, uv_backend_fd(&loop->uv), &loop->uv, 0, POLLER_READ)) {
        err = err_sys(why, errno, "could not create a wake-up");
        if (loop->wake_fd != -1)
            close(loop->wake_fd);
        poller_close(&loop->poller);
    }
    return err;
}

static enum err
open_uv(struct loop *loop, struct errmsg *why)
{
    int rc = uv_loop_init(&loop->uv);
    enum err err;

    if (rc != 0)
        return err_set(why, ERR_SYS, "could not create an event loop: %s", uv_strerror(rc));
    err = open_poller(loop, why);
    if (err != ERR_OK) {
        uv_loop_close(&loop->uv);
        return err;
    }
    uv_timer_init(&loop->uv, &loop->blocked_tick);
    uv_timer_init(&loop->uv, &loop->stalled_tick);
    uv_timer_init(&loop->uv, &loop->tidy_tick);
    loop->blocked_tick.data = loop->stalled_tick.data = loop->tidy_tick.data = loop;
    return ERR_OK;
}

enum err
loop_new(struct loop **out, unsigned index, struct errmsg *why)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    enum err err = open_uv(loop, why);

    assert(index <= LOOPS_MAX);
    if (err != ERR_OK) {
        free(loop);
        return err;
    }
    loop->index = index;
    loop->read_buffer = make_read_buffer();
    pthread_mutex_init(&loop->mail_lock, NULL);
    loop->mail_tail = &loop->mail_head;
    list_init(&loop->gone);
    list_init(&loop->ready);
    list_init(&loop->handshakes);
    list_init(&loop->blocked);
    list_init(&loop->stalled);
    *out = loop;
    return ERR_OK;
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    assert(loop->touched_count == 0 && loop->conns == 0);
    if (!loop->over) {
        loop_stop(loop); /* never ran: lets it close its handles */
        loop_run(loop);
    }
    deliver_all(loop); /* letters that came behind the end: they hold references */
    conn_free_gone(loop);
    if (uv_loop_close(&loop->uv) != 0)
        abort(); /* a handle was left open: it would be used after this */
    close(loop->wake_fd);
    poller_close(&loop->poller);
    chunk_pool_release(&loop->chunks);
    pthread_mutex_destroy(&loop->mail_lock);
    free(loop->touched);
    munmap(loop->read_buffer, LOOP_READ_BYTES);
    free(loop);
}

static void
poll_once(struct loop *loop, int timeout_ms)
{
    int count = poller_wait(&loop->poller, timeout_ms);

    uv_update_time(&loop->uv);
    for (int i = 0; i < count; i++) {
        unsigned events;
        void *who = poller_ready(&loop->poller, i, &events);

        if (who == &loop->uv)
            loop->uv_ready = true;
        else if (who == &loop->wake_fd)
            take_mail(loop);
        else
            conn_ready(who, events);
    }
}

/* For how long nothing is to be done unless a descriptor wakes us; -1: for ever. */
static int
wait_ms(const struct loop *loop)
{
    int ms = uv_loop_alive(&loop->uv) ? uv_backend_timeout(&loop->uv) : -1;
    const struct deadline *first = loop->deadlines.first;
    int64_t left_ms;

    if (loop->stopping && loop->conns == 0)
        return 0; /* the last one went in this round */
    if (!list_empty(&loop->ready) || !list_empty(&loop->handshakes))
        return 0;
    if (first == NULL)
        return ms;
    left_ms = first->due_ms - loop_now_ms(loop);
    if (left_ms <= 0)
        return 0;
    if (left_ms > INT_MAX)
        left_ms = INT_MAX;
    return ms >= 0 && ms < left_ms ? ms : (int)left_ms;
}

static void
run_uv(struct loop *loop)
{
    if (loop->uv_ready || (uv_loop_alive(&loop->uv) && uv_backend_timeout(&loop->uv) == 0))
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    loop->uv_ready = false;
}

static void
run_round(struct loop *loop)
{
    run_uv(loop);
    conn_fire_timers(loop);
    conn_take_turns(loop);
    conn_take_handshakes(loop);
    outq_flush_touched(loop);
    clean_up(loop);
    poll_once(loop, wait_ms(loop));
    outq_flush_touched(loop);
}

void
loop_run(struct loop *loop)
{
    uv_update_time(&loop->uv);
    while (!loop->stopping || loop->conns > 0)
        run_round(loop);
    conn_free_gone(loop);
    uv_close((uv_handle_t *)&loop->blocked_tick, NULL);
    uv_close((uv_handle_t *)&loop->stalled_tick, NULL);
    uv_close((uv_handle_t *)&loop->tidy_tick, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->over = true;
}

static void *
thread_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

enum err
loop_start(struct loop *loop, struct errmsg *why)
{
    int rc;

    loop->has_thread = true;
    rc = thread_start(&loop->thread, thread_main, loop);
    if (rc != 0) {
        loop->has_thread = false;
        return err_sys(why, rc, "could not start a loop thread");
    }
    return ERR_OK;
}

struct stop_mail {
    struct mail mail;
    struct loop *loop;
};

static void
deliver_stop(struct mail *mail)
{
    struct stop_mail *stop = (struct stop_mail *)(void *)mail;

    stop->loop->stopping = true;
    free(stop);
}

void
loop_stop(struct loop *loop)
{
    struct stop_mail *stop = xcalloc(1, sizeof(*stop));

    stop->mail.deliver = deliver_stop;
    stop->loop = loop;
    loop_post(loop, &stop->mail);
    if (loop->has_thread) {
        pthread_join(loop->thread, NULL);
        loop->has_thread = false;
    }
}

unsigned
loop_index(const struct loop *loop)
{
    return loop->index;
}

void
loop_post(struct loop *loop, struct mail *mail)
{
    bool wake;

    mail->next = NULL;
    pthread_mutex_lock(&loop->mail_lock);
    *loop->mail_tail = mail;
    loop->mail_tail = &mail->next;
    wake = !loop->mail_woken;
    loop->mail_woken = true;
    pthread_mutex_unlock(&loop->mail_lock);
    if (wake)
        (void)!write(loop->wake_fd, &(uint64_t) { 1 }, sizeof(uint64_t));
}

int64_t
loop_now_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

void
loop_set_on_freed(struct loop *loop, void (*on_freed)(void *arg), void *arg)
{
    loop->on_freed = on_freed;
    loop->on_freed_arg = arg;
}

void
loop_note_freed(struct loop *loop, size_t bytes)
{
    loop->chunks.freed += bytes;
}

struct timer {
    uv_timer_t uv;
    void (*fire)(void *arg);
    void *arg;
};

static void
timer_fired(uv_timer_t *handle)
{
    struct timer *timer = handle->data;

    timer->fire(timer->arg);
}

struct timer *
timer_new(struct loop *loop, void (*fire)(void *arg), void *arg)
{
    struct timer *timer = xcalloc(1, sizeof(*timer));

    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->fire = fire;
    timer->arg = arg;
    return timer;
}

void
timer_start(struct timer *timer, int64_t after_ms, int64_t repeat_ms)
{
    uv_timer_start(&timer->uv, timer_fired, (uint64_t)after_ms, (uint64_t)repeat_ms);
}

void
timer_stop(struct timer *timer)
{
    uv_timer_stop(&timer->uv);
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

void
timer_free(struct timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->uv, free_handle);
}

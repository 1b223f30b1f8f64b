/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections over socket pairs: the test is the peer with a blocking socket, the loop runs
 * in its own thread; what belongs to the loop is done there by mail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>

#include "base/clock.h"
#include "loop_support.h"
#include "net/conn.h"
#include "net/outq.h"

struct call {
    struct mail mail;
    void (*run)(void *arg);
    void *arg;
    sem_t done;
};

static void
deliver_call(struct mail *mail)
{
    struct call *call = (struct call *)(void *)mail;

    call->run(call->arg);
    sem_post(&call->done);
}

/* Runs a function on the loop's thread and waits for it. */
static void
on_loop(struct loop *loop, void (*run)(void *arg), void *arg)
{
    struct call call = { .mail.deliver = deliver_call, .run = run, .arg = arg };

    sem_init(&call.done, 0, 0);
    loop_post(loop, &call.mail);
    while (sem_wait(&call.done) == -1)
        continue;
    sem_destroy(&call.done);
}

/* A connection whose operations are `unit` bytes long; each is answered with itself. */
struct peer {
    struct loop *loop;
    struct conn *conn;
    struct outq *outq;
    struct conn_options options;
    int fd, far; /* ours, the test's */
    size_t unit;
    bool tell_need;
    bool was_lent; /* an operation lay in a block of its own */
    enum conn_end end;
    sem_t ended;
};

static size_t
echo_units(void *arg, char *data, size_t len, size_t *need)
{
    struct peer *peer = arg;
    size_t taken = 0;

    while (len - taken >= peer->unit) {
        peer->was_lent |= conn_input_block(peer->conn) != NULL;
        (void)outq_append(peer->outq, peer->loop, data + taken, peer->unit);
        taken += peer->unit;
    }
    if (taken < len && peer->tell_need)
        *need = peer->unit;
    return taken;
}

static void
ignore_timer(void *arg)
{
    (void)arg;
}

static void
note_end(void *arg, enum conn_end end)
{
    struct peer *peer = arg;

    peer->end = end;
    peer->conn = NULL;
    sem_post(&peer->ended);
}

static const struct conn_handler echo_handler = { echo_units, ignore_timer, NULL, note_end };

static void
open_peer(void *arg)
{
    struct peer *peer = arg;

    peer->conn = conn_new(peer->loop, peer->fd, &peer->options, &echo_handler, peer);
    assert_non_null(peer->conn);
    peer->outq = outq_ref(conn_outq(peer->conn));
    conn_resume(peer->conn);
}

static void
close_peer(void *arg)
{
    struct peer *peer = arg;

    if (peer->conn != NULL)
        conn_close(peer->conn, false);
}

static void
peer_start(struct peer *peer, struct loop *loop)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    peer->fd = pair[0];
    peer->far = pair[1];
    peer->loop = loop;
    if (peer->options.max_pending == 0)
        peer->options.max_pending = 64 << 20;
    if (peer->options.write_deadline_ms == 0)
        peer->options.write_deadline_ms = 10000;
    peer->options.read_max = LOOP_READ_BYTES;
    sem_init(&peer->ended, 0, 0);
    on_loop(loop, open_peer, peer);
}

static void
peer_wait_end(struct peer *peer)
{
    while (sem_wait(&peer->ended) == -1)
        continue;
}

static void
peer_stop(struct peer *peer)
{
    on_loop(peer->loop, close_peer, peer);
    outq_unref(peer->outq);
    close(peer->far);
    sem_destroy(&peer->ended);
}

static void
send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        assert_true(sent > 0);
        data += sent;
        len -= (size_t)sent;
    }
}

static void
receive_all(int fd, char *data, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, data, len, 0);

        assert_true(got > 0);
        data += got;
        len -= (size_t)got;
    }
}

static char *
pattern(size_t len)
{
    char *data = malloc(len);

    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    return data;
}

/* However the operations are cut by the writes and by the loop's buffer, they come out whole. */
static void
echo(size_t unit, size_t units, size_t cut, bool tell_need, bool expect_lent)
{
    struct peer peer = { .unit = unit, .tell_need = tell_need };
    struct loop *loop = loop_running(0);
    size_t len = unit * units;
    char *sent = pattern(len), *got = malloc(len);

    peer_start(&peer, loop);
    for (size_t at = 0; at < len; at += cut) {
        size_t part = len - at < cut ? len - at : cut;

        send_all(peer.far, sent + at, part);
        if (cut < unit)
            continue;
        receive_all(peer.far, got + at, part / unit * unit);
    }
    if (cut < unit)
        receive_all(peer.far, got, len);
    assert_memory_equal(sent, got, len);
    assert_int_equal(peer.was_lent, expect_lent);
    peer_stop(&peer);
    loop_end(loop);
    free(sent);
    free(got);
}

static void
operations_are_put_together(void **state)
{
    (void)state;
    echo(1, 1000, 1000, false, false);
    echo(10, 5, 1, false, false);
    echo(10, 5, 7, true, false);
    echo(4000, 3, 999, false, false);
    echo(16384, 4, 16384, true, false);
}

static void
large_operations_get_a_block_of_their_own(void **state)
{
    (void)state;
    echo(200000, 1, 200000, true, true);
    echo(200000, 1, 200000, false, true);
    echo(1000000, 1, 30000, true, true);
}

static void
fill(void *arg)
{
    struct peer *peer = arg;
    static const char some[10000];
    size_t before;

    do {
        before = outq_pending(peer->outq);
    } while (outq_append(peer->outq, peer->loop, some, sizeof(some)) == OUTQ_OK);
    assert_true(before <= peer->options.max_pending);
    assert_int_equal(outq_append(peer->outq, peer->loop, some, 1), OUTQ_CLOSED);
}

static void
a_receiver_over_max_pending_is_ended(void **state)
{
    struct peer peer = { .unit = 1, .options.max_pending = 1 << 20 };
    struct loop *loop = loop_running(0);

    (void)state;
    peer_start(&peer, loop);
    on_loop(loop, fill, &peer);
    peer_wait_end(&peer);
    assert_int_equal(peer.end, CONN_END_PENDING);
    assert_int_equal(outq_pending(peer.outq), 0);
    peer_stop(&peer);
    loop_end(loop);
}

static void
fill_half(void *arg)
{
    struct peer *peer = arg;
    static const char some[10000];

    while (outq_pending(peer->outq) < peer->options.max_pending / 2)
        assert_int_equal(outq_append(peer->outq, peer->loop, some, sizeof(some)), OUTQ_OK);
}

static void
a_receiver_that_does_not_read_meets_the_write_deadline(void **state)
{
    struct peer peer = { .unit = 1,
                         .options = { .max_pending = 4 << 20, .write_deadline_ms = 100 } };
    struct loop *loop = loop_running(0);

    (void)state;
    peer_start(&peer, loop);
    on_loop(loop, fill_half, &peer);
    peer_wait_end(&peer);
    assert_int_equal(peer.end, CONN_END_DEADLINE);
    peer_stop(&peer);
    loop_end(loop);
}

/* Reads slowly for longer than the deadline, then not at all. */
static void
a_patient_one_waits_while_the_receiver_takes_something(void **state)
{
    struct peer peer = {
        .unit = 1,
        .options = { .max_pending = 64 << 20, .write_deadline_ms = 1000, .patient = true }
    };
    struct loop *loop = loop_running(0);
    int64_t until_ns = clock_mono_ns() + 2500 * CLOCK_NS_PER_MS;
    char got[65536];

    (void)state;
    peer_start(&peer, loop);
    on_loop(loop, fill_half, &peer);
    while (clock_mono_ns() < until_ns) {
        assert_true(read(peer.far, got, sizeof(got)) > 0);
        (void)poll(NULL, 0, 20); /* what makes it slow */
    }
    assert_int_not_equal(sem_trywait(&peer.ended), 0);
    peer_wait_end(&peer);
    assert_int_equal(peer.end, CONN_END_DEADLINE);
    peer_stop(&peer);
    loop_end(loop);
}

static void
say_last_words(void *arg)
{
    struct peer *peer = arg;

    assert_int_equal(outq_append(peer->outq, peer->loop, "first ", 6), OUTQ_OK);
    assert_int_equal(outq_append_last(peer->outq, peer->loop, "last", 4), OUTQ_OK);
    assert_int_equal(outq_append(peer->outq, peer->loop, "never", 5), OUTQ_CLOSED);
    conn_close(peer->conn, true);
}

static void
nothing_follows_the_last_words(void **state)
{
    struct peer peer = { .unit = 1 };
    struct loop *loop = loop_running(0);
    char got[32];

    (void)state;
    peer_start(&peer, loop);
    on_loop(loop, say_last_words, &peer);
    receive_all(peer.far, got, 10);
    assert_memory_equal(got, "first last", 10);
    assert_int_equal(recv(peer.far, got, sizeof(got), 0), 0);
    peer_stop(&peer);
    loop_end(loop);
}

static void
the_end_of_the_peer_is_told_once(void **state)
{
    struct peer peer = { .unit = 1 };
    struct loop *loop = loop_running(0);

    (void)state;
    peer_start(&peer, loop);
    shutdown(peer.far, SHUT_WR);
    peer_wait_end(&peer);
    assert_int_equal(peer.end, CONN_END_PEER);
    assert_int_equal(outq_append(peer.outq, loop, "x", 1), OUTQ_CLOSED);
    assert_int_equal(sem_trywait(&peer.ended), -1);
    peer_stop(&peer);
    loop_end(loop);
}

#define WRITER_MESSAGES 20000

struct message {
    uint32_t writer, number;
    char filler[56];
};

struct writer {
    struct loop *loop;
    struct outq *outq;
    uint32_t id;
};

static void
write_messages(void *arg)
{
    struct writer *writer = arg;

    for (uint32_t i = 0; i < WRITER_MESSAGES; i++) {
        struct message message = { .writer = writer->id, .number = i };

        assert_int_equal(outq_append(writer->outq, writer->loop, &message, sizeof(message)),
                         OUTQ_OK);
    }
}

/* Three loops append to one queue of the first: nothing is torn, each writer's order holds. */
static void
many_loops_share_a_queue(void **state)
{
    struct peer peer = { .unit = 1 };
    struct loop *loops[3];
    struct writer writers[3];
    struct call calls[3];
    uint32_t next[3] = { 0 };
    struct message message;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        loops[i] = loop_running(i);
    peer_start(&peer, loops[0]);
    for (uint32_t i = 0; i < 3; i++) {
        writers[i] = (struct writer) { loops[i], peer.outq, i };
        calls[i] = (struct call) { .mail.deliver = deliver_call,
                                   .run = write_messages,
                                   .arg = &writers[i] };
        sem_init(&calls[i].done, 0, 0);
        loop_post(loops[i], &calls[i].mail);
    }
    for (int i = 0; i < 3 * WRITER_MESSAGES; i++) {
        receive_all(peer.far, (char *)&message, sizeof(message));
        assert_true(message.writer < 3);
        assert_int_equal(message.number, next[message.writer]++);
    }
    for (int i = 0; i < 3; i++) {
        while (sem_wait(&calls[i].done) == -1)
            continue;
        sem_destroy(&calls[i].done);
    }
    peer_stop(&peer);
    for (int i = 0; i < 3; i++)
        loop_end(loops[i]);
}

static void
put_text(struct peer *peer, const char *text)
{
    size_t len = strlen(text), size;
    char *room = outq_room(peer->outq, peer->loop, len, len, &size);

    assert_true(size >= len);
    memcpy(room, text, len);
    outq_commit(peer->outq, len);
}

static void
put_by_reference(void *arg)
{
    struct peer *peer = arg;
    struct block *block = block_new(100000);

    assert_non_null(block);
    memset(block->data, 'x', 100000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outq_begin(peer->outq, peer->loop, 100003), OUTQ_OK);
        put_text(peer, "[");
        outq_put_ref(peer->outq, peer->loop, block, block->data, 100000);
        put_text(peer, "]\n");
        outq_end(peer->outq, peer->loop);
    }
    block_unref(block);
}

static void
shared_blocks_keep_their_place_in_the_stream(void **state)
{
    struct peer peer = { .unit = 1 };
    struct loop *loop = loop_running(0);
    char *got = malloc(100003);

    (void)state;
    peer_start(&peer, loop);
    on_loop(loop, put_by_reference, &peer);
    for (int i = 0; i < 3; i++) {
        receive_all(peer.far, got, 100003);
        assert_int_equal(got[0], '[');
        for (int at = 1; at <= 100000; at++)
            assert_int_equal(got[at], 'x');
        assert_memory_equal(got + 100001, "]\n", 2);
    }
    free(got);
    peer_stop(&peer);
    loop_end(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_put_together),
        cmocka_unit_test(large_operations_get_a_block_of_their_own),
        cmocka_unit_test(a_receiver_over_max_pending_is_ended),
        cmocka_unit_test(a_receiver_that_does_not_read_meets_the_write_deadline),
        cmocka_unit_test(a_patient_one_waits_while_the_receiver_takes_something),
        cmocka_unit_test(nothing_follows_the_last_words),
        cmocka_unit_test(the_end_of_the_peer_is_told_once),
        cmocka_unit_test(many_loops_share_a_queue),
        cmocka_unit_test(shared_blocks_keep_their_place_in_the_stream),
    };

    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}

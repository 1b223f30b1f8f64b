/* SPDX-License-Identifier: Apache-2.0
 *
 * Input is received into the loop's buffer. The bytes of an operation that is incomplete move
 * into a block of the connection. If it is small, the next read copies them back in front of
 * what arrives, so that reads stay as large as the buffer; if it is large, the next read goes
 * behind them, and its payload can be sent from there by reference. The block disappears with
 * its operation. It grows with what arrives, not with what was announced.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "net/conn_private.h"

#define INPUT_FIRST 512 /* spare bytes of an input block, so that it can be used again */
#define LARGE_INPUT (LOOP_READ_BYTES / 2) /* an operation over it gets a block of its own */
#define READS_MAX   4 /* of one turn, as long as much comes: fewer, larger writes follow */
#define MUCH_INPUT  (LOOP_READ_BYTES / 2)
#define WIPED_INPUT 8192 /* two control lines of the default size */

/* Does no queue refer to the input's block? */
static bool
input_is_ours(const struct conn *conn)
{
    return atomic_load_explicit(&conn->input->refs, memory_order_acquire) == 1;
}

/* What is as short as a control line may be a CONNECT with its token: no copy of it stays. */
static void
wipe_input(struct conn *conn)
{
    if (conn->input != NULL && conn->input_len <= WIPED_INPUT && input_is_ours(conn))
        mem_wipe(conn->input->data, conn->input_len);
}

void
conn_input_release(struct conn *conn)
{
    wipe_input(conn);
    loop_note_freed(conn->loop, block_unref(conn->input));
    conn->input = NULL;
    conn->input_len = conn->input_need = 0;
}

/* A block with room for cap bytes that starts with data. */
static bool
replace_input(struct conn *conn, const char *data, size_t len, size_t cap)
{
    struct block *block = block_new(cap);

    if (block == NULL)
        return false;
    memcpy(block->data, data, len);
    wipe_input(conn);
    loop_note_freed(conn->loop, block_unref(conn->input));
    conn->input = block;
    return true;
}

/* Keeps the bytes that were not taken: they are data[0..len), in the loop's buffer or ours. */
static bool
keep_rest(struct conn *conn, const char *data, size_t len, size_t need)
{
    size_t cap = len + len / 4 + INPUT_FIRST;
    bool reuse;

    if (len == 0) {
        conn_input_release(conn);
        return true;
    }
    if (!conn_may_read(conn)) /* may stay for long: no more than its bytes */
        cap = len;
    reuse = conn->input != NULL && conn->input->cap >= len && conn->input->cap <= cap * 2 &&
            input_is_ours(conn);
    if (reuse)
        memmove(conn->input->data, data, len);
    else if (!replace_input(conn, data, len, cap))
        return false;
    conn->input_len = len;
    conn->input_need = need > len ? need : 0;
    return true;
}

/* Offers data to the handler and keeps what it does not take. */
static void
offer(struct conn *conn, char *data, size_t len, bool lend)
{
    size_t need = 0, taken;
    bool kept;

    conn->in_data = true;
    conn->input_lent = lend;
    taken = conn->handler->on_data(conn->peer, data, len, &need);
    conn->input_lent = false;
    conn->in_data = false;
    if (conn->state != STATE_OPEN) {
        conn_input_release(conn);
        return;
    }
    assert(taken <= len);
    kept = keep_rest(conn, data + taken, len - taken, need);
    if (!kept)
        conn_fail(conn, CONN_END_NOMEM);
}

/* Is the unfinished operation so large that it is assembled in a block of its own? */
static bool
input_is_large(const struct conn *conn)
{
    return conn->input_need > LARGE_INPUT || conn->input_len > LARGE_INPUT;
}

/* Receives behind a large unfinished operation: at most to its end when that is known, so
 * that its payload ends with its block and can be sent by reference. */
static ssize_t
receive_large(struct conn *conn)
{
    size_t want = conn->input_len * 2 < LOOP_READ_BYTES ? LOOP_READ_BYTES : conn->input_len * 2;
    ssize_t got;

    if (conn->input_need > conn->input_len && want > conn->input_need)
        want = conn->input_need;
    if (conn->input->cap < want && !replace_input(conn, conn->input->data, conn->input_len, want)) {
        conn_fail(conn, CONN_END_NOMEM);
        return 0;
    }
    got = stream_recv(&conn->stream, conn->input->data + conn->input_len, want - conn->input_len);
    if (got > 0) {
        conn->input_len += (size_t)got;
        offer(conn, conn->input->data, conn->input_len, true);
    }
    return got;
}

/* Receives into the loop's buffer, behind a copy of what is unfinished. */
static ssize_t
receive_small(struct conn *conn)
{
    char *buffer = conn->loop->read_buffer;
    size_t len = conn->input == NULL ? 0 : conn->input_len;
    size_t room = LOOP_READ_BYTES - len;
    ssize_t got;

    if (room > conn->read_max)
        room = conn->read_max;
    if (room > conn->read_now)
        room = conn->read_now;
    got = stream_recv(&conn->stream, buffer + len, room);
    if (got > 0) {
        if (len > 0)
            memcpy(buffer, conn->input->data, len);
        wipe_input(conn);
        offer(conn, buffer, len + (size_t)got, false);
    }
    if (!conn->stalled && conn->read_now < LOOP_READ_BYTES)
        conn->read_now *= 2; /* nobody had to be waited for this time */
    return got;
}

static void
reading_failed(struct conn *conn)
{
    if (errno == EPROTO && conn->stream.tls != NULL)
        conn->loop->tls_failure = tls_session_failure(conn->stream.tls);
    conn_fail(conn, CONN_END_READ);
    conn->loop->tls_failure = NULL;
}

void
conn_input_read(struct conn *conn)
{
    int reads = 0;
    ssize_t got;

    do {
        errno = 0;
        got =
            conn->input != NULL && input_is_large(conn) ? receive_large(conn) : receive_small(conn);
    } while (got >= MUCH_INPUT && ++reads < READS_MAX && conn->state == STATE_OPEN &&
             conn_may_read(conn));
    if (conn->state != STATE_OPEN)
        return;
    if (got > 0) {
        if (conn_may_read(conn) && stream_holds_input(&conn->stream))
            conn_yield(conn); /* the socket would not say so */
        return;
    }
    if (got == 0)
        conn_fail(conn, CONN_END_PEER);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        reading_failed(conn);
}

void
conn_input_offer(struct conn *conn)
{
    offer(conn, conn->input->data, conn->input_len, true);
}

struct block *
conn_input_block(struct conn *conn)
{
    return conn->input_lent ? conn->input : NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket side of a session: sendv, and whatever else waits in `out`.
 *
 * sendv reports bytes only when their ciphertext has gone out: `committed` counts those that are
 * encrypted and not reported. The caller thus keeps counting what waits, and is not told of a
 * success that would hide a queue in here.
 */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/session_private.h"

#define RECORD_BYTES SSL3_RT_MAX_PLAIN_LENGTH
/* Encrypted by one sendv: with what four records add, 64 KB, the size of its buffer. */
#define BATCH_BYTES (4 * (RECORD_BYTES - RECORD_EXTRA))

/* Puts back what is left of batch, in front of what was encrypted meanwhile. */
static bool
put_back_locked(struct tls_session *session, struct buf *batch)
{
    struct buf later = session->out;
    bool ok = buf_append(batch, later.data, later.len);

    buf_release(&later);
    session->out = *batch;
    return ok;
}

/* Unlocked during the system call. False: no further for now, errno says why. */
static bool
send_some_locked(struct tls_session *session)
{
    struct buf batch = session->out;
    ssize_t sent;
    int failure;

    buf_init(&session->out, OUT_MAX);
    session->sending = true;
    pthread_mutex_unlock(&session->lock);
    sent = send(session->fd, batch.data, batch.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    failure = errno;
    pthread_mutex_lock(&session->lock);
    session->sending = false;
    if (sent > 0)
        buf_consume(&batch, (size_t)sent);
    if (batch.len == 0) {
        buf_release(&batch);
    } else if (!put_back_locked(session, &batch)) {
        session_fail_locked(session, "out of memory"); /* bytes are lost: never go on */
        failure = ENOMEM;
        sent = -1;
    }
    errno = failure;
    return sent >= 0 || failure == EINTR;
}

enum flush
session_flush_locked(struct tls_session *session)
{
    while (session->out.len > 0) {
        if (session->sending)
            return FLUSH_BUSY; /* that thread looks again */
        if (!send_some_locked(session))
            return errno == EAGAIN || errno == EWOULDBLOCK ? FLUSH_FULL : FLUSH_BROKEN;
    }
    return session->sending ? FLUSH_BUSY : FLUSH_EMPTY;
}

struct cursor {
    const struct iovec *iov;
    size_t count;
    size_t at; /* bytes of iov[0] that are done */
};

/* The next bytes for one record, at most max. Those of several iovecs are gathered in plain, of
 * RECORD_BYTES; a long one is used where it is. */
static size_t
next_piece(struct cursor *cursor, size_t max, char *plain, const char **piece)
{
    size_t len = 0;

    *piece = plain;
    while (cursor->count > 0 && len < max) {
        const char *data = (const char *)cursor->iov->iov_base + cursor->at;
        size_t have = cursor->iov->iov_len - cursor->at;
        size_t take = have < max - len ? have : max - len;

        if (len == 0 && take == max)
            *piece = data;
        else
            memcpy(plain + len, data, take);
        len += take;
        cursor->at += take;
        if (take == have) {
            cursor->iov++;
            cursor->count--;
            cursor->at = 0;
        }
    }
    return len;
}

static size_t
total_up_to(const struct iovec *iov, size_t count, size_t max)
{
    size_t total = 0;

    for (size_t i = 0; i < count && total < max; i++)
        total += iov[i].iov_len;
    return total < max ? total : max;
}

static void
encrypt_locked(struct tls_session *session, const struct iovec *iov, size_t count)
{
    struct cursor cursor = { iov, count, 0 };
    size_t total = total_up_to(iov, count, BATCH_BYTES);
    char plain[RECORD_BYTES];

    ERR_clear_error();
    /* room for all now, so that it does not move; if there is none, the record finds out */
    (void)buf_reserve(&session->out,
                      total + (total + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_EXTRA);
    while (session->committed < total && session->state != SESSION_FAILED) {
        size_t left = total - session->committed, done;
        const char *piece;
        size_t len = next_piece(&cursor, left < RECORD_BYTES ? left : RECORD_BYTES, plain, &piece);
        int result = SSL_write_ex(session->ssl, piece, len, &done);

        if (result != 1) {
            session_note_result_locked(session, result);
            return;
        }
        session->committed += len;
    }
}

static ssize_t
send_locked(struct tls_session *session, const struct iovec *iov, size_t count)
{
    size_t reported;

    if (session->state == SESSION_HANDSHAKE) {
        errno = EAGAIN;
        return -1;
    }
    if (session->committed == 0 && session->state != SESSION_FAILED)
        encrypt_locked(session, iov, count);
    if (session->state == SESSION_FAILED) {
        errno = EPROTO;
        return -1;
    }
    switch (session_flush_locked(session)) {
    case FLUSH_EMPTY:
        reported = session->committed;
        session->committed = 0;
        return (ssize_t)reported;
    case FLUSH_BUSY:
    case FLUSH_FULL:
        errno = EAGAIN;
        return -1;
    case FLUSH_BROKEN:
        break;
    }
    return -1; /* errno is that of send() */
}

ssize_t
tls_session_sendv(struct tls_session *session, const struct iovec *iov, size_t count)
{
    ssize_t result;

    pthread_mutex_lock(&session->lock);
    result = send_locked(session, iov, count);
    pthread_mutex_unlock(&session->lock);
    return result;
}

enum tls_step
tls_session_close(struct tls_session *session)
{
    enum flush flush;

    pthread_mutex_lock(&session->lock);
    ERR_clear_error();
    if (session->state == SESSION_OPEN || session->state == SESSION_ENDED)
        (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
    flush = session_flush_locked(session);
    pthread_mutex_unlock(&session->lock);
    return flush == FLUSH_FULL || flush == FLUSH_BUSY ? TLS_WANT_WRITE : TLS_DONE;
}

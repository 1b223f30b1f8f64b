/* SPDX-License-Identifier: Apache-2.0
 *
 *   socket --recv--> wire (stack) --stream_read--> OpenSSL --SSL_read--> caller
 *   caller --SSL_write--> OpenSSL --stream_write--> out --send--> socket
 *
 * OpenSSL never sees the socket: its BIO reads from what the call has received and writes to `out`,
 * the ciphertext in its order. So the lock, which OpenSSL needs around everything, is not held
 * across system calls, many records go out by one of them, and a full socket is no state of
 * OpenSSL. Whoever sends takes `out` away under the lock (`sending`) and puts back what is left;
 * what another thread encrypts meanwhile gathers behind it. Usually only sendv sends; a reader
 * has something to say in a handshake, to a change of keys, and in alerts.
 */
#include "tls/session.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/session_private.h"
#include "tls/verify.h"

#define WIRE_BYTES 32768 /* received by one call */

/* --- the BIO; runs inside OpenSSL's calls, under the lock --- */

static int
stream_read(BIO *bio, char *data, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    size_t len = (size_t)size < session->wire_len ? (size_t)size : session->wire_len;

    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, session->wire, len);
    session->wire += len;
    session->wire_len -= len;
    return (int)len;
}

static int
stream_write(BIO *bio, const char *data, int len)
{
    struct tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (buf_append(&session->out, data, (size_t)len))
        return len;
    session->failure = (size_t)len > OUT_MAX - session->out.len
                           ? "the peer wants answers and reads none"
                           : "out of memory";
    return -1;
}

static long
stream_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *
session_stream_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session");

    if (method == NULL)
        return NULL;
    BIO_meth_set_read(method, stream_read);
    BIO_meth_set_write(method, stream_write);
    BIO_meth_set_ctrl(method, stream_control);
    return method;
}

/* --- life --- */

static bool
connect_stream(struct tls_session *session)
{
    BIO *bio = BIO_new(session->context->stream);

    if (bio == NULL)
        return false;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    return true;
}

static struct tls_session *
new_session(struct tls_context *context, int fd)
{
    struct tls_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        return NULL;
    pthread_mutex_init(&session->lock, NULL);
    buf_init(&session->out, OUT_MAX);
    session->context = tls_context_ref(context);
    session->fd = fd;
    session->ssl = SSL_new(context->ssl);
    if (session->ssl == NULL || !connect_stream(session)) {
        tls_session_free(session);
        return NULL;
    }
    return session;
}

struct tls_session *
tls_session_new(struct tls_context *context, int fd)
{
    struct tls_session *session = new_session(context, fd);

    assert(!context->dialling);
    if (session != NULL)
        SSL_set_accept_state(session->ssl);
    return session;
}

struct tls_session *
tls_session_new_dialling(struct tls_context *context, int fd, const char *server_name)
{
    struct tls_session *session = new_session(context, fd);

    assert(context->dialling);
    if (session == NULL)
        return NULL;
    SSL_set_connect_state(session->ssl);
    if (verify_expect(session->ssl, server_name))
        return session;
    tls_session_free(session);
    return NULL;
}

void
tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    assert(!session->sending);
    SSL_free(session->ssl);
    tls_context_unref(session->context);
    buf_release(&session->in);
    buf_release(&session->out);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

void
session_fail_locked(struct tls_session *session, const char *why)
{
    session->state = SESSION_FAILED;
    if (session->failure == NULL)
        session->failure = why;
}

/* --- what comes from the socket --- */

/* Offers data to OpenSSL, behind what was left the last time. held: holds that, for end_input. */
static void
begin_input_locked(struct tls_session *session, struct buf *held, const unsigned char *data,
                   size_t len)
{
    *held = session->in;
    buf_init(&session->in, 0);
    assert(held->len == 0 || len == 0);
    session->wire = held->len > 0 ? (unsigned char *)held->data : data;
    session->wire_len = held->len > 0 ? held->len : len;
}

/* Keeps what OpenSSL did not take. */
static void
end_input_locked(struct tls_session *session, struct buf *held)
{
    if (session->wire_len > 0 && !buf_append(&session->in, session->wire, session->wire_len))
        session_fail_locked(session, "out of memory");
    session->wire = NULL;
    session->wire_len = 0;
    buf_release(held);
}

/* --- failures --- */

/* A constant. */
static const char *
failure_text(const struct tls_session *session)
{
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);

    if (verify_failed(session->ssl))
        return verify_failure(session->ssl);
    switch (ERR_GET_REASON(code)) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
        if (session->state == SESSION_HANDSHAKE)
            return "first record does not look like a TLS handshake";
        break;
    default:
        break;
    }
    return text == NULL ? "out of memory" : text;
}

void
session_note_result_locked(struct tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        /* Until the rest came OpenSSL would write nothing, and the socket would not say when. */
        if (session->state == SESSION_OPEN && SSL_in_init(session->ssl))
            session_fail_locked(session, "a handshake message ends within a record");
        break;
    case SSL_ERROR_ZERO_RETURN:
        session->state = SESSION_ENDED;
        break;
    default:
        session_fail_locked(session, failure_text(session));
        break;
    }
    ERR_clear_error();
}

/* --- the handshake --- */

static enum tls_step
fail_handshake(struct errmsg *why, const char *text)
{
    err_set(why, ERR_INVALID, "%s", text);
    return TLS_FAILED;
}

bool
tls_session_pin_is_right(const struct tls_session *session, const struct tls_context *context)
{
    unsigned char pin[TLS_PIN_LEN];

    return !tls_context_has_pins(context) ||
           (tls_session_peer_pin(session, pin) && tls_context_is_pinned(context, pin));
}

static enum tls_step
handshake_locked(struct tls_session *session, const unsigned char *data, size_t len,
                 struct errmsg *why)
{
    struct buf held;
    enum flush flush;
    int result;

    begin_input_locked(session, &held, data, len);
    ERR_clear_error();
    result = SSL_do_handshake(session->ssl);
    if (result != 1)
        session_note_result_locked(session, result);
    end_input_locked(session, &held);
    flush = session_flush_locked(session);
    if (session->state == SESSION_FAILED && verify_failed(session->ssl)) {
        verify_explain(session->ssl, why);
        return TLS_FAILED;
    }
    if (session->state == SESSION_FAILED)
        return fail_handshake(why, session->failure);
    if (flush == FLUSH_BROKEN || session->state == SESSION_ENDED)
        return fail_handshake(why, "the peer closed the connection");
    if (flush != FLUSH_EMPTY)
        return TLS_WANT_WRITE;
    if (result != 1)
        return TLS_WANT_READ;
    if (!tls_session_pin_is_right(session, session->context))
        return fail_handshake(why, "certificate not pinned");
    session->state = SESSION_OPEN;
    return TLS_DONE;
}

static enum tls_step
handshake(struct tls_session *session, const unsigned char *data, size_t len, struct errmsg *why)
{
    enum tls_step step;

    pthread_mutex_lock(&session->lock);
    assert(session->state == SESSION_HANDSHAKE);
    step = handshake_locked(session, data, len, why);
    if (step == TLS_FAILED)
        session->state = SESSION_FAILED;
    pthread_mutex_unlock(&session->lock);
    return step;
}

enum tls_step
tls_session_handshake(struct tls_session *session, struct errmsg *why)
{
    unsigned char wire[WIRE_BYTES];
    enum tls_step step = handshake(session, NULL, 0, why);
    ssize_t got;

    if (step != TLS_WANT_READ)
        return step;
    got = recv(session->fd, wire, sizeof(wire), 0);
    if (got > 0)
        return handshake(session, wire, (size_t)got, why);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return TLS_WANT_READ;
    return fail_handshake(why, "the peer closed the connection");
}

/* --- receiving --- */

static ssize_t
state_result(const struct tls_session *session)
{
    switch (session->state) {
    case SESSION_HANDSHAKE:
    case SESSION_OPEN:
        errno = EAGAIN;
        return -1;
    case SESSION_ENDED:
        return 0;
    case SESSION_FAILED:
        break;
    }
    errno = EPROTO;
    return -1;
}

static size_t
read_locked(struct tls_session *session, char *data, size_t cap)
{
    size_t total = 0, got;

    ERR_clear_error();
    while (total < cap && session->state == SESSION_OPEN) {
        int result = SSL_read_ex(session->ssl, data + total, cap - total, &got);

        if (result != 1) {
            session_note_result_locked(session, result);
            break;
        }
        total += got;
    }
    return total;
}

/* Bytes decrypted from wire, or from what was left; without any, what state_result() says. */
static ssize_t
decrypt(struct tls_session *session, const unsigned char *wire, size_t len, char *data, size_t cap)
{
    struct buf held;
    ssize_t result;

    pthread_mutex_lock(&session->lock);
    begin_input_locked(session, &held, wire, len);
    result = (ssize_t)read_locked(session, data, cap);
    end_input_locked(session, &held);
    if (session->out.len > 0)
        (void)session_flush_locked(session); /* what stays goes out before the next bytes do */
    if (result == 0)
        result = state_result(session);
    pthread_mutex_unlock(&session->lock);
    return result;
}

ssize_t
tls_session_recv(struct tls_session *session, void *data, size_t cap)
{
    unsigned char wire[WIRE_BYTES];
    size_t room = cap + RECORD_EXTRA < sizeof(wire) ? cap + RECORD_EXTRA : sizeof(wire);
    ssize_t got;

    assert(cap > 0);
    if (tls_session_readable(session)) {
        got = decrypt(session, NULL, 0, data, cap);
        if (got >= 0 || errno != EAGAIN)
            return got;
    }
    got = recv(session->fd, wire, room, 0);
    return got <= 0 ? got : decrypt(session, wire, (size_t)got, data, cap);
}

bool
tls_session_readable(struct tls_session *session)
{
    bool readable;

    pthread_mutex_lock(&session->lock);
    readable = session->in.len > 0 || SSL_pending(session->ssl) > 0 ||
               session->state == SESSION_ENDED || session->state == SESSION_FAILED;
    pthread_mutex_unlock(&session->lock);
    return readable;
}

void
tls_session_stop_wiping(struct tls_session *session)
{
    pthread_mutex_lock(&session->lock);
    SSL_clear_options(session->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    pthread_mutex_unlock(&session->lock);
}

/* --- questions --- */

const char *
tls_session_failure(struct tls_session *session)
{
    const char *failure;

    pthread_mutex_lock(&session->lock);
    failure = session->failure;
    pthread_mutex_unlock(&session->lock);
    return failure;
}

const char *
tls_session_version(const struct tls_session *session)
{
    return SSL_version(session->ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
}

const char *
tls_session_cipher(const struct tls_session *session)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);

    return cipher == NULL ? "" : SSL_CIPHER_standard_name(cipher);
}

struct tls_identity *
tls_session_identity(const struct tls_session *session)
{
    X509 *cert = SSL_get0_peer_certificate(session->ssl);

    return cert == NULL ? NULL : tls_identity_new(cert);
}

bool
tls_session_peer_pin(const struct tls_session *session, unsigned char pin[TLS_PIN_LEN])
{
    X509 *cert = SSL_get0_peer_certificate(session->ssl);
    unsigned char *der = NULL;
    unsigned len = 0;
    int der_len = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    bool ok = der_len > 0 && EVP_Digest(der, (size_t)der_len, pin, &len, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    ERR_clear_error();
    return ok;
}

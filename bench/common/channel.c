/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL with its own socket BIO. Reading ahead saves most of the receiving system calls; sending
 * is one per record of 16 KB.
 */
#include "common/channel.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum err
channel_context(SSL_CTX **out, size_t read_ahead, struct errmsg *why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        return err_set(why, ERR_NOMEM, "could not make a TLS context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (read_ahead > 0) {
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, read_ahead);
    } else {
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* the socket BIO knows no MSG_NOSIGNAL */
    *out = context;
    return ERR_OK;
}

void
channel_begin_tls(struct channel *channel, SSL_CTX *context)
{
    channel->ssl = SSL_new(context);
    if (channel->ssl != NULL && SSL_set_fd(channel->ssl, channel->fd) == 1) {
        SSL_set_connect_state(channel->ssl);
        return;
    }
    fputs("bench: no memory for a TLS session\n", stderr);
    exit(1);
}

/* errno of a call that brought nothing; the result that recv() would have. */
static ssize_t
nothing(const struct channel *channel, int done)
{
    switch (SSL_get_error(channel->ssl, done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        if (errno != 0)
            return -1;
        break;
    default:
        break;
    }
    errno = EPROTO;
    return -1;
}

enum channel_step
channel_handshake(struct channel *channel)
{
    int done;

    ERR_clear_error();
    errno = 0;
    done = SSL_do_handshake(channel->ssl);
    if (done == 1)
        return CHANNEL_SECURED;
    return nothing(channel, done) == -1 && errno == EAGAIN ? CHANNEL_WANTS_READ : CHANNEL_FAILED;
}

ssize_t
channel_send(const struct channel *channel, const char *data, size_t len)
{
    size_t sent = 0, part;
    int done = 1;

    if (channel->ssl == NULL)
        return send(channel->fd, data, len, MSG_NOSIGNAL);
    ERR_clear_error();
    errno = 0;
    while (sent < len && (done = SSL_write_ex(channel->ssl, data + sent, len - sent, &part)) == 1)
        sent += part;
    return sent > 0 ? (ssize_t)sent : nothing(channel, done);
}

ssize_t
channel_recv(const struct channel *channel, char *data, size_t len)
{
    size_t got = 0, part;
    int done = 1;

    if (channel->ssl == NULL)
        return recv(channel->fd, data, len, 0);
    ERR_clear_error();
    errno = 0;
    while (got < len && (done = SSL_read_ex(channel->ssl, data + got, len - got, &part)) == 1)
        got += part;
    return got > 0 ? (ssize_t)got : nothing(channel, done);
}

bool
channel_has_pending(const struct channel *channel)
{
    return channel->ssl != NULL && SSL_has_pending(channel->ssl);
}

void
channel_close(struct channel *channel)
{
    SSL_free(channel->ssl);
    channel->ssl = NULL;
    if (channel->fd > 0)
        close(channel->fd);
    channel->fd = -1;
}

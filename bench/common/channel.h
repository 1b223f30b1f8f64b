/* SPDX-License-Identifier: Apache-2.0
 *
 * channel - the bytes of a generator's connection: in the clear, or through TLS 1.3 with
 * AES-128-GCM
 *
 * Owns     its descriptor, non-blocking, and its session.
 * Threads  one at a time.
 * Fails    as send() and recv() do, by errno: EAGAIN, or the connection is lost.
 * Trusts   any certificate: what is measured is the server, and each session is a new one.
 */
#ifndef TESSERA_BENCH_COMMON_CHANNEL_H
#define TESSERA_BENCH_COMMON_CHANNEL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct channel {
    int fd;   /* 0: never opened, -1: closed */
    SSL *ssl; /* NULL: in the clear */
};

enum channel_step {
    CHANNEL_WANTS_READ, /* again when something has come */
    CHANNEL_SECURED,
    CHANNEL_FAILED,
};

/* What TLS channels share; free it with SSL_CTX_free(). read_ahead: bytes that one recv() may
 * bring to a session, 0 for a record at a time, where many sessions are to be small. */
enum err channel_context(SSL_CTX **out, size_t read_ahead, struct errmsg *why);

/* From now on through TLS: bytes may be sent and received when the handshake is SECURED. */
void channel_begin_tls(struct channel *channel, SSL_CTX *context);
enum channel_step channel_handshake(struct channel *channel);

ssize_t channel_send(const struct channel *channel, const char *data, size_t len);
/* Less than len: there was no more. */
ssize_t channel_recv(const struct channel *channel, char *data, size_t len);
/* There are bytes that no epoll knows of. */
bool channel_has_pending(const struct channel *channel);

/* Without a goodbye. Allowed at any time. */
void channel_close(struct channel *channel);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * stream - the bytes of a socket: in clear, or inside TLS
 *
 * Everything above moves bytes and does not ask how they travel. What TLS is: tls/session.h.
 *
 * Owns     nothing: a queue and its connection each have a copy; stream_close() says who is last.
 * Threads  receiving: the connection's. Sending: one thread at a time, also while another receives.
 * Fails    like a socket: -1 and errno.
 * Cost     of a stream in clear: one comparison.
 */
#ifndef TESSERA_NET_STREAM_H
#define TESSERA_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tls/session.h"

struct stream {
    struct tls_session *tls; /* NULL: in clear */
    int fd;                  /* -1: closed */
};

static inline ssize_t
stream_recv(const struct stream *stream, void *data, size_t cap)
{
    return stream->tls == NULL ? recv(stream->fd, data, cap, 0)
                               : tls_session_recv(stream->tls, data, cap);
}

/* Would stream_recv() return something although the socket is not readable? Before waiting for
 * the socket this must be false. */
static inline bool
stream_holds_input(const struct stream *stream)
{
    return stream->tls != NULL && tls_session_readable(stream->tls);
}

/* What is received from here on is no secret. */
static inline void
stream_stop_wiping(const struct stream *stream)
{
    if (stream->tls != NULL)
        tls_session_stop_wiping(stream->tls);
}

/* Never waits. After EAGAIN the next call must begin with the same bytes. */
ssize_t stream_sendv(const struct stream *stream, struct iovec *iov, size_t count);

/* How many bytes the socket has taken and the peer has not, in its own counting: those of TLS are
 * more than were sent. false: unknown. */
bool stream_unsent(const struct stream *stream, size_t *bytes);

/* All was sent: the peer is told so. false: not while the socket is full, call again when it is
 * writable. */
bool stream_finish(const struct stream *stream);

/* Nobody uses it any more. What the peer can still be told without waiting it is told. */
void stream_close(struct stream *stream);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

ssize_t
stream_sendv(const struct stream *stream, struct iovec *iov, size_t count)
{
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };

    if (stream->tls != NULL)
        return tls_session_sendv(stream->tls, iov, count);
    return sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool
stream_unsent(const struct stream *stream, size_t *bytes)
{
    int in_socket = 0;

    if (ioctl(stream->fd, SIOCOUTQ, &in_socket) == -1)
        return false;
    *bytes = (size_t)in_socket;
    return true;
}

bool
stream_finish(const struct stream *stream)
{
    if (stream->tls != NULL && tls_session_close(stream->tls) == TLS_WANT_WRITE)
        return false;
    shutdown(stream->fd, SHUT_WR);
    return true;
}

void
stream_close(struct stream *stream)
{
    if (stream->tls != NULL)
        (void)tls_session_close(stream->tls);
    tls_session_free(stream->tls);
    stream->tls = NULL;
    if (stream->fd != -1)
        close(stream->fd);
    stream->fd = -1;
}

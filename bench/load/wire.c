/* SPDX-License-Identifier: Apache-2.0
 *
 * A long payload is thrown away by the kernel (MSG_TRUNC) instead of being copied here: of such
 * messages, little more than the lines is read. What came through TLS is here already.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define SKIP_MIN  (24 * 1024) /* bytes; a call for less would not pay */
#define LINE_PART 512         /* bytes that are read when payloads are so long */

static enum err
wait_for(const struct wire *wire, short events, int64_t deadline_ns, struct errmsg *why)
{
    struct pollfd pollfd = { .fd = wire->channel.fd, .events = events };
    int64_t left_ms = (deadline_ns - clock_mono_ns()) / CLOCK_NS_PER_MS;

    if (left_ms <= 0 || poll(&pollfd, 1, (int)left_ms) != 1)
        return err_set(why, ERR_LIMIT, "the server did not %s before the deadline",
                       events == POLLIN ? "answer" : "read");
    return ERR_OK;
}

static enum err
dial(struct wire *wire, uint64_t port, int receive_bytes, struct errmsg *why)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;

    wire->channel.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->channel.fd == -1)
        return err_sys(why, errno, "could not make a socket");
    (void)setsockopt(wire->channel.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (receive_bytes > 0)
        (void)setsockopt(wire->channel.fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof(receive_bytes));
    if (connect(wire->channel.fd, (const struct sockaddr *)&to, sizeof(to)) == -1 &&
        errno != EINPROGRESS)
        return err_sys(why, errno, "could not connect");
    return ERR_OK;
}

/* Until the server has said so many PONGs, or the relay +OKs. */
static enum err
wait_count(struct wire *wire, const uint64_t *count, uint64_t until, int64_t deadline_ns,
           struct errmsg *why)
{
    enum err err = ERR_OK;

    while (err == ERR_OK && *count < until) {
        err = wait_for(wire, POLLIN, deadline_ns, why);
        if (err == ERR_OK)
            err = wire_read(wire, why);
    }
    return err;
}

/* A server says in the clear what it is, and then waits for the handshake. */
static enum err
secure(struct wire *wire, const struct plan *plan, int64_t deadline_ns, struct errmsg *why)
{
    enum err err = wait_count(wire, &wire->reader.infos, 1, deadline_ns, why);
    enum channel_step step = CHANNEL_WANTS_READ;

    if (err == ERR_OK)
        channel_begin_tls(&wire->channel, plan->tls_context);
    while (err == ERR_OK && (step = channel_handshake(&wire->channel)) == CHANNEL_WANTS_READ)
        err = wait_for(wire, POLLIN, deadline_ns, why);
    if (err == ERR_OK && step != CHANNEL_SECURED)
        err = err_set(why, ERR_CLOSED, "the TLS handshake failed");
    return err;
}

static enum err
greet(struct wire *wire, const struct plan *plan, const char *role, int64_t deadline_ns,
      struct errmsg *why)
{
    struct buf out = BUF_INIT;
    enum err err;

    if (plan->raw)
        (void)buf_printf(&out, "%s\n", role);
    else if (plan->token != NULL)
        (void)buf_printf(&out,
                         "CONNECT {\"verbose\":false,\"pedantic\":false,\"auth_token\":"
                         "\"%s\"}\r\n",
                         plan->token);
    else
        (void)buf_printf(&out, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    err = wire_put(wire, out.data, out.len, deadline_ns, why);
    buf_release(&out);
    if (err != ERR_OK)
        return err;
    return plan->raw ? wait_count(wire, &wire->reader.oks, 1, deadline_ns, why)
                     : wire_sync(wire, deadline_ns, why);
}

enum err
wire_open(struct wire *wire, const struct plan *plan, uint64_t port, const char *role,
          int receive_bytes, struct wire_input *input, int64_t deadline_ns, struct errmsg *why)
{
    enum err err;

    reader_init(&wire->reader, UINT64_MAX);
    wire->input = input;
    err = dial(wire, port, receive_bytes, why);
    if (err == ERR_OK && plan->tls_context != NULL)
        err = secure(wire, plan, deadline_ns, why);
    return err == ERR_OK ? greet(wire, plan, role, deadline_ns, why) : err;
}

void
wire_close(struct wire *wire)
{
    channel_close(&wire->channel);
}

enum err
wire_put(const struct wire *wire, const char *data, size_t len, int64_t deadline_ns,
         struct errmsg *why)
{
    size_t sent;
    enum err err;

    for (; len > 0; data += sent, len -= sent) {
        err = wire_push(wire, data, len, &sent, why);
        if (err == ERR_OK && sent == 0)
            err = wait_for(wire, POLLOUT, deadline_ns, why);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err
wire_sync(struct wire *wire, int64_t deadline_ns, struct errmsg *why)
{
    uint64_t until = wire->reader.pongs + 1;
    enum err err = wire_put(wire, "PING\r\n", 6, deadline_ns, why);

    if (err == ERR_OK)
        err = wait_count(wire, &wire->reader.pongs, until, deadline_ns, why);
    return err == ERR_OK ? wire_complain(wire, why) : err;
}

enum err
wire_complain(const struct wire *wire, struct errmsg *why)
{
    if (wire->reader.error[0] == '\0')
        return ERR_OK;
    return err_set(why, ERR_CLOSED, "the server said %s", wire->reader.error);
}

/* The connection broke with this error, 0 for its end. */
static enum err
broken(const struct wire *wire, int sys_errno, struct errmsg *why)
{
    return err_set(why, ERR_CLOSED, "the server closed a connection: %s",
                   wire->reader.error[0] != '\0' ? wire->reader.error
                   : sys_errno != 0              ? strerror(sys_errno)
                                                 : "end of stream");
}

enum err
wire_push(const struct wire *wire, const char *data, size_t len, size_t *sent, struct errmsg *why)
{
    ssize_t done = channel_send(&wire->channel, data, len);

    *sent = done > 0 ? (size_t)done : 0;
    if (done == -1 && errno != EAGAIN && errno != ENOTCONN)
        return broken(wire, errno, why);
    return ERR_OK;
}

static enum err
no_bytes(const struct wire *wire, ssize_t len, struct errmsg *why)
{
    if (len == -1 && errno == EAGAIN)
        return ERR_OK;
    return broken(wire, len == -1 ? errno : 0, why);
}

/* *all: as much was there as was asked for. */
static enum err
skip(struct wire *wire, uint64_t skippable, bool *all, struct errmsg *why)
{
    ssize_t len = recv(wire->channel.fd, NULL, skippable, MSG_TRUNC);

    if (len <= 0)
        return no_bytes(wire, len, why);
    reader_skipped(&wire->reader, (uint64_t)len);
    *all = (uint64_t)len == skippable;
    return ERR_OK;
}

static enum err
take(struct wire *wire, size_t max, bool *all, struct errmsg *why)
{
    char *data = wire->input->bytes + READER_KEEP_MAX;
    ssize_t len = channel_recv(&wire->channel, data, max);
    size_t restored;

    if (len <= 0)
        return no_bytes(wire, len, why);
    restored = reader_restore(&wire->reader, data);
    *all = (size_t)len == max;
    return reader_take(&wire->reader, data - restored, restored + (size_t)len, why);
}

enum err
wire_read(struct wire *wire, struct errmsg *why)
{
    struct reader *reader = &wire->reader;
    uint64_t until = reader->bytes + WIRE_INPUT_LEN;
    enum err err = ERR_OK;
    bool all = true, is_plain = wire->channel.ssl == NULL;

    while (err == ERR_OK && all && (reader->bytes < until || channel_has_pending(&wire->channel))) {
        uint64_t skippable = reader_skippable(reader);

        all = false;
        if (is_plain && skippable >= SKIP_MIN)
            err = skip(wire, skippable, &all, why);
        else if (is_plain && reader->last_payload_len >= SKIP_MIN)
            err = take(wire, LINE_PART, &all, why);
        else
            err = take(wire, WIRE_INPUT_LEN, &all, why);
    }
    return err;
}

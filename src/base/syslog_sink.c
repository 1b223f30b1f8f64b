/* SPDX-License-Identifier: Apache-2.0
 *
 * libc's syslog() is not used, not even locally: it keeps its socket in global state and may
 * block when the daemon behind /dev/log is stuck.
 *
 * Datagrams (udp, most /dev/log) go out whole or are lost. A stream (tcp, some unix sockets)
 * may take half a line, so its bytes pass through `pending`:
 *
 *   write: append the frame to pending, or lose it when it does not fit
 *          send as much of pending as the socket takes
 *   error: close; the lines in pending are lost, for half of the first may be out already
 */
#include "base/syslog_sink.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define FACILITY_DAEMON 3
#define TAG             "nats-server"
#define DEFAULT_PORT    "514"
#define CONNECT_WAIT_MS 2000
#define CLOSE_WAIT_MS   200
#define REDIAL_NS       CLOCK_NS_PER_S

struct syslog_sink {
    struct sockaddr_storage address;
    socklen_t address_len;
    int type; /* SOCK_STREAM or SOCK_DGRAM */
    int fd;   /* -1: not connected */
    int64_t redial_at_ns;
    char host[256]; /* "" on a local socket: such frames carry none */
    struct buf pending;
    size_t lost; /* lines since the last report */
};

static void
disconnect(struct syslog_sink *sink)
{
    if (sink->fd != -1)
        close(sink->fd);
    sink->fd = -1;
    sink->redial_at_ns = clock_mono_ns() + REDIAL_NS;
    for (size_t i = 0; i < sink->pending.len; i++)
        sink->lost += sink->pending.data[i] == '\n';
    buf_consume(&sink->pending, sink->pending.len);
}

/* Starts a connection; a stream over the network may still be on its way. 0 or an errno. */
static int
dial(struct syslog_sink *sink)
{
    int type = sink->type | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int sys_errno;

    sink->fd = socket(sink->address.ss_family, type, 0);
    if (sink->fd == -1)
        return errno;
    if (connect(sink->fd, (const struct sockaddr *)&sink->address, sink->address_len) == 0 ||
        errno == EINPROGRESS)
        return 0;
    sys_errno = errno;
    disconnect(sink);
    return sys_errno;
}

/* Waits until the connection that dial() started stands. 0 or an errno. */
static int
await_connection(struct syslog_sink *sink)
{
    struct pollfd waiting = { .fd = sink->fd, .events = POLLOUT };
    int sys_errno = 0, ready;
    socklen_t len = sizeof(sys_errno);

    do {
        ready = poll(&waiting, 1, CONNECT_WAIT_MS);
    } while (ready == -1 && errno == EINTR);
    if (ready == 0)
        sys_errno = ETIMEDOUT;
    else if (ready == -1 || getsockopt(sink->fd, SOL_SOCKET, SO_ERROR, &sys_errno, &len) == -1)
        sys_errno = errno;
    if (sys_errno != 0)
        disconnect(sink);
    return sys_errno;
}

static int
connect_now(struct syslog_sink *sink, int type, const void *address, socklen_t len)
{
    int sys_errno;

    sink->type = type;
    memcpy(&sink->address, address, len);
    sink->address_len = len;
    sys_errno = dial(sink);
    return sys_errno == 0 ? await_connection(sink) : sys_errno;
}

static enum err
open_unix(struct syslog_sink *sink, const char *path, struct errmsg *why)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    int sys_errno;

    if (path[0] != '/' || len >= sizeof(address.sun_path))
        return err_set(why, ERR_INVALID, "could not use the syslog socket path \"%s\"", path);
    memcpy(address.sun_path, path, len + 1);
    sys_errno = connect_now(sink, SOCK_DGRAM, &address, sizeof(address));
    if (sys_errno == EPROTOTYPE)
        sys_errno = connect_now(sink, SOCK_STREAM, &address, sizeof(address));
    if (sys_errno != 0)
        return err_sys(why, sys_errno, "could not connect to syslog at \"%s\"", path);
    return ERR_OK;
}

/* Cuts "host:port", "host", "[v6]:port" or "[v6]" in place. */
static bool
split_host_port(char *text, const char **host, const char **port)
{
    char *colon = strrchr(text, ':');

    *host = text;
    *port = DEFAULT_PORT;
    if (text[0] == '[') {
        char *bracket = strchr(text, ']');

        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':'))
            return false;
        *host = text + 1;
        *bracket = '\0';
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    }
    if (colon != NULL) {
        *colon = '\0';
        *port = colon + 1;
    }
    return (*host)[0] != '\0' && (*port)[0] != '\0';
}

static enum err
open_network(struct syslog_sink *sink, int type, const char *where, struct errmsg *why)
{
    struct addrinfo hints = { .ai_socktype = type, .ai_family = AF_UNSPEC };
    struct addrinfo *found = NULL;
    char *copy = xstrdup(where);
    const char *host, *port;
    enum err err = ERR_OK;
    int failed, sys_errno = EADDRNOTAVAIL;

    if (!split_host_port(copy, &host, &port)) {
        err = err_set(why, ERR_INVALID, "could not use the syslog address \"%s\"", where);
        goto out;
    }
    failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0) {
        err = err_set(why, ERR_SYS, "could not look up the syslog server \"%s\": %s", where,
                      failed == EAI_SYSTEM ? "the system refused" : gai_strerror(failed));
        goto out;
    }
    for (const struct addrinfo *at = found; at != NULL && sys_errno != 0; at = at->ai_next)
        sys_errno = connect_now(sink, type, at->ai_addr, at->ai_addrlen);
    if (sys_errno != 0)
        err = err_sys(why, sys_errno, "could not connect to the syslog server \"%s\"", where);
    if (gethostname(sink->host, sizeof(sink->host) - 1) == -1 || sink->host[0] == '\0')
        memcpy(sink->host, "-", 2);
out:
    if (found != NULL)
        freeaddrinfo(found);
    free(copy);
    return err;
}

static enum err
open_url(struct syslog_sink *sink, const char *url, struct errmsg *why)
{
    static const struct {
        struct str scheme;
        int type; /* 0: a unix path */
    } kinds[] = {
        { { "udp://", 6 }, SOCK_DGRAM },
        { { "tcp://", 6 }, SOCK_STREAM },
        { { "unix://", 7 }, 0 },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *rest = url + kinds[i].scheme.len;

        if (!str_starts(str_of(url), kinds[i].scheme))
            continue;
        return kinds[i].type == 0 ? open_unix(sink, rest, why)
                                  : open_network(sink, kinds[i].type, rest, why);
    }
    return err_set(why, ERR_INVALID,
                   "could not use the syslog address \"%s\": "
                   "want udp://host:port, tcp://host:port or unix:///path",
                   url);
}

enum err
syslog_sink_open(struct syslog_sink **out, const char *url, struct errmsg *why)
{
    struct syslog_sink *sink = xcalloc(1, sizeof(*sink));
    enum err err;

    sink->fd = -1;
    buf_init(&sink->pending, SYSLOG_PENDING_MAX);
    err = open_url(sink, url, why);
    if (err != ERR_OK) {
        syslog_sink_close(sink);
        return err;
    }
    *out = sink;
    return ERR_OK;
}

/* Sends pending bytes of a stream until the socket is full or broken. */
static void
flush(struct syslog_sink *sink)
{
    while (sink->pending.len > 0) {
        ssize_t sent = send(sink->fd, sink->pending.data, sink->pending.len, MSG_NOSIGNAL);

        if (sent == -1) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                disconnect(sink);
            return;
        }
        buf_consume(&sink->pending, (size_t)sent);
    }
}

static void
write_stream(struct syslog_sink *sink, const char *frame, size_t len)
{
    if (sink->fd == -1 || !buf_append(&sink->pending, frame, len))
        sink->lost++;
    if (sink->fd != -1)
        flush(sink);
}

static void
write_datagram(struct syslog_sink *sink, const char *frame, size_t len)
{
    /* The error of an earlier datagram is reported once, on the next: hence a second try. */
    for (int attempt = 0; sink->fd != -1 && attempt < 2; attempt++) {
        if (send(sink->fd, frame, len, MSG_NOSIGNAL) != -1)
            return;
        if (errno != ECONNREFUSED && errno != EINTR)
            break;
    }
    if (sink->fd != -1 && errno != EAGAIN && errno != EMSGSIZE)
        disconnect(sink);
    sink->lost++;
}

/* Writes the part before the text, returns its length. */
static size_t
put_head(const struct syslog_sink *sink, enum syslog_severity severity, char *out, size_t cap)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = (time_t)(clock_wall_ns() / CLOCK_NS_PER_S);
    struct tm day = { .tm_mday = 1 };
    int len;

    (void)localtime_r(&now, &day);
    len =
        snprintf(out, cap,
                 "<%d>%s %2d %02d:%02d:%02d %s%s" TAG "[%d]: ", FACILITY_DAEMON * 8 + (int)severity,
                 months[day.tm_mon], day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec, sink->host,
                 sink->host[0] == '\0' ? "" : " ", (int)getpid());
    return len < 0 ? 0 : (size_t)len;
}

size_t
syslog_sink_write(struct syslog_sink *sink, enum syslog_severity severity, const char *text,
                  size_t len)
{
    struct buf frame = BUF_INIT;
    char head[384];
    size_t lost;
    bool stream = sink->type == SOCK_STREAM;

    if (sink->fd == -1 && clock_mono_ns() >= sink->redial_at_ns)
        (void)dial(sink);
    if (!buf_append(&frame, head, put_head(sink, severity, head, sizeof(head))) ||
        !buf_append(&frame, text, len) || (stream && !buf_append_char(&frame, '\n')))
        sink->lost++;
    else if (stream)
        write_stream(sink, frame.data, frame.len);
    else
        write_datagram(sink, frame.data, frame.len);
    buf_release(&frame);
    lost = sink->lost;
    sink->lost = 0;
    return lost;
}

void
syslog_sink_close(struct syslog_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->fd != -1 && sink->pending.len > 0) {
        struct pollfd waiting = { .fd = sink->fd, .events = POLLOUT };

        if (poll(&waiting, 1, CLOSE_WAIT_MS) == 1)
            flush(sink);
    }
    if (sink->fd != -1)
        close(sink->fd);
    buf_release(&sink->pending);
    free(sink);
}

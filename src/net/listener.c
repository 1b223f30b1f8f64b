/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop_private.h"

#define ACCEPT_BATCH    64    /* connections taken before others on the loop get their turn */
#define ACCEPT_PAUSE_MS 100   /* after running out of descriptors */
#define ACCEPT_LOG_MS   10000 /* at most one complaint in this time */

struct listener {
    uv_poll_t poll;
    uv_timer_t retry;
    int fd;
    unsigned handles_open;
    uint16_t port;
    struct loop *loop;
    struct log *log;
    int64_t complain_after_ms;
    accepted_fn *accepted;
    void *arg;
};

void
endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr_storage *addr)
{
    const void *ip;

    if (addr->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)addr;

        out->port = ntohs(in6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], out->ip, sizeof(out->ip));
            return;
        }
        ip = &in6->sin6_addr;
    } else {
        const struct sockaddr_in *in = (const void *)addr;

        out->port = ntohs(in->sin_port);
        ip = &in->sin_addr;
    }
    inet_ntop(addr->ss_family, ip, out->ip, sizeof(out->ip));
}

static void accept_ready(uv_poll_t *poll, int status, int events);

static void
retry_accept(uv_timer_t *retry)
{
    struct listener *ln = retry->data;

    uv_poll_start(&ln->poll, UV_READABLE, accept_ready);
}

static void
accept_failed(struct listener *ln, int failure)
{
    char reason[128];

    if (loop_now_ms(ln->loop) >= ln->complain_after_ms) {
        log_err(ln->log, "Could not accept a connection: %s; trying again in %d ms",
                strerror_r(failure, reason, sizeof(reason)), ACCEPT_PAUSE_MS);
        ln->complain_after_ms = loop_now_ms(ln->loop) + ACCEPT_LOG_MS;
    }
    uv_poll_stop(&ln->poll);
    uv_timer_start(&ln->retry, retry_accept, ACCEPT_PAUSE_MS, 0);
}

static void
accept_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *ln = poll->data;

    (void)events;
    if (status < 0) { /* libuv stopped to watch: the retry starts it again */
        accept_failed(ln, -status);
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage addr;
        socklen_t len = sizeof(addr);
        struct endpoint remote;
        int fd = accept4(ln->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd == -1) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                accept_failed(ln, errno);
            return;
        }
        endpoint_from_sockaddr(&remote, &addr);
        ln->accepted(ln->arg, fd, &remote);
    }
}

static enum err
open_socket(int *out, const struct addrinfo *ai, const char *name, struct errmsg *why)
{
    const int on = 1, off = 0;
    enum err err = ERR_OK;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return err_sys(why, errno, "could not open a socket for %s", name);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* accepted sockets inherit it */
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 || listen(fd, SOMAXCONN) == -1) {
        err = err_sys(why, errno, "listen tcp %s: bind", name);
        close(fd);
        return err;
    }
    *out = fd;
    return ERR_OK;
}

/* Of a name with addresses of both families the IPv4 one, as the reference takes it. */
static const struct addrinfo *
preferred(const struct addrinfo *found)
{
    for (const struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next)
        if (ai->ai_family == AF_INET)
            return ai;
    return found;
}

static enum err
resolve(struct addrinfo **found, const char *host, uint16_t port, struct errmsg *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    char service[8];
    int rc;

    (void)snprintf(service, sizeof(service), "%u", port);
    rc = getaddrinfo(host[0] == '\0' ? "0.0.0.0" : host, service, &hints, found);
    if (rc != 0)
        return err_set(why, ERR_SYS, "listen tcp: lookup %s: %s", host, gai_strerror(rc));
    return ERR_OK;
}

enum err
listener_check(const char *host, struct errmsg *why)
{
    struct addrinfo *found = NULL;
    enum err err = resolve(&found, host, 0, why);

    if (err == ERR_OK)
        freeaddrinfo(found);
    return err;
}

static enum err
bind_address(int *out, const char *host, uint16_t port, struct errmsg *why)
{
    struct addrinfo *found = NULL;
    char name[300];
    enum err err = resolve(&found, host, port, why);

    if (err != ERR_OK)
        return err;
    (void)snprintf(name, sizeof(name), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    err = open_socket(out, preferred(found), name, why);
    freeaddrinfo(found);
    return err;
}

enum err
listener_open(struct listener **out, struct loop *loop, const char *host, uint16_t port,
              struct log *log, accepted_fn *accepted, void *arg, struct errmsg *why)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    struct endpoint bound;
    struct listener *ln;
    int fd = -1;
    enum err err = bind_address(&fd, host, port, why);

    if (err != ERR_OK)
        return err;
    if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1) {
        err = err_sys(why, errno, "could not read the bound address");
        close(fd);
        return err;
    }
    endpoint_from_sockaddr(&bound, &addr);
    ln = xcalloc(1, sizeof(*ln));
    *ln = (struct listener) { .fd = fd,
                              .port = bound.port,
                              .loop = loop,
                              .log = log,
                              .accepted = accepted,
                              .arg = arg,
                              .handles_open = 2 };
    uv_poll_init(&loop->uv, &ln->poll, fd);
    uv_timer_init(&loop->uv, &ln->retry);
    ln->poll.data = ln->retry.data = ln;
    uv_poll_start(&ln->poll, UV_READABLE, accept_ready);
    *out = ln;
    return ERR_OK;
}

uint16_t
listener_port(const struct listener *listener)
{
    return listener->port;
}

static void
end_handle(uv_handle_t *handle)
{
    struct listener *ln = handle->data;

    if (--ln->handles_open > 0)
        return;
    close(ln->fd);
    free(ln);
}

void
listener_close(struct listener *listener)
{
    if (listener == NULL)
        return;
    uv_close((uv_handle_t *)&listener->poll, end_handle);
    uv_close((uv_handle_t *)&listener->retry, end_handle);
}

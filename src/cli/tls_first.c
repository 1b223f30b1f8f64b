/* SPDX-License-Identifier: Apache-2.0
 *
 * libnats has one connection at a time: when the next one comes the last is over. So one bridge
 * will do, and the thread may block while it dials, which libnats waits for as long.
 */
#include "cli/tls_first.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "cli/dial.h"
#include "cli/tls_bridge.h"

#define LAST_MS 1000 /* for what is on its way at the end */
#define BACKLOG 16

/* Of a server. */
struct door {
    struct url url;
    int listener;
    char address[48];
};

enum { WATCH_STOP, WATCH_NEAR, WATCH_FAR, WATCH_DOORS };

struct tls_first {
    SSL_CTX *context;
    int64_t timeout_ms;
    int stop_fd; /* readable at the end */
    atomic_bool has_met;
    pthread_t thread;
    bool has_thread;
    struct tls_bridge bridge;
    size_t count;
    struct door doors[];
};

/* ---- whom to let in ---- */

struct ends {
    struct sockaddr_in own, peer;
};

static bool
read_ends(int fd, struct ends *ends)
{
    socklen_t own_len = sizeof(ends->own), peer_len = sizeof(ends->peer);

    return getsockname(fd, (struct sockaddr *)&ends->own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&ends->peer, &peer_len) == 0 &&
           ends->own.sin_family == AF_INET && ends->peer.sin_family == AF_INET;
}

static bool
same_place(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Is it a socket of this process that is connected to fd? Both ends count: a stranger's port may be
 * that of another connection of ours. */
static bool
is_ours(int fd)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    struct ends here, there;
    bool found = false;

    if (folder == NULL)
        return false;
    while (read_ends(fd, &here) && !found && (entry = readdir(folder)) != NULL)
        found = entry->d_name[0] != '.' &&
                read_ends((int)strtol(entry->d_name, NULL, 10), &there) &&
                same_place(&there.own, &here.peer) && same_place(&there.peer, &here.own);
    closedir(folder);
    return found;
}

/* ---- the server ---- */

static bool
shake_hands(SSL *ssl, int fd, int64_t deadline_ns)
{
    for (;;) {
        int result, error;

        ERR_clear_error();
        result = SSL_do_handshake(ssl);
        if (result == 1)
            return true;
        error = SSL_get_error(ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
        if (!dial_wait(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns))
            return false;
    }
}

/* Why it failed is found out by tls_diagnosis.h, which words it for the user. */
static SSL *
reach(struct tls_first *first, const struct url *url, int *fd)
{
    int64_t deadline_ns = clock_mono_ns() + first->timeout_ms * CLOCK_NS_PER_MS;
    SSL *ssl;

    *fd = dial(url, deadline_ns);
    if (*fd == -1)
        return NULL;
    atomic_store(&first->has_met, true);
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
    ssl = dial_tls_new(first->context, url, *fd, true);
    if (ssl != NULL && shake_hands(ssl, *fd, deadline_ns))
        return ssl;
    SSL_free(ssl);
    (void)close(*fd);
    ERR_clear_error();
    return NULL;
}

static void
let_in(struct tls_first *first, const struct door *door)
{
    int near = accept4(door->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), far;
    SSL *ssl;

    if (near == -1)
        return;
    if (!is_ours(near)) {
        (void)close(near);
        return;
    }
    tls_bridge_close(&first->bridge);
    (void)setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
    ssl = reach(first, &door->url, &far);
    if (ssl == NULL)
        (void)close(near);
    else
        tls_bridge_open(&first->bridge, near, far, ssl);
}

/* ---- the thread ---- */

static void
watch(const struct tls_first *first, struct pollfd *watched)
{
    watched[WATCH_STOP] = (struct pollfd) { .fd = first->stop_fd, .events = POLLIN };
    tls_bridge_watch(&first->bridge, &watched[WATCH_NEAR]);
    for (size_t i = 0; i < first->count; i++)
        watched[WATCH_DOORS + i] =
            (struct pollfd) { .fd = first->doors[i].listener, .events = POLLIN };
}

/* libnats has closed its socket: what came before that goes on to the server. */
static void
finish(struct tls_first *first)
{
    int64_t end_ns = clock_mono_ns() + LAST_MS * CLOCK_NS_PER_MS, left_ns;
    struct pollfd sockets[2];

    while (tls_bridge_is_open(&first->bridge) && (left_ns = end_ns - clock_mono_ns()) > 0) {
        tls_bridge_watch(&first->bridge, sockets);
        (void)poll(sockets, 2, (int)(left_ns / CLOCK_NS_PER_MS) + 1);
        tls_bridge_move(&first->bridge);
    }
    tls_bridge_close(&first->bridge);
}

static void *
run(void *context)
{
    struct tls_first *first = context;
    struct pollfd *watched = xcalloc(WATCH_DOORS + first->count, sizeof(*watched));

    do {
        watch(first, watched);
        if (poll(watched, (nfds_t)(WATCH_DOORS + first->count), -1) <= 0)
            continue;
        if (tls_bridge_is_open(&first->bridge))
            tls_bridge_move(&first->bridge);
        for (size_t i = 0; i < first->count; i++)
            if (watched[WATCH_DOORS + i].revents != 0)
                let_in(first, &first->doors[i]);
    } while (watched[WATCH_STOP].revents == 0);
    finish(first);
    free(watched);
    return NULL;
}

static int
start_thread(struct tls_first *first)
{
    int error = thread_start(&first->thread, run, first);

    first->has_thread = error == 0;
    return error;
}

/* ---- public ---- */

static bool
open_door(struct door *door, const struct url *url)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);

    door->url = (struct url) { .address = xstrdup(url->address),
                               .host = xstrdup(url->host),
                               .port = xstrdup(url->port) };
    door->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (door->listener == -1 ||
        bind(door->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(door->listener, BACKLOG) != 0 ||
        getsockname(door->listener, (struct sockaddr *)&address, &len) != 0)
        return false;
    (void)snprintf(door->address, sizeof(door->address), "nats://127.0.0.1:%d",
                   ntohs(address.sin_port));
    return true;
}

enum err
tls_first_start(struct tls_first **out, const struct url *servers, size_t count, SSL_CTX *context,
                int64_t timeout_ms, struct errmsg *why)
{
    struct tls_first *first = xcalloc(1, sizeof(*first) + count * sizeof(first->doors[0]));
    int error = 0;

    (void)SSL_CTX_up_ref(context);
    first->context = context;
    first->timeout_ms = timeout_ms;
    first->bridge = (struct tls_bridge)TLS_BRIDGE_CLOSED;
    atomic_init(&first->has_met, false);
    first->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (first->stop_fd == -1)
        error = errno;
    while (error == 0 && first->count < count) {
        size_t i = first->count++;

        if (!open_door(&first->doors[i], &servers[i]))
            error = errno;
    }
    if (error == 0)
        error = start_thread(first);
    if (error == 0) {
        *out = first;
        return ERR_OK;
    }
    tls_first_free(first);
    return err_sys(why, error, "--tlsfirst: could not listen on 127.0.0.1");
}

void
tls_first_stop(struct tls_first *first)
{
    if (first == NULL || !first->has_thread)
        return;
    (void)!write(first->stop_fd, &(uint64_t) { 1 }, sizeof(uint64_t));
    pthread_join(first->thread, NULL);
    first->has_thread = false;
    SSL_CTX_free(first->context);
    first->context = NULL;
}

void
tls_first_free(struct tls_first *first)
{
    if (first == NULL)
        return;
    tls_first_stop(first);
    SSL_CTX_free(first->context);
    for (size_t i = 0; i < first->count; i++) {
        if (first->doors[i].listener != -1)
            (void)close(first->doors[i].listener);
        url_release(&first->doors[i].url);
    }
    if (first->stop_fd != -1)
        (void)close(first->stop_fd);
    free(first);
}

const char *
tls_first_address(const struct tls_first *first, size_t index)
{
    return first->doors[index].address;
}

const char *
tls_first_server(const struct tls_first *first, const char *address)
{
    for (size_t i = 0; i < first->count; i++)
        if (strcmp(first->doors[i].address, address) == 0)
            return first->doors[i].url.address;
    return address;
}

bool
tls_first_has_met(const struct tls_first *first)
{
    return atomic_load(&first->has_met);
}

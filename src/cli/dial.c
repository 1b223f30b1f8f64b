/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "base/clock.h"

bool
dial_wait(int fd, short events, int64_t deadline_ns)
{
    struct pollfd ready = { .fd = fd, .events = events };
    int64_t left_ns;
    int count;

    do {
        left_ns = deadline_ns - clock_mono_ns();
        if (left_ns <= 0)
            return false;
        count = poll(&ready, 1, (int)(left_ns / CLOCK_NS_PER_MS) + 1);
    } while (count == 0 || (count == -1 && errno == EINTR));
    return count == 1;
}

static int
dial_address(const struct addrinfo *address, int64_t deadline_ns)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t len = sizeof(error);

    if (fd == -1)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS && dial_wait(fd, POLLOUT, deadline_ns) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int
dial(const struct url *url, int64_t deadline_ns)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *addresses = NULL;
    int fd = -1;

    if (getaddrinfo(url->host, url->port, &hints, &addresses) != 0)
        return -1;
    for (struct addrinfo *a = addresses; a != NULL && fd == -1; a = a->ai_next)
        fd = dial_address(a, deadline_ns);
    freeaddrinfo(addresses);
    return fd;
}

/* An address is no name that a server could be asked for. */
static bool
is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

SSL *
dial_tls_new(SSL_CTX *context, const struct url *url, int fd, bool sni)
{
    SSL *ssl = SSL_new(context);

    if (ssl == NULL)
        return NULL;
    SSL_set_connect_state(ssl);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl, url->host) == 1 && SSL_set_fd(ssl, fd) == 1 &&
        (!sni || is_address(url->host) || SSL_set_tlsext_host_name(ssl, url->host) == 1))
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * listener - accepts TCP connections on one address
 *
 * Owns     its descriptor.
 * Threads  its loop's thread; accepted descriptors are given to the callback, which usually
 *          posts them to another loop.
 * Limits   when the process or the system is out of descriptors it says so once, waits a
 *          moment and goes on: it never spins.
 */
#ifndef TESSERA_NET_LISTENER_H
#define TESSERA_NET_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"

/* An address as text and number, as logs and INFO want it. */
struct endpoint {
    char ip[46]; /* INET6_ADDRSTRLEN */
    uint16_t port;
};

void endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr_storage *addr);

/* fd is non-blocking, close-on-exec, TCP_NODELAY; the callback owns it. */
typedef void accepted_fn(void *arg, int fd, const struct endpoint *remote);

struct listener;

/* Is host an address, or a name that has one? */
enum err listener_check(const char *host, struct errmsg *why);

/* host: a name or a literal, "" or "0.0.0.0": all IPv4, "::": all. port 0: any free one. */
enum err listener_open(struct listener **out, struct loop *loop, const char *host, uint16_t port,
                       struct log *log, accepted_fn *accepted, void *arg, struct errmsg *why);
uint16_t listener_port(const struct listener *listener);
/* NULL is allowed. */
void listener_close(struct listener *listener);

#endif

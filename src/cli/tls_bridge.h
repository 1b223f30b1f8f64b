/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_bridge - bytes between a client in clear and a server that wants the TLS handshake first
 *
 * The server's INFO comes to the client as that of a server without TLS; everything else as it
 * is. An end of the one is an end of the other, behind what was on its way.
 *
 * Owns     both sockets, non-blocking ones.
 * Threads  one.
 * Memory   at most 16 KB on its way in each direction, 32 KB of INFO: who does not read makes the
 *          other wait.
 * Secrets  what passes is wiped.
 */
#ifndef TESSERA_CLI_TLS_BRIDGE_H
#define TESSERA_CLI_TLS_BRIDGE_H

#include <poll.h>
#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/buf.h"

struct tls_bridge {
    /* private */
    int near, far; /* the client's, the server's; -1: closed */
    SSL *ssl;      /* over far; NULL: the server has ended */
    struct buf up, down;
    bool informed;   /* INFO has been read */
    bool near_ended; /* the client sends no more */
    bool up_blocked; /* the server's socket is full */
};

#define TLS_BRIDGE_CLOSED                                                                          \
    {                                                                                              \
        .near = -1, .far = -1                                                                      \
    }

/* Takes over both sockets and ssl, whose handshake is done. */
void tls_bridge_open(struct tls_bridge *bridge, int near, int far, SSL *ssl);
void tls_bridge_close(struct tls_bridge *bridge);

static inline bool
tls_bridge_is_open(const struct tls_bridge *bridge)
{
    return bridge->near != -1;
}

/* What to wait for, then to move what can be moved; that may close it. */
void tls_bridge_watch(const struct tls_bridge *bridge, struct pollfd sockets[2]);
void tls_bridge_move(struct tls_bridge *bridge);

#endif

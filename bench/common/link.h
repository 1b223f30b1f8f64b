/* SPDX-License-Identifier: Apache-2.0
 *
 * link - one connection of the load generator: TCP connect, INFO, a TLS handshake if
 *        wanted, CONNECT with a token, PING, PONG
 *
 * Owns     its channel; the caller waits for its descriptor to become readable (EPOLLIN only: what
 *           it sends is so little that it always fits) and then calls link_read().
 * Threads  one at a time.
 * Clock    monotonic, nanoseconds.
 */
#ifndef TESSERA_BENCH_COMMON_LINK_H
#define TESSERA_BENCH_COMMON_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "common/channel.h"

#define LINK_LINE_MAX  80 /* bytes of a line that are kept: any -ERR text fits */
#define LINK_TOKEN_MAX 72 /* bytes, the NUL included */

enum link_state {
    LINK_CLOSED,   /* no descriptor */
    LINK_GREETING, /* INFO has not come */
    LINK_SECURING, /* INFO has come, the TLS handshake is on its way */
    LINK_LOGIN,    /* CONNECT and PING are out */
    LINK_IN,       /* the first PONG has come */
    LINK_REFUSED,  /* -ERR before the first PONG */
    LINK_LOST,     /* the connection broke, or an -ERR came after the login */
};

struct link {
    struct channel channel;
    SSL_CTX *tls; /* of its plan */
    enum link_state state;
    int64_t start_ns;         /* connect() was called */
    int64_t in_ns;            /* the first PONG came */
    char line[LINK_LINE_MAX]; /* beginning of the line being read; the -ERR when refused */
    size_t line_len;          /* may be more than is kept */
    char token[LINK_TOKEN_MAX];
};

/* Who connects from where. */
struct link_plan {
    struct sockaddr_in server;
    struct sockaddr_in source; /* port 0: any */
    const char *token;         /* JSON needs no escape in it */
    SSL_CTX *tls;              /* NULL: in the clear; must outlive the links */
};

/* serial is appended to the token unless it is 0. On failure there is nothing to close. */
enum err link_open(struct link *link, const struct link_plan *plan, unsigned serial,
                   struct errmsg *why);

/* The channel is closed, the state stays. Allowed at any time. */
void link_close(struct link *link);

/* Takes what has arrived and answers it. Returns how many PONGs came. */
unsigned link_read(struct link *link);

/* LINK_LOST when it could not be sent. */
void link_ping(struct link *link);

/* Nothing will change any more: in, refused or lost. */
bool link_is_settled(const struct link *link);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_first - the TLS handshake before INFO, which libnats cannot begin with before 3.9
 *
 * A thread listens on a port of 127.0.0.1 for each server. libnats connects there in clear; the
 * thread dials the server, shakes hands, and passes on what both say (tls_bridge.h). Nothing is
 * sent to a server that the handshake has not verified, host name included, and nobody but this
 * process is let through: the connection may stand for a client certificate.
 *
 * Refused: a made-up INFO, with libnats' own handshake behind it. The server's INFO would come
 * where libnats waits for PONG.
 * Left: the servers that INFO tells of. libnats must be told to ignore them, or it would dial them
 * itself.
 *
 * Threads  from start to free: one; the questions: any, until free.
 */
#ifndef TESSERA_CLI_TLS_FIRST_H
#define TESSERA_CLI_TLS_FIRST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/err.h"
#include "cli/url.h"

struct tls_first;

/* context: how to verify, and our certificate; counted. timeout_ms: for connecting to a server
 * and the handshake. Copies what it needs of the servers. */
enum err tls_first_start(struct tls_first **out, const struct url *servers, size_t count,
                         SSL_CTX *context, int64_t timeout_ms, struct errmsg *why);
/* After libnats' connection is gone: ends the thread, and uses OpenSSL no longer. What libnats has
 * sent is on its way to the server then, unless that took nothing for a second. NULL is allowed. */
void tls_first_stop(struct tls_first *first);
void tls_first_free(struct tls_first *first); /* stops it, too */

/* What libnats is to connect to for the server of that index. */
const char *tls_first_address(const struct tls_first *first, size_t index);
/* The URL of the server behind such an address; the address itself if it is none. */
const char *tls_first_server(const struct tls_first *first, const char *address);

/* Did any server take a connection yet? */
bool tls_first_has_met(const struct tls_first *first);

#endif

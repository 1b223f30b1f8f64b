/* SPDX-License-Identifier: Apache-2.0
 *
 * verify - which name a dialled peer's certificate must have, and why one was refused. Only for
 * tls/.
 *
 * Names are those of the subject's alternative names; the common name is none, as in the
 * reference.
 */
#ifndef TESSERA_TLS_VERIFY_H
#define TESSERA_TLS_VERIFY_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"

/* server_name: a host name or an IP address. A name is told to the peer too (SNI). Before the
 * handshake; false: out of memory, or there can be no such name. */
bool verify_expect(SSL *ssl, const char *server_name);

/* Has the peer's certificate been refused? */
bool verify_failed(const SSL *ssl);
/* A constant, or NULL if it has not. */
const char *verify_failure(const SSL *ssl);
/* The same with the names that were met; verify_failed(). */
void verify_explain(SSL *ssl, struct errmsg *why);

#endif

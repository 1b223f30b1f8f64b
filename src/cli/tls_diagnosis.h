/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_diagnosis - why could no TLS connection be made?
 *
 * libnats 3.4 tells a refused client certificate by a missing PONG, and of a refused server
 * only a number. So after a failure the server is dialled once more, as far as the TLS
 * handshake; what is met there is worded with the texts of the reference client in front.
 *
 * Secrets  nothing but the TLS handshake is sent: no CONNECT, no credential.
 * Threads  one; blocks for the limit at most, besides looking up the host.
 */
#ifndef TESSERA_CLI_TLS_DIAGNOSIS_H
#define TESSERA_CLI_TLS_DIAGNOSIS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/err.h"
#include "cli/tls_files.h"
#include "cli/url.h"

struct tls_diagnosis_request {
    SSL_CTX *context; /* of tls_files_load() */
    const struct tls_files *files;
    bool secure; /* TLS was asked for, so that a server without it is at fault */
    bool first;  /* the handshake comes before INFO */
    bool unused; /* libnats saw no TLS that it could use */
    int64_t limit_ms;
};

/* True when it found what is wrong, and told why. */
bool tls_diagnose(const struct url *url, const struct tls_diagnosis_request *request,
                  struct errmsg *why);

#endif

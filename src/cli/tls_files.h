/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_files - the certificates and the key that the flags name
 *
 * libnats reads the same files, and words what is wrong with them less well: they are read
 * here before.
 *
 * Threads  one.
 */
#ifndef TESSERA_CLI_TLS_FILES_H
#define TESSERA_CLI_TLS_FILES_H

#include <openssl/ssl.h>

#include "base/err.h"

struct tls_files {
    const char *ca;         /* NULL: the system's authorities */
    const char *cert, *key; /* NULL: none; only together */
};

/* Reads them all into a new context, which trusts nobody but them; the caller frees it. */
enum err tls_files_load(SSL_CTX **out, const struct tls_files *files, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * keypair - PEM files: a certificate chain with its key, a file of CAs. Only for tls/.
 *
 * Owns     what it read; keypair_release() gives it back. A key's file is wiped from memory.
 * Threads  one at a time.
 */
#ifndef TESSERA_TLS_KEYPAIR_H
#define TESSERA_TLS_KEYPAIR_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/err.h"

struct keypair {
    X509 *cert;
    STACK_OF(X509) * chain; /* what follows it in its file */
    EVP_PKEY *key;
};

/* *key_is_wrong: the fault is the key's, not the certificate's. */
enum err keypair_read(struct keypair *pair, const char *cert_file, const char *key_file,
                      bool *key_is_wrong, struct errmsg *why);
void keypair_release(struct keypair *pair);

/* All certificates of a file; at least one. */
enum err keypair_read_cas(STACK_OF(X509) * *out, const char *path, struct errmsg *why);

#endif

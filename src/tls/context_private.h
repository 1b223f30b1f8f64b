/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of tls/ share about a context; nobody else includes this.
 */
#ifndef TESSERA_TLS_CONTEXT_PRIVATE_H
#define TESSERA_TLS_CONTEXT_PRIVATE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/context.h"
#include "tls/keypair.h"

struct tls_context {
    atomic_uint refs;
    bool dialling;
    SSL_CTX *ssl;
    struct keypair *pairs;
    size_t pair_count;
    unsigned char (*pins)[TLS_PIN_LEN]; /* sorted */
    size_t pin_count;
    int64_t not_after_s; /* of the pair that ends first: */
    size_t first_to_end;
    int64_t cas_not_after_s;
    BIO_METHOD *stream; /* of session.c */
};

/* session.c: the BIO between OpenSSL and a session. NULL: out of memory. */
BIO_METHOD *session_stream_new(void);

#endif

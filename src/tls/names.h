/* SPDX-License-Identifier: Apache-2.0
 *
 * names - the cipher suites and curves that a tls {} block may name
 *
 * The names are the reference's, which are those of its language's TLS library; case matters.
 * A known name is not yet one that our library can do: see tls/context.h.
 *
 * Owns     constant tables, no OpenSSL: the config reader uses them too.
 * Threads  any.
 */
#ifndef TESSERA_TLS_NAMES_H
#define TESSERA_TLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct tls_cipher {
    const char *name;
    const char *library_name; /* OpenSSL's */
    bool tls13;               /* a suite of TLS 1.3, of no other version */
    bool insecure;            /* needs allow_insecure_cipher_suites */
};

struct tls_curve {
    const char *name;
    const char *library_name;
};

/* By position, for lists in help texts; NULL behind the last. */
const struct tls_cipher *tls_cipher_at(size_t index);
const struct tls_curve *tls_curve_at(size_t index);

/* NULL: unknown. */
const struct tls_cipher *tls_cipher_find(struct str name);
const struct tls_curve *tls_curve_find(struct str name);

bool tls_cipher_known(struct str name);
bool tls_cipher_insecure(struct str name);
bool tls_curve_known(struct str name);

#endif

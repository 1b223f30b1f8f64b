/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_options - a tls {} block as configured (PROTOCOL.md 2.7)
 *
 * Only what the block says; no file that it names has been opened. Every field remembers where
 * it stands, so that whoever opens the files can say which line was at fault.
 *
 * Owns     every text; tls_options_release() frees them.
 * Threads  one at a time while built; immutable and shared afterwards.
 */
#ifndef TESSERA_CONF_TLS_OPTIONS_H
#define TESSERA_CONF_TLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define TLS_PIN_LEN 32 /* bytes of a SHA-256 */

/* What an error can be about; also the parts of the block. */
enum tls_field {
    TLS_FIELD_BLOCK, /* tls itself, or the first flag that asks for TLS */
    TLS_FIELD_CERT_FILE,
    TLS_FIELD_KEY_FILE,
    TLS_FIELD_CERTS, /* certs: [ { cert_file, key_file } ] */
    TLS_FIELD_CA_FILE,
    TLS_FIELD_VERIFY,
    TLS_FIELD_VERIFY_AND_MAP,
    TLS_FIELD_VERIFY_AND_CHECK,
    TLS_FIELD_INSECURE,
    TLS_FIELD_CIPHER_SUITES,
    TLS_FIELD_CURVE_PREFERENCES,
    TLS_FIELD_ALLOW_INSECURE_CIPHER_SUITES,
    TLS_FIELD_MIN_VERSION,
    TLS_FIELD_PINNED_CERTS,
    TLS_FIELD_TIMEOUT,
    TLS_FIELD_HANDSHAKE_FIRST,
    TLS_FIELD_CONNECTION_RATE_LIMIT,
    TLS_FIELD_COUNT
};

/* A certificate chain and its key, PEM. */
struct tls_pair {
    char *cert_file, *key_file; /* never NULL; may be the same file */
    char *cert_at, *key_at;     /* "FILE:LINE:COL", or the flag: "--tlscert" */
};

struct tls_name_list {
    char **items;
    size_t count;
};

enum tls_version { TLS_MIN_1_2, TLS_MIN_1_3 };

enum tls_first {
    TLS_FIRST_OFF,  /* INFO in clear, then the handshake */
    TLS_FIRST_ON,   /* the handshake, then INFO */
    TLS_FIRST_AUTO, /* the handshake if the client begins one within handshake_first_ns */
};

struct tls_options {
    bool enabled; /* there is such a block, or a flag asks for TLS, and no flag forbids it */

    struct tls_pair *pairs; /* 1 or more of a listener that is enabled */
    size_t pair_count;
    char *ca_file; /* NULL: the certificates of the system */

    bool verify;           /* a peer must have a certificate of that CA; */
    bool verify_and_map;   /* and its names say which user it is; implies verify */
    bool verify_and_check; /* and its names are among the known URLs; implies verify; cluster */
    bool insecure;         /* as the connecting side: does not verify the peer */

    /* Names of the table in tls/names.h, known there; empty: the defaults. */
    struct tls_name_list ciphers, curves;
    bool allow_insecure_ciphers;
    enum tls_version min_version;

    unsigned char (*pins)[TLS_PIN_LEN]; /* SHA-256 of a SubjectPublicKeyInfo */
    size_t pin_count;                   /* 0: any peer that is verified */

    int64_t timeout_ns; /* of a handshake; 2 s */
    enum tls_first handshake_first;
    int64_t handshake_first_ns;    /* TLS_FIRST_AUTO: 50 ms */
    int64_t connection_rate_limit; /* handshakes begun per second; 0: any number */

    /* "FILE:LINE:COL", or the flag; NULL: it was not set. Of certificate and key: in the pair. */
    char *at[TLS_FIELD_COUNT];
};

/* The defaults, by the option table. */
void tls_options_init(struct tls_options *options);
void tls_options_release(struct tls_options *options);

void tls_pair_release(struct tls_pair *pair);

/* Where to say that something is wrong with a field: at itself or, if it was not set, at the
 * block; never NULL if TLS is enabled. pair: of TLS_FIELD_CERT_FILE and TLS_FIELD_KEY_FILE. */
const char *tls_options_at(const struct tls_options *options, enum tls_field field, size_t pair);

/* For the reload difference: neither places nor what is in the files count. */
bool tls_options_equal(const struct tls_options *a, const struct tls_options *b);
/* Appends the block as text, the same for equal ones, for the config digest. */
void tls_options_format(const struct tls_options *options, struct buf *out);

#endif

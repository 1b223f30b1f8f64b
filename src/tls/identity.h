/* SPDX-License-Identifier: Apache-2.0
 *
 * identity - which names a peer's certificate has, for verify_and_map
 *
 * The names come in the order in which the reference asks for a user of that name: e-mails, DNS
 * names and URIs of the subject's alternative names; then the subject itself, once compared as a
 * DN with every user's name, and then as texts. As there, DNS names alone, with an empty subject,
 * are no identity.
 *
 * Owns     copies of all names: it outlives the certificate.
 * Threads  immutable: any.
 * Fails    for want of memory.
 * Limits   TLS_NAMES_MAX names; a peer chooses how many there are.
 */
#ifndef TESSERA_TLS_IDENTITY_H
#define TESSERA_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define TLS_NAMES_MAX 256

struct tls_identity;
struct x509_st; /* OpenSSL's X509 */

enum tls_name_kind {
    TLS_NAME_EMAIL,
    TLS_NAME_DNS,
    TLS_NAME_URI,
    TLS_NAME_DN,      /* ask tls_identity_match_dn() for each user; the text is for logs */
    TLS_NAME_SUBJECT, /* the subject as a text */
};

struct tls_name {
    enum tls_name_kind kind;
    struct str text; /* may hold any byte, NUL too */
};

enum tls_dn_match {
    TLS_DN_OTHER,
    TLS_DN_REORDERED, /* the same relative names in another order: only if no user is EXACT */
    TLS_DN_EXACT,
};

struct tls_identity *tls_identity_new(struct x509_st *cert);
void tls_identity_free(struct tls_identity *identity); /* NULL is allowed */

size_t tls_identity_count(const struct tls_identity *identity);
struct tls_name tls_identity_at(const struct tls_identity *identity, size_t index);

/* Is user the subject, written as a DN of RFC 4514 (2253)? */
enum tls_dn_match tls_identity_match_dn(const struct tls_identity *identity, struct str user);

#endif

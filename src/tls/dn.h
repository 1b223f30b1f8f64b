/* SPDX-License-Identifier: Apache-2.0
 *
 * dn - distinguished names: of a certificate, or written as RFC 4514 text. Only for tls/.
 *
 * Owns     its text; dn_release() frees it.
 * Threads  one at a time while built, then any.
 */
#ifndef TESSERA_TLS_DN_H
#define TESSERA_TLS_DN_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define DN_ATTRIBUTES_MAX 32 /* a name with more is not compared */

struct dn {
    struct buf text; /* types and values, without escapes */
    struct dn_attribute {
        size_t type_len, value_len;
        size_t start; /* of the type in text; the value follows it */
        int set;      /* attributes of one relative name (joined by '+') have the same */
    } attributes[DN_ATTRIBUTES_MAX];
    size_t count;
};

/* Both need dn zeroed, and return false (release it all the same) for what is not comparable: no
 * DN, too many attributes, a type without one of the usual names, a value that is no text. */
bool dn_parse(struct dn *dn, struct str text);
bool dn_of_name(struct dn *dn, const X509_NAME *name);
void dn_release(struct dn *dn);

struct str dn_type(const struct dn *dn, size_t index);
struct str dn_value(const struct dn *dn, size_t index);

/* Types compare without case. The relative names of a and b pair off; in_order: as they stand. */
bool dn_equal(const struct dn *a, const struct dn *b, bool in_order);

/* The usual short name of an attribute type; NULL: it has none. */
const char *dn_short_name(const ASN1_OBJECT *type);

#endif

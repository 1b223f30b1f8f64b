/* SPDX-License-Identifier: Apache-2.0
 *
 * The subject's text is that of the reference's library: RFC 2253 with the usual attributes in a
 * fixed order, whatever their order in the certificate; several of one kind joined by '+'; all
 * others left out. DC is left out too, but a second text with the DCs behind comes before it.
 */
#include "tls/identity.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tls/dn.h"

struct tls_identity {
    struct buf text; /* of all names */
    struct {
        enum tls_name_kind kind;
        size_t start, len;
    } names[TLS_NAMES_MAX];
    size_t count;
    struct dn subject;
    bool subject_is_dn;
};

static bool
add_name(struct tls_identity *identity, enum tls_name_kind kind, const void *data, size_t len)
{
    size_t i = identity->count;

    if (i == TLS_NAMES_MAX)
        return true;
    identity->names[i].kind = kind;
    identity->names[i].start = identity->text.len;
    identity->names[i].len = len;
    if (len > 0 && !buf_append(&identity->text, data, len))
        return false;
    identity->count++;
    return true;
}

static bool
add_alternatives(struct tls_identity *identity, const GENERAL_NAMES *names, int type,
                 enum tls_name_kind kind)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == type && !add_name(identity, kind, ASN1_STRING_get0_data(name->d.ia5),
                                            (size_t)ASN1_STRING_length(name->d.ia5)))
            return false;
    }
    return true;
}

static bool
append_escaped(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.data[i];
        bool at_end = i == 0 || i == value.len - 1;
        bool special = (byte != '\0' && strchr(",+\"\\<>;", byte) != NULL) ||
                       (byte == ' ' && at_end) || (byte == '#' && i == 0);

        if ((special && !buf_append_char(out, '\\')) || !buf_append_char(out, byte))
            return false;
    }
    return true;
}

/* Appends TYPE=value of the attributes with this type, in the certificate's order. */
static bool
append_type(struct buf *out, const X509_NAME *name, const char *type, const char *join,
            bool only_last)
{
    bool first = true;
    int count = X509_NAME_entry_count(name), start = 0;

    for (int i = 0; i < count; i++) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const char *is = dn_short_name(X509_NAME_ENTRY_get_object(entry));
        unsigned char *value = NULL;
        int len;
        bool ok;

        if (is == NULL || strcmp(is, type) != 0)
            continue;
        len = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry));
        if (len < 0)
            continue;
        if (first)
            start = (int)out->len;
        else if (only_last)
            out->len = (size_t)start;
        ok = (out->len == 0 || buf_append_str(out, first || only_last ? "," : join)) &&
             buf_append_str(out, type) && buf_append_char(out, '=') &&
             append_escaped(out, (struct str) { (char *)value, (size_t)len });
        OPENSSL_free(value);
        if (!ok)
            return false;
        first = false;
    }
    return true;
}

static bool
format_subject(struct buf *out, const X509_NAME *name)
{
    static const struct {
        const char *type;
        bool only_last;
    } order[] = {
        { "SERIALNUMBER", true }, { "CN", true },  { "POSTALCODE", false },
        { "STREET", false },      { "ST", false }, { "L", false },
        { "OU", false },          { "O", false },  { "C", false },
    };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!append_type(out, name, order[i].type, "+", order[i].only_last))
            return false;
    }
    return true;
}

static bool
add_subject(struct tls_identity *identity, const X509_NAME *name)
{
    struct buf plain = BUF_INIT, with_dc = BUF_INIT;
    bool ok = format_subject(&plain, name) && format_subject(&with_dc, name) &&
              append_type(&with_dc, name, "DC", ",", false);

    identity->subject_is_dn = dn_of_name(&identity->subject, name);
    if (ok && identity->subject_is_dn)
        ok = add_name(identity, TLS_NAME_DN, with_dc.data, with_dc.len);
    if (ok && with_dc.len > plain.len)
        ok = add_name(identity, TLS_NAME_SUBJECT, with_dc.data, with_dc.len);
    if (ok && plain.len > 0)
        ok = add_name(identity, TLS_NAME_SUBJECT, plain.data, plain.len);
    buf_release(&plain);
    buf_release(&with_dc);
    return ok;
}

static bool
has_type(const GENERAL_NAMES *names, int type)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (sk_GENERAL_NAME_value(names, i)->type == type)
            return true;
    }
    return false;
}

static bool
add_all(struct tls_identity *identity, X509 *cert, const GENERAL_NAMES *names)
{
    const X509_NAME *subject = X509_get_subject_name(cert);

    if (X509_NAME_entry_count(subject) == 0 && !has_type(names, GEN_EMAIL) &&
        !has_type(names, GEN_URI))
        return true;
    return add_alternatives(identity, names, GEN_EMAIL, TLS_NAME_EMAIL) &&
           add_alternatives(identity, names, GEN_DNS, TLS_NAME_DNS) &&
           add_alternatives(identity, names, GEN_URI, TLS_NAME_URI) &&
           add_subject(identity, subject);
}

struct tls_identity *
tls_identity_new(struct x509_st *cert)
{
    struct tls_identity *identity = calloc(1, sizeof(*identity));
    GENERAL_NAMES *names;
    bool ok;

    if (identity == NULL)
        return NULL;
    names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    ok = add_all(identity, cert, names);
    GENERAL_NAMES_free(names);
    if (ok)
        return identity;
    tls_identity_free(identity);
    return NULL;
}

void
tls_identity_free(struct tls_identity *identity)
{
    if (identity == NULL)
        return;
    buf_release(&identity->text);
    dn_release(&identity->subject);
    free(identity);
}

size_t
tls_identity_count(const struct tls_identity *identity)
{
    return identity->count;
}

struct tls_name
tls_identity_at(const struct tls_identity *identity, size_t index)
{
    return (struct tls_name) {
        identity->names[index].kind,
        { identity->text.data + identity->names[index].start, identity->names[index].len },
    };
}

enum tls_dn_match
tls_identity_match_dn(const struct tls_identity *identity, struct str user)
{
    enum tls_dn_match match = TLS_DN_OTHER;
    struct dn dn = { 0 };

    if (identity->subject_is_dn && dn_parse(&dn, user)) {
        if (dn_equal(&dn, &identity->subject, true))
            match = TLS_DN_EXACT;
        else if (dn_equal(&dn, &identity->subject, false))
            match = TLS_DN_REORDERED;
    }
    dn_release(&dn);
    return match;
}

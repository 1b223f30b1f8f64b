/* SPDX-License-Identifier: Apache-2.0
 *
 * A DN is a flat array of attributes in the order of RFC 4514 text, most specific first; a
 * certificate holds them the other way round. Which attributes are one relative name is told by a
 * number that grows from each to the next.
 */
#include "tls/dn.h"

#include <openssl/objects.h>
#include <stdint.h>

static const struct {
    int nid;
    const char *name;
} short_names[] = {
    { NID_commonName, "CN" },
    { NID_organizationalUnitName, "OU" },
    { NID_organizationName, "O" },
    { NID_countryName, "C" },
    { NID_localityName, "L" },
    { NID_stateOrProvinceName, "ST" },
    { NID_streetAddress, "STREET" },
    { NID_postalCode, "POSTALCODE" },
    { NID_serialNumber, "SERIALNUMBER" },
    { NID_domainComponent, "DC" },
};

const char *
dn_short_name(const ASN1_OBJECT *type)
{
    int nid = OBJ_obj2nid(type);

    for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++) {
        if (short_names[i].nid == nid)
            return short_names[i].name;
    }
    return NULL;
}

void
dn_release(struct dn *dn)
{
    buf_release(&dn->text);
    dn->count = 0;
}

struct str
dn_type(const struct dn *dn, size_t index)
{
    const struct dn_attribute *attribute = &dn->attributes[index];

    return (struct str) { dn->text.data + attribute->start, attribute->type_len };
}

struct str
dn_value(const struct dn *dn, size_t index)
{
    const struct dn_attribute *attribute = &dn->attributes[index];

    return (struct str) { dn->text.data + attribute->start + attribute->type_len,
                          attribute->value_len };
}

/* --- text --- */

/* What follows a backslash: a special character or two hex digits. Returns the bytes taken. */
static size_t
unescape(struct str text, size_t pos, char *out)
{
    int high, low;

    if (pos >= text.len)
        return 0;
    *out = text.data[pos];
    if (memchr(" \"#+,;<=>\\", *out, 10) != NULL)
        return 1;
    if (pos + 1 >= text.len)
        return 0;
    high = str_hex_digit(text.data[pos]);
    low = str_hex_digit(text.data[pos + 1]);
    *out = (char)(high * 16 + low);
    return high < 0 || low < 0 ? 0 : 2;
}

static bool
append_trimmed(struct buf *out, struct str text)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text.len > 0 && buf_append(out, text.data, text.len);
}

/* A value from *pos to an unescaped ',' or '+', which stays. Spaces around it do not count unless
 * they are escaped. */
static bool
parse_value(struct dn *dn, struct str text, size_t *pos)
{
    size_t start = dn->text.len, kept;

    while (*pos < text.len && text.data[*pos] == ' ')
        (*pos)++;
    if (*pos < text.len && text.data[*pos] == '#')
        return false; /* BER in hex */
    kept = start;
    while (*pos < text.len && text.data[*pos] != ',' && text.data[*pos] != '+') {
        char byte = text.data[(*pos)++];
        bool escaped = byte == '\\';

        if (escaped) {
            size_t taken = unescape(text, *pos, &byte);

            if (taken == 0)
                return false;
            *pos += taken;
        }
        if (!buf_append_char(&dn->text, byte))
            return false;
        if (escaped || byte != ' ')
            kept = dn->text.len;
    }
    dn->text.len = kept;
    return true;
}

/* TYPE=value */
static bool
parse_attribute(struct dn *dn, struct str text, size_t *pos, int set)
{
    struct dn_attribute *attribute = &dn->attributes[dn->count];
    const char *equals = memchr(text.data + *pos, '=', text.len - *pos);

    if (equals == NULL || dn->count == DN_ATTRIBUTES_MAX)
        return false;
    attribute->start = dn->text.len;
    attribute->set = set;
    if (!append_trimmed(&dn->text,
                        (struct str) { text.data + *pos, (size_t)(equals - text.data) - *pos }))
        return false;
    attribute->type_len = dn->text.len - attribute->start;
    *pos = (size_t)(equals - text.data) + 1;
    if (!parse_value(dn, text, pos))
        return false;
    attribute->value_len = dn->text.len - attribute->start - attribute->type_len;
    dn->count++;
    return true;
}

bool
dn_parse(struct dn *dn, struct str text)
{
    size_t pos = 0;
    int set = 0;

    while (pos < text.len) {
        if (!parse_attribute(dn, text, &pos, set))
            return false;
        if (pos < text.len && text.data[pos++] == ',')
            set++;
    }
    return dn->count > 0;
}

/* --- certificates --- */

static bool
append_entry(struct dn *dn, X509_NAME_ENTRY *entry, int set)
{
    const char *type = dn_short_name(X509_NAME_ENTRY_get_object(entry));
    struct dn_attribute *attribute = &dn->attributes[dn->count];
    unsigned char *value = NULL;
    int len = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry));
    bool ok = type != NULL && len >= 0 && dn->count < DN_ATTRIBUTES_MAX;

    if (ok) {
        *attribute = (struct dn_attribute) { strlen(type), (size_t)len, dn->text.len, set };
        ok = buf_append_str(&dn->text, type) && buf_append(&dn->text, value, (size_t)len);
        dn->count++;
    }
    OPENSSL_free(value);
    return ok;
}

bool
dn_of_name(struct dn *dn, const X509_NAME *name)
{
    for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

        if (!append_entry(dn, entry, -X509_NAME_ENTRY_set(entry)))
            return false;
    }
    return dn->count > 0;
}

/* --- comparison --- */

static bool
attribute_equal(const struct dn *a, size_t i, const struct dn *b, size_t j)
{
    return str_eq_nocase(dn_type(a, i), dn_type(b, j)) && str_eq(dn_value(a, i), dn_value(b, j));
}

static size_t
set_end(const struct dn *dn, size_t start)
{
    size_t end = start;

    while (end < dn->count && dn->attributes[end].set == dn->attributes[start].set)
        end++;
    return end;
}

/* Every attribute of one relative name pairs off with another one of the other. */
static bool
set_equal(const struct dn *a, size_t i, const struct dn *b, size_t j)
{
    size_t end_i = set_end(a, i), end_j = set_end(b, j);
    uint32_t used = 0;

    if (end_i - i != end_j - j)
        return false;
    for (; i < end_i; i++) {
        size_t k = j;

        while (k < end_j && ((used & (1u << k)) != 0 || !attribute_equal(a, i, b, k)))
            k++;
        if (k == end_j)
            return false;
        used |= 1u << k;
    }
    return true;
}

static bool
find_set(const struct dn *a, size_t i, const struct dn *b, uint32_t *used)
{
    for (size_t j = 0; j < b->count; j = set_end(b, j)) {
        if ((*used & (1u << j)) == 0 && set_equal(a, i, b, j)) {
            *used |= 1u << j;
            return true;
        }
    }
    return false;
}

bool
dn_equal(const struct dn *a, const struct dn *b, bool in_order)
{
    uint32_t used = 0;

    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i = set_end(a, i)) {
        /* in order, equal names have their relative names at the same places */
        if (in_order ? !set_equal(a, i, b, i) : !find_set(a, i, b, &used))
            return false;
    }
    return true;
}

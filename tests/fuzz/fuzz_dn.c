/* SPDX-License-Identifier: Apache-2.0
 *
 * Two names as text, a line each; behind them the DER of one as certificates have it. What is
 * parsed is compared in both directions: the answers must agree.
 */
#include <assert.h>
#include <openssl/err.h>
#include <stdint.h>
#include <string.h>

#include "tls/dn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str
take_line(struct str *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct str line = { rest->data, len };

    rest->data += len + (end != NULL);
    rest->len -= len + (end != NULL);
    return line;
}

static void
check_one(const struct dn *dn)
{
    assert(dn->count > 0 && dn->count <= DN_ATTRIBUTES_MAX);
    for (size_t i = 0; i < dn->count; i++)
        assert(dn_type(dn, i).len > 0 && dn_value(dn, i).len <= dn->text.len);
    assert(dn_equal(dn, dn, true) && dn_equal(dn, dn, false));
}

static void
check_two(const struct dn *a, const struct dn *b)
{
    bool in_order = dn_equal(a, b, true), in_any = dn_equal(a, b, false);

    assert(in_order == dn_equal(b, a, true) && in_any == dn_equal(b, a, false));
    assert(in_any || !in_order);
}

static bool
read_der(struct dn *dn, struct str der)
{
    const unsigned char *at = (const unsigned char *)der.data;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    bool valid = name != NULL && dn_of_name(dn, name);

    X509_NAME_free(name);
    ERR_clear_error();
    return valid;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = { (const char *)data, size };
    struct dn names[3] = { { .count = 0 } };
    bool valid[3];

    if (size == 0)
        return 0;
    valid[0] = dn_parse(&names[0], take_line(&rest));
    valid[1] = dn_parse(&names[1], take_line(&rest));
    valid[2] = read_der(&names[2], rest);
    for (int i = 0; i < 3; i++) {
        if (valid[i])
            check_one(&names[i]);
        for (int j = 0; j < i; j++) {
            if (valid[i] && valid[j])
                check_two(&names[i], &names[j]);
        }
    }
    for (int i = 0; i < 3; i++)
        dn_release(&names[i]);
    return 0;
}

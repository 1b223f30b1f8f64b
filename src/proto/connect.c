/* SPDX-License-Identifier: Apache-2.0
 *
 * Which key goes where, and as what, is one table; jobject reads by it.
 */
#include "proto/connect.h"

#include <assert.h>

#include "base/buf.h"
#include "proto/errors.h"
#include "proto/jobject.h"

/* In the order in which connect_info_describe() lists them. */
static const struct jfield fields[] = {
    { JFIELD(connect_info, verbose, BOOL) },
    { JFIELD(connect_info, pedantic, BOOL) },
    { JFIELD(connect_info, tls_required, BOOL) },
    { JFIELD(connect_info, echo, BOOL) },
    { JFIELD(connect_info, headers, BOOL) },
    { JFIELD(connect_info, no_responders, BOOL) },
    { JFIELD(connect_info, protocol, INTEGER) },
    { JFIELD(connect_info, name, STRING) },
    { JFIELD(connect_info, lang, STRING) },
    { JFIELD(connect_info, version, STRING) },
    { JFIELD(connect_info, account, STRING) },
    { JFIELD(connect_info, new_account, BOOL) },
    { JFIELD(connect_info, auth_token, STRING), .secret = true },
    { JFIELD(connect_info, user, STRING), .secret = true },
    { JFIELD(connect_info, pass, STRING), .secret = true },
    { JFIELD(connect_info, nkey, STRING), .secret = true },
    { JFIELD(connect_info, sig, STRING), .secret = true },
    { JFIELD(connect_info, jwt, STRING), .secret = true },
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* The control line's limit holds for the strings. */
static const struct jobject connect_object = { "CONNECT", fields, FIELD_COUNT, 0, 0 };

void
connect_info_init(struct connect_info *info)
{
    *info = (struct connect_info) { .verbose = true, .pedantic = true, .echo = true };
}

void
connect_info_release(struct connect_info *info)
{
    jobject_release(&connect_object, info);
}

enum err
connect_info_parse(struct connect_info *info, struct str json, struct errmsg *why)
{
    return jobject_read(&connect_object, info, json, why);
}

static bool
describe_field(const struct connect_info *info, const struct jfield *field, struct buf *out)
{
    const void *value = (const char *)info + field->offset;
    const char *blank = out->len == 0 ? "" : " ";
    const struct str *text = value;

    if (field->type == JFIELD_BOOL)
        return buf_printf(out, "%s%s=%s", blank, field->key.data,
                          *(const bool *)value ? "true" : "false");
    if (field->type == JFIELD_INTEGER)
        return buf_printf(out, "%s%s=%lld", blank, field->key.data,
                          (long long)*(const int64_t *)value);
    assert(field->type == JFIELD_STRING);
    if (text->data == NULL)
        return true;
    if (field->secret)
        return buf_printf(out, "%s%s=[REDACTED]", blank, field->key.data);
    return buf_printf(out, "%s%s=", blank, field->key.data) && proto_quote(out, *text);
}

void
connect_info_describe(const struct connect_info *info, char *out, size_t size)
{
    struct buf text = BUF_INIT;
    size_t len;

    assert(size > 0);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!describe_field(info, &fields[i], &text))
            break; /* no memory: a shorter line in the trace */
    }
    len = text.len < size ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.data, len);
    out[len] = '\0';
    buf_release(&text);
}

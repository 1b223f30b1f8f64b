/* SPDX-License-Identifier: Apache-2.0
 *
 * The object itself is walked here, member by member: a JSON library would merge duplicate
 * keys before we see them, forgetting their order and the types of the losers. Strings are
 * decoded straight into their final memory (jstring.h says why); everything else is
 * jansson's. Which key goes where, and as what, is one table.
 */
#include "proto/connect.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/errors.h"
#include "proto/jstring.h"

#define KEY_MAX 16 /* bytes: longer keys are none of ours */

enum field_type { FIELD_BOOL, FIELD_INTEGER, FIELD_STRING, FIELD_SECRET };

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
};

#define FIELD(name, kind)                                                                          \
    {                                                                                              \
        .key = #name, .type = FIELD_##kind, .offset = offsetof(struct connect_info, name)          \
    }

/* In the order in which connect_info_describe() lists them. */
static const struct field fields[] = {
    FIELD(verbose, BOOL),      FIELD(pedantic, BOOL),  FIELD(tls_required, BOOL),
    FIELD(echo, BOOL),         FIELD(headers, BOOL),   FIELD(no_responders, BOOL),
    FIELD(protocol, INTEGER),  FIELD(name, STRING),    FIELD(lang, STRING),
    FIELD(version, STRING),    FIELD(account, STRING), FIELD(new_account, BOOL),
    FIELD(auth_token, SECRET), FIELD(user, SECRET),    FIELD(pass, SECRET),
    FIELD(nkey, SECRET),       FIELD(sig, SECRET),     FIELD(jwt, SECRET),
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static void *
field_of(struct connect_info *info, const struct field *field)
{
    return (char *)info + field->offset;
}

static const void *
field_in(const struct connect_info *info, const struct field *field)
{
    return (const char *)info + field->offset;
}

static void
string_release(struct str *string)
{
    char *text = (char *)string->data; /* take_string() allocated it */

    mem_wipe(text, string->len);
    free(text);
    *string = STR_NULL;
}

void
connect_info_init(struct connect_info *info)
{
    *info = (struct connect_info) { .verbose = true, .pedantic = true, .echo = true };
}

void
connect_info_release(struct connect_info *info)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].type == FIELD_SECRET || fields[i].type == FIELD_STRING)
            string_release(field_of(info, &fields[i]));
    }
}

static void
drop(struct str *rest, size_t len)
{
    *rest = (struct str) { rest->data + len, rest->len - len };
}

static void
skip_blanks(struct str *rest)
{
    while (rest->len > 0 && memchr(" \t\r\n", rest->data[0], 4) != NULL)
        drop(rest, 1);
}

/* Takes blanks, then byte if it is next, then blanks again. */
static bool
take_byte(struct str *rest, char byte)
{
    skip_blanks(rest);
    if (rest->len == 0 || rest->data[0] != byte)
        return false;
    drop(rest, 1);
    skip_blanks(rest);
    return true;
}

static enum err
not_json(struct errmsg *why)
{
    return err_set(why, ERR_INVALID, "CONNECT is not valid JSON");
}

static enum err
wrong_type(const struct field *field, struct errmsg *why)
{
    return err_set(why, ERR_INVALID, "CONNECT has the wrong type of value for \"%s\"", field->key);
}

/* *out: the field that the key names, NULL when it is none of ours. */
static enum err
take_key(struct str *rest, const struct field **out, struct errmsg *why)
{
    char key[KEY_MAX];
    struct str raw;
    size_t len;

    *out = NULL;
    if (rest->len == 0 || rest->data[0] != '"' || !jstring_take(rest, &raw) ||
        !jstring_decode(raw, NULL, &len))
        return not_json(why);
    if (len > sizeof(key))
        return ERR_OK;
    (void)jstring_decode(raw, key, &len);
    for (size_t i = 0; i < FIELD_COUNT && *out == NULL; i++) {
        if (str_eq_nocase((struct str) { key, len }, str_of(fields[i].key)))
            *out = &fields[i];
    }
    return ERR_OK;
}

/* field NULL: the string is checked and dropped. */
static enum err
take_string(struct connect_info *info, const struct field *field, struct str *rest,
            struct errmsg *why)
{
    struct str raw, *slot;
    char *text;
    size_t len;

    if (!jstring_take(rest, &raw) || !jstring_decode(raw, NULL, &len))
        return not_json(why);
    if (field == NULL)
        return ERR_OK;
    if (field->type != FIELD_STRING && field->type != FIELD_SECRET)
        return wrong_type(field, why);
    text = malloc(len + 1);
    if (text == NULL)
        return err_set(why, ERR_NOMEM, "no memory for the strings of CONNECT");
    (void)jstring_decode(raw, text, &len);
    text[len] = '\0';
    slot = field_of(info, field);
    string_release(slot);
    *slot = (struct str) { text, len };
    return ERR_OK;
}

/* A value that is no string; null changes nothing. */
static enum err
store(struct connect_info *info, const struct field *field, const json_t *value, struct errmsg *why)
{
    if (field == NULL || json_is_null(value))
        return ERR_OK;
    if (field->type == FIELD_BOOL && json_is_boolean(value))
        *(bool *)field_of(info, field) = json_is_true(value);
    else if (field->type == FIELD_INTEGER && json_is_integer(value))
        *(int64_t *)field_of(info, field) = json_integer_value(value);
    else
        return wrong_type(field, why);
    return ERR_OK;
}

/* Most values are these; NULL: it is another one. */
static json_t *
take_literal(struct str *rest)
{
    json_t *values[] = { json_true(), json_false(), json_null() };
    static const struct str words[] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = words[i].len;

        if (str_starts(*rest, words[i]) && rest->len > len &&
            memchr(",} \t\r\n", rest->data[len], 6) != NULL) {
            drop(rest, len);
            return values[i];
        }
    }
    return NULL;
}

static enum err
take_value(struct connect_info *info, const struct field *field, struct str *rest,
           struct errmsg *why)
{
    size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *value;
    enum err err;

    if (rest->len > 0 && rest->data[0] == '"')
        return take_string(info, field, rest, why);
    value = take_literal(rest);
    if (value == NULL) {
        value = json_loadb(rest->data, rest->len, flags, &error);
        if (value == NULL)
            return not_json(why);
        drop(rest, (size_t)error.position); /* bytes read: set on success, too */
    }
    err = store(info, field, value, why);
    json_decref(value);
    return err;
}

static enum err
take_member(struct connect_info *info, struct str *rest, struct errmsg *why)
{
    const struct field *field;
    enum err err = take_key(rest, &field, why);

    if (err != ERR_OK)
        return err;
    if (!take_byte(rest, ':'))
        return not_json(why);
    return take_value(info, field, rest, why);
}

enum err
connect_info_parse(struct connect_info *info, struct str json, struct errmsg *why)
{
    enum err err;
    bool more;

    if (!take_byte(&json, '{'))
        return not_json(why);
    more = !take_byte(&json, '}');
    while (more) {
        err = take_member(info, &json, why);
        if (err != ERR_OK)
            return err;
        more = take_byte(&json, ',');
        if (!more && !take_byte(&json, '}'))
            return not_json(why);
    }
    return json.len == 0 ? ERR_OK : not_json(why);
}

static bool
describe_field(const struct connect_info *info, const struct field *field, struct buf *out)
{
    const void *value = field_in(info, field);
    const char *blank = out->len == 0 ? "" : " ";
    const struct str *text = value;

    switch (field->type) {
    case FIELD_BOOL:
        return buf_printf(out, "%s%s=%s", blank, field->key,
                          *(const bool *)value ? "true" : "false");
    case FIELD_INTEGER:
        return buf_printf(out, "%s%s=%lld", blank, field->key, (long long)*(const int64_t *)value);
    case FIELD_STRING:
        return text->data == NULL ||
               (buf_printf(out, "%s%s=", blank, field->key) && proto_quote(out, *text));
    case FIELD_SECRET:
        return text->data == NULL || buf_printf(out, "%s%s=[REDACTED]", blank, field->key);
    }
    return false;
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

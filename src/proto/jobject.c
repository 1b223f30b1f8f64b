/* SPDX-License-Identifier: Apache-2.0
 *
 * The object is walked here, member by member: a JSON library would merge duplicate keys before
 * we see them, forgetting their order and the types of the losers. Strings are decoded straight
 * into their final memory (jstring.h says why); numbers and what is not wanted are jansson's.
 */
#include "proto/jobject.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/jstring.h"

#define KEY_MAX 24 /* bytes: longer keys are none of ours */

/* What is being read: the rest of its text, and where errors go. */
struct reader {
    const struct jobject *object;
    struct str rest;
    struct errmsg *why;
};

static void *
slot_of(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void
string_release(struct str *string)
{
    char *text = (char *)string->data; /* decode() allocated it */

    mem_wipe(text, string->len);
    free(text);
    *string = STR_NULL;
}

static void
list_release(char ***items, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        mem_wipe_free(&(*items)[i]);
    free(*items);
    *items = NULL;
    *count = 0;
}

void
jobject_release(const struct jobject *object, void *of)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct jfield *field = &object->fields[i];
        void *slot = slot_of(of, field->offset);

        if (field->type == JFIELD_STRING)
            string_release(slot);
        else if (field->type == JFIELD_TEXT)
            mem_wipe_free(slot);
        else if (field->type == JFIELD_LIST)
            list_release(slot, slot_of(of, field->count_offset));
        else if (field->type == JFIELD_OBJECT)
            jobject_release(field->object, slot);
    }
}

/* -- reading */

static enum err
not_json(const struct reader *in)
{
    return err_set(in->why, ERR_INVALID, "%s is not valid JSON", in->object->what);
}

static enum err
wrong_type(const struct reader *in, const struct jfield *field)
{
    return err_set(in->why, ERR_INVALID, "%s has the wrong type of value for \"%s\"",
                   in->object->what, field->key.data);
}

static enum err
no_memory(const struct reader *in)
{
    return err_set(in->why, ERR_NOMEM, "no memory for the strings of %s", in->object->what);
}

static void
drop(struct str *rest, size_t len)
{
    *rest = (struct str) { rest->data + len, rest->len - len };
}

static void
skip_blanks(struct str *rest)
{
    while (rest->len > 0 && str_is_space(rest->data[0]))
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

static bool
is_next(const struct reader *in, char byte)
{
    return in->rest.len > 0 && in->rest.data[0] == byte;
}

/* Takes a string; raw: what is between its quotes, len: its bytes when decoded. */
static bool
take_raw(struct reader *in, struct str *raw, size_t *len)
{
    return is_next(in, '"') && jstring_take(&in->rest, raw) && jstring_decode(*raw, NULL, len);
}

/* *out: the field that the key names, NULL when it is none of ours. */
static enum err
take_key(struct reader *in, const struct jfield **out)
{
    char key[KEY_MAX];
    struct str raw;
    size_t len;

    *out = NULL;
    if (!take_raw(in, &raw, &len))
        return not_json(in);
    if (len > sizeof(key))
        return ERR_OK;
    (void)jstring_decode(raw, key, &len);
    for (size_t i = 0; i < in->object->count && *out == NULL; i++) {
        if (str_eq_nocase((struct str) { key, len }, in->object->fields[i].key))
            *out = &in->object->fields[i];
    }
    return ERR_OK;
}

/* Takes a string for the field; the caller owns it, a NUL follows. */
static enum err
take_text(struct reader *in, const struct jfield *field, struct str *out)
{
    struct str raw;
    char *text;
    size_t len;

    if (!take_raw(in, &raw, &len))
        return not_json(in);
    if (in->object->text_max != 0 && len > in->object->text_max)
        return err_set(in->why, ERR_LIMIT, "%s has more than %zu bytes in \"%s\"", in->object->what,
                       in->object->text_max, field->key.data);
    text = malloc(len + 1);
    if (text == NULL)
        return no_memory(in);
    (void)jstring_decode(raw, text, &len);
    text[len] = '\0';
    *out = (struct str) { text, len };
    if (field->type == JFIELD_STRING || memchr(text, '\0', len) == NULL)
        return ERR_OK;
    string_release(out);
    return err_set(in->why, ERR_INVALID, "%s has a NUL in \"%s\"", in->object->what,
                   field->key.data);
}

/* field NULL: the string is checked and dropped. */
static enum err
take_string(struct reader *in, const struct jfield *field, void *to)
{
    struct str text, *string;
    char **slot;
    size_t len;
    enum err err;

    if (field == NULL)
        return take_raw(in, &text, &len) ? ERR_OK : not_json(in);
    if (field->type != JFIELD_STRING && field->type != JFIELD_TEXT)
        return take_raw(in, &text, &len) ? wrong_type(in, field) : not_json(in);
    err = take_text(in, field, &text);
    if (err != ERR_OK)
        return err;
    if (field->type == JFIELD_STRING) {
        string = slot_of(to, field->offset);
        string_release(string);
        *string = text;
    } else {
        slot = slot_of(to, field->offset);
        mem_wipe_free(slot);
        *slot = (char *)text.data;
    }
    return ERR_OK;
}

/* Makes room for one more. */
static bool
list_grow(char ***items, size_t count)
{
    char **more;

    if ((count & (count - 1)) != 0) /* room is made whenever a power of two is full */
        return true;
    more = realloc(*items, (count == 0 ? 1 : 2 * count) * sizeof(**items));
    if (more == NULL)
        return false;
    *items = more;
    return true;
}

static enum err
take_item(struct reader *in, const struct jfield *field, char ***items, size_t *count)
{
    struct str text = STR_NULL;
    enum err err;

    if (!is_next(in, '"'))
        return wrong_type(in, field);
    if (*count == in->object->list_max)
        return err_set(in->why, ERR_LIMIT, "%s has more than %zu texts in \"%s\"", in->object->what,
                       in->object->list_max, field->key.data);
    if (!list_grow(items, *count))
        return no_memory(in);
    err = take_text(in, field, &text);
    if (err == ERR_OK)
        (*items)[(*count)++] = (char *)text.data;
    return err;
}

/* The text starts with [. */
static enum err
take_list(struct reader *in, const struct jfield *field, void *to)
{
    char ***items = slot_of(to, field->offset);
    size_t *count = slot_of(to, field->count_offset);
    enum err err = ERR_OK;
    bool more;

    list_release(items, count);
    (void)take_byte(&in->rest, '[');
    more = !take_byte(&in->rest, ']');
    while (more) {
        err = take_item(in, field, items, count);
        if (err != ERR_OK)
            return err;
        more = take_byte(&in->rest, ',');
        if (!more && !take_byte(&in->rest, ']'))
            return not_json(in);
    }
    return ERR_OK;
}

static enum err take_object(struct reader *in, void *to);

/* The text starts with {. */
static enum err
take_inner(struct reader *in, const struct jfield *field, void *to)
{
    struct reader inner = { field->object, in->rest, in->why };
    void *slot = slot_of(to, field->offset);
    enum err err = take_object(&inner, slot);

    *(bool *)slot = true;
    in->rest = inner.rest;
    return err;
}

static bool
ends_value(char c)
{
    return c == ',' || c == '}' || str_is_space(c);
}

/* Most values are these; NULL: it is another one. */
static json_t *
take_literal(struct str *rest)
{
    json_t *values[] = { json_true(), json_false(), json_null() };
    static const struct str words[] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = words[i].len;

        if (str_starts(*rest, words[i]) && rest->len > len && ends_value(rest->data[len])) {
            drop(rest, len);
            return values[i];
        }
    }
    return NULL;
}

/* A value that is no string, no list and no object that we want; null changes nothing. */
static enum err
store(const struct reader *in, const struct jfield *field, void *to, const json_t *value)
{
    void *slot;

    if (field == NULL || json_is_null(value))
        return ERR_OK;
    slot = slot_of(to, field->offset);
    if (field->type == JFIELD_BOOL && json_is_boolean(value)) {
        *(bool *)slot = json_is_true(value);
    } else if (field->type == JFIELD_INTEGER && json_is_integer(value)) {
        *(int64_t *)slot = json_integer_value(value);
    } else if (field->type == JFIELD_INT && json_is_integer(value) &&
               json_integer_value(value) >= INT_MIN && json_integer_value(value) <= INT_MAX) {
        *(int *)slot = (int)json_integer_value(value);
    } else {
        return wrong_type(in, field);
    }
    return ERR_OK;
}

static enum err
take_value(struct reader *in, const struct jfield *field, void *to)
{
    size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *value;
    enum err err;

    if (is_next(in, '"'))
        return take_string(in, field, to);
    if (field != NULL && field->type == JFIELD_LIST && is_next(in, '['))
        return take_list(in, field, to);
    if (field != NULL && field->type == JFIELD_OBJECT && is_next(in, '{'))
        return take_inner(in, field, to);
    value = take_literal(&in->rest);
    if (value == NULL) {
        value = json_loadb(in->rest.data, in->rest.len, flags, &error);
        if (value == NULL)
            return not_json(in);
        drop(&in->rest, (size_t)error.position); /* bytes read: set on success, too */
    }
    err = store(in, field, to, value);
    json_decref(value);
    return err;
}

static enum err
take_member(struct reader *in, void *to)
{
    const struct jfield *field;
    enum err err = take_key(in, &field);

    if (err != ERR_OK)
        return err;
    if (!take_byte(&in->rest, ':'))
        return not_json(in);
    return take_value(in, field, to);
}

static enum err
take_object(struct reader *in, void *to)
{
    enum err err;
    bool more;

    if (!take_byte(&in->rest, '{'))
        return not_json(in);
    more = !take_byte(&in->rest, '}');
    while (more) {
        err = take_member(in, to);
        if (err != ERR_OK)
            return err;
        more = take_byte(&in->rest, ',');
        if (!more && !take_byte(&in->rest, '}'))
            return not_json(in);
    }
    return ERR_OK;
}

enum err
jobject_read(const struct jobject *object, void *to, struct str json, struct errmsg *why)
{
    struct reader in = { object, json, why };
    enum err err = take_object(&in, to);

    return err == ERR_OK && in.rest.len > 0 ? not_json(&in) : err;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * All is written twice: once to count, once into memory of that size, so that no copy of a
 * secret is left behind where a buffer grew.
 */
#include "proto/jobject.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/jstring.h"

struct writer {
    char *out; /* NULL: only counts */
    size_t len;
};

static const void *
slot_in(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static void
put(struct writer *to, struct str text)
{
    if (to->out != NULL && text.len > 0)
        memcpy(to->out + to->len, text.data, text.len);
    to->len += text.len;
}

static void
put_text(struct writer *to, struct str text)
{
    to->len += jstring_encode(text, to->out == NULL ? NULL : to->out + to->len);
}

static void
put_number(struct writer *to, int64_t number)
{
    char digits[20];
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    if (number < 0)
        put(to, STR_LIT("-"));
    put(to, (struct str) { digits, str_put_u64(digits, size) });
}

static void
put_list(struct writer *to, char *const *items, size_t count)
{
    put(to, STR_LIT("["));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(to, STR_LIT(","));
        put_text(to, str_of(items[i]));
    }
    put(to, STR_LIT("]"));
}

static bool
is_empty(const struct jfield *field, const void *from)
{
    const void *slot = slot_in(from, field->offset);

    switch (field->type) {
    case JFIELD_BOOL:
    case JFIELD_OBJECT: /* present */
        return !*(const bool *)slot;
    case JFIELD_INT:
        return *(const int *)slot == 0;
    case JFIELD_INTEGER:
        return *(const int64_t *)slot == 0;
    case JFIELD_STRING:
        return ((const struct str *)slot)->len == 0;
    case JFIELD_TEXT:
        return *(char *const *)slot == NULL || **(char *const *)slot == '\0';
    case JFIELD_LIST:
        return *(const size_t *)slot_in(from, field->count_offset) == 0;
    }
    return true;
}

static void put_object(struct writer *to, const struct jobject *object, const void *from);

static void
put_value(struct writer *to, const struct jfield *field, const void *from)
{
    const void *slot = slot_in(from, field->offset);

    switch (field->type) {
    case JFIELD_BOOL:
        put(to, *(const bool *)slot ? STR_LIT("true") : STR_LIT("false"));
        break;
    case JFIELD_INT:
        put_number(to, *(const int *)slot);
        break;
    case JFIELD_INTEGER:
        put_number(to, *(const int64_t *)slot);
        break;
    case JFIELD_STRING:
        put_text(to, *(const struct str *)slot);
        break;
    case JFIELD_TEXT:
        put_text(to, str_of(*(char *const *)slot));
        break;
    case JFIELD_LIST:
        put_list(to, *(char **const *)slot, *(const size_t *)slot_in(from, field->count_offset));
        break;
    case JFIELD_OBJECT:
        put_object(to, field->object, slot);
        break;
    }
}

static void
put_object(struct writer *to, const struct jobject *object, const void *from)
{
    struct str before = STR_LIT("{\"");

    for (size_t i = 0; i < object->count; i++) {
        const struct jfield *field = &object->fields[i];

        if (!field->always && is_empty(field, from))
            continue;
        put(to, before);
        put(to, field->key);
        put(to, STR_LIT("\":"));
        put_value(to, field, from);
        before = STR_LIT(",\"");
    }
    put(to, before.data[0] == '{' ? STR_LIT("{}") : STR_LIT("}"));
}

char *
jobject_text(const struct jobject *object, const void *from)
{
    struct writer count = { NULL, 0 }, text = { NULL, 0 };

    put_object(&count, object, from);
    text.out = malloc(count.len + 1);
    if (text.out == NULL)
        return NULL;
    put_object(&text, object, from);
    assert(text.len == count.len);
    text.out[text.len] = '\0';
    return text.out;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/errors.h"

#include <assert.h>
#include <stdint.h>

#include "proto/utf8.h"

static const struct {
    const char *text;
    bool closes;
} errors[] = {
#define X(name, text, closes) { text, closes },
    PROTO_ERRORS(X)
#undef X
};

static const struct {
    const char *before, *after;
} violations[] = {
#define X(name, before, after) { before, after },
    PROTO_VIOLATIONS(X)
#undef X
};

/* Characters past U+007F that show nothing: Unicode's controls, formats, blanks and private
 * use. The reference also escapes code points that its Unicode version does not assign. */
static const struct {
    uint32_t first, last;
} invisible[] = {
    { 0x80, 0xa0 },       { 0xad, 0xad },        { 0x600, 0x605 },   { 0x61c, 0x61c },
    { 0x6dd, 0x6dd },     { 0x70f, 0x70f },      { 0x1680, 0x1680 }, { 0x180e, 0x180e },
    { 0x2000, 0x200f },   { 0x2028, 0x202f },    { 0x205f, 0x206f }, { 0x3000, 0x3000 },
    { 0xe000, 0xf8ff },   { 0xfeff, 0xfeff },    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
    { 0xe0000, 0xe00ff }, { 0xf0000, 0x10ffff },
};

const char *
proto_error_text(enum proto_error error)
{
    assert(error < PROTO_ERR_COUNT);
    return errors[error].text;
}

bool
proto_error_closes(enum proto_error error)
{
    assert(error < PROTO_ERR_COUNT);
    return errors[error].closes;
}

bool
proto_violation(struct buf *out, enum proto_violation violation, struct str subject,
                struct str queue)
{
    assert(violation < PROTO_VIOLATION_COUNT);
    assert(queue.data == NULL || violation == PROTO_VIOLATION_SUBSCRIPTION);
    return buf_append_str(out, violations[violation].before) && proto_quote(out, subject) &&
           (queue.data == NULL ||
            (buf_append_str(out, " using queue ") && proto_quote(out, queue))) &&
           buf_append_str(out, violations[violation].after);
}

bool
proto_error_line(struct buf *out, struct str text)
{
    return buf_append_str(out, "-ERR '") && buf_append(out, text.data, text.len) &&
           buf_append_str(out, "'\r\n");
}

static bool
is_invisible(uint32_t character)
{
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
        if (character <= invisible[i].last)
            return character >= invisible[i].first;
    }
    return false;
}

static bool
quote_ascii(struct buf *out, char byte)
{
    static const char named[] = "\a\b\t\n\v\f\r\"\\", letters[] = "abtnvfr\"\\";
    const char *found = byte == '\0' ? NULL : strchr(named, byte);

    if (found != NULL)
        return buf_append_char(out, '\\') && buf_append_char(out, letters[found - named]);
    if (byte < ' ' || byte == 0x7f)
        return buf_printf(out, "\\x%02x", (unsigned char)byte);
    return buf_append_char(out, byte);
}

static bool
quote_character(struct buf *out, struct str bytes, uint32_t character)
{
    if (character < 0x80)
        return quote_ascii(out, (char)character);
    if (bytes.len == 1)
        return buf_printf(out, "\\x%02x", (unsigned char)bytes.data[0]);
    if (is_invisible(character))
        return buf_printf(out, character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
    return buf_append(out, bytes.data, bytes.len);
}

bool
proto_quote(struct buf *out, struct str text)
{
    if (!buf_append_char(out, '"'))
        return false;
    for (size_t i = 0; i < text.len;) {
        uint32_t character;
        size_t len = utf8_decode(text.data + i, text.len - i, &character);

        if (!quote_character(out, (struct str) { text.data + i, len }, character))
            return false;
        i += len;
    }
    return buf_append_char(out, '"');
}

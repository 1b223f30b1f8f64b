/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <stdint.h>

/* The letter that follows the backslash in both JSON and quoted texts; 0: none. */
static char
short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

bool
text_append_json(struct buf *out, struct str text)
{
    bool ok = true;

    for (size_t i = 0; ok && i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        char escape = short_escape(c);

        if (escape != '\0')
            ok = buf_printf(out, "\\%c", escape);
        else if (c < 0x20 || c == 0x7f)
            ok = buf_printf(out, "\\u%04x", c);
        else
            ok = buf_append_char(out, (char)c);
    }
    return ok;
}

/* Length of the UTF-8 sequence at text, 0 when it is none. */
static size_t
utf8_len(struct str text)
{
    unsigned char first = (unsigned char)text.data[0];
    size_t len = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;

    if (first > 0xf4 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool
text_append_quoted(struct buf *out, struct str text)
{
    bool ok = buf_append_char(out, '"');

    while (ok && text.len > 0) {
        unsigned char c = (unsigned char)text.data[0];
        char escape = short_escape(c);
        size_t len = utf8_len(text);

        if (escape != '\0')
            ok = buf_printf(out, "\\%c", escape);
        else if (len == 0 || c < 0x20 || c == 0x7f)
            ok = buf_printf(out, "\\x%02x", c);
        else
            ok = buf_append(out, text.data, len);
        len = len == 0 ? 1 : len;
        text.data += len;
        text.len -= len;
    }
    return ok && buf_append_char(out, '"');
}

bool
text_append_base64(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *data = (const unsigned char *)bytes.data;
    bool ok = buf_reserve(out, bytes.len / 3 * 4 + 4);

    for (size_t i = 0; ok && i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        char quad[4] = { digits[group >> 18], digits[group >> 12 & 63],
                         left > 1 ? digits[group >> 6 & 63] : '=',
                         left > 2 ? digits[group & 63] : '=' };

        ok = buf_append(out, quad, sizeof(quad));
    }
    return ok;
}

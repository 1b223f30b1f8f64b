/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/jstring.h"

#include <assert.h>

#include "proto/utf8.h"

#define HEX_DIGITS 4 /* behind \u */

bool
jstring_take(struct str *rest, struct str *raw)
{
    assert(rest->len > 0 && rest->data[0] == '"');
    for (size_t i = 1; i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->data[i];

        if (byte < ' ')
            return false;
        if (byte == '\\') {
            i++; /* what is escaped ends no string; decoding judges it */
            continue;
        }
        if (byte == '"') {
            *raw = (struct str) { rest->data + 1, i - 1 };
            *rest = (struct str) { rest->data + i + 1, rest->len - i - 1 };
            return true;
        }
    }
    return false;
}

/* Takes XXXX, four hexadecimal digits. */
static bool
take_hex(struct str *raw, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t number = 0;

    if (raw->len < HEX_DIGITS)
        return false;
    for (size_t i = 0; i < HEX_DIGITS; i++) {
        char byte = raw->data[i];
        const char *digit;

        if (byte >= 'A' && byte <= 'F')
            byte = (char)(byte | 0x20);
        digit = memchr(digits, byte, sizeof(digits) - 1);
        if (digit == NULL)
            return false;
        number = number << 4 | (uint32_t)(digit - digits);
    }
    *raw = (struct str) { raw->data + HEX_DIGITS, raw->len - HEX_DIGITS };
    *out = number;
    return true;
}

/* Takes what follows \u: one escape, or the two of a surrogate pair. A lone surrogate is left
 * as it is: it has no encoding. */
static bool
take_unicode(struct str *raw, uint32_t *character)
{
    struct str low;
    uint32_t second;

    if (!take_hex(raw, character))
        return false;
    if ((*character & 0xfc00) != 0xd800 || !str_starts(*raw, STR_LIT("\\u")))
        return true;
    low = (struct str) { raw->data + 2, raw->len - 2 };
    if (!take_hex(&low, &second) || (second & 0xfc00) != 0xdc00)
        return true;
    *character = 0x10000 + ((*character & 0x3ff) << 10 | (second & 0x3ff));
    *raw = low;
    return true;
}

/* Takes one character, its escape if it has one; raw is not empty. */
static bool
take_character(struct str *raw, uint32_t *character)
{
    static const char letters[] = "\"\\/bfnrtu", meaning[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    size_t len;

    if (raw->data[0] != '\\') {
        len = utf8_decode(raw->data, raw->len, character);
        *raw = (struct str) { raw->data + len, raw->len - len };
        return true;
    }
    if (raw->len < 2)
        return false;
    letter = memchr(letters, raw->data[1], sizeof(letters) - 1);
    if (letter == NULL)
        return false;
    *raw = (struct str) { raw->data + 2, raw->len - 2 };
    if (*letter == 'u')
        return take_unicode(raw, character);
    *character = (unsigned char)meaning[letter - letters];
    return true;
}

/* How many bytes at the start stand for themselves. */
static size_t
plain_len(struct str raw)
{
    size_t len = 0;

    while (len < raw.len && raw.data[len] != '\\' && (unsigned char)raw.data[len] < 0x80)
        len++;
    return len;
}

bool
jstring_decode(struct str raw, char *out, size_t *len)
{
    *len = 0;
    for (;;) {
        char encoded[UTF8_LEN_MAX];
        uint32_t character;
        size_t bytes = plain_len(raw);

        if (out != NULL && bytes > 0)
            memcpy(out + *len, raw.data, bytes);
        *len += bytes;
        raw = (struct str) { raw.data + bytes, raw.len - bytes };
        if (raw.len == 0)
            return true;
        if (!take_character(&raw, &character))
            return false;
        bytes = utf8_encode(encoded, character);
        if (out != NULL)
            memcpy(out + *len, encoded, bytes);
        *len += bytes;
    }
}

/* Writes a character as it stands in a string; out has room for 6 bytes. */
static size_t
put_character(char *out, uint32_t character)
{
    static const char digits[] = "0123456789abcdef";

    if (character >= ' ' && character != '"' && character != '\\')
        return utf8_encode(out, character);
    out[0] = '\\';
    if (character >= ' ') {
        out[1] = (char)character;
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = digits[character >> 4];
    out[5] = digits[character & 0xf];
    return 6;
}

size_t
jstring_encode(struct str text, char *out)
{
    size_t len = 1; /* the quote */

    if (out != NULL)
        out[0] = '"';
    while (text.len > 0) {
        char encoded[6];
        uint32_t character;
        size_t bytes = utf8_decode(text.data, text.len, &character);

        text = (struct str) { text.data + bytes, text.len - bytes };
        bytes = put_character(encoded, character);
        if (out != NULL)
            memcpy(out + len, encoded, bytes);
        len += bytes;
    }
    if (out != NULL)
        out[len] = '"';
    return len + 1;
}

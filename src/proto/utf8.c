/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/utf8.h"

#include <assert.h>
#include <stdbool.h>

static bool
encodable(uint32_t character)
{
    return character <= 0x10ffff && !(character >= 0xd800 && character <= 0xdfff);
}

/* Bytes of a character that starts with this byte; 0: none does. */
static size_t
length_by_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t
utf8_decode(const char *data, size_t len, uint32_t *character)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* by length */
    const unsigned char *bytes = (const unsigned char *)data;
    size_t need;
    uint32_t value;

    assert(len > 0);
    need = length_by_first(bytes[0]);
    *character = UTF8_BAD;
    if (need == 0 || need > len)
        return 1;
    value = need == 1 ? bytes[0] : bytes[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < smallest[need] || !encodable(value))
        return 1;
    *character = value;
    return need;
}

size_t
utf8_encode(char out[UTF8_LEN_MAX], uint32_t character)
{
    static const unsigned char mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 }; /* by length */
    size_t len;

    if (!encodable(character))
        character = UTF8_BAD;
    len = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    out[0] = (char)(mark[len] | character);
    return len;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

int
str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
str_to_u64(struct str text, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)((unsigned char)text.data[i] - '0');

        if (digit > 9 || number > (max - digit) / 10 || digit > max)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

size_t
str_put_u64(char *out, uint64_t number)
{
    size_t len = 1;

    for (uint64_t rest = number; rest >= 10; rest /= 10)
        len++;
    for (size_t at = len; at-- > 0; number /= 10)
        out[at] = (char)('0' + number % 10);
    return len;
}

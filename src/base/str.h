/* SPDX-License-Identifier: Apache-2.0
 *
 * str - a borrowed run of bytes: pointer and length, no terminator
 *
 * Owns     nothing: whoever hands one out says how long it lives.
 */
#ifndef TESSERA_BASE_STR_H
#define TESSERA_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data; /* NULL: absent, which is not the same as empty */
    size_t len;
};

#define STR_NULL                                                                                   \
    (struct str)                                                                                   \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define STR_LIT(literal)                                                                           \
    (struct str)                                                                                   \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static inline struct str
str_of(const char *text)
{
    return (struct str) { text, text == NULL ? 0 : strlen(text) };
}

static inline bool
str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool
str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

/* The white space of subjects and of JSON. */
static inline bool
str_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ASCII case is ignored. */
bool str_eq_nocase(struct str a, struct str b);

/* Of either case; -1: it is none. */
int str_hex_digit(char c);

/* Decimal digits only, no sign; false when empty, not a number or over max. */
bool str_to_u64(struct str text, uint64_t max, uint64_t *out);

/* Writes number in decimal, returns the count of bytes (at most 20); no NUL. */
size_t str_put_u64(char *out, uint64_t number);

#endif

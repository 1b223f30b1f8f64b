/* SPDX-License-Identifier: Apache-2.0
 *
 * scan - steps over the lines of the protocol; private to parser.c and route_parser.c
 *
 * Each step answers for what it sees of the input, and its answer does not change when more
 * bytes follow, unless it was PARSE_MORE: that is what makes results independent of cuts.
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_PROTO_SCAN_H
#define TESSERA_PROTO_SCAN_H

#include <endian.h>
#include <string.h>

#include "proto/parser.h"

#define CRLF_LEN       2
#define SIZE_DIGITS    9 /* most digits of a number on the wire */
#define LINE_LIMIT_MAX (SIZE_MAX / 4)

struct verb {
    const char *name; /* capitals */
    size_t len;
    unsigned kind; /* of the parser whose table it is in */
    bool blank;    /* a blank must follow; the other verbs end without one */
};

#define VERB(text, kind, blank)                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1, kind, blank                                                        \
    }

static inline bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static inline bool
same_letters(const char *data, const char *capitals, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char byte = data[i];

        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - ('a' - 'A'));
        if (byte != capitals[i])
            return false;
    }
    return true;
}

/* PARSE_MORE as long as the bytes could still become a verb. */
static inline enum parse_result
find_verb(const struct verb *verbs, size_t count, const char *data, size_t len,
          const struct verb **out)
{
    for (size_t i = 0; i < count; i++) {
        const struct verb *verb = &verbs[i];

        if (!same_letters(data, verb->name, len < verb->len ? len : verb->len))
            continue;
        if (len < verb->len + verb->blank)
            return PARSE_MORE;
        *out = verb;
        return verb->blank && !is_blank(data[verb->len]) ? PARSE_UNKNOWN_OP : PARSE_OP;
    }
    return PARSE_UNKNOWN_OP;
}

/* Finds the end of the line whose verb ends at data[at]. The limit holds for the arguments,
 * and once more for the blanks before them. *end: the byte behind the LF. */
static inline enum parse_result
take_line(const char *data, size_t len, size_t at, size_t max, struct str *args, size_t *end)
{
    size_t start = at, seen;
    const char *lf;

    while (start < len && is_blank(data[start]))
        start++;
    if (start - at > max)
        return PARSE_LINE_TOO_LONG;
    seen = len - start;
    if (seen > max + CRLF_LEN)
        seen = max + CRLF_LEN;
    lf = memchr(data + start, '\n', seen);
    if (lf != NULL)
        seen = (size_t)(lf - (data + start));
    if (seen > max + 1 || (seen == max + 1 && data[start + max] != '\r'))
        return PARSE_LINE_TOO_LONG;
    if (lf == NULL)
        return PARSE_MORE;
    *end = start + seen + 1;
    if (seen > 0 && data[start + seen - 1] == '\r')
        seen--;
    while (seen > 0 && is_blank(data[start + seen - 1]))
        seen--;
    *args = (struct str) { data + start, seen };
    return PARSE_OP;
}

/* The payload starts at data[at], payload->len is known; the CRLF behind it is checked as its
 * bytes come in. */
static inline enum parse_result
take_payload(const char *data, size_t len, size_t at, struct str *payload, size_t *used)
{
    size_t end = at + payload->len;

    *used = end + CRLF_LEN;
    if ((len > end && data[end] != '\r') || (len > end + 1 && data[end + 1] != '\n'))
        return PARSE_UNKNOWN_OP;
    payload->data = data + at;
    return len < *used ? PARSE_MORE : PARSE_OP;
}

/* -- arguments of a whole line, which starts and ends with none of the blanks around it */

/* The first byte in at..end that is a blank or a control byte, or end. Eight bytes at a time:
 * subjects and replies are most of a line, and this scan was a third of the parser. */
static inline const char *
word_end(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

    while (end - at >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t word, small;

        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        /* The high bit of the first byte that is ' ' or less; bits above it may lie. */
        small = (word - ones * (' ' + 1)) & ~word & high;
        if (small != 0)
            return at + __builtin_ctzll(small) / 8;
        at += sizeof(word);
    }
    while (at < end && (unsigned char)*at > ' ')
        at++;
    return at;
}

/* The first byte in at..end that is a blank or a CR, or end; other control bytes are bytes like
 * any. */
static inline const char *
argument_end(const char *at, const char *end)
{
    for (;; at++) {
        at = word_end(at, end);
        if (at == end || is_blank(*at) || *at == '\r')
            return at;
    }
}

/* One argument, whole: no blank, and no CR, which belongs nowhere but before the LF. */
static inline bool
is_argument(struct str text)
{
    return text.len > 0 && argument_end(text.data, text.data + text.len) == text.data + text.len;
}

/* Takes the first argument, and the blanks behind it, off *rest, which starts with none.
 * Empty when nothing is left, or a CR. */
static inline struct str
take_first(struct str *rest)
{
    const char *start = rest->data, *end = start + rest->len, *at = argument_end(start, end);
    size_t len = (size_t)(at - start);

    while (at < end && is_blank(*at))
        at++;
    *rest = (struct str) { at, (size_t)(end - at) };
    return (struct str) { start, len };
}

/* The same from the end, where the sizes and the sid are. */
static inline struct str
take_last(struct str *rest)
{
    size_t end = rest->len, start = end;

    while (start > 0 && !is_blank(rest->data[start - 1]) && rest->data[start - 1] != '\r')
        start--;
    rest->len = start;
    while (rest->len > 0 && is_blank(rest->data[rest->len - 1]))
        rest->len--;
    return (struct str) { rest->data + start, end - start };
}

/* One argument, or two with blanks between them. */
static inline bool
read_one_or_two(struct str rest, struct str *first, struct str *second)
{
    *first = take_first(&rest);
    if (rest.len == 0)
        return first->len > 0;
    *second = rest;
    return first->len > 0 && is_argument(rest);
}

static inline bool
read_size(struct str text, size_t *out)
{
    size_t number = 0;

    if (text.len == 0 || text.len > SIZE_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)((unsigned char)text.data[i] - '0');

        if (digit > 9)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

/* -- the same in one pass, as long as nothing is unusual: what returns false leaves *at anywhere */

/* Takes digits off *at; false when there are none, or too many. */
static inline bool
take_number(const char **at, const char *end, size_t *out)
{
    const char *start = *at, *digit = start;
    size_t number = 0;

    for (; digit < end && (unsigned char)(*digit - '0') <= 9; digit++)
        number = number * 10 + (unsigned char)(*digit - '0');
    *at = digit;
    *out = number;
    return digit > start && digit - start <= SIZE_DIGITS;
}

/* Takes the sizes and the line's end; header_len NULL: the line has only the other one. */
static inline bool
take_sizes(const char **at, const char *end, size_t *header_len, size_t *len)
{
    if (header_len != NULL &&
        (!take_number(at, end, header_len) || *at == end || !is_blank(*(*at)++)))
        return false;
    if (!take_number(at, end, len) || end - *at < CRLF_LEN || (*at)[0] != '\r' || (*at)[1] != '\n')
        return false;
    *at += CRLF_LEN;
    return true;
}

/* Takes one argument without control bytes and the blank behind it. */
static inline bool
take_word(const char **at, const char *end, struct str *out)
{
    const char *start = *at;

    *at = word_end(start, end);
    *out = (struct str) { start, (size_t)(*at - start) };
    return out->len > 0 && *at < end && is_blank(*(*at)++);
}

#endif

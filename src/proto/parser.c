/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is remembered between calls: an unfinished operation is read again from its first
 * byte. A line is short and bounded by the limit, and the payload, which is not, costs one
 * look at its end. So there is no state to keep right for every place where input may be cut:
 *
 *   PUB  orders.eu _INBOX.7  5\r\nhello\r\n
 *   |  | `----- args -----'    |    |
 *   |  find_verb               |    take_payload: CRLF behind it?
 *   |  take_line: the LF, the limit
 *
 * Each step answers for what it sees of the input, and its answer does not change when more
 * bytes follow, unless it was PARSE_MORE: that is what makes results independent of cuts.
 *
 * Nearly all of what a busy client sends is a whole PUB or HPUB with single blanks and nothing
 * wrong in it. parse_plain_publish() reads that in one pass over the line, in half the time; it
 * knows no error: what it does not understand is read again by the steps above, which say why.
 */
#include "proto/parser.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define CRLF_LEN       2
#define SIZE_DIGITS    9 /* most digits of a number on the wire */
#define LINE_LIMIT_MAX (SIZE_MAX / 4)

struct verb {
    const char *name; /* capitals */
    size_t len;
    enum op_kind kind;
    bool blank; /* a blank must follow; the other verbs end without one */
};

#define VERB(text, kind, blank)                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1, kind, blank                                                        \
    }

/* In the order of how often they come; the first is PUB (is_whole_pub). */
static const struct verb verbs[] = {
    VERB("PUB", OP_PUB, true),          VERB("HPUB", OP_HPUB, true),   VERB("PING", OP_PING, false),
    VERB("SUB", OP_SUB, true),          VERB("UNSUB", OP_UNSUB, true), VERB("PONG", OP_PONG, false),
    VERB("CONNECT", OP_CONNECT, false), VERB("+OK", OP_OK, false),     VERB("INFO", OP_INFO, false),
    VERB("-ERR", OP_ERR, true),
};

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

/* Spares the hottest verb the walk through the table, a fifth of its time. */
static inline bool
is_whole_pub(const char *data, size_t len)
{
    const int capital = ~('a' - 'A');

    return len > 3 && (data[0] & capital) == 'P' && (data[1] & capital) == 'U' &&
           (data[2] & capital) == 'B' && is_blank(data[3]);
}

/* PARSE_MORE as long as the bytes could still become a verb. */
static enum parse_result
find_verb(const char *data, size_t len, const struct verb **out)
{
    if (is_whole_pub(data, len)) {
        *out = &verbs[0];
        return PARSE_OP;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
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
static enum parse_result
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

/* subject, or subject and another: the reply or the queue. */
static inline bool
read_subject(struct str rest, struct op *op, struct str *other)
{
    op->subject = take_first(&rest);
    if (rest.len == 0)
        return op->subject.len > 0;
    *other = rest;
    return op->subject.len > 0 && is_argument(rest);
}

static bool
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

/* Leaves the payload's size in op->payload.len. */
static enum parse_result
read_publish(const struct parse_limits *limits, struct op *op, struct str rest)
{
    struct str size = take_last(&rest), header_size;

    if (op->kind == OP_HPUB) {
        if (!limits->headers)
            return PARSE_HEADERS_OFF;
        header_size = take_last(&rest);
        if (!read_size(header_size, &op->header_len))
            return PARSE_MALFORMED;
    }
    if (!read_size(size, &op->payload.len) || !read_subject(rest, op, &op->reply))
        return PARSE_MALFORMED;
    if (op->header_len > op->payload.len)
        return PARSE_HEADERS_OFF;
    return op->payload.len > limits->payload_max ? PARSE_PAYLOAD_TOO_LARGE : PARSE_OP;
}

/* The payload starts at data[at]; the CRLF behind it is checked as its bytes come in. */
static enum parse_result
take_payload(const char *data, size_t len, size_t at, struct op *op, size_t *used)
{
    size_t end = at + op->payload.len;

    *used = end + CRLF_LEN;
    if ((len > end && data[end] != '\r') || (len > end + 1 && data[end + 1] != '\n'))
        return PARSE_UNKNOWN_OP;
    op->payload.data = data + at;
    return len < *used ? PARSE_MORE : PARSE_OP;
}

static enum parse_result
read_sub(struct op *op, struct str rest)
{
    op->sid = take_last(&rest);
    return op->sid.len > 0 && read_subject(rest, op, &op->queue) ? PARSE_OP : PARSE_MALFORMED;
}

static enum parse_result
read_unsub(struct op *op, struct str rest)
{
    size_t max;

    op->sid = take_first(&rest);
    if (op->sid.len == 0 || (rest.len > 0 && !is_argument(rest)))
        return PARSE_MALFORMED;
    if (read_size(rest, &max))
        op->max = max;
    return PARSE_OP;
}

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

/* Takes the sizes and the line's end. On false *at is anywhere. */
static inline bool
take_sizes(const char **at, const char *end, struct op *op)
{
    if (op->kind == OP_HPUB &&
        (!take_number(at, end, &op->header_len) || *at == end || !is_blank(*(*at)++)))
        return false;
    if (!take_number(at, end, &op->payload.len) || end - *at < CRLF_LEN || (*at)[0] != '\r' ||
        (*at)[1] != '\n')
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

/* data starts with PUB or HPUB and a blank, its arguments at data[start]. False: not plain. */
static inline bool
parse_plain_publish(const struct parse_limits *limits, const char *data, size_t len, size_t start,
                    struct op *op, size_t *used)
{
    size_t line_max = start + limits->control_line_max + CRLF_LEN;
    const char *end = data + (len < line_max ? len : line_max), *at = data + start, *sizes;

    if (!take_word(&at, end, &op->subject))
        return false;
    sizes = at;
    if (!take_sizes(&at, end, op)) {
        at = sizes;
        if (!take_word(&at, end, &op->reply) || !take_sizes(&at, end, op))
            return false;
    }
    if (op->payload.len > limits->payload_max || op->header_len > op->payload.len ||
        (op->kind == OP_HPUB && !limits->headers))
        return false;
    op->args = (struct str) { data + start, (size_t)(at - CRLF_LEN - (data + start)) };
    *used = (size_t)(at - data);
    return true;
}

enum parse_result
parse_op(const struct parse_limits *limits, const char *data, size_t len, struct op *op,
         size_t *used)
{
    const struct verb *verb;
    enum parse_result result;
    struct str args;

    assert(len > 0 && limits->control_line_max <= LINE_LIMIT_MAX);
    *used = len + 1; /* of PARSE_MORE: all that is known before the line's end */
    result = find_verb(data, len, &verb);
    if (result != PARSE_OP)
        return result;
    *op = (struct op) { .kind = verb->kind };
    if ((verb->kind == OP_PUB || verb->kind == OP_HPUB) &&
        parse_plain_publish(limits, data, len, verb->len + 1, op, used))
        return take_payload(data, len, *used, op, used);
    result = take_line(data, len, verb->len, limits->control_line_max, &args, used);
    if (result != PARSE_OP)
        return result;
    *op = (struct op) { .kind = verb->kind, .args = args };
    switch (verb->kind) {
    case OP_PUB:
    case OP_HPUB:
        result = read_publish(limits, op, args);
        return result == PARSE_OP ? take_payload(data, len, *used, op, used) : result;
    case OP_SUB:
        return read_sub(op, args);
    case OP_UNSUB:
        return read_unsub(op, args);
    case OP_CONNECT:
    case OP_PING:
    case OP_PONG:
    case OP_INFO:
    case OP_OK:
    case OP_ERR:
        break;
    }
    return PARSE_OP;
}

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
 * The steps are in scan.h, with what makes their results independent of cuts.
 *
 * Nearly all of what a busy client sends is a whole PUB or HPUB with single blanks and nothing
 * wrong in it. parse_plain_publish() reads that in one pass over the line, in half the time; it
 * knows no error: what it does not understand is read again by the steps above, which say why.
 */
#include "proto/parser.h"

#include <assert.h>

#include "proto/scan.h"

/* In the order of how often they come; the first is PUB (is_whole_pub). */
static const struct verb verbs[] = {
    VERB("PUB", OP_PUB, true),          VERB("HPUB", OP_HPUB, true),   VERB("PING", OP_PING, false),
    VERB("SUB", OP_SUB, true),          VERB("UNSUB", OP_UNSUB, true), VERB("PONG", OP_PONG, false),
    VERB("CONNECT", OP_CONNECT, false), VERB("+OK", OP_OK, false),     VERB("INFO", OP_INFO, false),
    VERB("-ERR", OP_ERR, true),
};

/* Spares the hottest verb the walk through the table, a fifth of its time. */
static inline bool
is_whole_pub(const char *data, size_t len)
{
    const int capital = ~('a' - 'A');

    return len > 3 && (data[0] & capital) == 'P' && (data[1] & capital) == 'U' &&
           (data[2] & capital) == 'B' && is_blank(data[3]);
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
    if (!read_size(size, &op->payload.len) || !read_one_or_two(rest, &op->subject, &op->reply))
        return PARSE_MALFORMED;
    if (op->header_len > op->payload.len)
        return PARSE_HEADERS_OFF;
    return op->payload.len > limits->payload_max ? PARSE_PAYLOAD_TOO_LARGE : PARSE_OP;
}

static enum parse_result
read_sub(struct op *op, struct str rest)
{
    op->sid = take_last(&rest);
    return op->sid.len > 0 && read_one_or_two(rest, &op->subject, &op->queue) ? PARSE_OP
                                                                              : PARSE_MALFORMED;
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

/* data starts with PUB or HPUB and a blank, its arguments at data[start]. False: not plain. */
static inline bool
parse_plain_publish(const struct parse_limits *limits, const char *data, size_t len, size_t start,
                    struct op *op, size_t *used)
{
    size_t line_max = start + limits->control_line_max + CRLF_LEN;
    const char *end = data + (len < line_max ? len : line_max), *at = data + start, *sizes;
    size_t *header_len = op->kind == OP_HPUB ? &op->header_len : NULL;

    if (!take_word(&at, end, &op->subject))
        return false;
    sizes = at;
    if (!take_sizes(&at, end, header_len, &op->payload.len)) {
        at = sizes;
        if (!take_word(&at, end, &op->reply) || !take_sizes(&at, end, header_len, &op->payload.len))
            return false;
    }
    if (op->payload.len > limits->payload_max || op->header_len > op->payload.len ||
        (op->kind == OP_HPUB && !limits->headers))
        return false;
    op->args = (struct str) { data + start, (size_t)(at - CRLF_LEN - (data + start)) };
    *used = (size_t)(at - data);
    return true;
}

/* Field by field: a whole struct is zeroed by "rep stos", which is slow to start. */
static inline void
begin_op(struct op *op, enum op_kind kind)
{
    op->kind = kind;
    op->args = op->subject = op->reply = op->queue = op->sid = op->payload = STR_NULL;
    op->header_len = 0;
    op->max = 0;
}

enum parse_result
parse_op(const struct parse_limits *limits, const char *data, size_t len, struct op *op,
         size_t *used)
{
    const struct verb *verb = &verbs[0];
    enum parse_result result;
    struct str args;
    enum op_kind kind;

    assert(len > 0 && limits->control_line_max <= LINE_LIMIT_MAX);
    *used = len + 1; /* of PARSE_MORE: all that is known before the line's end */
    result = is_whole_pub(data, len)
                 ? PARSE_OP
                 : find_verb(verbs, sizeof(verbs) / sizeof(verbs[0]), data, len, &verb);
    if (result != PARSE_OP)
        return result;
    kind = (enum op_kind)verb->kind;
    begin_op(op, kind);
    if ((kind == OP_PUB || kind == OP_HPUB) &&
        parse_plain_publish(limits, data, len, verb->len + 1, op, used))
        return take_payload(data, len, *used, &op->payload, used);
    result = take_line(data, len, verb->len, limits->control_line_max, &args, used);
    if (result != PARSE_OP)
        return result;
    *op = (struct op) { .kind = kind, .args = args };
    switch (kind) {
    case OP_PUB:
    case OP_HPUB:
        result = read_publish(limits, op, args);
        return result == PARSE_OP ? take_payload(data, len, *used, &op->payload, used) : result;
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * Built as parser.c is, from the same steps:
 *
 *   LMSG leaf-a $G orders.eu + _INBOX.7 q1 q2 12 17\r\n
 *   |    |      |  |         | |        |     `-- sizes: of the headers, of all
 *   |    origin |  subject   | reply    queues
 *   verb        account      `-- "+": a reply and queues, "|": queues without a reply
 *
 * A verb's first letter says what its line has: with L an origin, with L and H both sizes. How
 * many arguments there are tells the rest: a lone one behind the subject is the reply, even "|".
 *
 * Nearly all of what a busy peer sends are whole messages with single blanks and nothing wrong in
 * them: parse_plain_message() reads them in one pass over the line, in half the time; it knows no
 * error: what it does not understand is read again by the steps of all verbs, which say why.
 */
#include "proto/route_parser.h"

#include <assert.h>

#include "proto/scan.h"

/* In the order of how often they come; the first three are those of whole_message(). */
static const struct verb verbs[] = {
    VERB("RMSG", ROUTE_MSG, true),         VERB("HMSG", ROUTE_MSG, true),
    VERB("LMSG", ROUTE_MSG, true),         VERB("RS+", ROUTE_SUB, true),
    VERB("RS-", ROUTE_UNSUB, true),        VERB("PING", ROUTE_PING, false),
    VERB("PONG", ROUTE_PONG, false),       VERB("LS+", ROUTE_SUB, true),
    VERB("LS-", ROUTE_UNSUB, true),        VERB("INFO", ROUTE_INFO, false),
    VERB("CONNECT", ROUTE_CONNECT, false), VERB("+OK", ROUTE_OK, false),
    VERB("-ERR", ROUTE_ERR, true),         VERB("A+", ROUTE_IGNORED, true),
    VERB("A-", ROUTE_IGNORED, true),       VERB("SUB", ROUTE_IGNORED, true),
    VERB("PUB", ROUTE_IGNORED, true),
};

static inline bool
has_origin(const struct verb *verb)
{
    return verb->name[0] == 'L';
}

static inline bool
has_header_size(const struct verb *verb)
{
    return verb->name[0] != 'R';
}

static inline bool
has_payload(const struct verb *verb)
{
    return verb->kind == ROUTE_MSG || (verb->kind == ROUTE_IGNORED && verb->name[0] == 'P');
}

/* Spares the hottest verbs the walk through the table. NULL: it is none of them, or not whole. */
static inline const struct verb *
whole_message(const char *data, size_t len)
{
    const int capital = ~('a' - 'A');

    if (len <= 4 || (data[1] & capital) != 'M' || (data[2] & capital) != 'S' ||
        (data[3] & capital) != 'G' || !is_blank(data[4]))
        return NULL;
    switch (data[0] & capital) {
    case 'R':
        return &verbs[0];
    case 'H':
        return &verbs[1];
    case 'L':
        return &verbs[2];
    default:
        return NULL;
    }
}

/* Takes the names up to the sizes: the last word, or two, before the CR. */
static inline bool
take_queues(const char **at, const char *end, bool header_size, struct str *out)
{
    const char *start = *at, *before = start, *word = start, *stop;

    for (;;) {
        stop = word_end(word, end);
        if (stop == word || stop == end || !is_blank(*stop))
            break;
        before = word;
        word = stop + 1;
    }
    *at = header_size ? before : word;
    if (stop == end || *stop != '\r' || *at == start)
        return false;
    *out = (struct str) { start, (size_t)(*at - 1 - start) };
    return true;
}

/* Takes what stands between subject and sizes. */
static inline bool
take_reply_and_queues(const char **at, const char *end, bool header_size, struct route_op *op)
{
    char indicator = **at;

    if ((indicator != '|' && indicator != '+') || end - *at < 2 || !is_blank((*at)[1]))
        return take_word(at, end, &op->reply);
    *at += 2;
    return (indicator == '|' || take_word(at, end, &op->reply)) &&
           take_queues(at, end, header_size, &op->queues);
}

/* The arguments of a message lie behind verb and blank. False: not plain. */
static inline bool
parse_plain_message(const struct route_limits *limits, const struct verb *verb, const char *data,
                    size_t len, struct route_op *op, size_t *used)
{
    size_t start = verb->len + 1, line_max = start + limits->control_line_max + CRLF_LEN;
    const char *end = data + (len < line_max ? len : line_max), *at = data + start, *behind;
    size_t *header_len = has_header_size(verb) ? &op->header_len : NULL;

    if ((has_origin(verb) && !take_word(&at, end, &op->origin)) ||
        !take_word(&at, end, &op->account) || !take_word(&at, end, &op->subject))
        return false;
    behind = at;
    if (!take_sizes(&at, end, header_len, &op->payload.len)) {
        at = behind;
        if (at == end || !take_reply_and_queues(&at, end, header_len != NULL, op) ||
            !take_sizes(&at, end, header_len, &op->payload.len))
            return false;
    }
    if (op->payload.len > limits->payload_max || op->header_len > op->payload.len)
        return false;
    op->args = (struct str) { data + start, (size_t)(at - CRLF_LEN - (data + start)) };
    *used = (size_t)(at - data);
    return true;
}

/* The first arguments of all operations on interest and of messages. */
static inline bool
read_place(bool origin, struct route_op *op, struct str *rest)
{
    if (origin)
        op->origin = take_first(rest);
    op->account = take_first(rest);
    op->subject = take_first(rest);
    return op->subject.len > 0; /* then those before it are not empty, either */
}

/* What stands between subject and sizes. */
static bool
read_reply_and_queues(struct route_op *op, struct str rest)
{
    struct str first;

    if (rest.len == 0)
        return true;
    first = take_first(&rest);
    if (rest.len == 0) {
        op->reply = first;
        return true;
    }
    if (str_eq(first, STR_LIT("+"))) {
        op->reply = take_first(&rest);
        if (op->reply.len == 0)
            return false;
    } else if (!str_eq(first, STR_LIT("|"))) {
        return false;
    }
    if (rest.len > 0)
        op->queues = rest;
    return memchr(rest.data, '\r', rest.len) == NULL;
}

/* Leaves the payload's size in op->payload.len. */
static enum parse_result
read_message(const struct route_limits *limits, const struct verb *verb, struct route_op *op,
             struct str rest)
{
    struct str size = take_last(&rest), header_size;

    if (has_header_size(verb)) {
        header_size = take_last(&rest);
        if (!read_size(header_size, &op->header_len))
            return PARSE_MALFORMED;
    }
    if (!read_size(size, &op->payload.len) || !read_place(has_origin(verb), op, &rest) ||
        !read_reply_and_queues(op, rest))
        return PARSE_MALFORMED;
    if (op->header_len > op->payload.len)
        return PARSE_HEADERS_OFF;
    return op->payload.len > limits->payload_max ? PARSE_PAYLOAD_TOO_LARGE : PARSE_OP;
}

static enum parse_result
read_sub(const struct verb *verb, struct route_op *op, struct str rest)
{
    size_t weight = 0;

    if (!read_place(has_origin(verb), op, &rest))
        return PARSE_MALFORMED;
    if (rest.len == 0)
        return PARSE_OP;
    op->queue = take_first(&rest);
    if (op->queue.len == 0 || !read_size(rest, &weight))
        return PARSE_MALFORMED;
    op->weight = (uint32_t)weight;
    return PARSE_OP;
}

static enum parse_result
read_unsub(const struct route_limits *limits, const struct verb *verb, struct route_op *op,
           struct str rest)
{
    if (!read_place(has_origin(verb) && limits->origin_in_unsub, op, &rest))
        return PARSE_MALFORMED;
    if (has_origin(verb) && !limits->origin_in_unsub)
        op->origin = (struct str) { op->args.data, 0 };
    if (rest.len == 0)
        return PARSE_OP;
    op->queue = rest;
    return is_argument(rest) ? PARSE_OP : PARSE_MALFORMED;
}

/* A client's PUB and SUB have one or two arguments and a last one. */
static enum parse_result
read_ignored(const struct route_limits *limits, const struct verb *verb, struct route_op *op,
             struct str rest)
{
    struct str last, first, second;

    if (verb->name[0] == 'A')
        return PARSE_OP;
    last = take_last(&rest);
    if (last.len == 0 || !read_one_or_two(rest, &first, &second))
        return PARSE_MALFORMED;
    if (!has_payload(verb))
        return PARSE_OP;
    if (!read_size(last, &op->payload.len))
        return PARSE_MALFORMED;
    return op->payload.len > limits->payload_max ? PARSE_PAYLOAD_TOO_LARGE : PARSE_OP;
}

static enum parse_result
read_args(const struct route_limits *limits, const struct verb *verb, struct route_op *op)
{
    switch (op->kind) {
    case ROUTE_MSG:
        return read_message(limits, verb, op, op->args);
    case ROUTE_SUB:
        return read_sub(verb, op, op->args);
    case ROUTE_UNSUB:
        return read_unsub(limits, verb, op, op->args);
    case ROUTE_IGNORED:
        return read_ignored(limits, verb, op, op->args);
    case ROUTE_CONNECT:
    case ROUTE_INFO:
    case ROUTE_PING:
    case ROUTE_PONG:
    case ROUTE_OK:
    case ROUTE_ERR:
        break;
    }
    return PARSE_OP;
}

/* Field by field: a whole struct is zeroed by "rep stos", which is slow to start. */
static inline void
begin_message(struct route_op *op)
{
    op->kind = ROUTE_MSG;
    op->args = op->origin = op->account = op->subject = STR_NULL;
    op->reply = op->queue = op->queues = op->payload = STR_NULL;
    op->weight = 0;
    op->header_len = 0;
}

enum parse_result
parse_route_op(const struct route_limits *limits, const char *data, size_t len, struct route_op *op,
               size_t *used)
{
    const struct verb *verb = whole_message(data, len);
    enum parse_result result = PARSE_OP;
    struct str args;

    assert(len > 0 && limits->control_line_max <= LINE_LIMIT_MAX);
    *used = len + 1; /* of PARSE_MORE: all that is known before the line's end */
    if (verb != NULL) {
        begin_message(op);
        if (parse_plain_message(limits, verb, data, len, op, used))
            return take_payload(data, len, *used, &op->payload, used);
    } else {
        result = find_verb(verbs, sizeof(verbs) / sizeof(verbs[0]), data, len, &verb);
    }
    if (result == PARSE_OP)
        result = take_line(data, len, verb->len, limits->control_line_max, &args, used);
    if (result != PARSE_OP)
        return result;
    *op = (struct route_op) { .kind = (enum route_op_kind)verb->kind, .args = args };
    result = read_args(limits, verb, op);
    if (result == PARSE_OP && has_payload(verb))
        return take_payload(data, len, *used, &op->payload, used);
    return result;
}

struct str
route_next_queue(struct str *queues)
{
    return queues->len == 0 ? STR_NULL : take_first(queues);
}

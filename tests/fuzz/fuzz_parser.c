/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says where the rest is cut, the second the limits. Checked for each
 * operation of the stream: its fields lie inside the input, and the cut changes nothing.
 */
#include <assert.h>
#include <stdlib.h>

#include "fields.h"
#include "proto/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_op(const struct parse_limits *limits, const struct op *op, const char *data, size_t used)
{
    check_inside(op->args, data, used);
    check_inside(op->subject, data, used);
    check_inside(op->reply, data, used);
    check_inside(op->queue, data, used);
    check_inside(op->sid, data, used);
    check_inside(op->payload, data, used);
    assert(op->args.len <= limits->control_line_max);
    assert(op->payload.len <= limits->payload_max);
    assert(op->header_len <= op->payload.len);
    assert(op->kind != OP_HPUB || limits->headers);
    assert(data[used - 1] == '\n');
}

static void
check_equal(struct str a, struct str b)
{
    assert((a.data == NULL) == (b.data == NULL) && str_eq(a, b));
}

/* With a second blank behind the verb a publish is not plain any more, and says the same. */
static void
check_not_plain(const struct parse_limits *limits, const struct op *op, const char *data,
                size_t used)
{
    size_t verb = op->kind == OP_PUB ? 3 : 4, other_used;
    char *other = malloc(used + 1);
    enum parse_result result;
    struct op other_op;

    assert(other != NULL);
    memcpy(other, data, verb);
    other[verb] = ' ';
    memcpy(other + verb + 1, data + verb, used - verb);
    result = parse_op(limits, other, used + 1, &other_op, &other_used);
    assert(result == PARSE_OP || result == PARSE_LINE_TOO_LONG); /* the limit counts blanks too */
    if (result == PARSE_OP) {
        assert(other_used == used + 1 && other_op.kind == op->kind);
        check_equal(other_op.args, op->args);
        check_equal(other_op.subject, op->subject);
        check_equal(other_op.reply, op->reply);
        check_equal(other_op.payload, op->payload);
        assert(other_op.header_len == op->header_len);
    }
    free(other);
}

/* What the first len bytes alone give, in memory of exactly that size. */
static void
check_cut(const struct parse_limits *limits, const char *data, size_t len, enum parse_result whole,
          const struct op *whole_op, size_t whole_used)
{
    char *piece = malloc(len);
    enum parse_result result;
    struct op op;
    size_t used;

    assert(piece != NULL);
    memcpy(piece, data, len);
    result = parse_op(limits, piece, len, &op, &used);
    if (result == PARSE_MORE) {
        assert(used > len);
        assert(whole != PARSE_OP || used <= whole_used);
    } else {
        assert(result == whole);
    }
    if (result == PARSE_OP) {
        assert(used == whole_used && op.kind == whole_op->kind);
        assert(op.max == whole_op->max && op.header_len == whole_op->header_len);
        check_same_place(op.args, whole_op->args, piece, data);
        check_same_place(op.subject, whole_op->subject, piece, data);
        check_same_place(op.reply, whole_op->reply, piece, data);
        check_same_place(op.queue, whole_op->queue, piece, data);
        check_same_place(op.sid, whole_op->sid, piece, data);
        check_same_place(op.payload, whole_op->payload, piece, data);
    }
    free(piece);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parse_limits limits;
    const char *at = (const char *)data + 2;
    size_t left, cut;

    if (size < 3)
        return 0;
    left = size - 2;
    cut = 1 + data[0] % left;
    limits = (struct parse_limits) { .control_line_max = data[1] & 0x3f,
                                     .payload_max = data[1] & 0x40 ? SIZE_MAX : 64,
                                     .headers = data[1] & 0x80 };
    while (left > 0) {
        struct op op = { .kind = OP_PING };
        size_t used;
        enum parse_result result = parse_op(&limits, at, left, &op, &used);

        assert(result != PARSE_MORE || used > left);
        if (result == PARSE_OP) {
            assert(used > 0 && used <= left);
            check_op(&limits, &op, at, used);
            if (op.kind == OP_PUB || op.kind == OP_HPUB)
                check_not_plain(&limits, &op, at, used);
        }
        if (cut <= left)
            check_cut(&limits, at, cut, result, &op, used);
        if (result != PARSE_OP)
            break;
        at += used;
        left -= used;
    }
    return 0;
}

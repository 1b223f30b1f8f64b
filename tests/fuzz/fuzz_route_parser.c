/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says where the rest is cut, the second the limits. Checked for each
 * operation of the stream: its fields lie inside the input, the cut changes nothing, and a
 * message says the same when it is not plain.
 */
#include <assert.h>
#include <stdlib.h>

#include "fields.h"
#include "proto/route_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 8

static void
fields_of(const struct route_op *op, struct str fields[FIELDS])
{
    const struct str all[FIELDS] = { op->args,  op->origin, op->account, op->subject,
                                     op->reply, op->queue,  op->queues,  op->payload };

    memcpy(fields, all, sizeof(all));
}

static void
check_word(struct str word)
{
    assert(word.data == NULL || word.len > 0);
    for (size_t i = 0; i < word.len; i++)
        assert(word.data[i] != ' ' && word.data[i] != '\t' && word.data[i] != '\r');
}

static void
check_op(const struct route_limits *limits, const struct route_op *op, const char *data,
         size_t used)
{
    struct str fields[FIELDS], queues = op->queues;

    fields_of(op, fields);
    for (size_t i = 0; i < FIELDS; i++)
        check_inside(fields[i], data, used);
    if (op->kind != ROUTE_UNSUB || op->origin.len > 0) /* empty: some leaf */
        check_word(op->origin);
    check_word(op->account);
    check_word(op->subject);
    check_word(op->reply);
    check_word(op->queue);
    for (struct str name; (name = route_next_queue(&queues)).data != NULL;) {
        check_inside(name, op->queues.data, op->queues.len);
        check_word(name);
    }
    assert(op->args.len <= limits->control_line_max);
    assert(op->payload.len <= limits->payload_max && op->header_len <= op->payload.len);
    assert(op->weight <= 999999999);
    assert((op->account.data != NULL) == (op->kind >= ROUTE_SUB && op->kind <= ROUTE_MSG));
    assert((op->subject.data != NULL) == (op->account.data != NULL));
    assert(op->kind != ROUTE_MSG || op->payload.data != NULL);
    assert(data[used - 1] == '\n');
}

static void
check_same(const struct route_op *a, const struct route_op *b, const char *a_data,
           const char *b_data)
{
    struct str a_fields[FIELDS], b_fields[FIELDS];

    assert(a->kind == b->kind && a->weight == b->weight && a->header_len == b->header_len);
    fields_of(a, a_fields);
    fields_of(b, b_fields);
    for (size_t i = 0; i < FIELDS; i++)
        check_same_place(a_fields[i], b_fields[i], a_data, b_data);
}

/* With a second blank behind the verb a message is not plain any more, and says the same. */
static void
check_not_plain(const struct route_limits *limits, const struct route_op *op, const char *data,
                size_t used)
{
    const size_t verb = 4;
    char *other = malloc(used + 1);
    enum parse_result result;
    struct route_op other_op;
    size_t other_used;

    assert(other != NULL);
    memcpy(other, data, verb);
    other[verb] = ' ';
    memcpy(other + verb + 1, data + verb, used - verb);
    result = parse_route_op(limits, other, used + 1, &other_op, &other_used);
    assert(result == PARSE_OP || result == PARSE_LINE_TOO_LONG); /* the limit counts blanks too */
    if (result == PARSE_OP) {
        assert(other_used == used + 1);
        check_same(&other_op, op, other + 1, data);
    }
    free(other);
}

/* What the first len bytes alone give, in memory of exactly that size. */
static void
check_cut(const struct route_limits *limits, const char *data, size_t len, enum parse_result whole,
          const struct route_op *whole_op, size_t whole_used)
{
    char *piece = malloc(len);
    enum parse_result result;
    struct route_op op;
    size_t used;

    assert(piece != NULL);
    memcpy(piece, data, len);
    result = parse_route_op(limits, piece, len, &op, &used);
    if (result == PARSE_MORE) {
        assert(used > len);
        assert(whole != PARSE_OP || used <= whole_used);
    } else {
        assert(result == whole);
    }
    if (result == PARSE_OP) {
        assert(used == whole_used);
        check_same(&op, whole_op, piece, data);
    }
    free(piece);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route_limits limits;
    const char *at = (const char *)data + 2;
    size_t left, cut;

    if (size < 3)
        return 0;
    left = size - 2;
    cut = 1 + data[0] % left;
    limits = (struct route_limits) { .control_line_max = data[1] & 0x3f,
                                     .payload_max = data[1] & 0x40 ? SIZE_MAX : 64,
                                     .origin_in_unsub = data[1] & 0x80 };
    while (left > 0) {
        struct route_op op = { .kind = ROUTE_PING };
        size_t used;
        enum parse_result result = parse_route_op(&limits, at, left, &op, &used);

        assert(result != PARSE_MORE || used > left);
        if (result == PARSE_OP) {
            assert(used > 0 && used <= left);
            check_op(&limits, &op, at, used);
            if (op.kind == ROUTE_MSG)
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

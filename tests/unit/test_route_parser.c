/* SPDX-License-Identifier: Apache-2.0
 *
 * As test_parser.c: every input of the tables is also given cut at every byte, and twice in one
 * piece: the results must not change. Each piece lies in memory of exactly its size, so that the
 * sanitizer sees a byte read past it.
 */
#include "proto/route_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LINE_BYTES   40 /* bytes: the limits of the tables */
#define PAYLOAD_MAX  20

static const struct route_limits limits = { LINE_BYTES, PAYLOAD_MAX, true };
static const struct route_limits no_lnocu = { LINE_BYTES, PAYLOAD_MAX, false };

static const char *const result_names[] = {
    [PARSE_OP] = "op",
    [PARSE_MORE] = "more",
    [PARSE_UNKNOWN_OP] = "unknown op",
    [PARSE_LINE_TOO_LONG] = "line too long",
    [PARSE_PAYLOAD_TOO_LARGE] = "payload too large",
    [PARSE_MALFORMED] = "malformed",
    [PARSE_HEADERS_OFF] = "headers off",
};

static const char *const kind_names[] = {
    [ROUTE_CONNECT] = "CONNECT", [ROUTE_INFO] = "INFO",   [ROUTE_PING] = "PING",
    [ROUTE_PONG] = "PONG",       [ROUTE_OK] = "+OK",      [ROUTE_ERR] = "-ERR",
    [ROUTE_SUB] = "sub",         [ROUTE_UNSUB] = "unsub", [ROUTE_MSG] = "msg",
    [ROUTE_IGNORED] = "ignored",
};

static void
print_field(char **at, char *end, const char *name, struct str field)
{
    if (field.data != NULL)
        *at += snprintf(*at, (size_t)(end - *at), " %s=%.*s", name, (int)field.len, field.data);
}

/* One line that names all of an operation, but for args: what the tables compare with. */
static void
print_op(const struct route_op *op, char *out, size_t size)
{
    char *at = out, *end = out + size;

    at += snprintf(at, size, "%s", kind_names[op->kind]);
    if (op->kind <= ROUTE_ERR)
        at += snprintf(at, (size_t)(end - at), " [%.*s]", (int)op->args.len, op->args.data);
    print_field(&at, end, "origin", op->origin);
    print_field(&at, end, "account", op->account);
    print_field(&at, end, "subject", op->subject);
    print_field(&at, end, "reply", op->reply);
    print_field(&at, end, "queue", op->queue);
    print_field(&at, end, "queues", op->queues);
    print_field(&at, end, "payload", op->payload);
    if (op->header_len > 0)
        at += snprintf(at, (size_t)(end - at), " header=%zu", op->header_len);
    if (op->kind == ROUTE_SUB && op->queue.data != NULL)
        (void)snprintf(at, (size_t)(end - at), " weight=%u", (unsigned)op->weight);
}

/* Parses the first len bytes of input; *got: the result, printed. */
static enum parse_result
parse_piece(const struct route_limits *lim, struct str input, size_t len, size_t *used, char *got,
            size_t size)
{
    char *copy = malloc(len);
    struct route_op op;
    enum parse_result result;

    assert_non_null(copy);
    memcpy(copy, input.data, len);
    result = parse_route_op(lim, copy, len, &op, used);
    if (result == PARSE_OP)
        print_op(&op, got, size);
    else
        (void)snprintf(got, size, "%s", result_names[result]);
    free(copy);
    return result;
}

/* Every shorter piece must give the same answer, or ask for more without asking too much. */
static void
check_cuts(const struct route_limits *lim, struct str input, enum parse_result whole,
           size_t whole_used, const char *want)
{
    for (size_t len = 1; len < input.len; len++) {
        size_t used;
        char got[256];
        enum parse_result result = parse_piece(lim, input, len, &used, got, sizeof(got));

        if (result != PARSE_MORE) {
            assert_string_equal(got, want);
            assert_true(whole != PARSE_OP || (used == whole_used && used <= len));
            continue;
        }
        assert_true(used > len);
        if (whole == PARSE_OP) {
            assert_true(len < whole_used);
            assert_true(used <= whole_used);
        }
    }
}

static void
expect(const struct route_limits *lim, struct str input, const char *want)
{
    char got[256], again[256], twice[1024];
    size_t used, twice_used;
    enum parse_result result = parse_piece(lim, input, input.len, &used, got, sizeof(got));

    if (strcmp(got, want) != 0)
        fail_msg("%.*s: got \"%s\", want \"%s\"", (int)input.len, input.data, got, want);
    check_cuts(lim, input, result, used, want);
    if (result == PARSE_MORE)
        return;
    assert_true(2 * input.len <= sizeof(twice));
    memcpy(twice, input.data, input.len);
    memcpy(twice + input.len, input.data, input.len);
    (void)parse_piece(lim, (struct str) { twice, 2 * input.len }, 2 * input.len, &twice_used, again,
                      sizeof(again));
    assert_string_equal(again, want);
    if (result != PARSE_OP)
        return;
    assert_int_equal(used, input.len);
    assert_int_equal(twice_used, used);
}

struct row {
    struct str input;
    const char *want;
};

#define ROW(input, want)                                                                           \
    {                                                                                              \
        { input, sizeof(input) - 1 }, want                                                         \
    }

static void
expect_rows(const struct route_limits *lim, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(lim, rows[i].input, rows[i].want);
}

static void
test_plain_verbs(void **state)
{
    static const struct row rows[] = {
        ROW("PING\r\n", "PING []"),
        ROW("ping\n", "PING []"),
        ROW("PONGfoo bar\r\n", "PONG [foo bar]"),
        ROW("+OK\r\n", "+OK []"),
        ROW("-ERR 'x y'\r\n", "-ERR ['x y']"),
        ROW("CONNECT {}\r\n", "CONNECT [{}]"),
        ROW("connect{\"a\":1}\r\n", "CONNECT [{\"a\":1}]"),
        ROW("INFO {} \r\n", "INFO [{}]"),
        ROW("info{}\n", "INFO [{}]"),
        ROW("A+ $G\r\n", "ignored"),
        ROW("a- x y z\n", "ignored"),
        ROW("SUB a 1\r\n", "ignored"),
        ROW("sub a q 1\r\n", "ignored"),
        ROW("PUB a 2\r\nhi\r\n", "ignored payload=hi"),
        ROW("pub a r 6\r\nPING\r\n\r\n", "ignored payload=PING\r\n"),
    };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
}

static void
test_interest(void **state)
{
    static const struct row rows[] = {
        ROW("RS+ $G foo.*\r\n", "sub account=$G subject=foo.*"),
        ROW("rs+ $G >\n", "sub account=$G subject=>"),
        ROW("Rs+ \t A\t b \t\r\n", "sub account=A subject=b"),
        ROW("RS+ $G a q1 2\r\n", "sub account=$G subject=a queue=q1 weight=2"),
        ROW("RS+ $G a q1 0\r\n", "sub account=$G subject=a queue=q1 weight=0"),
        ROW("RS+ A b 1 999999999\r\n", "sub account=A subject=b queue=1 weight=999999999"),
        ROW("RS+ A b..\x80\v\r\n", "sub account=A subject=b..\x80\v"), /* the caller judges */
        ROW("RS- $G foo.*\r\n", "unsub account=$G subject=foo.*"),
        ROW("RS- $G a q1\r\n", "unsub account=$G subject=a queue=q1"),
        ROW("LS+ leaf $G a\r\n", "sub origin=leaf account=$G subject=a"),
        ROW("ls+ leaf $G a q 3\r\n", "sub origin=leaf account=$G subject=a queue=q weight=3"),
        ROW("LS- leaf $G a\r\n", "unsub origin=leaf account=$G subject=a"),
        ROW("LS- leaf $G a q\r\n", "unsub origin=leaf account=$G subject=a queue=q"),
    };
    static const struct row without_origin[] = {
        ROW("LS- $G a\r\n", "unsub origin= account=$G subject=a"),
        ROW("LS- $G a q\r\n", "unsub origin= account=$G subject=a queue=q"),
        ROW("LS- leaf $G a q\r\n", "malformed"),
        ROW("LS+ leaf $G a\r\n", "sub origin=leaf account=$G subject=a"),
    };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
    expect_rows(&no_lnocu, without_origin, COUNT(without_origin));
}

static void
test_messages(void **state)
{
    static const struct row rows[] = {
        /* without queues */
        ROW("RMSG $G a 2\r\nhi\r\n", "msg account=$G subject=a payload=hi"),
        ROW("rmsg $G a 0\r\n\r\n", "msg account=$G subject=a payload="),
        ROW("RMSG A b 000000002\r\nhi\r\n", "msg account=A subject=b payload=hi"),
        ROW("RMSG $G a r.1 2\r\nhi\r\n", "msg account=$G subject=a reply=r.1 payload=hi"),
        ROW("RMSG $G a 5 2\r\nhi\r\n", "msg account=$G subject=a reply=5 payload=hi"),
        ROW("RMSG $G a | 2\r\nhi\r\n", "msg account=$G subject=a reply=| payload=hi"),
        ROW("RMSG $G a + 2\r\nhi\r\n", "msg account=$G subject=a reply=+ payload=hi"),
        ROW("RMSG 1 2 3 4\r\n1234\r\n", "msg account=1 subject=2 reply=3 payload=1234"),
        ROW("RMSG A b 2\nhi\r\n", "msg account=A subject=b payload=hi"),
        ROW("RMSG A  b\tr  2 \r\nhi\r\n", "msg account=A subject=b reply=r payload=hi"),
        ROW("RMSG A b\v 2\r\nhi\r\n", "msg account=A subject=b\v payload=hi"),
        ROW("RMSG A b 4\r\n\r\n\r\n\r\n", "msg account=A subject=b payload=\r\n\r\n"),
        /* with queues */
        ROW("RMSG $G a | q1 2\r\nhi\r\n", "msg account=$G subject=a queues=q1 payload=hi"),
        ROW("RMSG A b | q1 q2 2\r\nhi\r\n", "msg account=A subject=b queues=q1 q2 payload=hi"),
        ROW("RMSG A b | | + 2\r\nhi\r\n", "msg account=A subject=b queues=| + payload=hi"),
        ROW("RMSG A b |  q1 \t2  2\r\nhi\r\n", "msg account=A subject=b queues=q1 \t2 payload=hi"),
        ROW("RMSG A b + r q1 2\r\nhi\r\n", "msg account=A subject=b reply=r queues=q1 payload=hi"),
        ROW("RMSG A b + r q1 q2 2\r\nhi\r\n",
            "msg account=A subject=b reply=r queues=q1 q2 payload=hi"),
        ROW("RMSG A b | q1 2 \r\nhi\r\n", "msg account=A subject=b queues=q1 payload=hi"),
        ROW("RMSG A b + r q\v 2\r\nhi\r\n",
            "msg account=A subject=b reply=r queues=q\v payload=hi"),
        ROW("RMSG A b + r 2\r\nhi\r\n", "msg account=A subject=b reply=r payload=hi"),
        ROW("RMSG A b + 3 2\r\nhi\r\n", "msg account=A subject=b reply=3 payload=hi"),
        /* with headers */
        ROW("HMSG $G a 2 4\r\nhhpp\r\n", "msg account=$G subject=a payload=hhpp header=2"),
        ROW("hmsg $G a 0 2\r\npp\r\n", "msg account=$G subject=a payload=pp"),
        ROW("HMSG A b r 2 2\r\nhh\r\n", "msg account=A subject=b reply=r payload=hh header=2"),
        ROW("HMSG A b 1 2 3\r\nhhp\r\n", "msg account=A subject=b reply=1 payload=hhp header=2"),
        ROW("HMSG A b | q1 q2 2 4\r\nhhpp\r\n",
            "msg account=A subject=b queues=q1 q2 payload=hhpp header=2"),
        ROW("HMSG A b + r q1 q2 2 4\r\nhhpp\r\n",
            "msg account=A subject=b reply=r queues=q1 q2 payload=hhpp header=2"),
        /* from a leaf's cluster */
        ROW("LMSG leaf A b 0 2\r\npp\r\n", "msg origin=leaf account=A subject=b payload=pp"),
        ROW("lmsg leaf A b r 2 4\r\nhhpp\r\n",
            "msg origin=leaf account=A subject=b reply=r payload=hhpp header=2"),
        ROW("LMSG leaf A b | q1 q2 0 2\r\npp\r\n",
            "msg origin=leaf account=A subject=b queues=q1 q2 payload=pp"),
        ROW("LMSG leaf A b + r q 2 4\r\nhhpp\r\n",
            "msg origin=leaf account=A subject=b reply=r queues=q payload=hhpp header=2"),
    };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
}

static void
test_queue_names(void **state)
{
    static const struct {
        const char *queues, *want;
    } rows[] = {
        { "q1", "q1," },
        { "q1 q2", "q1,q2," },
        { "a \t b  c", "a,b,c," },
    };
    struct str none = STR_NULL;

    (void)state;
    assert_null(route_next_queue(&none).data);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str rest = str_of(rows[i].queues);
        char got[64], *at = got;

        for (struct str name; (name = route_next_queue(&rest)).data != NULL;)
            at += snprintf(at, (size_t)(got + sizeof(got) - at), "%.*s,", (int)name.len, name.data);
        assert_string_equal(got, rows[i].want);
        assert_null(route_next_queue(&rest).data);
    }
}

static void
test_unknown(void **state)
{
    static const char *const rows[] = {
        "F",      "RX",     "RMX",   "RMSX",   "RMSGx",     "RMSG\r\n", "RS\r",  "RS*",
        "RS+x",   "RS+\r",  "RS-\n", "HP",     "HMSG\n",    "LX",       "LS+\n", "LMSGx",
        "LMSG\r", "M",      "MSG a", "U",      "UNSUB 1",   "SX",       "SUB\r", "PX",
        "PUBx",   "A*",     "Ax",    "A+\r\n", "A-x",       "\r\n",     "\n",    " PING",
        "-X",     "-ERR\n", "+X",    "CX",     "\x12MSG a", "rMSg\v",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&limits, str_of(rows[i]), "unknown op");
    expect(&limits, STR_LIT("\0"), "unknown op");
    expect(&limits, STR_LIT("RMSG\0a b 1"), "unknown op");
}

/* The wrong byte itself must be enough: the input up to it still asks for more. */
static void
test_unknown_is_early(void **state)
{
    static const char *const rows[] = {
        "RX",
        "HP",
        "RMSGX",
        "RS+\r",
        "RMSG A b 2\r\nhiX",
        "RMSG A b | q 2\r\nhi\n",
        "HMSG A b 1 2\r\nhi\rX",
        "LMSG l A b 0 0\r\nR",
        "PUB a 2\r\nhiX",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str input = str_of(rows[i]);
        char got[256];
        size_t used;

        expect(&limits, input, "unknown op");
        assert_int_equal(parse_piece(&limits, input, input.len - 1, &used, got, sizeof(got)),
                         PARSE_MORE);
    }
}

static void
test_malformed(void **state)
{
    static const char *const rows[] = {
        "RS+ \r\n",
        "RS+ $G\r\n",
        "RS+ $G a q\r\n", /* no weight */
        "RS+ $G a q 1 2\r\n",
        "RS+ $G a q x\r\n",
        "RS+ $G a q -1\r\n",
        "RS+ $G a q 1000000000\r\n",
        "RS+ $G a\rb\r\n",
        "RS+ $G\r a\r\n",
        "RS+ \ra b\r\n",
        "RS+ $G a \rq 1\r\n",
        "RS- $G\r\n",
        "RS- $G a q 1\r\n",
        "RS- $G a q\rr\r\n",
        "LS+ leaf $G\r\n",
        "LS+ leaf $G a q\r\n",
        "LS- leaf $G\r\n",
        "LS- leaf $G a q 1\r\n",
        "RMSG \r\n",
        "RMSG A\r\n",
        "RMSG A 2\r\n",
        "RMSG A b\r\n",
        "RMSG A b x\r\n",
        "RMSG A b 2x\r\n",
        "RMSG A b -2\r\n",
        "RMSG A b 0000000002\r\n",
        "RMSG A b 2\r\r\n",
        "RMSG A b\r 2\r\n",
        "RMSG A b r\r 2\r\n",
        "RMSG A b r\rs 2\r\n",
        "RMSG A b * q 2\r\n",
        "RMSG A b || q 2\r\n",
        "RMSG A b r q 2\r\n",
        "RMSG A b | q\r1 2\r\n",
        "RMSG A b | q q2\r 2\r\n",
        "RMSG A b + \rr q 2\r\n",
        "RMSG A b + r\r q 2\r\n",
        "RMSG A b | q x\r\n",
        "HMSG A b 2\r\n",
        "HMSG A 1 2\r\n",
        "HMSG A b x 2\r\n",
        "HMSG A b r 2\r\n",
        "HMSG A b r s 1 2\r\n",
        "HMSG A b | q 2\r\n",
        "LMSG l A 1 2\r\n",
        "LMSG l A b 2\r\n",
        "LMSG l A b r s 1 2\r\n",
        "LMSG \rl A b 1 2\r\n",
        "PUB a\r\n",
        "PUB a b c 1\r\n",
        "PUB a x\r\n",
        "SUB a\r\n",
        "SUB a b c 1\r\n",
        "SUB \r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&limits, str_of(rows[i]), "malformed");
}

static void
test_payload_limits(void **state)
{
    static const struct row rows[] = {
        ROW("RMSG A b 20\r\n01234567890123456789\r\n",
            "msg account=A subject=b payload=01234567890123456789"),
        ROW("RMSG A b 21\r\n", "payload too large"),
        ROW("RMSG A b r 999999999\r\n", "payload too large"),
        ROW("RMSG A b | q 21\n", "payload too large"),
        ROW("HMSG A b 5 21\r\n", "payload too large"),
        ROW("LMSG l A b 5 21\r\n", "payload too large"),
        ROW("PUB a 21\r\n", "payload too large"),
        ROW("HMSG A b 5 3\r\n", "headers off"),
        ROW("HMSG A b 22 21\r\n", "headers off"),
        ROW("HMSG A b | q 5 3\r\n", "headers off"),
        ROW("LMSG l A b 5 3\r\n", "headers off"),
    };
    static const struct route_limits unlimited = { LINE_BYTES, SIZE_MAX, true };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
    expect(&unlimited, STR_LIT("RMSG A b 999999999\r\n"), "more");
}

/* PARSE_MORE with a known payload size names the exact total. */
static void
test_more_is_exact(void **state)
{
    static const char *const lines[] = { "RMSG A b 15\r\n", "RMSG A b | q 15\r\n",
                                         "HMSG A b r 2 15\r\n", "PUB a 15\r\n" };

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        char input[64];
        size_t line_len = strlen(lines[i]), used;
        struct route_op op;

        (void)snprintf(input, sizeof(input), "%sx", lines[i]);
        for (size_t len = line_len; len <= line_len + 1; len++) {
            assert_int_equal(parse_route_op(&limits, input, len, &op, &used), PARSE_MORE);
            assert_int_equal(used, line_len + 15 + 2);
        }
    }
}

/* before + count bytes + behind; the limit is LINE_BYTES. */
static void
expect_long(const char *before, size_t count, const char *behind, const char *want)
{
    char line[256], got[256];
    size_t used;
    struct str input = { line, 0 };

    input.len = (size_t)snprintf(line, sizeof(line), "%s", before);
    memset(line + input.len, 'x', count);
    input.len += count;
    input.len += (size_t)snprintf(line + input.len, sizeof(line) - input.len, "%s", behind);
    (void)parse_piece(&limits, input, input.len, &used, got, sizeof(got));
    if (strncmp(got, want, strlen(want)) != 0)
        fail_msg("%s, %zu bytes: got \"%s\", want \"%s\"", before, count, got, want);
    expect(&limits, input, got); /* the cuts */
}

static void
test_line_limit(void **state)
{
    (void)state;
    expect_long("INFO ", LINE_BYTES, "\r\n", "INFO");
    expect_long("INFO ", LINE_BYTES, " \r\n", "line too long");
    expect_long("INFO ", LINE_BYTES + 1, "", "line too long");
    expect_long("RS+ A ", LINE_BYTES - 2, "\r\n", "sub");
    expect_long("RS+ A ", LINE_BYTES - 1, "\r\n", "line too long");
    expect_long("RS+ A ", LINE_BYTES - 1, "", "line too long");
    expect_long("RMSG A ", LINE_BYTES - 4, " 0\r\n\r\n", "msg");
    expect_long("RMSG A ", LINE_BYTES - 4, " 0\n\r\n", "msg");
    expect_long("RMSG A ", LINE_BYTES - 3, " 0\r\n", "line too long");
    expect_long("RMSG A ", LINE_BYTES - 3, " 0\n", "line too long");
    expect_long("RMSG A ", LINE_BYTES - 1, "", "line too long");
    expect_long("RMSG A b | ", LINE_BYTES - 8, " 0\r\n\r\n", "msg");
    expect_long("RMSG A b | ", LINE_BYTES - 7, " 0\r\n", "line too long");
}

/* A stream of operations, fed in two pieces cut at every byte by a caller that keeps the rest. */
static void
test_stream(void **state)
{
    struct str stream = STR_LIT("CONNECT {}\r\nINFO {} \r\nRS+ A b q 1\r\nHMSG A b r 1 3\r\nabc\r\n"
                                "RMSG A b | q 6\r\nPING\r\n\r\nRMSG A b 0\r\n\r\nPING\r\nRS- A b\n"
                                "UNSUB");
    static const enum route_op_kind kinds[] = {
        ROUTE_CONNECT, ROUTE_INFO, ROUTE_SUB,  ROUTE_MSG,
        ROUTE_MSG,     ROUTE_MSG,  ROUTE_PING, ROUTE_UNSUB
    };

    (void)state;
    for (size_t cut = 1; cut <= stream.len; cut++) {
        enum parse_result result = PARSE_MORE;
        size_t at = 0, count = 0, len = cut;

        for (;;) {
            struct route_op op;
            size_t used;

            if (at == len)
                result = PARSE_MORE;
            else
                result = parse_route_op(&limits, stream.data + at, len - at, &op, &used);
            if (result == PARSE_OP) {
                assert_true(count < COUNT(kinds));
                assert_int_equal(op.kind, kinds[count++]);
                at += used;
            } else if (result == PARSE_MORE && len < stream.len) {
                len = stream.len;
            } else {
                break;
            }
        }
        assert_int_equal(result, PARSE_UNKNOWN_OP);
        assert_int_equal(count, COUNT(kinds));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_verbs),   cmocka_unit_test(test_interest),
        cmocka_unit_test(test_messages),      cmocka_unit_test(test_queue_names),
        cmocka_unit_test(test_unknown),       cmocka_unit_test(test_unknown_is_early),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_payload_limits),
        cmocka_unit_test(test_more_is_exact), cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

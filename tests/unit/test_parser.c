/* SPDX-License-Identifier: Apache-2.0
 *
 * Every input of the tables is also given cut at every byte, and twice in one piece: the
 * results must not change. Each piece lies in memory of exactly its size, so that the
 * sanitizer sees a byte read past it.
 */
#include "proto/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LINE_BYTES   32 /* bytes: the limits of the tables */
#define PAYLOAD_MAX  20

static const struct parse_limits limits = { LINE_BYTES, PAYLOAD_MAX, true };
static const struct parse_limits no_headers = { LINE_BYTES, PAYLOAD_MAX, false };

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
    [OP_CONNECT] = "CONNECT", [OP_PUB] = "PUB",   [OP_HPUB] = "HPUB", [OP_SUB] = "SUB",
    [OP_UNSUB] = "UNSUB",     [OP_PING] = "PING", [OP_PONG] = "PONG", [OP_INFO] = "INFO",
    [OP_OK] = "+OK",          [OP_ERR] = "-ERR",
};

static char *
exact_copy(struct str text)
{
    char *copy = malloc(text.len);

    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    return copy;
}

static void
print_field(char **at, char *end, const char *name, struct str field)
{
    if (field.data != NULL)
        *at += snprintf(*at, (size_t)(end - *at), " %s=%.*s", name, (int)field.len, field.data);
}

/* One line that names all of an operation: what the tables compare with. */
static void
print_op(const struct op *op, char *out, size_t size)
{
    char *at = out, *end = out + size;

    at += snprintf(at, size, "%s [%.*s]", kind_names[op->kind], (int)op->args.len, op->args.data);
    print_field(&at, end, "subject", op->subject);
    print_field(&at, end, "reply", op->reply);
    print_field(&at, end, "queue", op->queue);
    print_field(&at, end, "sid", op->sid);
    print_field(&at, end, "payload", op->payload);
    if (op->kind == OP_HPUB)
        at += snprintf(at, (size_t)(end - at), " header=%zu", op->header_len);
    if (op->kind == OP_UNSUB)
        (void)snprintf(at, (size_t)(end - at), " max=%llu", (unsigned long long)op->max);
}

/* Parses the first len bytes of input; *got: the result, printed. */
static enum parse_result
parse_piece(const struct parse_limits *lim, struct str input, size_t len, size_t *used, char *got,
            size_t size)
{
    char *copy = exact_copy((struct str) { input.data, len });
    struct op op;
    enum parse_result result = parse_op(lim, copy, len, &op, used);

    if (result == PARSE_OP)
        print_op(&op, got, size);
    else
        (void)snprintf(got, size, "%s", result_names[result]);
    free(copy);
    return result;
}

/* Every shorter piece must give the same answer, or ask for more without asking too much. */
static void
check_cuts(const struct parse_limits *lim, struct str input, enum parse_result whole,
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
expect(const struct parse_limits *lim, struct str input, const char *want)
{
    char got[256], again[256];
    size_t used, twice_used;
    enum parse_result result = parse_piece(lim, input, input.len, &used, got, sizeof(got));
    char twice[1024];

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
expect_rows(const struct parse_limits *lim, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(lim, rows[i].input, rows[i].want);
}

static void
test_operations(void **state)
{
    static const struct row rows[] = {
        ROW("PING\r\n", "PING []"),
        ROW("ping\n", "PING []"),
        ROW("PiNGfoo bar\r\n", "PING [foo bar]"),
        ROW("PONG\r\n", "PONG []"),
        ROW("pong 1\r\n", "PONG [1]"),
        ROW("+OK\r\n", "+OK []"),
        ROW("+okabc\r\n", "+OK [abc]"),
        ROW("-ERR 'x y'\r\n", "-ERR ['x y']"),
        ROW("-err\t\r\n", "-ERR []"),
        ROW("CONNECT {}\r\n", "CONNECT [{}]"),
        ROW("connect{\"a\":1}\r\n", "CONNECT [{\"a\":1}]"),
        ROW("CONNECT \t {} \t\r\n", "CONNECT [{}]"),
        ROW("CONNECT\r\n", "CONNECT []"),
        ROW("CONNECTx\n", "CONNECT [x]"),
        ROW("INFO {}\r\n", "INFO [{}]"),
        ROW("INFO{}\n", "INFO [{}]"),
        ROW("PUB a 5\r\nhello\r\n", "PUB [a 5] subject=a payload=hello"),
        ROW("pub a b 5\nhello\r\n", "PUB [a b 5] subject=a reply=b payload=hello"),
        ROW("Pub\t a \t b\t0 \r\n\r\n", "PUB [a \t b\t0] subject=a reply=b payload="),
        ROW("PUB a 000000002\r\nhi\r\n", "PUB [a 000000002] subject=a payload=hi"),
        ROW("PUB a 4\r\n\r\n\r\n\r\n", "PUB [a 4] subject=a payload=\r\n\r\n"),
        ROW("PUB a\vb.* 1\r\nx\r\n", "PUB [a\vb.* 1] subject=a\vb.* payload=x"),
        ROW("HPUB a 2 4\r\nhhpp\r\n", "HPUB [a 2 4] subject=a payload=hhpp header=2"),
        ROW("hpub a r 0 2\r\nhi\r\n", "HPUB [a r 0 2] subject=a reply=r payload=hi header=0"),
        ROW("HPUB a 2 2\r\nhi\r\n", "HPUB [a 2 2] subject=a payload=hi header=2"),
        ROW("SUB a 1\r\n", "SUB [a 1] subject=a sid=1"),
        ROW("sub a.> q s\xff\n", "SUB [a.> q s\xff] subject=a.> queue=q sid=s\xff"),
        ROW("UNSUB 1\r\n", "UNSUB [1] sid=1 max=0"),
        ROW("UNSUB 1 25\r\n", "UNSUB [1 25] sid=1 max=25"),
        ROW("UNSUB 1 999999999\r\n", "UNSUB [1 999999999] sid=1 max=999999999"),
        ROW("UNSUB 1 9999999999\r\n", "UNSUB [1 9999999999] sid=1 max=0"),
        ROW("unsub 1 x\r\n", "UNSUB [1 x] sid=1 max=0"),
        ROW("UNSUB 1 -5\r\n", "UNSUB [1 -5] sid=1 max=0"),
    };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
}

/* A NUL is a byte like others. */
static void
test_nul(void **state)
{
    struct str input = STR_LIT("PUB a\0b 3\r\n\0\0\0\r\n");
    struct op op;
    size_t used;

    (void)state;
    assert_int_equal(parse_op(&limits, input.data, input.len, &op, &used), PARSE_OP);
    assert_int_equal(used, input.len);
    assert_true(str_eq(op.subject, STR_LIT("a\0b")));
    assert_true(str_eq(op.payload, STR_LIT("\0\0\0")));
    assert_ptr_equal(op.subject.data, input.data + 4);
}

static void
test_unknown(void **state)
{
    static const char *const rows[] = {
        "F",     "FOO",   "PX",     "PIX",    "PINX",    "PUX",        "PUBX",    "PUBa b 0",
        "PUB\r", "PUB\n", "SX",     "SUBa",   "SUB\r\n", "UNX",        "UNSUB\n", "UNSUBa",
        "HX",    "HM",    "HMSG a", "HPUBx",  "M",       "MSG",        "R",       "RS+ a",
        "RMSG",  "L",     "LS+",    "A",      "A+ x",    "A-",         "+X",      "+OX",
        "-X",    "-ERRx", "-ERR\n", "INX",    "CX",      "CONNECX",    "\r",      "\r\n",
        "\n",    " ",     " PING",  "\tPING", "\v",      "\x0bOK\r\n", "\rERR x", "0ING",
        "{",     "\x80",  "p\x15",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&limits, str_of(rows[i]), "unknown op");
    expect(&limits, STR_LIT("\0"), "unknown op");
    expect(&limits, STR_LIT("PUB\0a 1"), "unknown op");
}

/* The wrong byte itself must be enough: the input up to it still asks for more. */
static void
test_unknown_is_early(void **state)
{
    static const char *const rows[] = {
        "FOO",
        "PX",
        "PUBX",
        "HM",
        "PUB a 2\r\nhiX",
        "PUB a 2\r\nhi\n",
        "PUB a 2\r\nhi\rX",
        "PUB a 0\r\nP",
        "PUB a 0\r\n\n",
        "HPUB a 1 1\r\nxx",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str input = str_of(rows[i]);
        size_t wrong = i == 0 ? 1 : input.len;
        char got[256];
        size_t used;

        expect(&limits, input, "unknown op");
        assert_int_equal(parse_piece(&limits, input, wrong, &used, got, sizeof(got)),
                         PARSE_UNKNOWN_OP);
        if (wrong > 1)
            assert_int_equal(parse_piece(&limits, input, wrong - 1, &used, got, sizeof(got)),
                             PARSE_MORE);
    }
}

static void
test_malformed(void **state)
{
    static const char *const rows[] = {
        "PUB \r\n",
        "PUB \n",
        "PUB a\r\n",
        "PUB a b c 0\r\n",
        "PUB a b c d e 0\r\n",
        "PUB a x\r\n",
        "PUB a -1\r\n",
        "PUB a +1\r\n",
        "PUB a 1x\r\n",
        "PUB a 1000000000\r\n",
        "PUB a 0000000002\r\n",
        "PUB a\rb 2\r\n",
        "PUB a\r 2\r\n",
        "PUB a 2\r\r\n",
        "PUB a 2\rx\n",
        "PUB \ra 2\r\n",
        "PUB \na 2\r\n",
        "HPUB \r\n",
        "HPUB a 3\r\n",
        "HPUB a x 3\r\n",
        "HPUB a r 3\r\n",
        "HPUB a b c 1 2\r\n",
        "HPUB a 1 1000000000\r\n",
        "SUB \r\n",
        "SUB a\r\n",
        "SUB a b c 1\r\n",
        "SUB a\rb\r\n",
        "SUB a 5\r\r\n",
        "UNSUB \r\n",
        "UNSUB 1 2 3\r\n",
        "UNSUB 9\r3\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&limits, str_of(rows[i]), "malformed");
}

static void
test_payload_limits(void **state)
{
    static const struct row rows[] = {
        ROW("PUB a 20\r\n01234567890123456789\r\n",
            "PUB [a 20] subject=a payload=01234567890123456789"),
        ROW("PUB a 21\r\n", "payload too large"),
        ROW("PUB a 999999999\n", "payload too large"),
        ROW("HPUB a 5 21\r\n", "payload too large"),
        ROW("HPUB a 21 20\r\n", "headers off"),
        ROW("HPUB a 22 21\r\n", "headers off"), /* the reference looks at this first, too */
        ROW("HPUB a 5 3\r\n", "headers off"),
    };
    static const struct row off[] = {
        ROW("HPUB a 1 2\r\n", "headers off"),
        ROW("HPUB a 1 21\r\n", "headers off"),
        ROW("HPUB \r\n", "headers off"),
        ROW("PUB a 0\r\n\r\n", "PUB [a 0] subject=a payload="),
    };
    static const struct parse_limits unlimited = { LINE_BYTES, SIZE_MAX, true };

    (void)state;
    expect_rows(&limits, rows, COUNT(rows));
    expect_rows(&no_headers, off, COUNT(off));
    expect(&unlimited, STR_LIT("PUB a 999999999\r\n"), "more");
}

/* PARSE_MORE with a known payload size names the exact total. */
static void
test_more_is_exact(void **state)
{
    struct str input = STR_LIT("PUB a 15\r\nx");
    struct op op;
    size_t used;

    (void)state;
    for (size_t len = 10; len <= input.len; len++) {
        assert_int_equal(parse_op(&limits, input.data, len, &op, &used), PARSE_MORE);
        assert_int_equal(used, 10 + 15 + 2);
    }
}

/* verb + blanks + count bytes + end; the limit is LINE_BYTES. */
static void
expect_long(const char *verb, size_t blanks, size_t count, const char *end, const char *want)
{
    char line[256], got[512];
    size_t used, at = 0;
    struct str input = { line, 0 };

    at += (size_t)snprintf(line, sizeof(line), "%s", verb);
    memset(line + at, ' ', blanks);
    memset(line + at + blanks, 'x', count);
    at += blanks + count;
    at += (size_t)snprintf(line + at, sizeof(line) - at, "%s", end);
    input.len = at;
    (void)parse_piece(&limits, input, input.len, &used, got, sizeof(got));
    if (strncmp(got, want, strlen(want)) != 0)
        fail_msg("%s, %zu blanks, %zu bytes: got \"%s\", want \"%s\"", verb, blanks, count, got,
                 want);
    expect(&limits, input, got); /* the cuts */
}

static void
test_line_limit(void **state)
{
    static const char *const verbs[] = {
        "CONNECT", "INFO", "-ERR", "UNSUB", "PING", "PONG", "+OK"
    };

    (void)state;
    for (size_t i = 0; i < COUNT(verbs); i++) {
        expect_long(verbs[i], 1, LINE_BYTES, "\r\n", verbs[i]);
        expect_long(verbs[i], 1, LINE_BYTES, "\n", verbs[i]);
        expect_long(verbs[i], 1, LINE_BYTES, "", "more");
        expect_long(verbs[i], 1, LINE_BYTES, "\r", "more");
        expect_long(verbs[i], 1, LINE_BYTES, "\rx", "line too long");
        expect_long(verbs[i], 1, LINE_BYTES, " \r\n", "line too long");
        expect_long(verbs[i], 1, LINE_BYTES + 1, "\r\n", "line too long");
        expect_long(verbs[i], 1, LINE_BYTES + 1, "\n", "line too long");
        expect_long(verbs[i], 1, LINE_BYTES + 1, "", "line too long");
        expect_long(verbs[i], LINE_BYTES, LINE_BYTES, "\r\n", verbs[i]);
        expect_long(verbs[i], LINE_BYTES, 0, "", "more");
        expect_long(verbs[i], LINE_BYTES + 1, 0, "", "line too long");
    }
    expect_long("CONNECT", 0, LINE_BYTES, "\r\n", "CONNECT");
    expect_long("CONNECT", 0, LINE_BYTES + 1, "\r\n", "line too long");
    expect_long("SUB", 1, LINE_BYTES - 2, " 1\r\n", "SUB");
    expect_long("SUB", 1, LINE_BYTES - 1, " 1\r\n", "line too long");
    expect_long("PUB", 1, LINE_BYTES - 2, " 1\r\nx\r\n", "PUB");
    expect_long("PUB", 1, LINE_BYTES - 1, " 1\r\nx\r\n", "line too long");
}

/* A stream of operations, fed in two pieces cut at every byte by a caller that keeps the rest. */
static void
test_stream(void **state)
{
    struct str stream = STR_LIT("CONNECT {}\r\nPING\r\nSUB a q 1\nHPUB a r 1 3\r\nabc\r\n"
                                "PUB a 6\r\nPING\r\n\r\nUNSUB 1 2\r\nFOO");
    static const enum op_kind kinds[] = { OP_CONNECT, OP_PING, OP_SUB, OP_HPUB, OP_PUB, OP_UNSUB };

    (void)state;
    for (size_t cut = 1; cut <= stream.len; cut++) {
        enum parse_result result = PARSE_MORE;
        size_t at = 0, count = 0, len = cut;

        for (;;) {
            struct op op;
            size_t used;

            if (at == len)
                result = PARSE_MORE;
            else
                result = parse_op(&limits, stream.data + at, len - at, &op, &used);
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
        cmocka_unit_test(test_operations),    cmocka_unit_test(test_nul),
        cmocka_unit_test(test_unknown),       cmocka_unit_test(test_unknown_is_early),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_payload_limits),
        cmocka_unit_test(test_more_is_exact), cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

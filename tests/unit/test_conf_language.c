/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration language: text to tree, and every text of the tables cut at every byte.
 */
#include "conf/parser.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conf/memory_host.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct memory_pair env[] = {
    { "E_INT", "8k" },
    { "E_QUOTED", "\"12\"" },
    { "E_LIST", "[1, 2]" },
    { "E_MAP", "{ a: 1, b: x }" },
    { "E_COMMA", "a,b" },
    { "E_TWO", "a b" },
    { "E_EMPTY", "" },
    { "E_REF", "$E_INT" },
    { "E_SELF", "$E_SELF" },
    { "E_PING", "$E_PONG" },
    { "E_PONG", "[$E_PING]" },
    { "E_HASH", "$2b$11$abc" },
    { "E_INCLUDE", "{ include port.conf }" },
    { "E_OPEN", "[1" },
    { NULL, NULL },
};

static const struct memory_pair files[] = {
    { "port.conf", "port: 4222\n" },
    { "sub/a.conf", "include b.conf\n" },
    { "sub/b.conf", "b: 1" },
    { "/abs/c.conf", "c: 1" },
    { "uses.conf", "x: $outer" },
    { "defines.conf", "shared: 7" },
    { "bad.conf", "a: 1\n  b: [1 2]\n" },
    { "self.conf", "include nats.conf" },
    { "loop.conf", "include ./loop.conf" },
    { "./loop.conf", "include loop.conf" },
    { "a b.conf", "spaced: 1" },
    { NULL, NULL },
};

/* Keys that begin with s_ are secrets, those with v_ are unknown. */
static enum conf_secrecy
test_secrecy(struct str key)
{
    if (str_starts(key, STR_LIT("s_")))
        return CONF_SECRET;
    return str_starts(key, STR_LIT("v_")) ? CONF_UNKNOWN : CONF_PUBLIC;
}

static void put_entries(const struct conf_entry *entries, struct buf *out);

static void
put_value(const struct conf_value *value, struct buf *out)
{
    switch (value->type) {
    case CONF_INT:
        if (value->overflow)
            buf_append_str(out, "overflow");
        else
            buf_printf(out, "%" PRId64, value->integer);
        break;
    case CONF_FLOAT:
        buf_printf(out, "%.3ff", value->real);
        break;
    case CONF_BOOL:
        buf_append_str(out, value->boolean ? "true" : "false");
        break;
    case CONF_DATE:
        buf_printf(out, "date %.*s", (int)value->text.len, value->text.data);
        break;
    case CONF_STRING:
        buf_printf(out, "'%.*s'", (int)value->text.len, value->text.data);
        break;
    case CONF_BAD:
        buf_printf(out, "bad(%s)", value->problem == NULL ? "reported" : value->problem);
        break;
    case CONF_MAP:
        buf_append_char(out, '{');
        put_entries(value->entries, out);
        buf_append_char(out, '}');
        break;
    case CONF_ARRAY:
        buf_append_char(out, '[');
        for (const struct conf_value *item = value->items; item != NULL; item = item->next) {
            put_value(item, out);
            buf_append_str(out, item->next == NULL ? "" : " ");
        }
        buf_append_char(out, ']');
        break;
    }
}

static void
put_entries(const struct conf_entry *entries, struct buf *out)
{
    for (; entries != NULL; entries = entries->next) {
        buf_printf(out, "%.*s=", (int)entries->key.len, entries->key.data);
        put_value(entries->value, out);
        buf_append_str(out, entries->next == NULL ? "" : " ");
    }
}

static void
check_diags(const struct diags *diags, struct str text)
{
    size_t lines = 1;

    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->list[i];

        assert_true(diag->text[0] != '\0');
        if (diag->pos.file != NULL && strcmp(diag->pos.file, "nats.conf") == 0)
            assert_in_range(diag->pos.line, 1, lines);
        assert_true(diag->pos.line == 0 || diag->pos.col > 0);
    }
}

/* The tree as text, then " | " and the diagnostics if there are any. */
static void
describe(struct str text, struct buf *out)
{
    struct memory memory = { .main_text = text, .files = files, .env = env };
    struct conf_host host = memory_host(&memory);
    struct conf_tree tree = { 0 };
    struct diags diags = { 0 };

    host.secrecy = test_secrecy;
    conf_parse(&tree, &host, "nats.conf", &diags);
    put_entries(tree.entries, out);
    if (diags.count > 0)
        buf_append_str(out, " | ");
    memory_put_diags(&diags, out);
    check_diags(&diags, text);
    diags_release(&diags);
    conf_tree_release(&tree);
}

struct row {
    const char *text, *want;
};

static const struct row good[] = {
    /* separators and ends */
    { "", "" },
    { " \t\r\n\n", "" },
    { "# only a comment", "" },
    { "port 4222", "port=4222" },
    { "port = 4222", "port=4222" },
    { "port:4222", "port=4222" },
    { "port=4222", "port=4222" },
    { "port\n4222", "port=4222" },
    { "port\n:\t4222", "port=4222" },
    { "a: 1\nb: 2", "a=1 b=2" },
    { "a: 1\r\nb: 2\r\n", "a=1 b=2" },
    { "a: 1\rb: 2", "a=1 b=2" },
    { "a: 1, b: 2; c: 3", "a=1 b=2 c=3" },
    { "a: 1,,\n;b: 2", "a=1 b=2" },
    { "a: 1 # c\nb: 2 // d\n// e\n#f\nc: 3", "a=1 b=2 c=3" },
    { "{ a: 1, b: 2 }", "a=1 b=2" },
    { "{\"a\": 1, \"b\": {\"c\": [true, \"x\"]}}\n", "a=1 b={c=[true 'x']}" },
    { "a: 1 }", "a=1" },
    { "a: 1\n}\n# end\n", "a=1" },
    { "\xef\xbb\xbf"
      "a: 1",
      "a=1" },
    { "a: 1\na: 2", "a=1 a=2" },
    /* keys */
    { "\"a b\": 1", "a b=1" },
    { "'a\\b' 1", "a\\b=1" },
    { "A.b-c_d 1", "A.b-c_d=1" },
    /* maps */
    { "m { a: 1 }", "m={a=1}" },
    { "m: { a: 1\n b = 2; c 3 }", "m={a=1 b=2 c=3}" },
    { "m {\n a:\n 1\n}", "m={a=1}" },
    { "m{a:1}", "m={a=1}" },
    { "m {}", "m={}" },
    { "m { a { b { c 1 } } }", "m={a={b={c=1}}}" },
    { "m { # c\n a 1 // d\n # e\n}", "m={a=1}" },
    /* arrays */
    { "a [1,2]", "a=[1 2]" },
    { "a: [ 1, 2, ]", "a=[1 2]" },
    { "a: [\n 1\n 2 # c\n // d\n 3\n]", "a=[1 2 3]" },
    { "a: []", "a=[]" },
    { "a: [[1], {b: 2}, \"c\", 'd', e]", "a=[[1] {b=2} 'c' 'd' 'e']" },
    { "a: [nats://x:y@h:1, nats://z]", "a=['nats://x:y@h:1' 'nats://z']" },
    /* strings */
    { "a: \"x\\t\\n\\r\\\"\\\\\\x41\"", "a='x\t\n\r\"\\A'" },
    { "a: 'x\\t\"'", "a='x\\t\"'" },
    { "a: \"two\nlines\"", "a='two\nlines'" },
    { "a: \"\"", "a=''" },
    { "a: bare", "a='bare'" },
    { "a: b\\x41c", "a='bAc'" },
    { "a: b#c", "a='b#c'" },
    { "a: http://b//c", "a='http://b//c'" },
    { "a: id:x=y", "a='id:x=y'" },
    { "a: (\n raw \\t \"' ) {\n)\n", "a='\n raw \\t \"' ) {\n'" },
    { "a: (\nx\n )\n)y\n)", "a='\nx\n )\n)y\n'" },
    { "m { a: (\nx\n)\n b: 1 }", "m={a='\nx\n' b=1}" },
    /* numbers */
    { "a: -1", "a=-1" },
    { "a: 9223372036854775807", "a=9223372036854775807" },
    { "a: -9223372036854775808", "a=-9223372036854775808" },
    { "a: 9223372036854775808", "a=overflow" },
    { "a: 10E", "a=overflow" },
    { "a: [1k, 2m, 3g, 4t, 5p, 6e]",
      "a=[1000 2000000 3000000000 4000000000000 5000000000000000 6000000000000000000]" },
    { "a: [1K, 1kb, 1Ki, 1KiB, 1mb, 1gb, 1tb, 1pb, 1eb]",
      "a=[1000 1024 1024 1024 1048576 1073741824 1099511627776 1125899906842624 "
      "1152921504606846976]" },
    { "a: [4096b, 2s, 10ms, 1h30m, 1e5, 0x10, 1kbb, 12x]",
      "a=['4096b' '2s' '10ms' '1h30m' '1e5' '0x10' '1kbb' '12x']" },
    { "a: [1.5, -0.25, 127.0.0.1, 127.0.0.1:4222, 1.5s]",
      "a=[1.500f -0.250f '127.0.0.1' '127.0.0.1:4222' '1.5s']" },
    { "a: [.5, 1., -.5]",
      "a=[bad(Floats must start with a digit) bad(Floats must have a digit after the '.') "
      "bad(Floats must start with a digit)]" },
    { "a: [-, -abc, 007, 1234-abcd, 758e126b]",
      "a=['-' '-abc' 7 bad(All ISO8601 dates must be in full Zulu form.) '758e126b']" },
    { "a: 2027-03-01T00:00:00Z", "a=date 2027-03-01T00:00:00Z" },
    { "a: 2027-03-01", "a=bad(All ISO8601 dates must be in full Zulu form.)" },
    /* booleans */
    { "a: [true, FALSE, On, off, yes, NO, \"true\", truely]",
      "a=[true false true false true false 'true' 'truely']" },
    /* variables */
    { "x: 1, a: $x", "x=1 a=1" },
    { "x: 1, m { x: 2, n { a: $x } }", "x=1 m={x=2 n={a=2}}" },
    { "x: 1, m { a: [$x] }, b: $x", "x=1 m={a=[1]} b=1" },
    { "x: 1, x: 2, a: $x", "x=1 x=2 a=2" },
    { "x: { y: 1 }, a: $x", "x={y=1} a={y=1}" },
    { "a: $E_INT", "a=8000" },
    { "a: $E_QUOTED", "a='12'" },
    { "a: $E_LIST", "a=[1 2]" },
    { "a: $E_MAP", "a={a=1 b='x'}" },
    { "a: $E_REF", "a=8000" },
    { "a: \"$E_INT\"", "a='$E_INT'" },
    { "a: \\x24E_INT", "a='$E_INT'" },
    { "a: $2a$11$abc/.", "a='$2a$11$abc/.'" },
    { "a: [$2b$1, $2x$1, $2y$1, $2q$1, $2$1]", "a=['$2b$1' '$2x$1' '$2y$1' '$2q$1' '$2$1']" },
    { "a: $E_COMMA", "a=bad(variable reference for 'E_COMMA' on line 1 could not be parsed: there "
                     "is more text behind the value)" },
    { "s_a: $E_TWO", "s_a=bad(variable reference on line 1 could not be parsed: there is more "
                     "text behind the value)" },
    { "a: $E_EMPTY", "a=bad(variable reference for 'E_EMPTY' on line 1 could not be parsed: "
                     "Unexpected EOF.)" },
    { "a: $E_OPEN", "a=bad(variable reference for 'E_OPEN' on line 1 could not be parsed: "
                    "Unexpected EOF processing array.)" },
    { "a: $E_INCLUDE", "a=bad(variable reference for 'E_INCLUDE' on line 1 could not be parsed: "
                       "include inside a variable)" },
    { "a: $E_SELF", "a=bad(variable reference on line 1 could not be parsed: the variable "
                    "refers to itself)" },
    { "a: $E_HASH", "a='$2b$11$abc'" },
    /* include */
    { "include port.conf", "port=4222" },
    { "include 'port.conf'\na: 1", "port=4222 a=1" },
    { "INCLUDE \"port.conf\"; a: 1", "port=4222 a=1" },
    { "m { include port.conf }", "m={port=4222}" },
    { "include sub/a.conf", "b=1" },
    { "include /abs/c.conf", "c=1" },
    { "include 'a b.conf'", "spaced=1" },
    { "include defines.conf\na: $shared", "shared=7 a=7" },
    { "include: 1", "include=1" },
};

static const struct row bad[] = {
    { "port 4222 4223",
      "nats.conf:1:11: Parse error on line 1: 'Expected a top-level value to end with a new line, "
      "comment or EOF, but got '4' instead.'" },
    { "s_a abc def", "nats.conf:1:9: Parse error on line 1: 'Expected a top-level value to end "
                     "with a new line, comment or EOF.'" },
    { "v_a abc def", "nats.conf:1:9: Parse error on line 1: 'Expected a top-level value to end "
                     "with a new line, comment or EOF.'" },
    { "m { a: b c }",
      "nats.conf:1:10: Parse error on line 1: 'Expected a map value terminator \",\" or a map "
      "terminator \"}\", but got 'c' instead.'" },
    { "m { a: 1 ]\n}",
      "nats.conf:1:10: Parse error on line 1: 'Expected a map value terminator \",\" or a map "
      "terminator \"}\", but got ']' instead.'" },
    { "a: [1 2]", "nats.conf:1:7: Parse error on line 1: 'Expected an array value terminator "
                  "\",\" or an array terminator \"]\", but got '2' instead.'" },
    { "a: [1;2]", "nats.conf:1:6: Parse error on line 1: 'Expected an array value terminator "
                  "\",\" or an array terminator \"]\", but got ';' instead.'" },
    { "a: [,1]", "nats.conf:1:5: Parse error on line 1: 'Unexpected array value terminator ','.'" },
    { "a: [1\n,2]",
      "nats.conf:2:1: Parse error on line 2: 'Unexpected array value terminator ','.'" },
    { "m { a: , }",
      "nats.conf:1:8: Parse error on line 1: 'Unexpected map value terminator \",\".'" },
    { "port:\n4222\na: 1",
      "nats.conf:1:6: Parse error on line 1: 'Expected value but found new line'" },
    { "m { a: }", "nats.conf:1:8: Parse error on line 1: 'Expected value but found '}''" },
    { "a", "nats.conf:1:2: Parse error on line 1: 'Unexpected EOF.'; a value is missing" },
    { "a:", "nats.conf:1:3: Parse error on line 1: 'Unexpected EOF.'; a value is missing" },
    { ": 3", "nats.conf:1:1: Parse error on line 1: 'Unexpected key separator ':''" },
    { "= 3", "nats.conf:1:1: Parse error on line 1: 'Unexpected key separator '=''" },
    { "] 3", "nats.conf:1:1: Parse error on line 1: 'Expected a key but found ']''" },
    { "a: \"x\\q\"",
      "nats.conf:1:7: Parse error on line 1: 'Invalid escape character 'q'. Only the following "
      "escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", \\\\.'" },
    { "a: \"x\\x4g\"\nb: 1 2",
      "nats.conf:1:7: Parse error on line 1: 'Invalid escape character 'x'. Only the following "
      "escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", \\\\.'\n"
      "nats.conf:2:6: Parse error on line 2: 'Expected a top-level value to end with a new line, "
      "comment or EOF, but got '2' instead.'" },
    { "s_a: x\\q", "nats.conf:1:8: Parse error on line 1: 'Invalid escape character. Only the "
                   "following escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", \\\\.'" },
    { "a: \"x", "nats.conf:1:4: Parse error on line 1: 'Unexpected EOF.'; the string that begins "
                "here does not end" },
    { "a: 'x", "nats.conf:1:4: Parse error on line 1: 'Unexpected EOF.'; the string that begins "
               "here does not end" },
    { "a: x'", "nats.conf:1:5: Parse error on line 1: 'Unexpected quote in a value without "
               "quotes'; put the whole value in double quotes" },
    { "\"a: 1\nb: 2", "nats.conf:1:1: Parse error on line 1: 'Unexpected EOF.'; the key that "
                      "begins here does not end on its line" },
    { "a: (x)", "nats.conf:1:4: Parse error on line 1: 'Unexpected EOF processing block.'; a "
                "block ends with a ) alone on its line" },
    { "m {\n a: 1\n", "nats.conf:1:3: Parse error on line 1: 'Unexpected EOF processing map.'; "
                      "the { that stands here is not closed" },
    { "{ a: 1", "nats.conf:1:1: Parse error on line 1: 'Unexpected EOF processing map.'; the { "
                "that stands here is not closed" },
    { "a: [1,\n2", "nats.conf:1:4: Parse error on line 1: 'Unexpected EOF processing array.'; "
                   "the [ that stands here is not closed" },
    { "}\na: 1", "nats.conf:1:1: Parse error on line 1: 'Unexpected map end '}'.'; there is no { "
                 "for it" },
    /* all of them, each on its line */
    { "a: 1 2\nb: 'x' y\nm { c: [1 2]\n d: 3 4 }\ne: $none\n",
      "nats.conf:1:6: Parse error on line 1: 'Expected a top-level value to end with a new line, "
      "comment or EOF, but got '2' instead.'\n"
      "nats.conf:2:8: Parse error on line 2: 'Expected a top-level value to end with a new line, "
      "comment or EOF.'\n"
      "nats.conf:3:11: Parse error on line 3: 'Expected an array value terminator \",\" or an "
      "array terminator \"]\", but got '2' instead.'\n"
      "nats.conf:4:7: Parse error on line 4: 'Expected a map value terminator \",\" or a map "
      "terminator \"}\", but got '4' instead.'\n"
      "nats.conf:5:4: variable reference for 'none' on line 5 can not be found" },
    /* quotes out of step: what follows is not looked at */
    { "a: \"x\nb: \"secret\" c: 1 2\nd: 3 4",
      "nats.conf:2:5: Parse error on line 2: 'Expected a top-level value to end with a new line, "
      "comment or EOF.'" },
    /* variables */
    { "a: $x", "nats.conf:1:4: variable reference for 'x' on line 1 can not be found" },
    { "x: $x", "nats.conf:1:4: variable reference for 'x' on line 1 can not be found" },
    { "m { x: 1 }\na: $x", "nats.conf:2:4: variable reference for 'x' on line 2 can not be found" },
    { "s_a: $ecret", "nats.conf:1:6: variable reference on line 1 can not be found; a value that "
                     "begins with $ needs quotes" },
    { "a: $", "nats.conf:1:4: variable reference for '' on line 1 can not be found" },
    { "outer: 1\ninclude uses.conf",
      "uses.conf:1:4: variable reference for 'outer' on line 1 can not be found" },
    /* include */
    { "include none.conf", "nats.conf:1:9: error parsing include file 'none.conf', open "
                           "none.conf: no such file or directory" },
    { "m {\n include bad.conf\n a: 1 2\n}",
      "bad.conf:2:9: Parse error on line 2: 'Expected an array value terminator \",\" or an array "
      "terminator \"]\", but got '2' instead.'\n"
      "nats.conf:3:7: Parse error on line 3: 'Expected a map value terminator \",\" or a map "
      "terminator \"}\", but got '2' instead.'" },
    { "include nats.conf",
      "nats.conf:1:9: error parsing include file 'nats.conf', it includes itself" },
    { "include self.conf",
      "self.conf:1:9: error parsing include file 'nats.conf', it includes itself" },
    { "include [a]", "nats.conf:1:9: Parse error on line 1: 'Expected include value but found "
                     "start of an array'" },
    { "include {a 1}", "nats.conf:1:9: Parse error on line 1: 'Expected include value but found "
                       "start of a map'" },
    { "include \n\"x\"",
      "nats.conf:1:9: Parse error on line 1: 'Expected include value but found new line'" },
    { "include ''",
      "nats.conf:1:9: Parse error on line 1: 'Expected the path of a file to include'" },
};

static void
check_row(const struct row *row, const char *got)
{
    if (strcmp(got, row->want) != 0)
        fail_msg("row: %s\n got: %s\nwant: %s", row->text, got, row->want);
}

static void
test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct buf got = BUF_INIT;

        describe(str_of(good[i].text), &got);
        check_row(&good[i], buf_cstr(&got));
        buf_release(&got);
    }
}

static void
test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf got = BUF_INIT;
        const char *diags;

        describe(str_of(bad[i].text), &got);
        diags = strstr(buf_cstr(&got), " | ");
        check_row(&bad[i], diags == NULL ? "no error" : diags + 3);
        buf_release(&got);
    }
}

/* It ends, within bounds (the sanitizers look on), and each finding has a text and a place. */
static void
cut_everywhere(const char *text)
{
    size_t len = strlen(text);

    for (size_t cut = 0; cut <= len; cut++) {
        char *copy = malloc(cut + 1); /* exact, so that reading past it is seen */
        struct buf got = BUF_INIT;

        assert_non_null(copy);
        memcpy(copy, text, cut);
        describe((struct str) { copy, cut }, &got);
        buf_release(&got);
        free(copy);
    }
}

static void
test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        cut_everywhere(good[i].text);
    for (size_t i = 0; i < COUNT(bad); i++)
        cut_everywhere(bad[i].text);
}

static void
test_cycles(void **state)
{
    struct buf got = BUF_INIT;

    (void)state;
    describe(str_of("a: $E_PING"), &got);
    assert_non_null(strstr(buf_cstr(&got), "refers to itself"));
    buf_consume(&got, got.len);
    describe(str_of("include loop.conf"), &got);
    assert_non_null(strstr(buf_cstr(&got), "./loop.conf:1:9: error parsing include file "
                                           "'./loop.conf', it includes itself"));
    buf_release(&got);
}

/* One more than the limit is refused, without a stack of unbounded depth. */
static void
test_depth(void **state)
{
    static const int depths[] = { CONF_DEPTH_MAX - 1, CONF_DEPTH_MAX, 100000 };

    (void)state;
    for (size_t i = 0; i < COUNT(depths); i++) {
        struct buf text = BUF_INIT, got = BUF_INIT;
        const char *wanted = "nest deeper";

        buf_append_str(&text, "a: ");
        for (int depth = 0; depth < depths[i] + 1; depth++)
            buf_append_char(&text, '[');
        for (int depth = 0; depth < depths[i] + 1; depth++)
            buf_append_char(&text, ']');
        describe((struct str) { text.data, text.len }, &got);
        assert_int_equal(strstr(buf_cstr(&got), wanted) != NULL, depths[i] >= CONF_DEPTH_MAX);
        buf_release(&text);
        buf_release(&got);
    }
}

static void
test_include_limits(void **state)
{
    struct buf text = BUF_INIT, got = BUF_INIT;

    (void)state;
    for (int i = 0; i < CONF_FILES_MAX + 5; i++)
        buf_append_str(&text, "include port.conf\n");
    describe((struct str) { text.data, text.len }, &got);
    assert_non_null(strstr(buf_cstr(&got), "nats.conf:256:9: error parsing include file "
                                           "'port.conf', too many files are included"));
    buf_release(&text);
    buf_release(&got);
}

/* Folders that lead deeper and deeper: no path comes twice. */
static enum err
read_deeper(void *context, const char *path, struct arena *arena, struct conf_file *file,
            struct errmsg *why)
{
    (void)context;
    (void)path;
    (void)arena;
    (void)why;
    file->text = STR_LIT("include deeper/nats.conf");
    return ERR_OK;
}

static void
test_include_depth(void **state)
{
    struct conf_host host = { .read_file = read_deeper, .secrecy = test_secrecy };
    struct conf_tree tree = { 0 };
    struct diags diags = { 0 };

    (void)state;
    conf_parse(&tree, &host, "nats.conf", &diags);
    assert_int_equal(diags.count, 1);
    assert_non_null(strstr(diags.list[0].text, "too many files include each other"));
    diags_release(&diags);
    conf_tree_release(&tree);
}

static void
test_error_limit(void **state)
{
    struct buf text = BUF_INIT, got = BUF_INIT;
    size_t errors = 0;

    (void)state;
    for (int i = 0; i < 2 * CONF_PARSE_ERRORS_MAX; i++)
        buf_append_str(&text, "a: 1 2\n");
    describe((struct str) { text.data, text.len }, &got);
    for (const char *at = buf_cstr(&got); (at = strstr(at, "Parse error")) != NULL; at++)
        errors++;
    assert_int_equal(errors, CONF_PARSE_ERRORS_MAX);
    assert_non_null(strstr(buf_cstr(&got), "too many errors: the rest of nats.conf is not read"));
    buf_release(&text);
    buf_release(&got);
}

static void
test_positions(void **state)
{
    struct memory memory = { .main_text = STR_LIT("x: 1\n\tm {\n  b:  $x\n}\ninclude port.conf"),
                             .files = files };
    struct conf_host host = memory_host(&memory);
    struct conf_tree tree = { 0 };
    struct diags diags = { 0 };
    const struct conf_entry *map, *inner, *included;

    (void)state;
    host.secrecy = test_secrecy;
    conf_parse(&tree, &host, "nats.conf", &diags);
    assert_int_equal(diags.count, 0);
    map = tree.entries->next;
    inner = map->value->entries;
    included = map->next;
    assert_int_equal(map->pos.line, 2);
    assert_int_equal(map->pos.col, 2);
    assert_int_equal(inner->pos.line, 3);
    assert_int_equal(inner->pos.col, 3);
    assert_int_equal(inner->value->pos.line, 3);
    assert_int_equal(inner->value->pos.col, 7);
    assert_int_equal(inner->value->origin.line, 1);
    assert_int_equal(inner->value->origin.col, 4);
    assert_true(inner->value->via_variable);
    assert_true(tree.entries->used);
    assert_false(map->used);
    assert_string_equal(included->pos.file, "port.conf");
    assert_int_equal(included->pos.line, 1);
    conf_tree_release(&tree);
}

/* A string option gets the text as it was written, whatever else it could mean. */
static void
test_texts(void **state)
{
    static const struct row rows[] = {
        { "a: 12kb", "12kb" },
        { "a: 007", "007" },
        { "a: true", "true" },
        { "a: 1e5", "1e5" },
        { "a: -abc", "-abc" },
        { "a: 1234-abcd", "1234-abcd" },
        { "a: .5", ".5" },
        { "a: 2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z" },
        { "a: 99999999999999999999", "99999999999999999999" },
        { "a: $E_COMMA", "a,b" },
        { "a: $E_TWO", "a b" },
        { "a: $E_LIST", "[1, 2]" },
        { "a: $E_QUOTED", "12" },
        { "a: $E_REF", "$E_INT" },
        { "a: $E_EMPTY", "" },
        { "a: $E_HASH", "$2b$11$abc" },
        { "a: $E_SELF", "$E_SELF" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct memory memory = { .main_text = str_of(rows[i].text), .env = env };
        struct conf_host host = memory_host(&memory);
        struct conf_tree tree = { 0 };
        struct diags diags = { 0 };
        char *got;

        host.secrecy = test_secrecy;
        conf_parse(&tree, &host, "nats.conf", &diags);
        got = xmemdup0(tree.entries->value->text.data, tree.entries->value->text.len);
        check_row(&rows[i], got);
        free(got);
        diags_release(&diags);
        conf_tree_release(&tree);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cut),         cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_depth),       cmocka_unit_test(test_include_limits),
        cmocka_unit_test(test_error_limit), cmocka_unit_test(test_positions),
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_include_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

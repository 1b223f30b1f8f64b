/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/connect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Parses a copy of exactly the text's size, so that the sanitizer sees a byte read past it. */
static enum err
parse(struct connect_info *info, struct str json, struct errmsg *why)
{
    char *copy = malloc(json.len > 0 ? json.len : 1);
    enum err err;

    assert_non_null(copy);
    memcpy(copy, json.data, json.len);
    err = connect_info_parse(info, (struct str) { copy, json.len }, why);
    free(copy);
    return err;
}

static void
test_defaults(void **state)
{
    struct connect_info info;

    (void)state;
    connect_info_init(&info);
    assert_int_equal(parse(&info, STR_LIT("{}"), NULL), ERR_OK);
    assert_true(info.verbose && info.pedantic && info.echo);
    assert_false(info.tls_required || info.headers || info.no_responders || info.new_account);
    assert_int_equal(info.protocol, 0);
    assert_null(info.auth_token.data);
    connect_info_release(&info);
}

/* One text, what verbose holds afterwards; it was false before. */
static void
test_verbose(void **state)
{
    static const struct {
        const char *json;
        bool verbose;
    } rows[] = {
        { "{}", false },
        { " {\t\"verbose\" :\r\n true } ", true },
        { "{\"VERBOSE\":true}", true },
        { "{\"v\\u0065rbose\":true}", true },
        { "{\"verbose\":null}", false },
        { "{\"verbose\":false,\"verbose\":true}", true },
        { "{\"verbose\":true,\"Verbose\":false}", false },
        { "{\"Verbose\":false,\"verbose\":true}", true },
        { "{\"verbose\":false,\"VERBOSE\":false,\"verbose\":true}", true },
        { "{\"verbose\":true,\"VERBOSE\":true,\"verbose\":false}", false },
        { "{\"verbose\":true,\"verbose\":null}", true },
        { "{\"verbose \":true,\"verbos\":true,\"\":true,\"verbose_and_more\":true}", false },
        { "{\"verbose\\u0000\":true}", false },
        { "{\"a_key_longer_than_all_of_ours\":[{\"verbose\":true}],\"verbose\":true}", true },
        { "{\"x\":\"}\\\"\",\"y\":-1.5e3,\"z\":[],\"verbose\":true}", true },
        { "{\"x\":\"\xff\",\"\xff\":1,\"verbose\":true}", true },
        { "{\"x\":[\"\xc3\xa9\"],\"verbose\":true}", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct connect_info info = { .verbose = false };
        struct errmsg why;

        if (parse(&info, str_of(rows[i].json), &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].json, why.text);
        if (info.verbose != rows[i].verbose)
            fail_msg("%s: verbose is %d", rows[i].json, info.verbose);
        connect_info_release(&info);
    }
}

static void
test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "}",
        "null",
        "[]",
        "1",
        "\"\"",
        "x",
        "{} x",
        "{}{}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":truex}",
        "{\"a\":01}",
        "{\"a\":1x}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"name\":\"\\u\"}",
        "{\"\\x\":1}",
        "{\"a",
        "{\"a\":[1}",
        "{\"a\":[",
        "{\"verbose\":\"x\"}",
        "{\"verbose\":1}",
        "{\"verbose\":\"true\"}",
        "{\"verbose\":\"x\",\"verbose\":false}", /* the loser's type counts, too */
        "{\"protocol\":1.0}",
        "{\"protocol\":1e0}",
        "{\"protocol\":\"1\"}",
        "{\"protocol\":true}",
        "{\"protocol\":99999999999999999999}",
        "{\"name\":1}",
        "{\"auth_token\":1}",
        "{\"auth_token\":[\"t\"]}",
        "{\"AUTH_TOKEN\":{}}",
        "{\"user\":false}",
        "{\"new_account\":\"x\"}",
        "{\"account\":true}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct connect_info info;
        struct errmsg why = { "" };

        connect_info_init(&info);
        if (parse(&info, str_of(rows[i]), &why) != ERR_INVALID)
            fail_msg("accepted: %s", rows[i]);
        assert_string_not_equal(why.text, "");
        connect_info_release(&info);
    }
}

/* Cut anywhere, a valid text is an error and never a crash. */
static void
test_cut(void **state)
{
    struct str whole =
        STR_LIT("{\"verbose\":false,\"name\":\"a\\u00e9\\ud83d\\ude00\",\"x\":[1,{}],"
                "\"protocol\":1,\"auth_token\":\"s3cr3t\"}");

    (void)state;
    for (size_t len = 0; len <= whole.len; len++) {
        struct connect_info info;

        connect_info_init(&info);
        assert_int_equal(parse(&info, (struct str) { whole.data, len }, NULL),
                         len == whole.len ? ERR_OK : ERR_INVALID);
        connect_info_release(&info);
    }
}

static void
test_strings(void **state)
{
    static const struct {
        const char *raw;
        struct str text;
    } rows[] = {
        { "", { "", 0 } },
        { "plain", { "plain", 5 } },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", { "\"\\/\b\f\n\r\t", 8 } },
        { "a\\u0000b", { "a\0b", 3 } },
        { "\\u0041\\u00e9\\u20AC", { "A\xc3\xa9\xe2\x82\xac", 6 } },
        { "\\ud83d\\ude00", { "\xf0\x9f\x98\x80", 4 } },
        { "\\ud83d", { "\xef\xbf\xbd", 3 } }, /* lone surrogates */
        { "\\ude00x", { "\xef\xbf\xbdx", 4 } },
        { "\\ud83d\\u0041",
          { "\xef\xbf\xbd"
            "A",
            4 } },
        { "\\ud83d\\n", { "\xef\xbf\xbd\n", 4 } },
        { "a\xff", { "a\xef\xbf\xbd", 4 } }, /* bad UTF-8 */
        { "\xc3\xa9", { "\xc3\xa9", 2 } },
        { "\xc3", { "\xef\xbf\xbd", 3 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct connect_info info;
        char json[128];

        (void)snprintf(json, sizeof(json), "{\"Auth_Token\":\"%s\"}", rows[i].raw);
        connect_info_init(&info);
        assert_int_equal(parse(&info, str_of(json), NULL), ERR_OK);
        if (!str_eq(info.auth_token, rows[i].text))
            fail_msg("%s became \"%s\"", rows[i].raw, info.auth_token.data);
        assert_int_equal(info.auth_token.data[info.auth_token.len], '\0');
        connect_info_release(&info);
    }
}

static void
test_all_fields(void **state)
{
    struct connect_info info;

    (void)state;
    connect_info_init(&info);
    assert_int_equal(
        parse(&info,
              STR_LIT("{\"verbose\":false,\"pedantic\":false,\"tls_required\":true,\"echo\":false,"
                      "\"headers\":true,\"no_responders\":true,\"new_account\":true,"
                      "\"protocol\":-9223372036854775808,\"name\":\"n\",\"lang\":\"l\","
                      "\"version\":\"v\",\"auth_token\":\"t\",\"user\":\"u\",\"pass\":\"p\","
                      "\"nkey\":\"k\",\"sig\":\"s\",\"jwt\":\"j\",\"account\":\"A\"}"),
              NULL),
        ERR_OK);
    assert_false(info.verbose || info.pedantic || info.echo);
    assert_true(info.tls_required && info.headers && info.no_responders && info.new_account);
    assert_true(info.protocol == INT64_MIN);
    assert_string_equal(info.name.data, "n");
    assert_string_equal(info.lang.data, "l");
    assert_string_equal(info.version.data, "v");
    assert_string_equal(info.auth_token.data, "t");
    assert_string_equal(info.user.data, "u");
    assert_string_equal(info.pass.data, "p");
    assert_string_equal(info.nkey.data, "k");
    assert_string_equal(info.sig.data, "s");
    assert_string_equal(info.jwt.data, "j");
    assert_string_equal(info.account.data, "A");
    connect_info_release(&info);
    assert_null(info.name.data);
    assert_null(info.auth_token.data);
}

/* A second CONNECT keeps what it does not name. */
static void
test_second_connect(void **state)
{
    struct connect_info info;
    struct connect_kept kept;

    (void)state;
    connect_info_init(&info);
    assert_int_equal(parse(&info,
                           STR_LIT("{\"verbose\":false,\"echo\":false,\"protocol\":1,"
                                   "\"name\":\"one\",\"lang\":\"c\",\"auth_token\":\"t\"}"),
                           NULL),
                     ERR_OK);
    connect_kept_init(&kept);
    assert_true(connect_keep(&kept, &info));
    connect_info_release(&info);
    assert_true(connect_recall(&info, &kept));
    assert_null(info.auth_token.data);
    assert_int_equal(
        parse(&info, STR_LIT("{\"name\":\"two\",\"lang\":null,\"headers\":true}"), NULL), ERR_OK);
    assert_false(info.verbose || info.echo);
    assert_true(info.headers);
    assert_int_equal(info.protocol, 1);
    assert_string_equal(info.name.data, "two");
    assert_string_equal(info.lang.data, "c");
    assert_null(info.auth_token.data);
    connect_info_release(&info);
    connect_kept_release(&kept);
}

/* Whatever it was: with the strings that are absent, empty or hold a NUL. */
static void
test_keep_and_recall(void **state)
{
    static const char *const lines[] = {
        "{}",
        "{\"name\":\"\",\"version\":\"3.6.1\"}",
        "{\"name\":\"a\\u0000b\",\"lang\":\"c\",\"version\":\"1\",\"account\":\"A\"}",
        "{\"account\":\"\",\"new_account\":true,\"protocol\":-7,\"tls_required\":true}",
        "{\"verbose\":false,\"pedantic\":false,\"echo\":false}",
        "{\"headers\":true,\"no_responders\":true}",
    };
    struct connect_kept kept;

    (void)state;
    connect_kept_init(&kept);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct connect_info info, again;
        char before[512], after[512];

        connect_info_init(&info);
        assert_int_equal(parse(&info, str_of(lines[i]), NULL), ERR_OK);
        assert_true(connect_keep(&kept, &info));
        assert_true(connect_recall(&again, &kept));
        connect_info_describe(&info, before, sizeof(before));
        connect_info_describe(&again, after, sizeof(after));
        assert_string_equal(before, after);
        assert_true(str_eq(connect_kept_name(&kept), info.name));
        assert_true(str_eq(connect_kept_lang(&kept), info.lang));
        assert_true(str_eq(connect_kept_version(&kept), info.version));
        connect_info_release(&info);
        connect_info_release(&again);
    }
    connect_kept_release(&kept);
}

static void
test_describe(void **state)
{
    struct connect_info info;
    char line[512], small[16];
    const char *want = "verbose=true pedantic=true tls_required=false echo=true headers=false "
                       "no_responders=false protocol=1 name=\"a\\\"\\nb\" new_account=false "
                       "auth_token=[REDACTED] pass=[REDACTED]";

    (void)state;
    connect_info_init(&info);
    assert_int_equal(parse(&info,
                           STR_LIT("{\"protocol\":1,\"name\":\"a\\\"\\nb\","
                                   "\"auth_token\":\"s3cr3t\",\"pass\":\"s3cr3t\"}"),
                           NULL),
                     ERR_OK);
    connect_info_describe(&info, line, sizeof(line));
    assert_string_equal(line, want);
    connect_info_describe(&info, small, sizeof(small));
    assert_int_equal(strlen(small), sizeof(small) - 1);
    assert_memory_equal(small, want, sizeof(small) - 1);
    connect_info_release(&info);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_strings),        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_second_connect), cmocka_unit_test(test_keep_and_recall),
        cmocka_unit_test(test_describe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

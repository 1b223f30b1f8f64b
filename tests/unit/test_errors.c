/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_quote(void **state)
{
    /* The right side is what the reference prints for the left. */
    static const struct {
        struct str text;
        const char *quoted;
    } rows[] = {
        { { "orders.eu", 9 }, "\"orders.eu\"" },
        { { "", 0 }, "\"\"" },
        { { "a\"b\\c'd", 7 }, "\"a\\\"b\\\\c'd\"" },
        { { "\x01\x7f\0", 3 }, "\"\\x01\\x7f\\x00\"" },
        { { "\a\b\t\n\v\f\r", 7 }, "\"\\a\\b\\t\\n\\v\\f\\r\"" },
        { { "\xc3\xa9", 2 }, "\"\xc3\xa9\"" },
        { { "\xf0\x9f\x98\x80", 4 }, "\"\xf0\x9f\x98\x80\"" },
        { { "\xef\xbf\xbd", 3 }, "\"\xef\xbf\xbd\"" },               /* a real U+FFFD */
        { { "\xc2\xa0\xc2\xad", 4 }, "\"\\u00a0\\u00ad\"" },         /* nbsp, soft hyphen */
        { { "\xe2\x80\xa8\xe2\x80\x8b", 6 }, "\"\\u2028\\u200b\"" }, /* line separator */
        { { "\xef\xbb\xbf\xee\x80\x80", 6 }, "\"\\ufeff\\ue000\"" },
        { { "\xf3\xa0\x80\x81", 4 }, "\"\\U000e0001\"" },
        { { "\xff\xc3", 2 }, "\"\\xff\\xc3\"" }, /* no start, cut short */
        { { "\xc3(", 2 }, "\"\\xc3(\"" },
        { { "\xed\xa0\x80", 3 }, "\"\\xed\\xa0\\x80\"" },                   /* surrogate */
        { { "\xc0\xaf\xe0\x80\xaf", 5 }, "\"\\xc0\\xaf\\xe0\\x80\\xaf\"" }, /* overlong */
        { { "\xf4\x90\x80\x80", 4 }, "\"\\xf4\\x90\\x80\\x80\"" },          /* past U+10FFFF */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_INIT;

        assert_true(proto_quote(&out, rows[i].text));
        assert_string_equal(buf_cstr(&out), rows[i].quoted);
        buf_release(&out);
    }
}

static void
test_violations(void **state)
{
    static const struct {
        enum proto_violation violation;
        const char *queue, *text;
    } rows[] = {
        { PROTO_VIOLATION_PUBLISH, NULL, "Permissions Violation for Publish to \"a.\\\"b\"" },
        { PROTO_VIOLATION_REPLY, NULL,
          "Permissions Violation for Publish with Reply of \"a.\\\"b\"" },
        { PROTO_VIOLATION_SUBSCRIPTION, NULL,
          "Permissions Violation for Subscription to \"a.\\\"b\"" },
        { PROTO_VIOLATION_SUBSCRIPTION, "_sys_",
          "Permissions Violation for Subscription to \"a.\\\"b\" using queue \"_sys_\"" },
        { PROTO_VIOLATION_TOO_MANY_TOKENS, NULL,
          "Permissions Violation for Subscription to \"a.\\\"b\", too many tokens" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_INIT;

        assert_true(
            proto_violation(&out, rows[i].violation, STR_LIT("a.\"b"), str_of(rows[i].queue)));
        assert_string_equal(buf_cstr(&out), rows[i].text);
        buf_release(&out);
    }
}

static void
test_lines(void **state)
{
    struct buf out = BUF_INIT, small;

    (void)state;
    assert_true(proto_error_line(&out, str_of(proto_error_text(PROTO_ERR_STALE))));
    assert_string_equal(buf_cstr(&out), "-ERR 'Stale Connection'\r\n");
    buf_release(&out);
    buf_init(&small, 20);
    assert_false(proto_error_line(&small, str_of(proto_error_text(PROTO_ERR_STALE))));
    buf_release(&small);
}

/* The three that leave a connection open; all others end it. */
static void
test_closes(void **state)
{
    (void)state;
    for (enum proto_error error = 0; error < PROTO_ERR_COUNT; error++) {
        bool stays = error == PROTO_ERR_MAX_SUBSCRIPTIONS || error == PROTO_ERR_INVALID_SUBJECT ||
                     error == PROTO_ERR_INVALID_PUBLISH_SUBJECT;

        assert_int_equal(proto_error_closes(error), !stays);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 256 /* bytes for a line of the table */

/* What a receiver gets, CRLF behind the body included by the row. */
static void
test_messages(void **state)
{
    static const struct {
        const char *subject, *reply, *payload;
        size_t header_len;
        const char *sid, *with_headers, *without_headers;
    } rows[] = {
        { "orders.eu", NULL, "hello", 0, "17", "MSG orders.eu 17 5\r\nhello",
          "MSG orders.eu 17 5\r\nhello" },
        { "a", "_INBOX.x", "", 0, "s", "MSG a s _INBOX.x 0\r\n", "MSG a s _INBOX.x 0\r\n" },
        { "a", NULL, "NATS/1.0\r\n\r\nhi", 12, "9", "HMSG a 9 12 14\r\nNATS/1.0\r\n\r\nhi",
          "MSG a 9 2\r\nhi" },
        { "a", "r", "NATS/1.0\r\n\r\n", 12, "9", "HMSG a 9 r 12 12\r\nNATS/1.0\r\n\r\n",
          "MSG a 9 r 0\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct encoder enc;

        encoder_init(&enc, str_of(rows[i].subject), str_of(rows[i].reply), str_of(rows[i].payload),
                     rows[i].header_len);
        for (int with = 0; with <= 1; with++) {
            const char *want = with ? rows[i].with_headers : rows[i].without_headers;
            struct str body = encoder_body(&enc, with);
            char out[ROOM + 1];
            size_t len;

            memset(out, '#', sizeof(out));
            len = encoder_line(&enc, str_of(rows[i].sid), with, out);
            assert_int_equal(len, encoder_line_len(&enc, strlen(rows[i].sid), with));
            assert_int_equal(out[len], '#');
            memcpy(out + len, body.data, body.len);
            out[len + body.len] = '\0';
            assert_string_equal(out, want);
        }
    }
}

/* The largest numbers there are must fit the tails. */
static void
test_sizes_fit(void **state)
{
    struct encoder enc;
    struct str payload = { "", SIZE_MAX };
    char out[ROOM];
    size_t len;

    (void)state;
    encoder_init(&enc, STR_LIT("a"), STR_NULL, payload, SIZE_MAX);
    len = encoder_line(&enc, STR_LIT("1"), true, out);
    out[len] = '\0';
    assert_string_equal(out, "HMSG a 1 18446744073709551615 18446744073709551615\r\n");
    encoder_init(&enc, STR_LIT("a"), STR_NULL, payload, 1);
    len = encoder_line(&enc, STR_LIT("1"), false, out);
    out[len] = '\0';
    assert_string_equal(out, "MSG a 1 18446744073709551614\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sizes_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

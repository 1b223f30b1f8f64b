/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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
        struct str subject = str_of(rows[i].subject), sid = str_of(rows[i].sid);
        struct message message;
        char head[ROOM];
        size_t head_len;

        assert_in_range(encode_head_room(subject, sid), 1, sizeof(head));
        head_len = encode_head(subject, sid, head);
        message_init(&message, str_of(rows[i].reply), str_of(rows[i].payload), rows[i].header_len);
        for (int with = 0; with <= 1; with++) {
            const char *want = with ? rows[i].with_headers : rows[i].without_headers;
            struct str body = encode_body(&message, with);
            char out[ROOM + 1];
            size_t len;

            memset(out, '#', sizeof(out));
            len = (size_t)(encode_line(&message, head, head_len, with, out) - out);
            assert_int_equal(len, encode_line_len(&message, head_len, with));
            assert_int_equal(out[len + ENCODE_SLACK], '#');
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
    struct message message;
    struct str payload = { "", SIZE_MAX };
    char head[ROOM], out[ROOM];
    size_t head_len = encode_head(STR_LIT("a"), STR_LIT("1"), head);

    (void)state;
    message_init(&message, STR_NULL, payload, SIZE_MAX);
    *encode_line(&message, head, head_len, true, out) = '\0';
    assert_string_equal(out, "HMSG a 1 18446744073709551615 18446744073709551615\r\n");
    message_init(&message, STR_NULL, payload, 1);
    *encode_line(&message, head, head_len, false, out) = '\0';
    assert_string_equal(out, "MSG a 1 18446744073709551614\r\n");
}

/* Heads and tails of every length around the steps that they are copied in. */
static void
test_steps(void **state)
{
    char subject[4 * ENCODE_HEAD_STEP], want[2 * ROOM];

    (void)state;
    memset(subject, 's', sizeof(subject));
    for (size_t len = 1; len <= sizeof(subject); len++) {
        struct str text = { subject, len };
        struct message message;
        char head[ROOM], out[2 * ROOM];

        message_init(&message, STR_LIT("r"), (struct str) { "", len * len * len }, 0);
        *encode_line(&message, head, encode_head(text, STR_LIT("12"), head), true, out) = '\0';
        (void)snprintf(want, sizeof(want), "MSG %.*s 12 r %zu\r\n", (int)len, subject,
                       len * len * len);
        assert_string_equal(out, want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_sizes_fit),
        cmocka_unit_test(test_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written is also read again by route_parser.
 */
#include "proto/route_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/route_parser.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROOM         256 /* bytes for a line of the table */

static const struct route_limits limits = { 4096, 1048576, true };

static void
test_interest(void **state)
{
    static const struct {
        const char *subject, *queue;
        uint32_t weight;
        const char *sub, *unsub;
    } rows[] = {
        { "foo.*", NULL, 7, "RS+ $G foo.*\r\n", "RS- $G foo.*\r\n" },
        { "a", "q1", 1, "RS+ $G a q1 1\r\n", "RS- $G a q1\r\n" },
        { ">", "q", 0, "RS+ $G > q 0\r\n", "RS- $G > q\r\n" },
        { "a", "q", UINT32_MAX, "RS+ $G a q 4294967295\r\n", "RS- $G a q\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str account = STR_LIT("$G"), subject = str_of(rows[i].subject);
        struct str queue = str_of(rows[i].queue);
        struct buf out = BUF_INIT;
        char want[ROOM];

        assert_true(route_sub_line(&out, account, subject, queue, rows[i].weight));
        assert_string_equal(buf_cstr(&out), rows[i].sub);
        assert_true(route_unsub_line(&out, account, subject, queue)); /* behind the other */
        (void)snprintf(want, sizeof(want), "%s%s", rows[i].sub, rows[i].unsub);
        assert_string_equal(buf_cstr(&out), want);
        buf_release(&out);
    }
}

/* A line that does not fit leaves what was there. */
static void
test_interest_does_not_fit(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 20);
    assert_true(route_sub_line(&out, STR_LIT("A"), STR_LIT("b"), STR_NULL, 0));
    assert_false(route_sub_line(&out, STR_LIT("A"), STR_LIT("b"), STR_LIT("queue"), 1));
    assert_false(route_unsub_line(&out, STR_LIT("A"), STR_LIT("bbbbbbb"), STR_NULL));
    assert_int_equal(out.len, strlen("RS+ A b\r\n"));
    buf_release(&out);
}

#define HEADERS "NATS/1.0\r\n\r\n" /* 12 bytes */

static const struct message_row {
    const char *reply, *payload;
    size_t header_len;
    const char *queues, *with_headers, *without_headers;
} message_rows[] = {
    { NULL, "hello", 0, "", "RMSG $G foo.x 5\r\n", "RMSG $G foo.x 5\r\n" },
    { "rr", "", 0, "", "RMSG $G foo.x rr 0\r\n", "RMSG $G foo.x rr 0\r\n" },
    { NULL, "hi", 0, "q1 q2 ", "RMSG $G foo.x | q1 q2 2\r\n", "RMSG $G foo.x | q1 q2 2\r\n" },
    { "re.ply", "hi", 0, "q1 ", "RMSG $G foo.x + re.ply q1 2\r\n",
      "RMSG $G foo.x + re.ply q1 2\r\n" },
    { NULL, HEADERS "hi", 12, "", "HMSG $G foo.x 12 14\r\n", "RMSG $G foo.x 2\r\n" },
    { "rr", HEADERS, 12, "", "HMSG $G foo.x rr 12 12\r\n", "RMSG $G foo.x rr 0\r\n" },
    { NULL, HEADERS "hi", 12, "q2 q1 ", "HMSG $G foo.x | q2 q1 12 14\r\n",
      "RMSG $G foo.x | q2 q1 2\r\n" },
    { "re.ply", HEADERS "hi", 12, "q2 q1 ", "HMSG $G foo.x + re.ply q2 q1 12 14\r\n",
      "RMSG $G foo.x + re.ply q2 q1 2\r\n" },
};

/* text: a whole message, CRLF included. */
static void
check_read_again(const struct message_row *row, struct str text, struct str body)
{
    struct route_op op;
    struct str queues;
    char names[ROOM] = "", *at = names;
    size_t used;

    assert_int_equal(parse_route_op(&limits, text.data, text.len, &op, &used), PARSE_OP);
    assert_int_equal(used, text.len);
    assert_int_equal(op.kind, ROUTE_MSG);
    assert_true(str_eq(op.account, STR_LIT("$G")) && str_eq(op.subject, STR_LIT("foo.x")));
    assert_true(str_eq(op.reply, str_of(row->reply)));
    assert_true(str_eq(op.payload, body));
    queues = op.queues;
    for (struct str name; (name = route_next_queue(&queues)).data != NULL;)
        at += snprintf(at, (size_t)(names + sizeof(names) - at), "%.*s ", (int)name.len, name.data);
    assert_string_equal(names, row->queues);
}

static void
check_message(const struct message_row *row, const char *head, size_t head_len, bool with_headers)
{
    const char *want = with_headers ? row->with_headers : row->without_headers;
    struct str queues = str_of(row->queues), body;
    struct message message;
    char out[ROOM + ENCODE_SLACK];
    size_t len;

    message_init(&message, str_of(row->reply), str_of(row->payload), row->header_len);
    body = encode_body(&message, with_headers);
    memset(out, '#', sizeof(out));
    len = (size_t)(route_msg_line(&message, head, head_len, queues, with_headers, out) - out);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
    assert_int_equal(len, route_msg_line_len(&message, head_len, queues, with_headers));
    assert_int_equal(out[len + ENCODE_SLACK], '#');
    memcpy(out + len, body.data, body.len);
    memcpy(out + len + body.len, "\r\n", 2);
    check_read_again(row, (struct str) { out, len + body.len + 2 }, body);
}

static void
test_messages(void **state)
{
    struct str account = STR_LIT("$G"), subject = STR_LIT("foo.x");
    char head[ROOM];
    size_t head_len;

    (void)state;
    assert_in_range(route_head_room(account, subject), 1, sizeof(head));
    head_len = route_head(account, subject, head);
    assert_int_equal(head_len + ENCODE_HEAD_STEP, route_head_room(account, subject));
    for (size_t i = 0; i < COUNT(message_rows); i++) {
        check_message(&message_rows[i], head, head_len, true);
        check_message(&message_rows[i], head, head_len, false);
    }
}

/* Heads of every length around the steps that they are copied in. */
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
        size_t head_len = route_head(STR_LIT("A"), text, head);

        message_init(&message, STR_LIT("r"), (struct str) { "", len * len * len }, 0);
        *route_msg_line(&message, head, head_len, STR_LIT(""), true, out) = '\0';
        (void)snprintf(want, sizeof(want), "RMSG A %.*s r %zu\r\n", (int)len, subject,
                       len * len * len);
        assert_string_equal(out, want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interest),
        cmocka_unit_test(test_interest_does_not_fit),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

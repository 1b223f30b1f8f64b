/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/info.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const urls[] = { "10.0.0.1:4222", "10.0.0.2:4222", NULL };

static struct info
least(void)
{
    return (struct info) {
        .server_id = "NID",
        .server_name = "NID",
        .version = "2.15.0",
        .go = "tessera",
        .host = "0.0.0.0",
        .port = 4222,
        .headers = true,
        .max_payload = 1048576,
    };
}

static struct info
most(void)
{
    struct info info = least();

    info.server_name = "say \"hi\" \\ \xc3\xa9\x01";
    info.git_commit = "abc123";
    info.headers = false;
    info.auth_required = info.tls_required = info.tls_verify = true;
    info.tls_available = info.jetstream = true;
    info.max_payload = -1;
    info.cluster = "C1";
    info.connect_urls = urls;
    return info;
}

static void
expect_line(const struct info *info, const char *nonce, const char *account, bool ldm,
            const char *want)
{
    struct info_client client = { UINT64_MAX, "::1", nonce, account, ldm };
    struct buf prefix = BUF_INIT, line = BUF_INIT;

    assert_true(info_prefix(&prefix, info));
    assert_true(info_line(&line, &prefix, &client));
    assert_string_equal(buf_cstr(&line), want);
    buf_release(&prefix);
    buf_release(&line);
}

static void
test_exact(void **state)
{
    struct info info = least();

    (void)state;
    expect_line(&info, NULL, NULL, false,
                "INFO {\"server_id\":\"NID\",\"server_name\":\"NID\",\"version\":\"2.15.0\","
                "\"proto\":1,\"go\":\"tessera\",\"host\":\"0.0.0.0\",\"port\":4222,"
                "\"headers\":true,\"max_payload\":1048576,"
                "\"client_id\":18446744073709551615,\"client_ip\":\"::1\"} \r\n");
    info = most();
    expect_line(
        &info, "abcdefghijklmno", "$G", true,
        "INFO {\"server_id\":\"NID\",\"server_name\":\"say \\\"hi\\\" \\\\ \xc3\xa9\\u0001\","
        "\"version\":\"2.15.0\",\"proto\":1,\"go\":\"tessera\",\"git_commit\":\"abc123\","
        "\"host\":\"0.0.0.0\",\"port\":4222,\"headers\":false,\"auth_required\":true,"
        "\"tls_required\":true,\"tls_verify\":true,\"tls_available\":true,"
        "\"max_payload\":-1,\"jetstream\":true,\"cluster\":\"C1\","
        "\"connect_urls\":[\"10.0.0.1:4222\",\"10.0.0.2:4222\"],"
        "\"client_id\":18446744073709551615,\"client_ip\":\"::1\","
        "\"nonce\":\"abcdefghijklmno\",\"connect_info\":true,\"remote_account\":\"$G\","
        "\"ldm\":true} \r\n");
}

static void
test_is_json(void **state)
{
    struct info info = most();
    struct buf prefix = BUF_INIT, line = BUF_INIT;
    json_t *object;

    (void)state;
    assert_true(info_prefix(&prefix, &info));
    assert_true(info_line(&line, &prefix, &(struct info_client) { .id = 7, .ip = "10.0.0.9" }));
    object = json_loads(buf_cstr(&line) + strlen("INFO "), 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "server_name")),
                        info.server_name);
    assert_int_equal(json_integer_value(json_object_get(object, "client_id")), 7);
    json_decref(object);
    buf_release(&prefix);
    buf_release(&line);
}

/* What fails leaves the buffer as it was. */
static void
test_failures(void **state)
{
    struct info info = least();
    struct buf prefix = BUF_INIT, small;

    (void)state;
    info.host = "\xff";
    assert_true(buf_append_str(&prefix, "before"));
    assert_false(info_prefix(&prefix, &info));
    assert_string_equal(buf_cstr(&prefix), "before");
    buf_release(&prefix);

    info.host = "h";
    assert_true(info_prefix(&prefix, &info));
    buf_init(&small, prefix.len + 10);
    assert_false(info_line(&small, &prefix, &(struct info_client) { .id = 1, .ip = "127.0.0.1" }));
    assert_int_equal(small.len, 0);
    assert_false(info_prefix(&small, &(struct info) { .host = "\xff" }));
    buf_release(&small);
    buf_release(&prefix);
}

static void
test_check(void **state)
{
    (void)state;
    assert_true(info_check(STR_LIT("{}")));
    assert_true(info_check(STR_LIT("{\"a\":[1,{\"b\":null}]}")));
    assert_false(info_check(STR_LIT("")));
    assert_false(info_check(STR_LIT("xx")));
    assert_false(info_check(STR_LIT("[]")));
    assert_false(info_check(STR_LIT("{} x")));
    assert_false(info_check(STR_LIT("{")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_is_json),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

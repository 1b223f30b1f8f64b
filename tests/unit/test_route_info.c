/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked with --wrap for the allocators: each allocation fails in turn, too.
 */
#include "proto/route_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);

static int fail_after = -1; /* allocations that still succeed; -1: all do */

static bool
refuse(void)
{
    return fail_after >= 0 && fail_after-- == 0;
}

void *
__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return refuse() ? NULL : __real_realloc(old, size);
}

/* Read from memory of exactly its size, so that the sanitizer sees a byte read past it. */
static struct str
exact_copy(const char *json)
{
    size_t len = strlen(json);
    char *copy = malloc(len);

    assert_true(copy != NULL || len == 0);
    if (len > 0)
        memcpy(copy, json, len);
    return (struct str) { copy, len };
}

static enum err
read_info(struct route_info *info, const char *json, struct errmsg *why)
{
    struct str copy = exact_copy(json);
    enum err err = route_info_parse(info, copy, why);

    free((char *)copy.data);
    return err;
}

static enum err
read_connect(struct route_connect *connect, const char *json, struct errmsg *why)
{
    struct str copy = exact_copy(json);
    enum err err = route_connect_parse(connect, copy, why);

    free((char *)copy.data);
    return err;
}

/* What is read and written again. */
static void
expect_info(const char *json, const char *want)
{
    struct route_info info;
    struct errmsg why = { "" };
    char *text;

    if (read_info(&info, json, &why) != ERR_OK)
        fail_msg("%s: %s", json, why.text);
    text = route_info_json(&info);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
    route_info_release(&info);
}

static void
expect_connect(const char *json, const char *want)
{
    struct route_connect connect;
    struct errmsg why = { "" };
    char *text;

    if (read_connect(&connect, json, &why) != ERR_OK)
        fail_msg("%s: %s", json, why.text);
    text = route_connect_json(&connect);
    assert_non_null(text);
    assert_string_equal(text, want);
    mem_wipe_free(&text);
    route_connect_release(&connect);
}

/* Of what the reference's nodes send, byte for byte (PROTOCOL.md 3.11). */
static const char *const reference_info[] = {
    "{\"server_id\":\"NB\",\"server_name\":\"B\",\"version\":\"2.9.10\",\"proto\":2,"
    "\"go\":\"go1.19.8\",\"host\":\"127.0.0.1\",\"port\":4322,\"headers\":true,"
    "\"max_payload\":1048576,\"nonce\":\"9TS-7K81CC7U24g\",\"cluster\":\"C1\","
    "\"connect_urls\":[\"127.0.0.1:4312\"],\"lnoc\":true}",
    "{\"server_id\":\"NC\",\"server_name\":\"C\",\"version\":\"2.9.10\",\"proto\":2,"
    "\"go\":\"go1.19.8\",\"host\":\"127.0.0.1\",\"port\":4323,\"headers\":true,"
    "\"max_payload\":1048576,\"ip\":\"nats-route://127.0.0.1:4323/\",\"cluster\":\"C1\","
    "\"connect_urls\":[\"127.0.0.1:4313\"],\"lnoc\":true}",
    "{\"server_id\":\"ND\",\"server_name\":\"D\",\"version\":\"2.15.1\",\"proto\":3,"
    "\"git_commit\":\"abc\",\"go\":\"go1.25\",\"host\":\"::\",\"port\":6222,\"headers\":false,"
    "\"auth_required\":true,\"tls_required\":true,\"tls_verify\":true,\"max_payload\":-1,"
    "\"jetstream\":true,\"ip\":\"nats-route://a:1/\",\"nonce\":\"n\",\"cluster\":\"C\","
    "\"cluster_dynamic\":true,\"domain\":\"d\",\"connect_urls\":[\"a:1\",\"b:2\"],\"ldm\":true,"
    "\"compression\":\"accept\",\"import\":{\"allow\":[\"a.>\",\"b\"]},"
    "\"export\":{\"allow\":[\"c\"],\"deny\":[\"*\",\"d\"]},\"lnoc\":true,\"lnocu\":true,"
    "\"ln\":true,\"route_pool_size\":3,\"route_pool_idx\":2,\"route_account\":\"$SYS\","
    "\"route_acc_add_reqid\":\"r\",\"gossip_mode\":1,\"gateway\":\"g\"}",
};

static const char *const reference_connect[] = {
    "{\"echo\":true,\"verbose\":false,\"pedantic\":false,\"tls_required\":false,"
    "\"headers\":true,\"name\":\"NB\",\"cluster\":\"C1\",\"lnoc\":true}",
    "{\"echo\":true,\"verbose\":false,\"pedantic\":false,\"user\":\"u\",\"pass\":\"p\","
    "\"auth_token\":\"t\",\"tls_required\":true,\"headers\":true,\"name\":\"NB\","
    "\"cluster\":\"C1\",\"cluster_dynamic\":true,\"lnoc\":true,\"lnocu\":true,\"ln\":true,"
    "\"gateway\":\"g\",\"lang\":\"go\"}",
};

static void
test_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reference_info); i++)
        expect_info(reference_info[i], reference_info[i]);
    for (size_t i = 0; i < COUNT(reference_connect); i++)
        expect_connect(reference_connect[i], reference_connect[i]);
}

#define EMPTY_INFO_TO_HEADERS                                                                      \
    "{\"server_id\":\"\",\"server_name\":\"\",\"version\":\"\",\"proto\":0,\"go\":\"\","           \
    "\"host\":\"\",\"port\":0,\"headers\":"
#define EMPTY_INFO(headers, rest) EMPTY_INFO_TO_HEADERS headers ",\"max_payload\":0" rest "}"

static void
test_info_rows(void **state)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
        { "{}", EMPTY_INFO("false", "") },
        { " { } ", EMPTY_INFO("false", "") },
        { "{\"headers\":true}", EMPTY_INFO("true", "") },
        { "{\"HEADERS\":true,\"Cluster\":\"C\"}", EMPTY_INFO("true", ",\"cluster\":\"C\"") },
        /* duplicates: the last wins; null says nothing */
        { "{\"cluster\":\"a\",\"cluster\":\"b\"}", EMPTY_INFO("false", ",\"cluster\":\"b\"") },
        { "{\"cluster\":\"a\",\"cluster\":null}", EMPTY_INFO("false", ",\"cluster\":\"a\"") },
        { "{\"cluster\":\"\"}", EMPTY_INFO("false", "") },
        { "{\"connect_urls\":[\"a\",\"b\"],\"connect_urls\":[\"c\"]}",
          EMPTY_INFO("false", ",\"connect_urls\":[\"c\"]") },
        { "{\"connect_urls\":[\"a\",\"b\"],\"connect_urls\":[]}", EMPTY_INFO("false", "") },
        { "{\"connect_urls\":null}", EMPTY_INFO("false", "") },
        { "{\"connect_urls\" : [ \"a\" , \"b\" , \"c\" ,\"d\",\"e\" ] }",
          EMPTY_INFO("false", ",\"connect_urls\":[\"a\",\"b\",\"c\",\"d\",\"e\"]") },
        /* permissions */
        { "{\"import\":{}}", EMPTY_INFO("false", ",\"import\":{}") },
        { "{\"import\":null,\"export\":{\"allow\":null,\"x\":[1]}}",
          EMPTY_INFO("false", ",\"export\":{}") },
        { "{\"export\":{\"allow\":[\"a.\\u003e\"]},\"export\":{\"deny\":[\"b\"]}}",
          EMPTY_INFO("false", ",\"export\":{\"allow\":[\"a.>\"],\"deny\":[\"b\"]}") },
        /* keys that are not ours */
        { "{\"x\":{\"cluster\":\"a\",\"y\":[1,[2],{}]},\"git\":\"\\u0000\",\"z\":1e5}",
          EMPTY_INFO("false", "") },
        { "{\"has_pool_size\":true,\"import_\":{},\"connect_url_count\":7}",
          EMPTY_INFO("false", "") },
        /* texts */
        { "{\"cluster\":\"\\\"\\\\\\/\\n\\u001f\\u00e9\\ud83d\\ude00\"}",
          EMPTY_INFO("false", ",\"cluster\":\"\\\"\\\\/\\u000a\\u001f\xc3\xa9\xf0\x9f\x98\x80\"") },
        { "{\"cluster\":\"\xff\",\"connect_urls\":[\"\xfe\"]}",
          EMPTY_INFO("false",
                     ",\"cluster\":\"\xef\xbf\xbd\",\"connect_urls\":[\"\xef\xbf\xbd\"]") },
        /* numbers */
        { "{\"max_payload\":1,\"max_payload\":0,\"route_pool_idx\":-9223372036854775808}",
          EMPTY_INFO("false", ",\"route_pool_idx\":-9223372036854775808") },
        { "{\"gossip_mode\":-2147483648}", EMPTY_INFO("false", ",\"gossip_mode\":-2147483648") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_info(rows[i].json, rows[i].want);
}

static void
test_fields(void **state)
{
    struct route_info info;

    (void)state;
    assert_int_equal(read_info(&info, reference_info[2], NULL), ERR_OK);
    assert_string_equal(info.server_id, "ND");
    assert_int_equal(info.proto, 3);
    assert_int_equal(info.max_payload, -1);
    assert_int_equal(info.connect_url_count, 2);
    assert_string_equal(info.connect_urls[1], "b:2");
    assert_true(info.import_.present && info.export_.present);
    assert_int_equal(info.import_.allow_count, 2);
    assert_int_equal(info.import_.deny_count, 0);
    assert_string_equal(info.export_.deny[1], "d");
    assert_true(info.has_pool_size);
    assert_int_equal(info.route_pool_size, 3);
    assert_string_equal(info.gateway, "g");
    route_info_release(&info);
    assert_null(info.server_id); /* twice does no harm */
    assert_null(info.connect_urls);
    route_info_release(&info);
    assert_int_equal(read_info(&info, reference_info[0], NULL), ERR_OK);
    assert_false(info.has_pool_size || info.import_.present);
    assert_null(info.route_account);
    route_info_release(&info);
}

static void
test_connect_fields(void **state)
{
    struct route_connect connect;

    (void)state;
    assert_int_equal(read_connect(&connect, reference_connect[1], NULL), ERR_OK);
    assert_string_equal(connect.user, "u");
    assert_string_equal(connect.pass, "p");
    assert_string_equal(connect.auth_token, "t");
    assert_string_equal(connect.lang, "go");
    assert_true(connect.echo && connect.tls_required && !connect.verbose);
    route_connect_release(&connect);
    assert_null(connect.auth_token);
    assert_int_equal(
        read_connect(&connect, "{\"USER\":\"\",\"Auth_Token\":\"a\\\"\\u00e9\"}", NULL), ERR_OK);
    assert_string_equal(connect.user, "");
    assert_string_equal(connect.auth_token, "a\"\xc3\xa9");
    assert_null(connect.pass);
    route_connect_release(&connect);
}

/* What is written for a secret is what is read again. */
static void
test_secrets(void **state)
{
    static char secrets[][8] = { "s3cr3t", "a\"b\\c", "\x01\x1f\x7f", "\xc3\xa9<>&", "{}" };

    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct route_connect connect = { .user = secrets[i], .auth_token = secrets[i] }, again;
        char *text = route_connect_json(&connect);

        assert_non_null(text);
        assert_int_equal(read_connect(&again, text, NULL), ERR_OK);
        assert_string_equal(again.user, secrets[i]);
        assert_string_equal(again.auth_token, secrets[i]);
        assert_null(again.pass);
        route_connect_release(&again);
        mem_wipe_free(&text);
    }
}

struct refusal {
    const char *json, *why;
};

static const struct refusal refused_info[] = {
    { "", "INFO is not valid JSON" },
    { "null", "INFO is not valid JSON" },
    { "[]", "INFO is not valid JSON" },
    { "{", "INFO is not valid JSON" },
    { "{}{}", "INFO is not valid JSON" },
    { "{} x", "INFO is not valid JSON" },
    { "{\"a\":1,}", "INFO is not valid JSON" },
    { "{\"connect_urls\":[\"hunter2\"", "INFO is not valid JSON" },
    { "{\"connect_urls\":[\"hunter2\",]}",
      "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"connect_urls\":[\"a\" \"b\"]}", "INFO is not valid JSON" },
    { "{\"connect_urls\":[", "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"connect_urls\":[\"", "INFO is not valid JSON" },
    { "{\"connect_urls\":[\"\\x\"]}", "INFO is not valid JSON" },
    { "{\"import\":{\"allow\":[\"a\"]}", "INFO is not valid JSON" },
    { "{\"import\":{", "INFO is not valid JSON" },
    { "{\"server_id\":1}", "INFO has the wrong type of value for \"server_id\"" },
    { "{\"cluster\":\"a\",\"cluster\":[]}", "INFO has the wrong type of value for \"cluster\"" },
    { "{\"cluster\":true,\"cluster\":\"a\"}", "INFO has the wrong type of value for \"cluster\"" },
    { "{\"headers\":\"hunter2\"}", "INFO has the wrong type of value for \"headers\"" },
    { "{\"headers\":1}", "INFO has the wrong type of value for \"headers\"" },
    { "{\"port\":\"4222\"}", "INFO has the wrong type of value for \"port\"" },
    { "{\"port\":1.5}", "INFO has the wrong type of value for \"port\"" },
    { "{\"port\":2147483648}", "INFO has the wrong type of value for \"port\"" },
    { "{\"port\":-2147483649}", "INFO has the wrong type of value for \"port\"" },
    { "{\"max_payload\":99999999999999999999}", "INFO is not valid JSON" },
    { "{\"connect_urls\":\"a\"}", "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"connect_urls\":{}}", "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"connect_urls\":[\"a\",1]}", "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"connect_urls\":[null]}", "INFO has the wrong type of value for \"connect_urls\"" },
    { "{\"import\":[\"a\"]}", "INFO has the wrong type of value for \"import\"" },
    { "{\"import\":true}", "INFO has the wrong type of value for \"import\"" },
    { "{\"import\":{\"allow\":\"a\"}}", "INFO has the wrong type of value for \"allow\"" },
    { "{\"export\":{\"deny\":[[]]}}", "INFO has the wrong type of value for \"deny\"" },
    { "{\"cluster\":\"hunter2\\u0000\"}", "INFO has a NUL in \"cluster\"" },
    { "{\"connect_urls\":[\"a\",\"\\u0000\"]}", "INFO has a NUL in \"connect_urls\"" },
};

static const struct refusal refused_connect[] = {
    { "{\"user\":\"hunter2\",\"pass\":\"hunter2\",\"auth_token\":1}",
      "CONNECT has the wrong type of value for \"auth_token\"" },
    { "{\"auth_token\":\"hunter2\\u0000\"}", "CONNECT has a NUL in \"auth_token\"" },
    { "{\"auth_token\":\"hunter2", "CONNECT is not valid JSON" },
    { "{\"auth_token\":[\"hunter2\"]}", "CONNECT has the wrong type of value for \"auth_token\"" },
    { "{\"lnoc\":\"hunter2\"}", "CONNECT has the wrong type of value for \"lnoc\"" },
};

static void
test_refused(void **state)
{
    struct route_connect connect;
    struct route_info info;
    struct errmsg why;

    (void)state;
    for (size_t i = 0; i < COUNT(refused_info); i++) {
        assert_int_equal(read_info(&info, refused_info[i].json, &why), ERR_INVALID);
        assert_string_equal(why.text, refused_info[i].why);
        assert_null(info.cluster);
        assert_null(info.connect_urls);
    }
    for (size_t i = 0; i < COUNT(refused_connect); i++) {
        assert_int_equal(read_connect(&connect, refused_connect[i].json, &why), ERR_INVALID);
        assert_string_equal(why.text, refused_connect[i].why);
        assert_null(connect.user);
        assert_null(connect.auth_token);
    }
}

/* Of all that is cut, nothing is read, and nothing leaks. */
static void
test_cut(void **state)
{
    size_t len = strlen(reference_info[2]);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        char *piece = strndup(reference_info[2], cut);
        struct route_info info;

        assert_non_null(piece);
        assert_int_equal(read_info(&info, piece, NULL), ERR_INVALID);
        assert_null(info.server_id);
        free(piece);
    }
}

static void
test_text_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        char json[ROUTE_TEXT_MAX + 64];
        struct route_info info;
        struct errmsg why = { "" };
        size_t at = (size_t)snprintf(json, sizeof(json), "{\"cluster\":\"");

        memset(json + at, 'x', ROUTE_TEXT_MAX + over);
        (void)snprintf(json + at + ROUTE_TEXT_MAX + over, 8, "\"}");
        assert_int_equal(read_info(&info, json, &why), over ? ERR_LIMIT : ERR_OK);
        assert_string_equal(why.text, over ? "INFO has more than 4096 bytes in \"cluster\"" : "");
        route_info_release(&info);
    }
}

static void
test_list_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct buf json = BUF_INIT;
        struct route_info info;
        struct errmsg why = { "" };

        assert_true(buf_append_str(&json, "{\"import\":{\"deny\":[\"0\""));
        for (size_t i = 1; i < ROUTE_LIST_MAX + over; i++)
            assert_true(buf_printf(&json, ",\"%zu\"", i));
        assert_true(buf_append_str(&json, "]}}"));
        assert_int_equal(read_info(&info, buf_cstr(&json), &why), over ? ERR_LIMIT : ERR_OK);
        if (over) {
            assert_string_equal(why.text, "INFO has more than 4096 texts in \"deny\"");
            assert_null(info.import_.deny);
        } else {
            assert_int_equal(info.import_.deny_count, ROUTE_LIST_MAX);
            assert_string_equal(info.import_.deny[ROUTE_LIST_MAX - 1], "4095");
        }
        route_info_release(&info);
        buf_release(&json);
    }
}

static void
test_no_memory(void **state)
{
    struct route_info info;
    struct errmsg why;
    enum err err;
    int count = 0;

    (void)state;
    for (;; count++) {
        fail_after = count;
        err = route_info_parse(&info, str_of(reference_info[2]), &why);
        if (err == ERR_OK)
            break;
        assert_int_equal(err, ERR_NOMEM);
        assert_string_equal(why.text, "no memory for the strings of INFO");
        assert_null(info.server_id);
        assert_null(info.import_.allow);
    }
    assert_true(count > 20); /* 14 texts, 4 lists and what is in them */
    fail_after = 0;
    assert_null(route_info_json(&info));
    fail_after = -1;
    route_info_release(&info);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_info_rows),
        cmocka_unit_test(test_fields),     cmocka_unit_test(test_connect_fields),
        cmocka_unit_test(test_secrets),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_text_limit),
        cmocka_unit_test(test_list_limit), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The pure parts of the command line client: URLs, durations, texts, templates, filters,
 * reports.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/filter.h"
#include "cli/sub.h"
#include "cli/template.h"
#include "cli/text.h"
#include "cli/timespan.h"
#include "cli/url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ---- url ---- */

static const struct {
    const char *text, *address, *user, *password, *token; /* address NULL: refused */
} urls[] = {
    { "nats://localhost:4222", "nats://localhost:4222", NULL, NULL, NULL },
    { "localhost", "nats://localhost", NULL, NULL, NULL },
    { " demo:4222 ", "nats://demo:4222", NULL, NULL, NULL },
    { "nats://localhost:4222/", "nats://localhost:4222", NULL, NULL, NULL },
    { "tls://[::1]:4222", "tls://[::1]:4222", NULL, NULL, NULL },
    { "nats://s3cr3t@localhost:4222", "nats://localhost:4222", NULL, NULL, "s3cr3t" },
    { "s3cr3t@localhost", "nats://localhost", NULL, NULL, "s3cr3t" },
    { "nats://u:p@h", "nats://h", "u", "p", NULL },
    { "nats://u:p:q@h", "nats://h", "u", "p:q", NULL },
    { "nats://:p@h", "nats://h", "", "p", NULL },
    { "nats://u:@h", "nats://h", "u", "", NULL },
    { "nats://@h", "nats://h", NULL, NULL, NULL },
    { "nats://a%40b%3Ac%25@h", "nats://h", NULL, NULL, "a@b:c%" },
    { "nats://%C3%A9@h", "nats://h", NULL, NULL, "\xc3\xa9" },
    { "nats://a@b@h", "nats://h", NULL, NULL, "a@b" },
    { "nats://%zz@h", NULL, NULL, NULL, NULL },
    { "nats://%4@h", NULL, NULL, NULL, NULL },
    { "nats://a%00b@h", NULL, NULL, NULL, NULL },
    { "nats://a%@h", NULL, NULL, NULL, NULL },
    { "http://h", NULL, NULL, NULL, NULL },
    { "nats://", NULL, NULL, NULL, NULL },
    { "", NULL, NULL, NULL, NULL },
    { "nats://tok@", NULL, NULL, NULL, NULL },
    { "nats://:4222", NULL, NULL, NULL, NULL },
    { "nats://h/path", NULL, NULL, NULL, NULL },
    { "nats://a b", NULL, NULL, NULL, NULL },
};

static void
test_url(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct errmsg why = { "" };
        struct url url;
        enum err err = url_parse(&url, str_of(urls[i].text), &why);

        if ((err == ERR_OK) != (urls[i].address != NULL))
            fail_msg("\"%s\": %s", urls[i].text, why.text);
        if (err != ERR_OK)
            continue;
        if (!same(url.address, urls[i].address) || !same(url.user, urls[i].user) ||
            !same(url.password, urls[i].password) || !same(url.token, urls[i].token))
            fail_msg("\"%s\": address %s user %s password %s token %s", urls[i].text, url.address,
                     url.user, url.password, url.token);
        url_release(&url);
    }
}

static const struct {
    const char *text, *host, *port;
    bool tls;
} places[] = {
    { "nats://localhost:4333", "localhost", "4333", false },
    { "tls://localhost", "localhost", "4222", true },
    { "TLS://t@demo.nats.io:443/", "demo.nats.io", "443", true },
    { "127.0.0.1:1", "127.0.0.1", "1", false },
    { "[::1]:4333", "::1", "4333", false },
    { "tls://[fe80::1%eth0]", "fe80::1%eth0", "4222", true },
    { "::", NULL, NULL, false },
    { "fe80::1", "fe80::1", "4222", false },
    { "h:", "h", "", false },
    { "[", "[", "4222", false },
};

static void
test_url_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct errmsg why = { "" };
        struct url url;

        if ((url_parse(&url, str_of(places[i].text), &why) == ERR_OK) != (places[i].host != NULL))
            fail_msg("\"%s\": %s", places[i].text, why.text);
        if (!same(url.host, places[i].host) || !same(url.port, places[i].port) ||
            url.tls != places[i].tls)
            fail_msg("\"%s\": host %s port %s tls %d", places[i].text, url.host, url.port, url.tls);
        url_release(&url);
    }
}

static void
test_url_wipe_userinfo(void **state)
{
    struct errmsg why = { "" };
    struct url url;

    (void)state;
    assert_int_equal(url_parse(&url, STR_LIT("nats://u:p@h"), &why), ERR_OK);
    url_wipe_userinfo(&url);
    assert_null(url.user);
    assert_null(url.password);
    assert_string_equal(url.address, "nats://h");
    url_release(&url);
    assert_null(url.host);
}

/* Whatever is wrong with a URL, the text about it has no part of its secret. */
static void
test_url_errors_keep_secrets(void **state)
{
    static const char *const bad[] = { "nats://s3cr3t%zz@h", "http://s3cr3t@h", "nats://s3cr3t@",
                                       "nats://s3cr3t@h/path" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct errmsg why;
        struct url url;

        assert_int_not_equal(url_parse(&url, str_of(bad[i]), &why), ERR_OK);
        assert_null(strstr(why.text, "s3cr3t"));
    }
}

static const struct {
    const char *list, *hidden;
} hidings[] = {
    { "nats://tok@h:1", "nats://***@h:1" },
    { "tok@h:1", "***@h:1" },
    { "nats://u:p@h", "nats://***@h" },
    { "nats://h:1,nats://i:2", "nats://h:1,nats://i:2" },
    { "nats://a,b@h", "nats://***@h" },
    { "nats://a@h,nats://b@i", "nats://************@i" },
    { "", "" },
};

static void
test_url_hide(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hidings); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "%s", hidings[i].list);
        url_hide_userinfo(text);
        if (strlen(text) != strlen(hidings[i].list) || strstr(text, "tok") != NULL)
            fail_msg("\"%s\" became \"%s\"", hidings[i].list, text);
        if (i != 5) /* the exact number of stars does not matter there */
            assert_string_equal(text, hidings[i].hidden);
        else
            assert_null(strpbrk(text + strlen("nats://"), "ab"));
    }
}

/* ---- timespan ---- */

#define MS 1000000LL
#define S  (1000 * MS)

static const struct {
    const char *text;
    bool valid;
    int64_t ns;
    const char *printed; /* NULL: the same text */
} spans[] = {
    { "5s", true, 5 * S, NULL },
    { "300ms", true, 300 * MS, NULL },
    { "1m30s", true, 90 * S, NULL },
    { "1h", true, 3600 * S, "1h0m0s" },
    { "1.5h", true, 5400 * S, "1h30m0s" },
    { ".5s", true, 500 * MS, "500ms" },
    { "1.234567s", true, 1234567000, NULL },
    { "1us", true, 1000, "1\xc2\xb5s" },
    { "1\xc2\xb5s", true, 1000, NULL },
    { "7ns", true, 7, NULL },
    { "-2s", true, -2 * S, NULL },
    { "+2s", true, 2 * S, "2s" },
    { "0", true, 0, "0s" },
    { "0s", true, 0, NULL },
    { "1d", true, 86400 * S, "24h0m0s" },
    { "2w", true, 14 * 86400 * S, "336h0m0s" },
    { "1M", true, 30 * 86400 * S, "720h0m0s" },
    { "1y", true, 365 * 86400 * S, "8760h0m0s" },
    { "1m", true, 60 * S, "1m0s" },
    { "1m0.5s", true, 60500 * MS, NULL },
    { "", false, 0, NULL },
    { "5", false, 0, NULL },
    { "s", false, 0, NULL },
    { "5x", false, 0, NULL },
    { "5 s", false, 0, NULL },
    { "1s2", false, 0, NULL },
    { "--1s", false, 0, NULL },
    { "99999999999999999999s", false, 0, NULL },
    { "9999999999h", false, 0, NULL },
    { ".s", false, 0, NULL },
};

static void
test_timespan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spans); i++) {
        const char *want = spans[i].printed == NULL ? spans[i].text : spans[i].printed;
        char printed[TIMESPAN_TEXT_MAX];
        int64_t ns = 0;

        if (timespan_parse(spans[i].text, &ns) != spans[i].valid)
            fail_msg("\"%s\" should%s be a duration", spans[i].text, spans[i].valid ? "" : " not");
        if (!spans[i].valid)
            continue;
        timespan_print(printed, ns);
        if (ns != spans[i].ns || strcmp(printed, want) != 0)
            fail_msg("\"%s\" is %lld ns, printed \"%s\"", spans[i].text, (long long)ns, printed);
    }
}

/* ---- text ---- */

static const struct {
    const char *bytes;
    size_t len;
    const char *json, *quoted, *base64;
} texts[] = {
    { "", 0, "", "\"\"", "" },
    { "abc", 3, "abc", "\"abc\"", "YWJj" },
    { "ab", 2, "ab", "\"ab\"", "YWI=" },
    { "a", 1, "a", "\"a\"", "YQ==" },
    { "\"\\\n\t\r", 5, "\\\"\\\\\\n\\t\\r", "\"\\\"\\\\\\n\\t\\r\"", "IlwKCQ0=" },
    { "\x01\x7f", 2, "\\u0001\\u007f", "\"\\x01\\x7f\"", "AX8=" },
    { "\xc3\xa9%,", 4, "\xc3\xa9%,", "\"\xc3\xa9%,\"", "w6klLA==" },
    { "\xff\xc3", 2, "\xff\xc3", "\"\\xff\\xc3\"", "/8M=" },
    { "a\0b", 3, "a\\u0000b", "\"a\\x00b\"", "YQBi" },
};

static void
check_text(size_t row, bool (*append)(struct buf *, struct str), const char *want)
{
    struct buf out = BUF_INIT;

    assert_true(append(&out, (struct str) { texts[row].bytes, texts[row].len }));
    if (strcmp(buf_cstr(&out), want) != 0)
        fail_msg("row %zu: got %s, want %s", row, buf_cstr(&out), want);
    buf_release(&out);
}

static void
test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        check_text(i, text_append_json, texts[i].json);
        check_text(i, text_append_quoted, texts[i].quoted);
        check_text(i, text_append_base64, texts[i].base64);
    }
}

/* ---- template ---- */

static const struct {
    const char *text, *want; /* NULL: refused */
} templates[] = {
    { "", "" },
    { "plain }} text {", "plain }} text {" },
    { "{{Count}}", "7" },
    { "a{{ Cnt }}b{{.Count}}c", "a7b7c" },
    { "{{Unix}} {{UnixNano}}", "1795461574 1795461574802915000" },
    { "{{TimeStamp}}", "2026-11-23T20:49:34+01:30" },
    { "{{Time}}", "8:49PM" },
    { "a  {{- Count -}}  b", "a7b" },
    { "{{\"{{\"}}x}}", "{{x}}" },
    { "{{Random 0 0}}.", "." },
    { "{{Foo}}", NULL },
    { "{{Count", NULL },
    { "{{}}", NULL },
    { "{{Random}}", NULL },
    { "{{Random 1}}", NULL },
    { "{{Random 1 2 3}}", NULL },
    { "{{Random a b}}", NULL },
    { "{{Random 1 99999999999}}", NULL },
    { "{{Count 1}}", NULL },
};

static void
render(struct buf *out, const char *text, enum err want)
{
    struct random random = { 42 };
    struct template_values values = { 7, 1795461574802915000LL, &random };
    struct errmsg why = { "" };
    enum err err = template_render(out, str_of(text), &values, &why);

    if ((err == ERR_OK) != (want == ERR_OK))
        fail_msg("\"%s\": got %s, %s", text, buf_cstr(out), why.text);
}

static void
test_template(void **state)
{
    (void)state;
    setenv("TZ", "XXX-1:30", 1); /* POSIX counts westwards: this is +01:30 */
    tzset();
    for (size_t i = 0; i < COUNT(templates); i++) {
        struct buf out = BUF_INIT;

        buf_append_str(&out, "before ");
        render(&out, templates[i].text, templates[i].want == NULL ? ERR_INVALID : ERR_OK);
        if (strcmp(buf_cstr(&out) + 7, templates[i].want == NULL ? "" : templates[i].want) != 0)
            fail_msg("\"%s\": got \"%s\"", templates[i].text, buf_cstr(&out) + 7);
        buf_release(&out);
    }
}

static void
test_template_random(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    for (int i = 0; i < 200; i++) {
        out.len = 0;
        render(&out, i % 2 == 0 ? "{{Random 10 20}}" : "{{Random 20 10}}", ERR_OK);
        assert_in_range(out.len, 10, 19);
        assert_int_equal(strspn(buf_cstr(&out),
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789"),
                         out.len);
    }
    out.len = 0;
    render(&out, "{{ID}}{{UUID}}", ERR_OK);
    assert_int_equal(out.len, 22 + 36);
    assert_int_equal(out.data[22 + 14], '4');
    assert_non_null(strchr("89ab", out.data[22 + 19]));
    buf_release(&out);
}

/* ---- filter ---- */

static const struct {
    const char *command, *words; /* joined by '|'; NULL: refused */
} commands[] = {
    { "cat", "cat" },
    { " tr  a-z A-Z ", "tr|a-z|A-Z" },
    { "sh -c 'echo \"x y\"'", "sh|-c|echo \"x y\"" },
    { "a \"b 'c'\" d\\ e", "a|b 'c'|d e" },
    { "a \"b\\\"c\" ''", "a|b\"c|" },
    { "", NULL },
    { "  ", NULL },
    { "a 'b", NULL },
};

static void
test_filter_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(commands); i++) {
        struct buf words = BUF_INIT;
        size_t count;
        enum err err = filter_split(&words, &count, commands[i].command, NULL);

        if ((err == ERR_OK) != (commands[i].words != NULL))
            fail_msg("\"%s\"", commands[i].command);
        for (size_t b = 0; err == ERR_OK && b + 1 < words.len; b++)
            words.data[b] = words.data[b] == '\0' ? '|' : words.data[b];
        if (err == ERR_OK)
            assert_string_equal(words.data, commands[i].words);
        buf_release(&words);
    }
}

static void
test_filter_run(void **state)
{
    size_t len = 1000 * 1000; /* beyond what two pipes hold */
    char *body = malloc(len);
    struct buf out = BUF_INIT;
    struct errmsg why;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    memset(body, 'x', len);
    assert_int_equal(filter_run(&out, "cat", (struct str) { body, len }, STR_LIT("s"), &why),
                     ERR_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, body, len);
    out.len = 0;
    assert_int_equal(
        filter_run(&out, "printf '%s!' '<{{Subject}}>'", STR_LIT("unread"), STR_LIT("a;b c"), &why),
        ERR_OK);
    assert_string_equal(buf_cstr(&out), "<a;b c>!");
    assert_int_equal(filter_run(&out, "false", STR_LIT(""), STR_LIT("s"), &why), ERR_SYS);
    assert_string_equal(why.text, "exit status 1");
    assert_int_equal(filter_run(&out, "no-such-program-here", STR_LIT(""), STR_LIT("s"), &why),
                     ERR_SYS);
    buf_release(&out);
    free(body);
}

/* ---- report ---- */

static void
test_report(void **state)
{
    struct sub_report *report = sub_report_new();
    struct buf out = BUF_INIT;
    char name[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "few.%d", i);
        assert_true(sub_report_count(report, name, 1));
    }
    for (int i = 0; i < 3; i++)
        assert_true(sub_report_count(report, "busiest", 1024));
    assert_true(sub_report_count(report, "few.77", 0));
    sub_report_print(report, &out, 2);
    assert_string_equal(buf_cstr(&out), "Top 2 Active Subjects Report\n\n"
                                        "Subject    Message Count  Bytes\n"
                                        "busiest                3  3.0 KiB\n"
                                        "few.77                 2  1 B\n"
                                        "Totals              5004  7.9 KiB\n");
    buf_release(&out);
    sub_report_free(report);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_url_places),
        cmocka_unit_test(test_url_wipe_userinfo),
        cmocka_unit_test(test_url_errors_keep_secrets),
        cmocka_unit_test(test_url_hide),
        cmocka_unit_test(test_timespan),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_template_random),
        cmocka_unit_test(test_filter_split),
        cmocka_unit_test(test_filter_run),
        cmocka_unit_test(test_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

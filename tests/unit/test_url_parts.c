/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/url_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "-" stands for what is not there, which is not the same as empty. */
static const struct {
    const char *text;
    bool good;
    const char *scheme, *user, *password, *host, *port, *tail;
} rows[] = {
    { "nats://h:1", true, "nats", "-", "-", "h", "1", "" },
    { " h \t\n", true, "-", "-", "-", "h", "-", "" },
    { "h:", true, "-", "-", "-", "h", "", "" },
    { "t@h:1/p?q#f", true, "-", "t", "-", "h", "1", "/p?q#f" },
    { "s://u:p:q@h?x", true, "s", "u", "p:q", "h", "-", "?x" },
    { "s://:p@h#/", true, "s", "", "p", "h", "-", "#/" },
    { "s://u:@h", true, "s", "u", "", "h", "-", "" },
    { "s://@h", true, "s", "", "-", "h", "-", "" },
    { "://h", true, "", "-", "-", "h", "-", "" },
    { "s://a@b/c:d@h:1", true, "s", "a@b/c", "d", "h", "1", "" },
    { "s://u%40@h", true, "s", "u%40", "-", "h", "-", "" },
    { "[::1]:1", true, "-", "-", "-", "::1", "1", "" },
    { "[fe80::1%25eth0]", true, "-", "-", "-", "fe80::1%25eth0", "-", "" },
    { "::1", false, "-", "-", "-", "::1", "-", "" },
    { "fe80::1", true, "-", "-", "-", "fe80::1", "-", "" },
    { "[]:1", true, "-", "-", "-", "", "1", "" },
    { "s\xc3\xa9", true, "-", "-", "-", "s\xc3\xa9", "-", "" },
    { ":1", false, "-", "-", "-", "", "1", "" },
    { "", false, "-", "-", "-", "", "-", "" },
    { "s://", false, "s", "-", "-", "", "-", "" },
    { "s3cr3t@", false, "-", "s3cr3t", "-", "", "-", "" },
    { "a b", false, "-", "-", "-", "a b", "-", "" },
    { "a,b", false, "-", "-", "-", "a,b", "-", "" },
    { "/h", false, "-", "-", "-", "", "-", "/h" },
};

static bool
same(struct str part, const char *want)
{
    return strcmp(want, "-") == 0 ? part.data == NULL : str_eq(part, str_of(want));
}

static void
test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *exact = malloc(len + 1); /* no NUL: what is read behind the end is found */
        struct url_parts parts;
        bool good;

        assert_non_null(exact);
        memcpy(exact, rows[i].text, len);
        exact = realloc(exact, len == 0 ? 1 : len);
        assert_non_null(exact);
        good = url_parts_split((struct str) { exact, len }, &parts);
        if (good != rows[i].good || !same(parts.scheme, rows[i].scheme) ||
            !same(parts.user, rows[i].user) || !same(parts.password, rows[i].password) ||
            !same(parts.host, rows[i].host) || !same(parts.port, rows[i].port) ||
            !same(parts.tail, rows[i].tail))
            fail_msg("\"%s\": %d scheme \"%.*s\" user \"%.*s\" password \"%.*s\" host \"%.*s\" "
                     "port \"%.*s\" tail \"%.*s\"",
                     rows[i].text, good, (int)parts.scheme.len, parts.scheme.data,
                     (int)parts.user.len, parts.user.data, (int)parts.password.len,
                     parts.password.data, (int)parts.host.len, parts.host.data, (int)parts.port.len,
                     parts.port.data, (int)parts.tail.len, parts.tail.data);
        free(exact);
    }
    assert_false(url_parts_split(STR_LIT("a\0b"), &(struct url_parts) { 0 }));
    assert_false(url_parts_split(STR_NULL, &(struct url_parts) { 0 }));
}

static void
test_decode(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } texts[] = {
        { "", "" },
        { "a", "a" },
        { "%41%4a%4A", "AJJ" },
        { "%25%2541", "%%41" },
        { "+", "+" },
        { "%", NULL },
        { "a%", NULL },
        { "%4", NULL },
        { "%g0", NULL },
        { "%0g", NULL },
        { "%00", NULL },
        { "%01%10", "\x01\x10" },
        { "%C3%A9", "\xc3\xa9" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *got = url_parts_decode(str_of(texts[i].text));

        if ((got == NULL) != (texts[i].want == NULL) ||
            (got != NULL && strcmp(got, texts[i].want) != 0))
            fail_msg("\"%s\": %s", texts[i].text, got == NULL ? "refused" : got);
        free(got);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_decode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

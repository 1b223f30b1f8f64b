/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
expect(const char *what, const char *row, bool got, bool want)
{
    if (got != want)
        fail_msg("%s of \"%s\": got %d", what, row, got);
}

static void
test_kinds(void **state)
{
    static const struct {
        const char *subject;
        bool valid, literal, wildcard, empty_token;
        size_t tokens;
    } rows[] = {
        { "a", true, true, false, false, 1 },
        { "orders.eu.west", true, true, false, false, 3 },
        { "*", true, false, true, false, 1 },
        { ">", true, false, true, false, 1 },
        { "a.*.c", true, false, true, false, 3 },
        { "a.>", true, false, true, false, 2 },
        { "a*", true, true, false, false, 1 },
        { "a.>b", true, true, false, false, 2 },
        { "**", true, true, false, false, 1 },
        { "*a.*", true, false, true, false, 2 },
        { "a\fb", true, true, false, false, 1 },
        { "", false, false, false, true, 1 },
        { ".", false, false, false, true, 2 },
        { ".a", false, false, false, true, 2 },
        { "a.", false, false, false, true, 2 },
        { "a..b", false, false, false, true, 3 },
        { "*..b", false, false, true, true, 3 },
        { ">.a", false, false, true, false, 2 },
        { "a.>.>", false, false, true, false, 3 },
        { "a.>.", false, false, true, true, 3 },
        { "a b", false, false, false, false, 1 },
        { "a\tb", false, false, false, false, 1 },
        { "a\rb", false, false, false, false, 1 },
        { "a.b\n", false, false, false, false, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str subject = str_of(rows[i].subject);

        expect("valid", subject.data, subject_valid(subject), rows[i].valid);
        expect("literal", subject.data, subject_valid_literal(subject), rows[i].literal);
        expect("wildcard", subject.data, subject_has_wildcard(subject), rows[i].wildcard);
        expect("empty token", subject.data, subject_has_empty_token(subject), rows[i].empty_token);
        assert_int_equal(subject_token_count(subject), rows[i].tokens);
    }
}

static void
test_absent_and_nul(void **state)
{
    struct str nul = STR_LIT("a\0b.c");

    (void)state;
    assert_false(subject_valid(STR_NULL));
    assert_true(subject_has_empty_token(STR_NULL));
    assert_int_equal(subject_token_count(STR_NULL), 0);
    assert_true(subject_valid(nul));
    assert_int_equal(subject_token_count(nul), 2);
    assert_false(subject_matches(STR_LIT("a"), nul));
}

static void
test_matches(void **state)
{
    static const struct {
        const char *pattern, *literal;
        bool matches;
    } rows[] = {
        { "orders", "orders", true },
        { "orders", "order", false },
        { "orders", "orders.eu", false },
        { "orders.eu", "orders", false },
        { "orders.*", "orders.eu", true },
        { "orders.*", "orders.eu.west", false },
        { "orders.*", "orders", false },
        { "orders.>", "orders.eu", true },
        { "orders.>", "orders.eu.west", true },
        { "orders.>", "orders", false }, /* '>' wants at least one token */
        { ">", "a", true },
        { ">", "a.b.c", true },
        { "*.*", "a.b", true },
        { "*.*", "a", false },
        { "*.b.>", "a.b.c.d", true },
        { "*.b.>", "a.x.c.d", false },
        { "Orders", "orders", false }, /* case matters */
        { "a.*", "a.*", true },        /* a published '*' is text */
        { "a.>", "a.*", true },
        { "a.b", "a.*", false },
        { "a.b", "a.>", false },
        { "a.*", "a.>", true },
        { "a*", "ab", false }, /* not alone in its token: text */
        { "a*", "a*", true },
        { ">.a", "b.a", false }, /* no valid pattern: must not open everything */
        { ">.a", "b.c", false },
        { ">", "a..b", false }, /* an empty token matches nothing */
        { ">", ".", false },
        { ">", "", false },
        { "a.*", "a.", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char row[64];

        (void)snprintf(row, sizeof(row), "%s on %s", rows[i].pattern, rows[i].literal);
        expect("match", row, subject_matches(str_of(rows[i].pattern), str_of(rows[i].literal)),
               rows[i].matches);
    }
}

static void
test_tokens(void **state)
{
    struct str rest = STR_LIT("a..bc."), token;
    const char *want[] = { "a", "", "bc", "" };

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(subject_next_token(&rest, &token));
        assert_true(str_eq(token, str_of(want[i])));
    }
    assert_false(subject_next_token(&rest, &token));
}

static void
test_reserved(void **state)
{
    static const struct {
        const char *subject;
        bool publish, publish_system, reply;
    } rows[] = {
        { "_R_", false, false, false },      { "_R_.", false, false, true },
        { "_R_.x", false, false, true },     { "$JS.ACK.", false, false, false },
        { "$JS.ACK.x", false, false, true }, { "_GR_.", false, false, false },
        { "_GR_.x", true, true, true },      { "$NRG.", false, false, false },
        { "$NRG.x", true, false, false },    { "_INBOX.x", false, false, false },
        { "", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str subject = str_of(rows[i].subject);

        expect("reserved", subject.data, subject_is_reserved(subject, false), rows[i].publish);
        expect("reserved in $SYS", subject.data, subject_is_reserved(subject, true),
               rows[i].publish_system);
        expect("reserved reply", subject.data, subject_is_reserved_reply(subject), rows[i].reply);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),    cmocka_unit_test(test_absent_and_nul),
        cmocka_unit_test(test_matches),  cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_reserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * base - buf, str, list, mem, random, hash, err
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

/* ---- buf */

static void
test_buf_grows_and_consumes(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    assert_string_equal(buf_cstr(&buf), "");
    for (int i = 0; i < 1000; i++)
        assert_true(buf_append_char(&buf, (char)('a' + i % 26)));
    assert_int_equal(buf.len, 1000);
    buf_consume(&buf, 26);
    assert_int_equal(buf.len, 974);
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
    buf_consume(&buf, buf.len);
    assert_int_equal(buf.len, 0);
    assert_true(buf_append_str(&buf, "one"));
    assert_true(buf_append(&buf, NULL, 0));
    assert_true(buf_printf(&buf, " %d %s", 2, "three"));
    assert_string_equal(buf_cstr(&buf), "one 2 three");
    assert_int_equal(buf.len, 11);
    buf_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
}

static void
test_buf_reserve_then_commit(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    assert_true(buf_reserve(&buf, 5));
    memcpy(buf.data, "hello", 5);
    assert_int_equal(buf.len, 0);
    buf_commit(&buf, 5);
    assert_string_equal(buf_cstr(&buf), "hello");
    buf_release(&buf);
}

static void
test_buf_keeps_its_maximum(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 8);
    assert_true(buf_append(&buf, "12345678", 8));
    assert_false(buf_append_char(&buf, '9'));
    assert_false(buf_printf(&buf, "%d", 9));
    assert_int_equal(buf.len, 8);
    assert_memory_equal(buf.data, "12345678", 8);
    assert_false(buf_reserve(&buf, SIZE_MAX));
    buf_consume(&buf, 1);
    assert_true(buf_append_char(&buf, '9'));
    buf_release(&buf);
    assert_int_equal(buf.max, 8);
}

/* ---- str */

static void
test_str(void **state)
{
    (void)state;
    assert_null(str_of(NULL).data);
    assert_int_equal(str_of("abc").len, 3);
    assert_true(str_eq(STR_LIT("a\0b"), STR_LIT("a\0b")));
    assert_false(str_eq(STR_LIT("a\0b"), STR_LIT("a\0c")));
    assert_false(str_eq(STR_LIT("ab"), STR_LIT("abc")));
    assert_true(str_eq(STR_NULL, STR_LIT("")));
    assert_true(str_starts(STR_LIT("abc"), STR_LIT("ab")));
    assert_false(str_starts(STR_LIT("a"), STR_LIT("ab")));
    assert_true(str_eq_nocase(STR_LIT("Auth_Token"), STR_LIT("aUTH_tOKEN")));
    assert_false(str_eq_nocase(STR_LIT("auth"), STR_LIT("autb")));
    assert_false(str_eq_nocase(STR_LIT("auth"), STR_LIT("authx")));
}

static void
test_str_to_u64(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t number;
    } rows[] = {
        { "0", 0, true, 0 },
        { "1", 0, false, 0 },
        { "007", 10, true, 7 },
        { "10", 10, true, 10 },
        { "11", 10, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "99999999999999999999", UINT64_MAX, false, 0 },
        { "", 10, false, 0 },
        { "-1", 10, false, 0 },
        { "+1", 10, false, 0 },
        { " 1", 10, false, 0 },
        { "1 ", 10, false, 0 },
        { "0x1", 10, false, 0 },
        { "9", 5, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t number = 0;

        if (str_to_u64(str_of(rows[i].text), rows[i].max, &number) != rows[i].ok ||
            (rows[i].ok && number != rows[i].number))
            fail_msg("\"%s\" up to %llu", rows[i].text, (unsigned long long)rows[i].max);
    }
}

static void
test_str_put_u64(void **state)
{
    static const uint64_t numbers[] = { 0, 9, 10, 4222, UINT64_MAX };
    char out[21];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        size_t len = str_put_u64(out, numbers[i]);
        uint64_t back = 0;

        assert_true(len <= 20);
        assert_true(str_to_u64((struct str) { out, len }, UINT64_MAX, &back));
        assert_int_equal(back, numbers[i]);
    }
    assert_int_equal(str_put_u64(out, 0), 1);
}

/* ---- list */

struct item {
    int number;
    struct list link;
};

static void
test_list(void **state)
{
    struct list head, *at, *next;
    struct item items[5];
    int sum = 0;

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(&head, &items[i].link);
    }
    list_remove(&items[2].link);
    assert_true(list_empty(&items[2].link));
    list_remove(&items[2].link); /* in no list: nothing happens */
    LIST_FOREACH_SAFE(at, next, &head)
    {
        sum = sum * 10 + LIST_ENTRY(at, struct item, link)->number;
        list_remove(at);
    }
    assert_int_equal(sum, 134);
    assert_true(list_empty(&head));
}

/* ---- mem, random, hash */

static void
test_mem(void **state)
{
    char *text = xmemdup0("a\0b", 3);
    char bytes[] = "secret";
    int *numbers = xcalloc(4, sizeof(*numbers));

    (void)state;
    assert_memory_equal(text, "a\0b\0", 4);
    free(text);
    for (int i = 0; i < 4; i++)
        assert_int_equal(numbers[i], 0);
    numbers = xrealloc(numbers, 8 * sizeof(*numbers));
    assert_int_equal(numbers[3], 0);
    free(numbers);
    mem_wipe(bytes, 3);
    assert_memory_equal(bytes, "\0\0\0ret", 7);
    mem_wipe(NULL, 0);
    text = xasprintf("%s-%d", "x", 7);
    assert_string_equal(text, "x-7");
    mem_wipe_free(&text);
    assert_null(text);
    mem_wipe_free(&text);
    text = xstrdup("");
    assert_string_equal(text, "");
    free(text);
    free(xmalloc(0));
}

static void
test_random(void **state)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };
    struct random random = { 0 }, seeded;
    unsigned seen = 0;

    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    /* The published first values of splitmix64 from state 0. */
    assert_true(random_next(&random) == 0xe220a8397b1dcdafULL);
    assert_true(random_next(&random) == 0x6e789e6aa1b965f4ULL);
    for (int i = 0; i < 1000; i++) {
        uint32_t drawn = random_below(&random, 5);

        assert_true(drawn < 5);
        seen |= 1U << drawn;
    }
    assert_int_equal(seen, 0x1f);
    assert_int_equal(random_below(&random, 1), 0);
    random_seed(&random);
    random_seed(&seeded);
    assert_true(random.state != seeded.state);
}

static void
test_hash(void **state)
{
    uint64_t before = hash_bytes("subject", 7);

    (void)state;
    assert_true(hash_bytes("subject", 7) == before);
    assert_true(hash_bytes("subject", 6) != before);
    hash_init();
    assert_true(hash_bytes("subject", 7) != before);
    assert_true(hash_bytes("subject", 7) == hash_bytes("subject", 7));
}

/* ---- err */

static void
test_err(void **state)
{
    struct errmsg why;
    char expected[128], long_text[2 * ERRMSG_MAX];

    (void)state;
    assert_int_equal(err_set(&why, ERR_INVALID, "no %s", "good"), ERR_INVALID);
    assert_string_equal(why.text, "no good");
    assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    assert_int_equal(err_sys(NULL, ENOENT, "x"), ERR_SYS);
    assert_int_equal(err_sys(&why, ENOENT, "could not open \"%s\"", "f"), ERR_SYS);
    (void)snprintf(expected, sizeof(expected), "could not open \"f\": %s", strerror(ENOENT));
    assert_string_equal(why.text, expected);
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    err_sys(&why, ENOENT, "%s", long_text);
    assert_int_equal(strlen(why.text), ERRMSG_MAX - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_grows_and_consumes),
        cmocka_unit_test(test_buf_reserve_then_commit),
        cmocka_unit_test(test_buf_keeps_its_maximum),
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_str_to_u64),
        cmocka_unit_test(test_str_put_u64),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_mem),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_err),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

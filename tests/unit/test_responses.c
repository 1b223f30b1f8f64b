/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands around the rules of one connection: the answers it owes, and its publish cache.
 */
#include "auth/responses.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/publish_cache.h"
#include "base/clock.h"
#include "permissions_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
expect_takes(struct responses *responses, const char *subject, int64_t now_ms, int count)
{
    for (int i = 0; i < count; i++)
        assert_true(responses_take(responses, str_of(subject), now_ms));
    assert_false(responses_take(responses, str_of(subject), now_ms));
}

static void
test_counts(void **state)
{
    static const int64_t maxima[] = { 1, 2, 7 };

    (void)state;
    for (size_t i = 0; i < COUNT(maxima); i++) {
        struct responses *responses = responses_new(maxima[i], -1);

        expect_takes(responses, "a", 0, 0);
        responses_note(responses, STR_LIT("a"), 0);
        expect_takes(responses, "a.b", 0, 0);
        expect_takes(responses, "a", 0, (int)maxima[i]);
        /* Every request may be answered, also while an older one could be. */
        responses_note(responses, STR_LIT("a"), 0);
        assert_true(responses_take(responses, STR_LIT("a"), 0));
        responses_note(responses, STR_LIT("a"), 0);
        responses_note(responses, STR_LIT("a"), 0);
        expect_takes(responses, "a", 0, (int)maxima[i]);
        responses_free(responses);
    }
}

static void
test_unlimited(void **state)
{
    struct responses *responses = responses_new(-1, -1);

    (void)state;
    responses_note(responses, STR_LIT("a"), 0);
    for (int i = 0; i < 1000; i++)
        assert_true(responses_take(responses, STR_LIT("a"), INT64_MAX / 2));
    responses_free(responses);
    responses_free(NULL);
}

static void
test_expiry(void **state)
{
    struct responses *responses = responses_new(2, 10 * CLOCK_NS_PER_MS);

    (void)state;
    responses_note(responses, STR_LIT("a"), 100);
    responses_note(responses, STR_LIT("b"), 105);
    assert_true(responses_take(responses, STR_LIT("a"), 110));
    assert_false(responses_take(responses, STR_LIT("a"), 111));
    responses_note(responses, STR_LIT("b"), 112); /* starts anew, its time too */
    assert_true(responses_take(responses, STR_LIT("b"), 122));
    assert_false(responses_take(responses, STR_LIT("b"), 123));
    responses_free(responses);
}

static void
test_expiry_is_rounded_up(void **state)
{
    struct responses *responses = responses_new(-1, CLOCK_NS_PER_MS + 1);

    (void)state;
    responses_note(responses, STR_LIT("a"), 0);
    assert_true(responses_take(responses, STR_LIT("a"), 2));
    assert_false(responses_take(responses, STR_LIT("a"), 3));
    responses_free(responses);
}

static void
test_oddities(void **state)
{
    struct responses *none = responses_new(0, -1), *one = responses_new(1, -1);
    static char huge[RESPONSES_BYTES_MAX + 1];

    (void)state;
    responses_note(none, STR_LIT("a"), 0);
    expect_takes(none, "a", 0, 0);
    responses_note(one, STR_LIT("a"), 0);
    responses_note(one, STR_LIT(""), 0);
    responses_note(one, (struct str) { huge, sizeof(huge) }, 0);
    expect_takes(one, "", 0, 0);
    assert_false(responses_take(one, (struct str) { huge, sizeof(huge) }, 0));
    expect_takes(one, "a", 0, 1);
    responses_free(none);
    responses_free(one);
}

static struct str
name(char *out, size_t size, int number)
{
    int len = snprintf(out, size, "_INBOX.%d", number);

    assert_true(len > 0 && (size_t)len < size);
    return (struct str) { out, (size_t)len };
}

static void
test_limit_of_subjects(void **state)
{
    enum { NOTED = RESPONSES_MAX + 100 };
    struct responses *responses = responses_new(-1, -1);
    char text[32];

    (void)state;
    for (int i = 0; i < NOTED; i++) {
        responses_note(responses, name(text, sizeof(text), i), 0);
        responses_note(responses, name(text, sizeof(text), 0), 0); /* always the youngest */
    }
    for (int i = 0; i < NOTED; i++)
        assert_int_equal(responses_take(responses, name(text, sizeof(text), i), 0),
                         i == 0 || i > NOTED - RESPONSES_MAX);
    responses_free(responses);
}

static void
test_limit_of_bytes(void **state)
{
    enum { LEN = 64 * 1024, KEPT = RESPONSES_BYTES_MAX / LEN };
    struct responses *responses = responses_new(-1, -1);
    char *text = xcalloc(1, LEN);

    (void)state;
    memset(text, 'a', LEN);
    for (int i = 0; i < 2 * KEPT; i++) {
        text[0] = (char)('A' + i);
        responses_note(responses, (struct str) { text, LEN }, 0);
    }
    for (int i = 0; i < 2 * KEPT; i++) {
        text[0] = (char)('A' + i);
        assert_int_equal(responses_take(responses, (struct str) { text, LEN }, 0), i >= KEPT);
    }
    free(text);
    responses_free(responses);
}

/* Loops note, the client's takes. Threads only count, as cmocka's asserts belong to main. */
#define NOTERS     3
#define NOTED_EACH 1000 /* all fit below RESPONSES_MAX */
#define TAKERS     2

struct crowd {
    struct responses *responses;
    atomic_int next_noter;
    atomic_int noting; /* noters at work */
    atomic_int taken;
};

static void *
note_all(void *data)
{
    struct crowd *crowd = data;
    int first = atomic_fetch_add(&crowd->next_noter, 1) * NOTED_EACH;
    char text[32];

    for (int i = first; i < first + NOTED_EACH; i++)
        responses_note(crowd->responses, name(text, sizeof(text), i), 0);
    atomic_fetch_sub(&crowd->noting, 1);
    return NULL;
}

static void *
take_all(void *data)
{
    struct crowd *crowd = data;
    char text[32];
    bool last;

    do {
        last = atomic_load(&crowd->noting) == 0;
        for (int i = 0; i < NOTERS * NOTED_EACH; i++) {
            if (responses_take(crowd->responses, name(text, sizeof(text), i), 0))
                atomic_fetch_add(&crowd->taken, 1);
        }
    } while (!last);
    return NULL;
}

static void
test_threads(void **state)
{
    struct crowd crowd = { .responses = responses_new(1, -1), .noting = NOTERS };
    pthread_t threads[NOTERS + TAKERS];

    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < NOTERS ? note_all : take_all, &crowd), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.taken), NOTERS * NOTED_EACH); /* each exactly once */
    responses_free(crowd.responses);
}

static void
test_cache_agrees(void **state)
{
    struct lists lists = { "device.*, a.>", "device.13, a.secret", NULL, NULL };
    struct permissions *permissions = support_permissions(&lists, 0);
    struct publish_cache cache = PUBLISH_CACHE_INIT;
    char text[32];

    (void)state;
    for (int i = 0; i < 20 * PUBLISH_CACHE_ENTRIES; i++) {
        int number = i % 3 == 0 ? i : i % 17; /* some come back, some push others out */
        int len = snprintf(text, sizeof(text), i % 2 == 0 ? "device.%d" : "other.%d", number);
        struct str subject = { text, (size_t)len };

        assert_int_equal(publish_cache_ask(&cache, permissions, subject),
                         i % 2 == 0 && number != 13);
    }
    assert_false(publish_cache_ask(&cache, permissions, STR_LIT("")));
    publish_cache_release(&cache);
    permissions_unref(permissions);
}

static void
test_cache_lengths(void **state)
{
    struct lists lists = { "a*>, b", NULL, NULL, NULL };
    struct permissions *permissions = support_permissions(&lists, 0);
    struct publish_cache cache = PUBLISH_CACHE_INIT;
    char text[2 * PUBLISH_CACHE_SUBJECT_MAX];

    (void)state;
    memset(text, 'b', sizeof(text));
    for (int twice = 0; twice < 2; twice++) {
        for (size_t len = 0; len < sizeof(text); len++)
            assert_int_equal(publish_cache_ask(&cache, permissions, (struct str) { text, len }),
                             len == 1);
    }
    publish_cache_release(&cache);
    permissions_unref(permissions);
}

static void
test_cache_follows_permissions(void **state)
{
    struct permissions *first = support_permissions(&(struct lists) { .publish_allow = "a" }, 0);
    struct permissions *second = support_permissions(&(struct lists) { .publish_deny = "a" }, 0);
    struct publish_cache cache = PUBLISH_CACHE_INIT;

    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        assert_true(publish_cache_ask(&cache, first, STR_LIT("a")));
        assert_false(publish_cache_ask(&cache, first, STR_LIT("b")));
        assert_false(publish_cache_ask(&cache, second, STR_LIT("a")));
        assert_true(publish_cache_ask(&cache, second, STR_LIT("b")));
        assert_true(publish_cache_ask(&cache, NULL, STR_LIT("a")));
    }
    permissions_unref(first);
    permissions_unref(second); /* the cache holds a reference: no other gets this address */
    assert_false(publish_cache_ask(&cache, second, STR_LIT("a")));
    publish_cache_release(&cache);
    publish_cache_release(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_expiry_is_rounded_up),
        cmocka_unit_test(test_oddities),
        cmocka_unit_test(test_limit_of_subjects),
        cmocka_unit_test(test_limit_of_bytes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_cache_agrees),
        cmocka_unit_test(test_cache_lengths),
        cmocka_unit_test(test_cache_follows_permissions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

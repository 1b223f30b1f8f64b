/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "sublist_model.h"

static void
test_patterns(void **state)
{
    static const struct {
        const char *pattern, *subject;
        bool matches;
    } cases[] = {
        { "orders", "orders", true },
        { "orders", "orders.eu", false },
        { "orders", "Orders", false },
        { "orders.eu", "orders", false },
        { "orders.*", "orders.eu", true },
        { "orders.*", "orders.eu.west", false },
        { "orders.*", "orders", false },
        { "orders.*.west", "orders.eu.west", true },
        { "orders.*.west", "orders.eu.east", false },
        { "*", "orders", true },
        { "*", "orders.eu", false },
        { "*.*", "orders.eu", true },
        { "*.eu", "orders.eu", true },
        { "orders.>", "orders", false }, /* '>' wants at least one token */
        { "orders.>", "orders.eu", true },
        { "orders.>", "orders.eu.west", true },
        { "orders.*.>", "orders.eu", false },
        { "orders.*.>", "orders.eu.west.1", true },
        { ">", "orders", true },
        { ">", "orders.eu.west", true },
        /* part of a token is no wildcard */
        { "orders.e*", "orders.eu", false },
        { "orders.e*", "orders.e*", true },
        { "orders.>b", "orders.>b", true },
        { "orders.>b", "orders.eu", false },
        { "**", "orders", false },
        /* in a published subject they are text */
        { "orders.*", "orders.*", true },
        { "orders.>", "orders.*", true },
        { "orders.eu", "orders.*", false },
        { "orders.eu", "orders.>", false },
        { "orders.*", "orders.>", true },
        { "orders.*.*", "orders.*.eu", true },
        { "*.eu", ">.eu", true },
        /* an empty token matches nothing */
        { ">", "", false },
        { ">", ".", false },
        { ">", "orders.", false },
        { ">", ".orders", false },
        { "*.*.*", "orders..eu", false },
        { "*", "", false },
        { "orders.*", "orders.", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str subject = str_of(cases[i].subject);
        struct subscription *sub = sub_new(cases[i].pattern, NULL);
        struct sublist *sl = sublist_new();
        struct sublist_cache *cache = sublist_cache_new(sl);
        struct match *match;

        assert_int_equal(sublist_insert(sl, sub), ERR_OK);
        match = sublist_match(sl, subject);
        if ((match->plain_count == 1) != cases[i].matches ||
            (sublist_cache_match(cache, subject)->plain_count == 1) != cases[i].matches)
            fail_msg("case %zu: %s against %s", i, cases[i].pattern, cases[i].subject);
        match_unref(match);
        sublist_check(sl);
        sublist_cache_free(cache);
        sublist_free(sl);
        subscription_unref(sub);
    }
}

static void
test_subscription_fields(void **state)
{
    struct subscription *sub =
        subscription_new(NULL, STR_LIT("a.b"), STR_LIT("workers"), STR_LIT("42"));
    static char name[UINT16_MAX + 1];

    (void)state;
    assert_true(str_eq(subscription_subject(sub), STR_LIT("a.b")));
    assert_true(str_eq(subscription_queue(sub), STR_LIT("workers")));
    assert_true(str_eq(subscription_sid(sub), STR_LIT("42")));
    subscription_unref(sub);
    sub = sub_new("a.b", NULL);
    assert_null(subscription_queue(sub).data);
    subscription_unref(sub);
    subscription_unref(NULL);
    assert_null(
        subscription_new(NULL, STR_LIT("a"), (struct str) { name, sizeof(name) }, STR_LIT("1")));
}

struct owner {
    struct sub_owner base;
    size_t refs;
};

static void
owner_unref(struct sub_owner *base)
{
    ((struct owner *)base)->refs--;
}

/* The owner's reference goes with the last holder: caller, list, match, cache. */
static void
test_references(void **state)
{
    struct owner owner = { { owner_unref }, 2 };
    struct subscription *kept = subscription_new(&owner.base, STR_LIT("a"), STR_NULL, STR_LIT("1"));
    struct subscription *gone = subscription_new(&owner.base, STR_LIT("a"), STR_NULL, STR_LIT("2"));
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    struct match *match;

    (void)state;
    sublist_insert(sl, kept);
    sublist_insert(sl, gone);
    subscription_unref(kept);
    match = match_ref(sublist_cache_match(cache, STR_LIT("a")));
    assert_int_equal(match->plain_count, 2);
    assert_int_equal(sublist_remove(sl, gone), ERR_OK);
    assert_int_equal(sublist_remove(sl, gone), ERR_NOTFOUND);
    subscription_unref(gone);
    assert_int_equal(owner.refs, 2); /* match and cache hold gone */
    sublist_cache_sweep(cache);
    assert_int_equal(owner.refs, 2); /* match does */
    match_unref(match);
    assert_int_equal(owner.refs, 1);
    assert_int_equal(sublist_cache_match(cache, STR_LIT("a"))->plain_count, 1);
    sublist_cache_free(cache);
    sublist_free(sl);
    assert_int_equal(owner.refs, 0);
}

static void
test_groups_across_subjects(void **state)
{
    static const char *const filed[][2] = {
        { "a.b", "blue" }, { "a.*", "red" },  { "a.>", "blue" }, { "a.b", NULL },   { ">", NULL },
        { "a.b", "red" },  { "*.b", "blue" }, { "a.c", "blue" }, { "a.b", "blue" },
    };
    struct model model = { .count = sizeof(filed) / sizeof(filed[0]) };
    struct sublist *sl = sublist_new();
    struct match *match;

    (void)state;
    for (size_t i = 0; i < model.count; i++) {
        model.subs[i] = sub_new(filed[i][0], filed[i][1]);
        sublist_insert(sl, model.subs[i]);
    }
    match = sublist_match(sl, STR_LIT("a.b"));
    model_check(&model, match, STR_LIT("a.b"));
    assert_int_equal(match->plain_count, 2);
    assert_int_equal(match->group_count, 2);
    assert_int_equal(match->groups[0].count, 4); /* blue came first */
    assert_int_equal(match->groups[1].count, 2);
    match_unref(match);
    for (size_t i = 0; i < model.count; i++)
        subscription_unref(model.subs[i]);
    sublist_free(sl);
}

/* Many names on one subject are grouped in linear time; the result stays exact. */
static void
test_many_groups(void **state)
{
    struct sublist *sl = sublist_new();
    struct match *match;
    char name[16];

    (void)state;
    for (int i = 0; i < 60000; i++) {
        struct subscription *sub;

        snprintf(name, sizeof(name), "q%d", i % 20000);
        sub = sub_new("jobs", name);
        assert_int_equal(sublist_insert(sl, sub), ERR_OK);
        subscription_unref(sub);
    }
    match = sublist_match(sl, STR_LIT("jobs"));
    assert_int_equal(match->plain_count, 0);
    assert_int_equal(match->group_count, 20000);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "q%d", i);
        assert_int_equal(match->groups[i].count, 3);
        for (uint32_t m = 0; m < 3; m++)
            assert_true(
                str_eq(subscription_queue(match->subs[match->groups[i].first + m]), str_of(name)));
    }
    match_unref(match);
    sublist_free(sl);
}

/* One subject, very many tokens: nothing recurses. */
static void
test_deep_subject(void **state)
{
    enum { TOKENS = 200000 };
    char *subject = malloc(2 * TOKENS);
    struct subscription *subs[2];
    struct sublist *sl = sublist_new();
    struct match *match;

    (void)state;
    for (int i = 0; i < TOKENS; i++)
        memcpy(subject + 2 * i, "*.", 2);
    for (int i = 0; i < 2; i++) {
        memcpy(subject, i == 0 ? "*" : "a", 1);
        subs[i] = subscription_new(NULL, (struct str) { subject, 2 * TOKENS - 1 }, STR_NULL,
                                   STR_LIT("1"));
        assert_int_equal(sublist_insert(sl, subs[i]), ERR_OK);
    }
    match = sublist_match(sl, (struct str) { subject, 2 * TOKENS - 1 });
    assert_int_equal(match->plain_count, 2);
    match_unref(match);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sublist_remove(sl, subs[i]), ERR_OK);
        subscription_unref(subs[i]);
        sublist_check(sl);
    }
    sublist_free(sl);
    free(subject);
}

/* One to four tokens of a small alphabet, so that everything meets everything. */
static struct str
draw_subject(struct random *random, char *out, bool pattern)
{
    static const char *const tokens[] = { "a", "b", "c", "a*", "*", "*", ">" };
    uint32_t count = 1 + random_below(random, 4);
    size_t len = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = random_below(random, pattern ? 7 : 20);
        const char *token = kind < 7 ? tokens[kind] : kind == 19 ? "" : tokens[kind % 3];

        if (pattern && *token == '>' && i + 1 < count)
            token = "d";
        if (i > 0)
            out[len++] = '.';
        memcpy(out + len, token, strlen(token));
        len += strlen(token);
    }
    return (struct str) { out, len };
}

static void
churn(struct random *random, struct sublist *sl, struct model *model)
{
    static const char *const queues[] = { "", "", "red", "blue", "green" };
    char text[32];

    if (model->count == MODEL_MAX || random_below(random, MODEL_MAX) < model->count * 2) {
        size_t at = random_below(random, (uint32_t)model->count);

        assert_int_equal(sublist_remove(sl, model->subs[at]), ERR_OK);
        subscription_unref(model->subs[at]);
        model->subs[at] = model->subs[--model->count];
    } else {
        struct subscription *sub = subscription_new(
            NULL, draw_subject(random, text, true),
            str_of(queues[random_below(random, sizeof(queues) / sizeof(queues[0]))]), STR_LIT("1"));

        assert_true(subject_valid(subscription_subject(sub)));
        assert_int_equal(sublist_insert(sl, sub), ERR_OK);
        model->subs[model->count++] = sub;
    }
}

static void
test_against_model(void **state)
{
    struct random random = { 20261123 };
    struct model model = { .count = 0 };
    struct sublist *sl = sublist_new();
    struct sublist_cache *caches[2] = { sublist_cache_new(sl), sublist_cache_new(sl) };
    char text[32];

    (void)state;
    for (int step = 0; step < 20000; step++) {
        struct str subject;
        struct match *fresh;

        churn(&random, sl, &model);
        if (step % 16 == 0)
            sublist_check(sl);
        if (step % 512 == 0)
            sublist_cache_sweep(caches[0]);
        assert_int_equal(sublist_count(sl), model.count);
        subject = draw_subject(&random, text, false);
        model_check(&model, sublist_cache_match(caches[step % 2], subject), subject);
        fresh = sublist_match(sl, subject);
        model_check(&model, fresh, subject);
        match_unref(fresh);
    }
    while (model.count > 0) {
        model.count--;
        assert_int_equal(sublist_remove(sl, model.subs[model.count]), ERR_OK);
        subscription_unref(model.subs[model.count]);
    }
    sublist_check(sl);
    for (int i = 0; i < 2; i++)
        sublist_cache_free(caches[i]);
    sublist_free(sl);
}

static struct sublist_stats
stats_of(struct sublist *sl)
{
    struct sublist_stats stats;

    sublist_stats(sl, &stats);
    return stats;
}

/* Inboxes and patterns that come and go leave the entries of other subjects alone. */
static void
test_churn_keeps_other_entries(void **state)
{
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    uint64_t misses;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct subscription *inbox = sub_new("_INBOX.abc.1", NULL);
        struct subscription *pattern = sub_new("_INBOX.abc.*", NULL);

        sublist_insert(sl, inbox);
        sublist_insert(sl, pattern);
        sublist_cache_match(cache, STR_LIT("orders.eu"));
        sublist_remove(sl, inbox);
        sublist_remove(sl, pattern);
        subscription_unref(inbox);
        subscription_unref(pattern);
        sublist_cache_match(cache, STR_LIT("orders.eu"));
    }
    misses = stats_of(sl).matches - stats_of(sl).cache_hits;
    assert_int_equal(stats_of(sl).matches, 2000);
    /* One, unless the hashes of both names fall together: then every one. */
    assert_true(misses == 1 || misses == 2000);
    sublist_cache_free(cache);
    sublist_free(sl);
}

/* Hot subjects end up cached, scattered ones do not blow the cache up, long ones stay out. */
static void
test_cache_size(void **state)
{
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    struct subscription *sub = sub_new("n.>", NULL);
    char text[600];
    uint64_t hits;

    (void)state;
    sublist_insert(sl, sub);
    for (uint32_t i = 0; i < 100000; i++) {
        int len = snprintf(text, sizeof(text), "n.%u", i);

        assert_int_equal(
            sublist_cache_match(cache, (struct str) { text, (size_t)len })->plain_count, 1);
    }
    assert_int_equal(stats_of(sl).cache_hits, 0);
    assert_int_equal(stats_of(sl).cache_entries, 64);
    assert_int_equal(stats_of(sl).fanout, 64);
    assert_int_equal(stats_of(sl).fanout_max, 1);
    for (uint32_t i = 0; i < 100000; i++) {
        int len = snprintf(text, sizeof(text), "n.%u", i % 2000);

        sublist_cache_match(cache, (struct str) { text, (size_t)len });
    }
    assert_in_range(stats_of(sl).cache_entries, 1000, 8192);
    hits = stats_of(sl).cache_hits;
    assert_true(hits > 50000);
    memset(text, 'x', sizeof(text));
    memcpy(text, "n.", 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            sublist_cache_match(cache, (struct str) { text, sizeof(text) })->plain_count, 1);
    assert_int_equal(stats_of(sl).cache_hits, hits);
    sublist_remove(sl, sub);
    sublist_cache_sweep(cache);
    assert_int_equal(stats_of(sl).cache_entries, 0);
    assert_int_equal(stats_of(sl).removes, 1);
    sublist_cache_free(cache);
    assert_int_equal(stats_of(sl).matches, 200002);
    sublist_free(sl);
    subscription_unref(sub);
}

/* Wide results are bounded by bytes: 100 subjects of 80 KB do not all stay. */
static void
test_cache_bytes(void **state)
{
    enum { WIDE = 20000, SUBJECTS = 100 };
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    char text[16];

    (void)state;
    for (int i = 0; i < WIDE; i++) {
        struct subscription *sub = sub_new(">", NULL);

        sublist_insert(sl, sub);
        subscription_unref(sub);
    }
    for (int i = 0; i < SUBJECTS; i++) {
        int len = snprintf(text, sizeof(text), "w.%d", i);

        assert_int_equal(
            sublist_cache_match(cache, (struct str) { text, (size_t)len })->plain_count, WIDE);
    }
    assert_in_range(stats_of(sl).fanout * sizeof(void *), WIDE * sizeof(void *), 8 << 20);
    assert_int_equal(stats_of(sl).fanout_max, WIDE);
    sublist_cache_free(cache);
    sublist_free(sl);
}

static void
test_million_literals(void **state)
{
    enum { MILLION = 1000000 };
    struct subscription **subs = calloc(MILLION, sizeof(struct subscription *));
    struct sublist *sl = sublist_new();
    char text[32];

    (void)state;
    for (int i = 0; i < MILLION; i++) {
        snprintf(text, sizeof(text), "bench.orders.%07d", i / 2 * 2); /* two on each subject */
        subs[i] = sub_new(text, NULL);
        assert_int_equal(sublist_insert(sl, subs[i]), ERR_OK);
    }
    assert_int_equal(sublist_count(sl), MILLION);
    sublist_check(sl);
    for (int i = 0; i < MILLION; i += 997) {
        struct match *match = sublist_match(sl, subscription_subject(subs[i]));

        assert_int_equal(match->plain_count, 2);
        assert_ptr_equal(match->subs[i % 2], subs[i]); /* in the order of insertion */
        match_unref(match);
    }
    for (int i = 0; i < MILLION; i++) {
        assert_int_equal(sublist_remove(sl, subs[i]), ERR_OK);
        subscription_unref(subs[i]);
    }
    assert_int_equal(sublist_count(sl), 0);
    sublist_check(sl);
    sublist_free(sl);
    free(subs);
}

/* "n.0" on, with that end, each asked for once; some at a time are announced before. */
static void
ask_in_turn(struct sublist *sl, struct sublist_cache *cache, int count, const char *end,
            uint32_t receivers)
{
    char texts[SUBLIST_EXPECTED_MAX][32];
    struct str subjects[SUBLIST_EXPECTED_MAX];

    for (int i = 0; i < count; i++) {
        int at = i % SUBLIST_EXPECTED_MAX;

        snprintf(texts[at], sizeof(texts[at]), "n.%d%s", i, end);
        subjects[at] = str_of(texts[at]);
        if (at < SUBLIST_EXPECTED_MAX - 1)
            continue;
        sublist_expect(sl, subjects, SUBLIST_EXPECTED_MAX);
        for (size_t k = 0; k < SUBLIST_EXPECTED_MAX; k++)
            assert_int_equal(sublist_cache_match(cache, subjects[k])->plain_count, receivers);
    }
}

static void
test_scattered(void **state)
{
    enum { SUBS = 20000 };
    static const char *const ends[] = { "", ".*", ".>", ".*.c" };
    struct sublist *sl = sublist_new();
    struct sublist_cache *cache = sublist_cache_new(sl);
    char text[16];

    (void)state;
    sublist_expect(sl, NULL, 0);
    ask_in_turn(sl, cache, 1000, "", 0);
    assert_false(sublist_cache_is_scattered(cache)); /* few subscriptions are in reach anyway */
    for (int i = 0; i < 4 * SUBS; i++) {
        struct subscription *sub;

        snprintf(text, sizeof(text), "n.%d%s", i / 4, ends[i % 4]);
        sub = sub_new(text, NULL);
        assert_int_equal(sublist_insert(sl, sub), ERR_OK);
        subscription_unref(sub);
    }
    ask_in_turn(sl, cache, SUBS, "", 1);
    ask_in_turn(sl, cache, SUBS, ".b", 2);
    ask_in_turn(sl, cache, SUBS, ".b.c", 2);
    ask_in_turn(sl, cache, SUBS, ".b.c.d.e.f", 1);
    ask_in_turn(sl, cache, SUBS, "..", 0);
    assert_true(sublist_cache_is_scattered(cache));
    sublist_cache_match(cache, STR_LIT("n.0"));
    sublist_cache_match(cache, STR_LIT("n.0"));
    assert_false(sublist_cache_is_scattered(cache));
    sublist_check(sl);
    sublist_cache_free(cache);
    sublist_free(sl);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),         cmocka_unit_test(test_subscription_fields),
        cmocka_unit_test(test_references),       cmocka_unit_test(test_groups_across_subjects),
        cmocka_unit_test(test_many_groups),      cmocka_unit_test(test_deep_subject),
        cmocka_unit_test(test_against_model),    cmocka_unit_test(test_churn_keeps_other_entries),
        cmocka_unit_test(test_cache_size),       cmocka_unit_test(test_cache_bytes),
        cmocka_unit_test(test_million_literals), cmocka_unit_test(test_scattered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules one by one, and then all against a model that knows no wildcards: a pattern is the set
 * of the short literals it matches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "permissions_support.h"
#include "proto/subject.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define REFUSED  SUBSCRIBE_REFUSED
#define ALLOWED  SUBSCRIBE_ALLOWED
#define FILTERED SUBSCRIBE_FILTERED

struct publish_row {
    const char *allow, *deny, *subject;
    bool allowed;
};

static void
test_publish(void **state)
{
    static const struct publish_row rows[] = {
        { NULL, NULL, "foo", true },
        { "foo.*, bar.>", NULL, "foo.a", true },
        { "foo.*, bar.>", NULL, "foo.a.b", false },
        { "foo.*, bar.>", NULL, "foo", false },
        { "foo.*, bar.>", NULL, "bar.a.b", true },
        { "foo.*, bar.>", NULL, "bar", false },
        { "foo.*, bar.>", NULL, "Foo.a", false },
        { "a, b, c, d", NULL, "a", true },
        { "a, b, c, d", NULL, "d", true },
        { "d, c, b, a", NULL, "bb", false },
        { "a.b", NULL, "a", false },
        { "foo.>", "foo.no, foo.*.x", "foo.yes", true },
        { "foo.>", "foo.no, foo.*.x", "foo.no", false },
        { "foo.>", "foo.no, foo.*.x", "foo.a.x", false },
        { "foo.>", "foo.no, foo.*.x", "foo.a.y", true },
        { NULL, "a.*", "a.b", false },
        { NULL, "a.*", "a.b.c", true },
        { "foo", "foo", "foo", false },
        { "", NULL, "foo", false },
        { ">", ">", "foo", false },
        /* Wildcards in a published subject are text. */
        { "foo.*", NULL, "foo.*", true },
        { "foo.*", NULL, "foo.>", true },
        { "foo.bar", NULL, "foo.*", false },
        { "foo.bar", NULL, ">", false },
        { ">", NULL, ">", true },
        { NULL, "a.*", "a.*", false },
        { NULL, "a.*", "a.>", false },
        { NULL, "a.b", "*.b", true },
        /* With an empty token it matches nothing, no subscription either. */
        { ">", NULL, "a..b", false },
        { ">", NULL, ".", false },
        { "foo.*", NULL, "foo.", false },
        { ">", NULL, "", false },
        { NULL, ">", "a..b", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lists lists = { .publish_allow = rows[i].allow, .publish_deny = rows[i].deny };
        struct permissions *permissions = support_permissions(&lists, 0);

        if (permissions_may_publish(permissions, str_of(rows[i].subject)) != rows[i].allowed)
            fail_msg("row %zu: publish to \"%s\"", i, rows[i].subject);
        assert_int_equal(permissions_restrict_publish(permissions),
                         rows[i].allow != NULL || rows[i].deny != NULL);
        permissions_unref(permissions);
    }
}

struct subscribe_row {
    const char *allow, *deny, *subject, *queue;
    enum subscribe_verdict verdict;
};

static void
expect_subscribe(const struct subscribe_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lists lists = { .subscribe_allow = rows[i].allow, .subscribe_deny = rows[i].deny };
        struct permissions *permissions = support_permissions(&lists, 0);
        enum subscribe_verdict verdict =
            permissions_may_subscribe(permissions, str_of(rows[i].subject), str_of(rows[i].queue));

        if (verdict != rows[i].verdict)
            fail_msg("row %zu: subscription to \"%s\" of queue \"%s\": got %d", i, rows[i].subject,
                     rows[i].queue == NULL ? "" : rows[i].queue, (int)verdict);
        permissions_unref(permissions);
    }
}

/* A subscription must lie within one entry. */
static void
test_subscribe_allow(void **state)
{
    static const struct subscribe_row rows[] = {
        { NULL, NULL, "foo.>", NULL, ALLOWED },
        { "foo.*, bar.x", NULL, "foo.*", NULL, ALLOWED },
        { "foo.*, bar.x", NULL, "foo.bar", NULL, ALLOWED },
        { "foo.*, bar.x", NULL, "foo.bar.x", NULL, REFUSED },
        { "foo.*, bar.x", NULL, "bar.x", NULL, ALLOWED },
        { "foo.*, bar.x", NULL, "bar.*", NULL, REFUSED },
        { "foo.*, bar.x", NULL, "*.bar", NULL, REFUSED },
        { "foo.*, bar.x", NULL, "*.x", NULL, REFUSED },
        { "foo.*, bar.x", NULL, "*.*", NULL, REFUSED },
        { "foo.*, bar.x", NULL, ">", NULL, REFUSED },
        { "foo.*, bar.x", NULL, "foo.*", "g", ALLOWED },
        { "foo.>", NULL, "foo.*", NULL, ALLOWED },
        { "foo.>", NULL, "foo.*.>", NULL, ALLOWED },
        { "foo.>", NULL, "foo.>", NULL, ALLOWED },
        { "foo.>", NULL, "foo", NULL, REFUSED },
        { "foo.>", NULL, "*.>", NULL, REFUSED },
        { "*.b", NULL, "*.b", NULL, ALLOWED },
        { "*.b", NULL, "a.b", NULL, ALLOWED },
        { "*.b", NULL, "*.>", NULL, REFUSED },
        { ">", NULL, ">", NULL, ALLOWED },
        { ">", NULL, "*", NULL, ALLOWED },
        { "*", NULL, ">", NULL, REFUSED },
        /* The reference lets this pass, and foo.a.b through. */
        { "foo.*", NULL, "foo.>", NULL, REFUSED },
        { "foo.*.*", NULL, "foo.*.>", NULL, REFUSED },
        { "foo.a, foo.b", NULL, "foo.*", NULL, REFUSED },
        { "", NULL, "foo", NULL, REFUSED },
        { "", NULL, "foo", "q", REFUSED },
    };

    (void)state;
    expect_subscribe(rows, COUNT(rows));
}

static void
test_subscribe_deny(void **state)
{
    static const struct subscribe_row rows[] = {
        { NULL, "foo.secret", "foo.secret", NULL, REFUSED },
        { NULL, "foo.secret", "foo.open", NULL, ALLOWED },
        { NULL, "foo.secret", "foo.*", NULL, FILTERED },
        { NULL, "foo.secret", "*.secret", NULL, FILTERED },
        { NULL, "foo.secret", "bar.*", NULL, ALLOWED },
        { NULL, "foo.secret", "foo.*.*", NULL, ALLOWED },
        { NULL, "foo.secret", ">", NULL, FILTERED },
        { NULL, "*.secret", "foo.*", NULL, FILTERED },
        { NULL, "*.secret", "foo.>", NULL, FILTERED },
        { NULL, "*.secret", "*.*.*", NULL, ALLOWED },
        { NULL, "foo.*", "foo.*", NULL, REFUSED },
        { NULL, "foo.*", "foo.a.*", NULL, ALLOWED },
        { NULL, "foo.*", "*.*", NULL, FILTERED },
        { NULL, "foo.*", "*.a", NULL, FILTERED },
        { NULL, "foo.*.x", "foo.bar.*", NULL, FILTERED },
        { NULL, "foo.>", "foo", NULL, ALLOWED },
        { NULL, "foo.>", "foo.a.*", NULL, REFUSED },
        { NULL, "foo.>", "*", NULL, ALLOWED },
        { NULL, "foo.a.>", "foo.>", NULL, FILTERED },
        /* Refused though foo.a.b would be left: so does the reference. */
        { NULL, "foo.*", "foo.>", NULL, REFUSED },
        { "foo.>", "foo.secret", "foo.secret", NULL, REFUSED },
        { "foo.>", "foo.secret", "foo.*", NULL, FILTERED },
        { "foo.>", "foo.secret", "bar", NULL, REFUSED },
        { NULL, ">", "a", NULL, REFUSED },
        { NULL, "b, c, a, a.b", "a", NULL, REFUSED },
        { NULL, "b, c, a, a.b", "d", NULL, ALLOWED },
    };

    (void)state;
    expect_subscribe(rows, COUNT(rows));
}

static void
test_queues(void **state)
{
    static const struct subscribe_row rows[] = {
        { "foo q1", NULL, "foo", NULL, REFUSED },
        { "foo q1", NULL, "foo", "q1", ALLOWED },
        { "foo q1", NULL, "foo", "q2", REFUSED },
        { "foo", NULL, "foo", "q2", ALLOWED },
        /* An entry with a queue that covers the subject decides for all groups. */
        { "foo, foo q1", NULL, "foo", NULL, ALLOWED },
        { "foo, foo q1", NULL, "foo", "q1", ALLOWED },
        { "foo, foo q1", NULL, "foo", "q2", REFUSED },
        { "foo.> q1, foo.bar", NULL, "foo.bar", "q2", REFUSED },
        { "foo.> q1, foo.bar", NULL, "foo.bar", NULL, ALLOWED },
        { "foo.> q1, foo.bar", NULL, "foo.*", "q1", ALLOWED },
        { "foo.> q1, foo.bar", NULL, "foo.*", NULL, REFUSED },
        { "foo.x q1, foo.bar", NULL, "foo.bar", "q2", ALLOWED },
        { "foo\t q1", NULL, "foo", "q1", ALLOWED },
        { "foo q.*", NULL, "foo", "q.a", ALLOWED },
        { "foo q.*", NULL, "foo", "q.*", ALLOWED },
        { "foo q.*", NULL, "foo", "q", REFUSED },
        { "foo q.*", NULL, "foo", "q.a.b", REFUSED },
        { "foo q.*", NULL, "foo", "q.>", REFUSED },
        { "foo *.dev", NULL, "foo", "x.dev", ALLOWED },
        { "foo >", NULL, "foo", "q..a", ALLOWED },
        { "foo >", NULL, "foo", NULL, REFUSED },
        { NULL, "foo q1", "foo", NULL, ALLOWED },
        { NULL, "foo q1", "foo", "q1", REFUSED },
        { NULL, "foo q1", "foo", "q2", ALLOWED },
        { NULL, "foo.secret q1", "foo.*", "q1", FILTERED },
        { NULL, "foo.secret q1", "foo.*", "q2", ALLOWED },
        { NULL, "foo.secret q1", "foo.*", NULL, ALLOWED },
        { NULL, "foo.secret q.*", "foo.*", "q.a", FILTERED },
        { NULL, "> *.prod", "foo", "a.prod", REFUSED },
        { NULL, "> *.prod", "foo", "a.dev", ALLOWED },
        { NULL, "foo >", "foo", "a..b", REFUSED }, /* a queue's name may have empty tokens */
    };

    (void)state;
    expect_subscribe(rows, COUNT(rows));
}

/* Deny rules were not asked for some queue subscriptions. */
static void
test_CVE_2022_29946(void **state)
{
    static const struct subscribe_row rows[] = {
        { NULL, "foo.secret", "foo.secret", "q", REFUSED },
        { NULL, "foo.*", "foo.secret", "q", REFUSED },
        { NULL, "foo.*", "foo.*", "q", REFUSED },
        { NULL, "foo.secret", "foo.*", "q", FILTERED },
        { ">", "foo.secret", "foo.>", "q", FILTERED },
        { "foo.* q", "foo.secret", "foo.secret", "q", REFUSED },
        { "foo.* q", "foo.secret", "foo.*", "q", FILTERED },
    };

    (void)state;
    expect_subscribe(rows, COUNT(rows));
}

/* Deny rules could be got around by subscribing to a wildcard. */
static void
test_GHSA_wh7g_5m82_pmhr(void **state)
{
    static const char *const wildcards[] = { "foo.*", "*.secret", "*.*", "foo.>", ">" };
    static const char *const queues[] = { NULL, "q" };
    struct permissions *permissions =
        support_permissions(&(struct lists) { .subscribe_deny = "foo.secret, bar" }, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(wildcards) * COUNT(queues); i++) {
        struct str subject = str_of(wildcards[i / COUNT(queues)]);
        struct str queue = str_of(queues[i % COUNT(queues)]);

        assert_int_equal(permissions_may_subscribe(permissions, subject, queue), FILTERED);
        assert_false(permissions_may_deliver(permissions, STR_LIT("foo.secret"), queue));
        assert_true(permissions_may_deliver(permissions, STR_LIT("foo.open"), queue));
    }
    permissions_unref(permissions);
}

/* A queue that no deny entry names was let in where a plain deny entry refuses everyone. */
static void
test_GHSA_jx8g_9g95_6322(void **state)
{
    static const struct subscribe_row rows[] = {
        { NULL, "foo, foo q1", "foo", "q2", REFUSED },
        { NULL, "foo q1, foo", "foo", "q2", REFUSED },
        { NULL, "foo.*, foo.> q1", "foo.a", "q2", REFUSED },
        { NULL, "foo.a, foo.a q1", "foo.*", "q2", FILTERED },
    };

    (void)state;
    expect_subscribe(rows, COUNT(rows));
}

static void
test_deliver(void **state)
{
    static const struct {
        const char *deny, *subject, *queue;
        bool delivered;
    } rows[] = {
        { "*.secret", "foo.secret", NULL, false },
        { "*.secret", "foo.open", NULL, true },
        { "*.secret", "foo.secret", "q", false },
        { "foo.secret q1", "foo.secret", NULL, true },
        { "foo.secret q1", "foo.secret", "q1", false },
        { "foo.secret q1", "foo.secret", "q2", true },
        { "foo.secret q.*", "foo.secret", "q.a", false },
        { "foo.secret, foo.secret q1", "foo.secret", "q2", false },
        { "foo.*", "foo.*", NULL, false }, /* text, as it was published */
        { "foo.a", "foo.*", NULL, true },
        { NULL, "foo", NULL, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lists lists = { .subscribe_deny = rows[i].deny };
        struct permissions *permissions = support_permissions(&lists, 0);

        if (permissions_may_deliver(permissions, str_of(rows[i].subject), str_of(rows[i].queue)) !=
            rows[i].delivered)
            fail_msg("row %zu: delivery of \"%s\"", i, rows[i].subject);
        permissions_unref(permissions);
    }
}

static void
test_none(void **state)
{
    int64_t max, expires_ns;

    (void)state;
    assert_true(permissions_may_publish(NULL, STR_LIT("a")));
    assert_false(permissions_restrict_publish(NULL));
    assert_int_equal(permissions_may_subscribe(NULL, STR_LIT(">"), STR_LIT("q")), ALLOWED);
    assert_true(permissions_may_deliver(NULL, STR_LIT("a"), STR_NULL));
    assert_false(permissions_responses(NULL, &max, &expires_ns));
    assert_null(permissions_ref(NULL));
    permissions_unref(NULL);
    assert_true(permissions_equal(NULL, NULL));
}

/* Without a list to publish to, a client that may only answer may publish nothing else. */
static void
test_allow_responses(void **state)
{
    static const struct publish_row rows[] = {
        { NULL, NULL, "foo", false },  { NULL, "bar", "foo", false },  { "foo", NULL, "foo", true },
        { "foo", NULL, "bar", false }, { "foo", "foo", "foo", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lists lists = { .publish_allow = rows[i].allow, .publish_deny = rows[i].deny };
        struct permissions *permissions = support_permissions(&lists, -1);
        int64_t max = 0, expires_ns = 0;

        if (permissions_may_publish(permissions, str_of(rows[i].subject)) != rows[i].allowed)
            fail_msg("row %zu: publish to \"%s\"", i, rows[i].subject);
        assert_true(permissions_restrict_publish(permissions));
        assert_true(permissions_responses(permissions, &max, &expires_ns));
        assert_int_equal(max, -1);
        assert_int_equal(expires_ns, 5);
        permissions_unref(permissions);
    }
}

static void
test_equal(void **state)
{
    static const struct {
        struct lists lists;
        int64_t responses_max;
        bool equal;
    } rows[] = {
        { { "a, b.*, c", "d", "e, f q", "g" }, 1, true },
        { { "c, a, b.*", "d", "f q, e", "g" }, 1, true },
        { { "a, b.*", "d", "e, f q", "g" }, 1, false },
        { { "a, b.*, x", "d", "e, f q", "g" }, 1, false },
        { { "a, b.*, c", NULL, "e, f q", "g" }, 1, false },
        { { "a, b.*, c", "d", "e, f", "g" }, 1, false },
        { { "a, b.*, c", "d", "e, f r", "g" }, 1, false },
        { { "a, b.*, c", "d", "e, f q", "gg" }, 1, false },
        { { "a, b.*, c", "d", "e, f q", "g" }, 2, false },
        { { "a, b.*, c", "d", "e, f q", "g" }, 0, false },
        { { NULL, NULL, "", NULL }, 0, false },
    };
    struct permissions *first = support_permissions(&rows[0].lists, 1);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct permissions *other = support_permissions(&rows[i].lists, rows[i].responses_max);

        if (permissions_equal(first, other) != rows[i].equal ||
            permissions_equal(other, first) != rows[i].equal)
            fail_msg("row %zu", i);
        permissions_unref(other);
    }
    assert_false(permissions_equal(first, NULL));
    assert_false(permissions_equal(NULL, first));
    permissions_unref(first);
}

static void
test_long_list(void **state)
{
    enum { LITERALS = 5000 };
    char **items = xcalloc(LITERALS, sizeof(char *));
    struct permissions_options options = { .publish = { true, { items, LITERALS }, { NULL, 0 } } };
    struct permissions *permissions;
    char other[32];

    (void)state;
    for (int i = 0; i < LITERALS; i++)
        items[i] = xasprintf("device.%d", (i * 7919) % LITERALS * 2);
    permissions = permissions_new(&options);
    assert_ptr_equal(permissions_ref(permissions), permissions);
    permissions_unref(permissions);
    for (int i = 0; i < LITERALS; i++) {
        assert_true(permissions_may_publish(permissions, str_of(items[i])));
        assert_true(snprintf(other, sizeof(other), "device.%d", i * 2 + 1) > 0);
        assert_false(permissions_may_publish(permissions, str_of(other)));
        free(items[i]);
    }
    permissions_unref(permissions);
    free(items);
}

/* The model: tokens a, b and z, which no pattern names and so stands for all others. Patterns have
 * up to three tokens, literals up to four: longer ones would tell no more patterns apart. */
#define MODEL_LITERALS (3 + 9 + 27 + 81)
#define MODEL_ENTRIES  3
#define MODEL_ROUNDS   20000

struct model {
    char literals[MODEL_LITERALS][8];
    char entries[2][MODEL_ENTRIES][16]; /* allow, deny */
    size_t counts[2];
    bool has_allow;
    struct permissions *permissions;
};

static void
model_init(struct model *model)
{
    size_t at = 0;

    for (int tokens = 1, all = 3; tokens <= 4; tokens++, all *= 3) {
        for (int number = 0; number < all; number++, at++) {
            for (int i = 0, rest = number; i < tokens; i++, rest /= 3) {
                model->literals[at][2 * i] = "abz"[rest % 3];
                model->literals[at][2 * i + 1] = i + 1 < tokens ? '.' : '\0';
            }
        }
    }
    assert_int_equal(at, MODEL_LITERALS);
}

static void
draw_pattern(struct random *random, char *out)
{
    uint32_t tokens = 1 + random_below(random, 3);

    for (uint32_t i = 0; i < tokens; i++) {
        out[2 * i] =
            i + 1 == tokens ? "ab*>"[random_below(random, 4)] : "ab*"[random_below(random, 3)];
        out[2 * i + 1] = i + 1 < tokens ? '.' : '\0';
    }
}

static void
draw_permissions(struct random *random, struct model *model)
{
    char *items[2][MODEL_ENTRIES];
    struct permissions_options options = { .publish.has_allow = random_below(random, 3) > 0 };
    struct permission_options *publish = &options.publish;

    for (int list = 0; list < 2; list++) {
        model->counts[list] = random_below(random, MODEL_ENTRIES + 1);
        for (size_t i = 0; i < model->counts[list]; i++) {
            items[list][i] = model->entries[list][i];
            draw_pattern(random, items[list][i]);
        }
    }
    if (!publish->has_allow)
        model->counts[0] = 0;
    model->has_allow = publish->has_allow;
    publish->allow = (struct subject_list) { items[0], model->counts[0] };
    publish->deny = (struct subject_list) { items[1], model->counts[1] };
    options.subscribe = options.publish;
    model->permissions = permissions_new(&options);
}

enum which { ALLOW, DENY };

static bool
in_list(const struct model *model, enum which list, struct str literal)
{
    for (size_t i = 0; i < model->counts[list]; i++) {
        if (subject_matches(str_of(model->entries[list][i]), literal))
            return true;
    }
    return false;
}

static bool
within(const struct model *model, struct str subject, struct str entry)
{
    for (size_t i = 0; i < MODEL_LITERALS; i++) {
        struct str literal = str_of(model->literals[i]);

        if (subject_matches(subject, literal) && !subject_matches(entry, literal))
            return false;
    }
    return true;
}

static enum subscribe_verdict
model_verdict(const struct model *model, struct str subject)
{
    bool allowed = !model->has_allow;

    for (size_t i = 0; i < model->counts[ALLOW]; i++)
        allowed = allowed || within(model, subject, str_of(model->entries[ALLOW][i]));
    if (!allowed || in_list(model, DENY, subject))
        return REFUSED;
    for (size_t i = 0; i < MODEL_LITERALS; i++) {
        struct str literal = str_of(model->literals[i]);

        if (subject_matches(subject, literal) && in_list(model, DENY, literal))
            return FILTERED;
    }
    return ALLOWED;
}

static void
check_literals(const struct model *model)
{
    for (size_t i = 0; i < MODEL_LITERALS; i++) {
        struct str literal = str_of(model->literals[i]);
        bool denied = in_list(model, DENY, literal);
        bool allowed = !model->has_allow || in_list(model, ALLOW, literal);

        if (permissions_may_publish(model->permissions, literal) != (allowed && !denied) ||
            permissions_may_deliver(model->permissions, literal, STR_NULL) != !denied)
            fail_msg("literal \"%s\"", literal.data);
    }
}

static void
test_against_model(void **state)
{
    struct model *model = xcalloc(1, sizeof(*model));
    struct random random = { 20261123 };
    size_t verdicts[3] = { 0 };
    char subject[16];

    (void)state;
    model_init(model);
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        enum subscribe_verdict got, want;

        draw_permissions(&random, model);
        draw_pattern(&random, subject);
        got = permissions_may_subscribe(model->permissions, str_of(subject), STR_NULL);
        want = model_verdict(model, str_of(subject));
        if (got != want)
            fail_msg("round %d: \"%s\": got %d, want %d", round, subject, (int)got, (int)want);
        verdicts[got]++;
        if (round % 8 == 0)
            check_literals(model);
        permissions_unref(model->permissions);
    }
    for (size_t i = 0; i < COUNT(verdicts); i++)
        assert_true(verdicts[i] > MODEL_ROUNDS / 20); /* the draw reaches them all */
    free(model);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_subscribe_allow),
        cmocka_unit_test(test_subscribe_deny),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_CVE_2022_29946),
        cmocka_unit_test(test_GHSA_wh7g_5m82_pmhr),
        cmocka_unit_test(test_GHSA_jx8g_9g95_6322),
        cmocka_unit_test(test_deliver),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_allow_responses),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_against_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

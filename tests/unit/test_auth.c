/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - the rules for tokens, and what a reload keeps
 */
#include "auth_bench.h"

#define TOKEN     "s3cr3t-token"
#define TOKEN_72  "123456789.123456789.123456789.123456789.123456789.123456789.123456789.12"
#define NEAR      "192.0.2.1"
#define WITH(lit) STR_LIT(lit)

struct rule_row {
    const char *name;
    struct str token, user, pass;
    bool account;
    enum auth_verdict verdict;
    enum auth_cause cause;
};

static void
check_rows(struct bench *bench, struct auth_policy *policy, const struct rule_row *rows,
           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct auth_request request = { rows[i].token, rows[i].user, rows[i].pass, rows[i].account,
                                        NEAR };
        struct auth_stats before, after;
        struct auth_result result;
        enum auth_verdict verdict;

        auth_get_stats(bench->auth, &before);
        verdict = auth_check(bench->auth, policy, &request, &result, bench_done, bench, 0);
        auth_get_stats(bench->auth, &after);
        if (verdict != rows[i].verdict || result.verdict != verdict ||
            result.cause != rows[i].cause)
            fail_msg("%s: verdict %d, cause %s", rows[i].name, (int)verdict,
                     auth_cause_text(result.cause));
        if (after.failed[result.cause] != before.failed[result.cause] + (verdict != AUTH_OK) ||
            after.ok != before.ok + (verdict == AUTH_OK))
            fail_msg("%s: not counted", rows[i].name);
    }
}

#define CHECK_ROWS(bench, policy, rows)                                                            \
    check_rows(bench, policy, rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_plain_token(void **state)
{
    static const struct rule_row rows[] = {
        { "right", WITH(TOKEN), STR_NULL, STR_NULL, false, AUTH_OK, AUTH_CAUSE_NONE },
        { "beside user and pass", WITH(TOKEN), WITH("u"), WITH("p"), false, AUTH_OK,
          AUTH_CAUSE_NONE },
        { "absent", STR_NULL, STR_NULL, STR_NULL, false, AUTH_REFUSED, AUTH_CAUSE_NO_TOKEN },
        { "empty", WITH(""), STR_NULL, STR_NULL, false, AUTH_REFUSED, AUTH_CAUSE_NO_TOKEN },
        { "wrong", WITH("other"), STR_NULL, STR_NULL, false, AUTH_REFUSED, AUTH_CAUSE_WRONG_TOKEN },
        { "prefix", WITH("s3cr3t"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_WRONG_TOKEN },
        { "longer", WITH(TOKEN "x"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_WRONG_TOKEN },
        { "NUL behind", WITH(TOKEN "\0"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_CONTROL_BYTE },
        { "control byte", WITH("s3cr3t\n"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_CONTROL_BYTE },
        { "DEL", WITH("\x7f"), STR_NULL, STR_NULL, false, AUTH_REFUSED, AUTH_CAUSE_CONTROL_BYTE },
        { "as user", STR_NULL, WITH(TOKEN), STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_TOKEN_AS_USER },
        { "as pass", STR_NULL, WITH("u"), WITH(TOKEN), false, AUTH_REFUSED,
          AUTH_CAUSE_TOKEN_AS_USER },
        { "wrong as user", STR_NULL, WITH("x"), WITH(""), false, AUTH_REFUSED,
          AUTH_CAUSE_USER_ONLY },
        { "wrong beside right user", WITH("x"), WITH(TOKEN), STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_WRONG_TOKEN },
        { "account", WITH(TOKEN), STR_NULL, STR_NULL, true, AUTH_REFUSED, AUTH_CAUSE_ACCOUNT },
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_policy *policy = auth_policy_new(bench->auth, TOKEN);

    (void)state;
    assert_true(auth_policy_required(policy));
    assert_int_equal(auth_policy_check_ns_estimate(policy), 0);
    CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    bench_free(bench);
}

static void
test_no_auth(void **state)
{
    static const struct rule_row rows[] = {
        { "nothing", STR_NULL, STR_NULL, STR_NULL, false, AUTH_OK, AUTH_CAUSE_NONE },
        { "a token", WITH("x"), WITH("u"), WITH("p"), false, AUTH_OK, AUTH_CAUSE_NONE },
        { "account", STR_NULL, STR_NULL, STR_NULL, true, AUTH_REFUSED, AUTH_CAUSE_ACCOUNT },
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_policy *policy = auth_policy_new(bench->auth, NULL);

    (void)state;
    assert_false(auth_policy_required(policy));
    CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    bench_free(bench);
}

static void
test_hashed_token_rules_run_no_bcrypt(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN_72);
    struct auth_policy *policy = auth_policy_new(bench->auth, hash);
    const struct rule_row rows[] = {
        { "absent", STR_NULL, STR_NULL, STR_NULL, false, AUTH_REFUSED, AUTH_CAUSE_NO_TOKEN },
        { "the hash", str_of(hash), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_HASH_AS_TOKEN },
        { "right and one byte", WITH(TOKEN_72 "x"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_TOO_LONG },
        { "right and NUL", WITH(TOKEN_72 "\0"), STR_NULL, STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_CONTROL_BYTE },
        { "account", WITH(TOKEN_72), STR_NULL, STR_NULL, true, AUTH_REFUSED, AUTH_CAUSE_ACCOUNT },
        { "as user, never verified", STR_NULL, WITH(TOKEN_72), STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_USER_ONLY },
    };
    static const struct rule_row verified[] = {
        { "right", WITH(TOKEN_72), STR_NULL, STR_NULL, false, AUTH_OK, AUTH_CAUSE_NONE },
        { "as user", STR_NULL, WITH(TOKEN_72), STR_NULL, false, AUTH_REFUSED,
          AUTH_CAUSE_TOKEN_AS_USER },
        { "as pass", STR_NULL, STR_NULL, WITH(TOKEN_72), false, AUTH_REFUSED,
          AUTH_CAUSE_TOKEN_AS_USER },
    };

    (void)state;
    assert_true(auth_policy_check_ns_estimate(policy) > 0);
    CHECK_ROWS(bench, policy, rows);
    assert_int_equal(bench_computed(bench), 0);
    assert_int_equal(bench_login(bench, policy, NEAR, TOKEN_72).verdict, AUTH_OK);
    CHECK_ROWS(bench, policy, verified);
    assert_int_equal(bench_computed(bench), 1);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

static void
test_every_cause_has_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < AUTH_CAUSE_COUNT; i++) {
        assert_non_null(auth_cause_text((enum auth_cause)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(auth_cause_text((enum auth_cause)i),
                                    auth_cause_text((enum auth_cause)j));
    }
}

/* ---- reload */

static void
test_reload(void **state)
{
    char *hash = bench_hash(TOKEN), *same_token = bench_hash(TOKEN), *other = bench_hash("other");
    const struct {
        const char *name, *from, *to;
        bool stays;
        uint64_t computed; /* by the login and the carry */
    } rows[] = {
        { "plain, unchanged", TOKEN, TOKEN, true, 0 },
        { "plain to another", TOKEN, "another", false, 0 },
        { "plain to its hash", TOKEN, hash, true, 1 },
        { "plain to another's hash", TOKEN, other, false, 1 },
        { "plain to open", TOKEN, NULL, true, 0 },
        { "hash, unchanged", hash, hash, true, 1 },
        { "hash to its token", hash, TOKEN, true, 1 },
        { "hash to another's hash", hash, other, false, 1 },
        { "hash to another of its token", hash, same_token, false, 1 },
        { "hash to open", hash, NULL, true, 1 },
        { "open to the token that was sent", NULL, TOKEN, true, 0 },
        { "open to another token", NULL, "another", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench *bench = bench_new(1, 4);
        struct auth_policy *from = auth_policy_new(bench->auth, rows[i].from);
        struct auth_policy *to = auth_policy_new(bench->auth, rows[i].to);
        struct auth_result login = bench_login(bench, from, NEAR, TOKEN);

        assert_int_equal(login.verdict, AUTH_OK);
        assert_true(auth_recheck(bench->auth, from, &login.pass));
        auth_policy_carry(bench->auth, from, to);
        auth_policy_unref(from);
        if (auth_recheck(bench->auth, to, &login.pass) != rows[i].stays ||
            bench_computed(bench) != rows[i].computed)
            fail_msg("%s", rows[i].name);
        auth_policy_unref(to);
        bench_free(bench);
    }
    free(hash);
    free(same_token);
    free(other);
}

static void
test_open_server_without_token_then_token(void **state)
{
    struct bench *bench = bench_new(1, 4);
    struct auth_policy *open = auth_policy_new(bench->auth, NULL);
    struct auth_policy *closed = auth_policy_new(bench->auth, TOKEN);
    struct auth_result login = bench_login(bench, open, NEAR, NULL);

    (void)state;
    assert_int_equal(login.verdict, AUTH_OK);
    auth_policy_carry(bench->auth, open, closed);
    assert_false(auth_recheck(bench->auth, closed, &login.pass));
    auth_policy_unref(open);
    auth_policy_unref(closed);
    bench_free(bench);
}

static void
test_policy_replaced_while_a_check_waits(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN), *other = bench_hash("other");
    struct auth_policy *first = auth_policy_new(bench->auth, hash);
    struct auth_policy *same = auth_policy_new(bench->auth, hash);
    struct auth_policy *changed = auth_policy_new(bench->auth, other);

    (void)state;
    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, first, NEAR, TOKEN, 7), AUTH_PENDING);
    auth_policy_carry(bench->auth, first, same);
    auth_policy_carry(bench->auth, first, changed);
    auth_policy_unref(auth_policy_ref(first));
    auth_policy_unref(first);
    /* A check under the carried hash joins the one that waits. */
    assert_int_equal(bench_ask(bench, same, NEAR, TOKEN, 8), AUTH_PENDING);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 2);
    assert_int_equal(bench->results[7].verdict, AUTH_OK);
    assert_int_equal(bench->results[8].verdict, AUTH_OK);
    assert_int_equal(bench_computed(bench), 1);
    assert_true(auth_recheck(bench->auth, same, &bench->results[7].pass));
    assert_false(auth_recheck(bench->auth, changed, &bench->results[7].pass));
    auth_policy_unref(same);
    auth_policy_unref(changed);
    free(hash);
    free(other);
    bench_free(bench);
}

static void
test_policies_outlive_auth(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN);
    struct auth_policy *policy = auth_policy_new(bench->auth, hash);

    (void)state;
    assert_int_equal(bench_login(bench, policy, NEAR, TOKEN).verdict, AUTH_OK);
    bench_free(bench);
    assert_true(auth_policy_required(policy));
    auth_policy_unref(policy);
    free(hash);
}

static void
test_failure_lines_are_limited_per_address(void **state)
{
    struct bench *bench = bench_new(1, 4);
    uint64_t left_out = 0;
    int passed = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        passed += auth_may_log(bench->auth, NEAR, &left_out);
    assert_true(passed > 0 && passed < 100);
    assert_true(auth_may_log(bench->auth, "192.0.2.2", &left_out));
    assert_int_equal(left_out, 0);
    bench->now_ns += 60LL * 1000000000;
    assert_true(auth_may_log(bench->auth, NEAR, &left_out));
    assert_int_equal(left_out, 100 - passed);
    bench_free(bench);
}

static void
test_real_clock_and_bcrypt(void **state)
{
    struct log *log = log_new();
    struct auth *auth = auth_new(log, 0, 0);
    char *hash = bench_hash(TOKEN);
    struct auth_policy *policy = auth_policy_new(auth, hash);
    struct bench inbox = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct auth_request request = { .auth_token = STR_LIT(TOKEN), .address = NEAR };
    struct auth_result result;
    struct auth_stats stats;

    (void)state;
    assert_int_equal(auth_check(auth, policy, &request, &result, bench_done, &inbox, 1),
                     AUTH_PENDING);
    bench_wait(&inbox, &inbox.answered, 1);
    assert_int_equal(inbox.results[1].verdict, AUTH_OK);
    auth_get_stats(auth, &stats);
    assert_int_equal(stats.bcrypt_checks, 1);
    assert_true(stats.bcrypt_ns > 0);
    auth_policy_unref(policy);
    auth_free(auth);
    log_free(log);
    free(hash);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_token),
        cmocka_unit_test(test_no_auth),
        cmocka_unit_test(test_hashed_token_rules_run_no_bcrypt),
        cmocka_unit_test(test_every_cause_has_a_text),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_open_server_without_token_then_token),
        cmocka_unit_test(test_policy_replaced_while_a_check_waits),
        cmocka_unit_test(test_policies_outlive_auth),
        cmocka_unit_test(test_failure_lines_are_limited_per_address),
        cmocka_unit_test(test_real_clock_and_bcrypt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

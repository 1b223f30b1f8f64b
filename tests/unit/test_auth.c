/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - the rules for one token, and what holds for all ways in
 */
#include "auth_bench.h"

#define TOKEN    "s3cr3t-token"
#define TOKEN_72 "123456789.123456789.123456789.123456789.123456789.123456789.123456789.12"
#define NEAR     "192.0.2.1"

static void
test_plain_token(void **state)
{
    static const struct rule_row rows[] = {
        { "right", { .auth_token = WITH(TOKEN) }, IN(NULL), 0 },
        { "beside user and pass",
          { .auth_token = WITH(TOKEN), .user = WITH("u"), .pass = WITH("p") },
          IN(NULL),
          0 },
        { "absent", NOTHING, OUT(NO_TOKEN), 0 },
        { "empty", { .auth_token = WITH("") }, OUT(NO_TOKEN), 0 },
        { "wrong", { .auth_token = WITH("other") }, OUT(WRONG_TOKEN), 0 },
        { "prefix", { .auth_token = WITH("s3cr3t") }, OUT(WRONG_TOKEN), 0 },
        { "longer", { .auth_token = WITH(TOKEN "x") }, OUT(WRONG_TOKEN), 0 },
        { "NUL behind", { .auth_token = WITH(TOKEN "\0") }, OUT(CONTROL_BYTE), 0 },
        { "control byte", { .auth_token = WITH("s3cr3t\n") }, OUT(CONTROL_BYTE), 0 },
        { "DEL", { .auth_token = WITH("\x7f") }, OUT(CONTROL_BYTE), 0 },
        { "as user", { .user = WITH(TOKEN) }, OUT(TOKEN_AS_USER), 0 },
        { "as pass", { .user = WITH("u"), .pass = WITH(TOKEN) }, OUT(TOKEN_AS_USER), 0 },
        { "wrong as user", { .user = WITH("x"), .pass = WITH("") }, OUT(USER_ONLY), 0 },
        { "wrong beside right user",
          { .auth_token = WITH("x"), .user = WITH(TOKEN) },
          OUT(WRONG_TOKEN),
          0 },
        { "account", { .auth_token = WITH(TOKEN), .account = true }, OUT(ACCOUNT), 0 },
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_policy *policy = bench_token_policy(bench, TOKEN);

    (void)state;
    assert_true(auth_policy_required(policy));
    assert_int_equal(auth_policy_check_ns_estimate(policy), 0);
    BENCH_CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    bench_free(bench);
}

static void
test_no_auth(void **state)
{
    static const struct rule_row rows[] = {
        { "nothing", NOTHING, IN(NULL), 0 },
        { "a token",
          { .auth_token = WITH("x"), .user = WITH("u"), .pass = WITH("p") },
          IN(NULL),
          0 },
        { "account", { .account = true }, OUT(ACCOUNT), 0 },
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_policy *policy = bench_token_policy(bench, NULL);

    (void)state;
    assert_false(auth_policy_required(policy));
    BENCH_CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    bench_free(bench);
}

static void
test_hashed_token_rules_run_no_bcrypt(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN_72);
    struct auth_policy *policy = bench_token_policy(bench, hash);
    const struct rule_row rows[] = {
        { "absent", NOTHING, OUT(NO_TOKEN), 0 },
        { "the hash", { .auth_token = str_of(hash) }, OUT(HASH_AS_TOKEN), 0 },
        { "right and one byte", { .auth_token = WITH(TOKEN_72 "x") }, OUT(TOO_LONG), 0 },
        { "right and NUL", { .auth_token = WITH(TOKEN_72 "\0") }, OUT(CONTROL_BYTE), 0 },
        { "account", { .auth_token = WITH(TOKEN_72), .account = true }, OUT(ACCOUNT), 0 },
        { "as user, never verified", { .user = WITH(TOKEN_72) }, OUT(USER_ONLY), 0 },
    };
    static const struct rule_row verified[] = {
        { "right", { .auth_token = WITH(TOKEN_72) }, IN(NULL), 0 },
        { "as user", { .user = WITH(TOKEN_72) }, OUT(TOKEN_AS_USER), 0 },
        { "as pass", { .pass = WITH(TOKEN_72) }, OUT(TOKEN_AS_USER), 0 },
    };
    struct auth_stats stats;

    (void)state;
    assert_true(auth_policy_check_ns_estimate(policy) > 0);
    BENCH_CHECK_ROWS(bench, policy, rows);
    assert_int_equal(bench_computed(bench), 0);
    assert_int_equal(bench_login(bench, policy, NEAR, TOKEN_72).verdict, AUTH_OK);
    BENCH_CHECK_ROWS(bench, policy, verified);
    auth_get_stats(bench->auth, &stats);
    assert_int_equal(stats.bcrypt_checks, 1);
    assert_int_equal(stats.cache_hits, 1);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

static void
test_causes_have_texts(void **state)
{
    (void)state;
    for (int i = 0; i < AUTH_CAUSE_COUNT; i++) {
        assert_non_null(auth_cause_text((enum auth_cause)i));
        for (int j = 0; j < i; j++) {
            bool same = bench_same_text(auth_cause_text((enum auth_cause)i),
                                        auth_cause_text((enum auth_cause)j));

            /* The log does not tell which users there are. */
            assert_int_equal(same, i == AUTH_CAUSE_UNKNOWN_USER && j == AUTH_CAUSE_WRONG_PASSWORD);
        }
    }
}

static void
test_policies_outlive_auth(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN);
    struct auth_policy *policy = bench_token_policy(bench, hash);

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
    struct auth_entry entry = bench_entry(AUTH_TOKEN, NULL, hash);
    struct auth_options options = { .entries = &entry, .count = 1 };
    struct auth_policy *policy = auth_policy_new(auth, &options);
    struct bench inbox = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct auth_request request = { .auth_token = STR_LIT(TOKEN),
                                    .connection_type = CONNECTION_STANDARD,
                                    .address = NEAR };
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
    auth_identity_unref(inbox.results[1].pass.identity);
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
        cmocka_unit_test(test_causes_have_texts),
        cmocka_unit_test(test_policies_outlive_auth),
        cmocka_unit_test(test_failure_lines_are_limited_per_address),
        cmocka_unit_test(test_real_clock_and_bcrypt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - many clients at once: one computation per token, and floods that keep nobody out
 */
#include "auth_bench.h"

#define TOKEN   "s3cr3t-token"
#define WORKERS 4
#define ASKERS  4
#define FLOODER "203.0.113.9"
#define HONEST  "192.0.2.1"

struct asker {
    struct bench *bench;
    struct auth_policy *policy;
    const char *token;
    uint64_t first_id;
};

static void *
ask_many(void *argument)
{
    const struct asker *asker = argument;

    for (uint64_t i = 0; i < BENCH_CLIENTS / ASKERS; i++)
        (void)bench_ask(asker->bench, asker->policy, HONEST, asker->token, asker->first_id + i);
    return NULL;
}

/* BENCH_CLIENTS clients send token from several threads; returns when all have asked. */
static void
storm(struct bench *bench, struct auth_policy *policy, const char *token)
{
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];

    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker) { bench, policy, token, i * (BENCH_CLIENTS / ASKERS) };
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &askers[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
}

static void
assert_all(struct bench *bench, enum auth_verdict verdict, enum auth_cause cause)
{
    for (unsigned i = 0; i < BENCH_CLIENTS; i++) {
        assert_int_equal(bench->calls[i], 1);
        assert_int_equal(bench->results[i].verdict, verdict);
        assert_int_equal(bench->results[i].cause, cause);
        assert_memory_equal(&bench->results[i].pass, &bench->results[0].pass,
                            sizeof(struct auth_pass));
    }
}

static void
run_storm(const char *token, bool gated, enum auth_verdict verdict, enum auth_cause cause)
{
    struct bench *bench = bench_new(WORKERS, 8);
    char *hash = bench_hash(TOKEN);
    struct auth_policy *policy = bench_token_policy(bench, hash);
    struct auth_stats stats;

    bench_gate(bench, !gated);
    storm(bench, policy, token);
    if (gated)
        assert_int_equal(bench->answered, 0);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, BENCH_CLIENTS);
    assert_all(bench, verdict, cause);
    assert_int_equal(bench_ask(bench, policy, FLOODER, token, 0), verdict);
    auth_get_stats(bench->auth, &stats);
    assert_int_equal(stats.bcrypt_checks, 1);
    assert_int_equal(stats.ok, verdict == AUTH_OK ? BENCH_CLIENTS + 1 : 0);
    assert_int_equal(stats.failed[cause], verdict == AUTH_OK ? 0 : BENCH_CLIENTS + 1);
    assert_int_equal(stats.queued_now, 0);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

static void
test_right_token_costs_one_computation(void **state)
{
    (void)state;
    run_storm(TOKEN, true, AUTH_OK, AUTH_CAUSE_NONE);
    run_storm(TOKEN, false, AUTH_OK, AUTH_CAUSE_NONE);
}

static void
test_wrong_token_costs_one_computation(void **state)
{
    (void)state;
    run_storm("yesterday's token", true, AUTH_REFUSED, AUTH_CAUSE_WRONG_TOKEN);
    run_storm("yesterday's token", false, AUTH_REFUSED, AUTH_CAUSE_WRONG_TOKEN);
}

/* A list of three hashes: whatever the order of things, each is computed once at most. */
static void
run_list_storm(const char *token, bool gated, enum auth_verdict verdict, enum auth_cause cause,
               uint64_t computed)
{
    struct bench *bench = bench_new(WORKERS, 8);
    char *hashes[3] = { bench_hash("first"), bench_hash("second"), bench_hash("third") };
    struct auth_entry entries[3] = { bench_entry(AUTH_TOKEN, "1", hashes[0]),
                                     bench_entry(AUTH_TOKEN, "2", hashes[1]),
                                     bench_entry(AUTH_TOKEN, "3", hashes[2]) };
    struct auth_policy *policy = bench_policy(bench, entries, 3, NULL);

    bench_gate(bench, !gated);
    storm(bench, policy, token);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, BENCH_CLIENTS);
    assert_all(bench, verdict, cause);
    assert_int_equal(bench_computed(bench), computed);
    auth_policy_unref(policy);
    for (int i = 0; i < 3; i++)
        free(hashes[i]);
    bench_free(bench);
}

static void
test_list_of_hashes(void **state)
{
    static const struct {
        const char *token;
        enum auth_verdict verdict;
        enum auth_cause cause;
        uint64_t computed;
    } rows[] = {
        { "first", AUTH_OK, AUTH_CAUSE_NONE, 1 },
        { "second", AUTH_OK, AUTH_CAUSE_NONE, 2 },
        { "third", AUTH_OK, AUTH_CAUSE_NONE, 3 },
        { "fourth", AUTH_REFUSED, AUTH_CAUSE_WRONG_TOKEN, 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_list_storm(rows[i].token, true, rows[i].verdict, rows[i].cause, rows[i].computed);
        run_list_storm(rows[i].token, false, rows[i].verdict, rows[i].cause, rows[i].computed);
    }
}

/* Users of one policy at once, some of them nobody's: one computation per name and password. */
static void
test_users_at_once(void **state)
{
    static const struct {
        const char *user, *pass;
        enum auth_cause cause;
    } rows[] = {
        { "ann", "ann's", AUTH_CAUSE_NONE },           { "bob", "bob's", AUTH_CAUSE_NONE },
        { "bob", "ann's", AUTH_CAUSE_WRONG_PASSWORD }, { "eve", "ann's", AUTH_CAUSE_UNKNOWN_USER },
        { "zoe", "ann's", AUTH_CAUSE_UNKNOWN_USER },
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    struct bench *bench = bench_new(WORKERS, 8);
    char *hashes[2] = { bench_hash("ann's"), bench_hash("bob's") };
    struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", hashes[0]),
                                     bench_entry(AUTH_USER, "bob", hashes[1]) };
    struct auth_policy *policy = bench_policy(bench, entries, 2, NULL);

    (void)state;
    bench_gate(bench, false);
    for (unsigned id = 0; id < 100; id++) {
        struct auth_request request = { .user = str_of(rows[id % ROWS].user),
                                        .pass = str_of(rows[id % ROWS].pass),
                                        .address = id % ROWS < 3 ? HONEST : FLOODER };

        assert_int_equal(bench_request(bench, policy, request, id), AUTH_PENDING);
    }
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 100);
    for (unsigned id = 0; id < 100; id++) {
        const struct auth_result *result = &bench->results[id];

        assert_int_equal(result->cause, rows[id % ROWS].cause);
        if (result->verdict == AUTH_OK)
            assert_string_equal(result->pass.identity->name, rows[id % ROWS].user);
    }
    assert_int_equal(bench_computed(bench), ROWS);
    auth_policy_unref(policy);
    free(hashes[0]);
    free(hashes[1]);
    bench_free(bench);
}

/* Clients enter, are asked again and leave, while policies replace each other. */
struct churner {
    struct bench *bench;
    struct auth_policy **policies;
    unsigned seed;
};

static void *
churn(void *argument)
{
    const struct churner *churner = argument;
    struct auth *auth = churner->bench->auth;
    struct auth_request request = { .auth_token = STR_LIT("second"),
                                    .connection_type = CONNECTION_STANDARD,
                                    .address = HONEST };
    intptr_t entered = 0;

    for (unsigned i = 0; i < 2000; i++) {
        struct auth_policy *policy = churner->policies[(i + churner->seed) % 2];
        struct auth_policy *next = churner->policies[(i + churner->seed + 1) % 2];
        struct auth_result result;
        struct auth_identity *identity;

        if (auth_check(auth, policy, &request, &result, bench_done, churner->bench, 0) != AUTH_OK)
            continue;
        identity = auth_recheck(auth, next, &result.pass);
        entered += identity != NULL && identity != result.pass.identity;
        auth_identity_unref(identity);
        auth_identity_unref(result.pass.identity);
    }
    return (void *)entered;
}

static void
test_threads_share_policies(void **state)
{
    struct bench *bench = bench_new(WORKERS, 8);
    char *hashes[2] = { bench_hash("first"), bench_hash("second") };
    struct auth_entry entries[2] = { bench_entry(AUTH_TOKEN, "1", hashes[0]),
                                     bench_entry(AUTH_TOKEN, "2", hashes[1]) };
    struct auth_policy *policies[2] = { bench_policy(bench, entries, 2, NULL),
                                        bench_policy(bench, entries, 2, NULL) };
    struct churner churners[ASKERS];
    pthread_t threads[ASKERS];

    (void)state;
    auth_policy_carry(bench->auth, policies[0], policies[1]);
    assert_int_equal(bench_login(bench, policies[0], HONEST, "second").verdict, AUTH_OK);
    for (unsigned i = 0; i < ASKERS; i++) {
        churners[i] = (struct churner) { bench, policies, i };
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &churners[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        void *entered;

        pthread_join(threads[i], &entered);
        assert_int_equal((intptr_t)entered, 2000);
    }
    assert_int_equal(bench_computed(bench), 2);
    auth_policy_unref(policies[0]);
    auth_policy_unref(policies[1]);
    free(hashes[0]);
    free(hashes[1]);
    bench_free(bench);
}

/* ---- floods; one worker, so that the order is known */

#define FLOOD_QUEUE 8

struct flood {
    struct bench *bench;
    struct auth_policy *policy;
    char *hash;
    unsigned sent;
};

static int
flood_setup(void **state)
{
    struct flood *flood = calloc(1, sizeof(*flood));

    flood->bench = bench_new(1, FLOOD_QUEUE);
    flood->hash = bench_hash(TOKEN);
    flood->policy = bench_token_policy(flood->bench, flood->hash);
    *state = flood;
    return 0;
}

static int
flood_teardown(void **state)
{
    struct flood *flood = *state;

    auth_policy_unref(flood->policy);
    bench_free(flood->bench);
    free(flood->hash);
    free(flood);
    return 0;
}

/* A wrong token that was never sent before. */
static enum auth_verdict
send_wrong(struct flood *flood, const char *address, uint64_t id)
{
    char token[32];

    (void)snprintf(token, sizeof(token), "wrong-%u", flood->sent++);
    return bench_ask(flood->bench, flood->policy, address, token, id);
}

static void
test_checks_at_a_time_per_address(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    unsigned pending = 0;

    bench_gate(bench, false);
    for (uint64_t id = 10; id < 110; id++)
        pending += send_wrong(flood, FLOODER, id) == AUTH_PENDING;
    assert_int_equal(pending, 4 + FLOOD_QUEUE / 2); /* queued, and parked */
    assert_int_equal(bench->results[109].verdict, AUTH_BUSY);
    assert_int_equal(bench->results[109].cause, AUTH_CAUSE_LIMITED);
    assert_int_equal(bench_ask(bench, flood->policy, HONEST, TOKEN, 1), AUTH_PENDING);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 101);
    assert_int_equal(bench->results[1].verdict, AUTH_OK);
    assert_int_equal(bench_computed(bench), 4 + FLOOD_QUEUE / 2 + 1);
}

static void
test_failures_per_time_per_address(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    uint64_t before;

    for (unsigned i = 0; i < 100; i++) {
        unsigned answered = bench->answered;

        (void)send_wrong(flood, FLOODER, 0);
        bench_wait(bench, &bench->answered, answered + 1);
    }
    assert_int_equal(bench->results[0].cause, AUTH_CAUSE_LIMITED);
    before = bench_computed(bench);
    assert_int_equal(before, 10);
    /* Elsewhere nothing is limited, and time heals. */
    assert_int_equal(bench_login(bench, flood->policy, HONEST, TOKEN).verdict, AUTH_OK);
    bench->now_ns += 500000000;
    assert_int_equal(send_wrong(flood, FLOODER, 2), AUTH_PENDING);
    bench_wait(bench, &bench->calls[2], 1);
    assert_int_equal(send_wrong(flood, FLOODER, 2), AUTH_BUSY);
    /* A token that has verified passes from anywhere. */
    assert_int_equal(bench_ask(bench, flood->policy, FLOODER, TOKEN, 3), AUTH_OK);
}

static void
test_wrong_tokens_cannot_push_out_the_right_one(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    uint64_t computed;

    assert_int_equal(bench_login(bench, flood->policy, HONEST, TOKEN).verdict, AUTH_OK);
    for (unsigned i = 0; i < 200; i++) {
        unsigned answered = bench->answered;
        char address[32];

        (void)snprintf(address, sizeof(address), "10.0.%u.%u", i / 100, i);
        assert_int_equal(send_wrong(flood, address, 0), AUTH_PENDING);
        bench_wait(bench, &bench->answered, answered + 1);
        assert_int_equal(bench->results[0].verdict, AUTH_REFUSED);
    }
    computed = bench_computed(bench);
    assert_int_equal(computed, 201);
    assert_int_equal(bench_ask(bench, flood->policy, HONEST, TOKEN, 1), AUTH_OK);
    assert_int_equal(bench_computed(bench), computed);
}

static unsigned
lines_with(const char *path, const char *text)
{
    char line[1024];
    unsigned count = 0;
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    return count;
}

static void
test_full_queue(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    struct auth_stats stats;
    char address[32];

    bench_gate(bench, false);
    assert_int_equal(send_wrong(flood, "10.1.0.1", 0), AUTH_PENDING);
    bench_wait(bench, &bench->at_gate, 1);
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(address, sizeof(address), "10.2.0.%u", i);
        assert_int_equal(send_wrong(flood, address, 1 + i), AUTH_PENDING);
    }
    auth_get_stats(bench->auth, &stats);
    assert_int_equal(stats.queued_now, 8);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(send_wrong(flood, HONEST, 20), AUTH_BUSY);
    assert_int_equal(bench->results[20].cause, AUTH_CAUSE_QUEUE_FULL);
    assert_int_equal(lines_with(bench->log_path, "queue is full"), 1);
    bench->now_ns += 10LL * 1000000000;
    assert_int_equal(send_wrong(flood, HONEST, 20), AUTH_BUSY);
    assert_int_equal(lines_with(bench->log_path, "queue is full"), 2);
    assert_int_equal(lines_with(bench->log_path, "try again: 12"), 1);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 13 + 9);
    /* Those turned away left nothing behind: the honest address has all its checks. */
    assert_int_equal(bench_login(bench, flood->policy, HONEST, TOKEN).verdict, AUTH_OK);
}

/* One token, two hashes: a verdict on the one says nothing of the other. */
static void
test_checks_of_different_hashes_are_not_joined(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    char *other = bench_hash("other");
    struct auth_policy *policy = bench_token_policy(bench, other);

    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, flood->policy, HONEST, TOKEN, 0), AUTH_PENDING);
    assert_int_equal(bench_ask(bench, policy, HONEST, TOKEN, 1), AUTH_PENDING);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 2);
    assert_int_equal(bench->results[0].verdict, AUTH_OK);
    assert_int_equal(bench->results[1].verdict, AUTH_REFUSED);
    assert_int_equal(bench_computed(bench), 2);
    auth_policy_unref(policy);
    free(other);
}

static void
test_broken_bcrypt_is_no_verdict(void **state)
{
    struct flood *flood = *state;
    struct bench *bench = flood->bench;
    struct auth_result result;

    bench->broken = true;
    result = bench_login(bench, flood->policy, HONEST, TOKEN);
    assert_int_equal(result.verdict, AUTH_BUSY);
    assert_int_equal(result.cause, AUTH_CAUSE_NO_MEMORY);
    pthread_mutex_lock(&bench->lock);
    bench->broken = false;
    pthread_mutex_unlock(&bench->lock);
    assert_int_equal(bench_login(bench, flood->policy, HONEST, TOKEN).verdict, AUTH_OK);
}

static void
test_free_while_checks_wait(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hash = bench_hash(TOKEN);
    struct auth_policy *policy = bench_token_policy(bench, hash);
    unsigned answered;

    (void)state;
    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, policy, HONEST, "a", 0), AUTH_PENDING);
    assert_int_equal(bench_ask(bench, policy, HONEST, "b", 1), AUTH_PENDING);
    assert_int_equal(bench_ask(bench, policy, FLOODER, "b", 2), AUTH_PENDING);
    auth_policy_unref(policy);
    bench_gate(bench, true);
    auth_free(bench->auth); /* memory checkers see what is forgotten, or used too long */
    bench->auth = NULL;
    answered = bench->answered;
    assert_true(answered <= 3);
    for (int i = 0; i < 3; i++)
        assert_true(bench->calls[i] <= 1);
    free(hash);
    bench_free(bench);
}

#define FLOOD_TEST(test) cmocka_unit_test_setup_teardown(test, flood_setup, flood_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_token_costs_one_computation),
        cmocka_unit_test(test_wrong_token_costs_one_computation),
        cmocka_unit_test(test_list_of_hashes),
        cmocka_unit_test(test_users_at_once),
        cmocka_unit_test(test_threads_share_policies),
        FLOOD_TEST(test_checks_at_a_time_per_address),
        FLOOD_TEST(test_failures_per_time_per_address),
        FLOOD_TEST(test_wrong_tokens_cannot_push_out_the_right_one),
        FLOOD_TEST(test_full_queue),
        FLOOD_TEST(test_checks_of_different_hashes_are_not_joined),
        FLOOD_TEST(test_broken_bcrypt_is_no_verdict),
        cmocka_unit_test(test_free_while_checks_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

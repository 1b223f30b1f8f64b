/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - policies with more than one entry: lists of tokens, users, no_auth_user
 */
#include "auth_bench.h"

#include "auth/permissions.h"

#define EXPIRES_NS (BENCH_WALL_NS + 100)

/* ---- lists of tokens */

struct token_list {
    struct bench *bench;
    char *hash[2];
    struct auth_policy *policy;
};

/* plain: "sensors"; hashes of "dash" and "robot"; "guest" is for websockets; "old" expires. */
static int
token_list_setup(void **state)
{
    struct token_list *list = calloc(1, sizeof(*list));
    struct auth_entry entries[5];

    list->bench = bench_new(1, 8);
    list->hash[0] = bench_hash("dash");
    list->hash[1] = bench_hash("robot");
    entries[0] = bench_entry(AUTH_TOKEN, "Sensors", "sensors");
    entries[1] = bench_entry(AUTH_TOKEN, "Dash", list->hash[0]);
    entries[2] = bench_entry(AUTH_TOKEN, "Robot", list->hash[1]);
    entries[3] = bench_entry(AUTH_TOKEN, "Guest", "guest");
    entries[3].connection_types = CONNECTION_WEBSOCKET | CONNECTION_MQTT;
    entries[4] = bench_entry(AUTH_TOKEN, "Old", "old");
    entries[4].expires_ns = EXPIRES_NS;
    list->policy = bench_policy(list->bench, entries, 5, NULL);
    *state = list;
    return 0;
}

static int
token_list_teardown(void **state)
{
    struct token_list *list = *state;

    auth_policy_unref(list->policy);
    bench_free(list->bench);
    free(list->hash[0]);
    free(list->hash[1]);
    free(list);
    return 0;
}

static void
test_token_list(void **state)
{
    struct token_list *list = *state;
    const struct rule_row rows[] = {
        { "plain", { .auth_token = WITH("sensors") }, IN("Sensors"), 0 },
        { "user, pass, nkey, sig beside it",
          { .auth_token = WITH("sensors"),
            .user = WITH("u"),
            .pass = WITH("p"),
            .nkey = WITH("U"),
            .sig = WITH("s") },
          IN("Sensors"),
          0 },
        { "second hash, unknown", { .auth_token = WITH("robot") }, IN("Robot"), 2 },
        { "second hash, known", { .auth_token = WITH("robot") }, IN("Robot"), 0 },
        { "first hash, unknown", { .auth_token = WITH("dash") }, IN("Dash"), 1 },
        { "none, unknown", { .auth_token = WITH("none") }, OUT(WRONG_TOKEN), 2 },
        { "none, known", { .auth_token = WITH("none") }, OUT(WRONG_TOKEN), 0 },
        { "a name", { .auth_token = WITH("Sensors") }, OUT(WRONG_TOKEN), 2 },
        { "a hash", { .auth_token = str_of(list->hash[1]) }, OUT(HASH_AS_TOKEN), 0 },
        { "over 72 bytes",
          { .auth_token = WITH("123456789.123456789.123456789.123456789."
                               "123456789.123456789.123456789.123456789.") },
          OUT(TOO_LONG),
          0 },
        { "NUL", { .auth_token = WITH("sensors\0") }, OUT(CONTROL_BYTE), 0 },
        { "nothing", NOTHING, OUT(NO_TOKEN), 0 },
        { "known hash's as user", { .user = WITH("robot") }, OUT(TOKEN_AS_USER), 0 },
        { "another type", { .auth_token = WITH("guest") }, OUT(CONNECTION_TYPE), 0 },
        { "an allowed type",
          { .auth_token = WITH("guest"), .connection_type = CONNECTION_MQTT },
          IN("Guest"),
          0 },
        { "before it expires", { .auth_token = WITH("old") }, IN("Old"), 0 },
    };
    static const struct rule_row late = {
        "after it expired", { .auth_token = WITH("old") }, OUT(EXPIRED), 0
    };

    assert_true(auth_policy_required(list->policy));
    assert_false(auth_policy_open(list->policy));
    assert_false(auth_policy_wants_nonce(list->policy));
    BENCH_CHECK_ROWS(list->bench, list->policy, rows);
    assert_int_equal(
        bench_answer(list->bench, list->policy, rows[15].request).pass.identity->expires_ns,
        EXPIRES_NS);
    list->bench->wall_ns = EXPIRES_NS;
    bench_check_row(list->bench, list->policy, &late);
}

/* One worker at the gate with the first hash; whoever comes then waits for the same check. */
static void
test_coming_late_joins_a_check_half_done(void **state)
{
    struct token_list *list = *state;
    struct bench *bench = list->bench;
    char *hash = bench_hash("third");
    struct auth_entry entries[2] = { bench_entry(AUTH_TOKEN, "Robot", list->hash[1]),
                                     bench_entry(AUTH_TOKEN, "Third", hash) };
    struct auth_policy *next = bench_policy(bench, entries, 2, NULL);
    uint64_t carried;

    auth_policy_carry(bench->auth, list->policy, next);
    carried = bench_computed(bench);
    assert_int_equal(carried, 3); /* might "Third" be one of the plain ones? */
    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, list->policy, "192.0.2.1", "robot", 1), AUTH_PENDING);
    bench_wait(bench, &bench->at_gate, 1);
    bench_pass_one(bench); /* "Dash" is known to be wrong, "Robot" is computed */
    assert_int_equal(bench_ask(bench, list->policy, "192.0.2.2", "robot", 2), AUTH_PENDING);
    /* Another list: not the same question. */
    assert_int_equal(bench_ask(bench, next, "192.0.2.3", "third", 3), AUTH_PENDING);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 3);
    assert_string_equal(bench->results[1].pass.identity->name, "Robot");
    assert_string_equal(bench->results[2].pass.identity->name, "Robot");
    assert_string_equal(bench->results[3].pass.identity->name, "Third");
    assert_int_equal(bench_computed(bench) - carried, 4);
    auth_policy_unref(next);
    free(hash);
}

/* Two hashes of one token, and a reload that takes the first away: a verdict on the first does not
 * decide for who asks about the second alone. */
static void
test_shorter_list_is_another_question(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hashes[2] = { bench_hash("token"), bench_hash("token") };
    struct auth_entry entries[2] = { bench_entry(AUTH_TOKEN, "First", hashes[0]),
                                     bench_entry(AUTH_TOKEN, "Second", hashes[1]) };
    struct auth_policy *both = bench_policy(bench, entries, 2, NULL);
    struct auth_policy *second = bench_policy(bench, entries + 1, 1, NULL);

    (void)state;
    auth_policy_carry(bench->auth, both, second);
    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, both, NULL, "token", 1), AUTH_PENDING);
    assert_int_equal(bench_ask(bench, second, NULL, "token", 2), AUTH_PENDING);
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 2);
    assert_string_equal(bench->results[1].pass.identity->name, "First");
    assert_string_equal(bench->results[2].pass.identity->name, "Second");
    assert_int_equal(bench_computed(bench), 2);
    auth_policy_unref(both);
    auth_policy_unref(second);
    free(hashes[0]);
    free(hashes[1]);
    bench_free(bench);
}

/* A verdict that comes when the token has expired, while it was computed. */
static void
test_expired_while_it_waited(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hash = bench_hash("old");
    struct auth_entry entry = bench_entry(AUTH_TOKEN, "Old", hash);
    struct auth_policy *policy;

    (void)state;
    entry.expires_ns = EXPIRES_NS;
    policy = bench_policy(bench, &entry, 1, NULL);
    bench_gate(bench, false);
    assert_int_equal(bench_ask(bench, policy, "192.0.2.1", "old", 1), AUTH_PENDING);
    bench->wall_ns = EXPIRES_NS;
    bench_gate(bench, true);
    bench_wait(bench, &bench->answered, 1);
    assert_int_equal(bench->results[1].verdict, AUTH_REFUSED);
    assert_int_equal(bench->results[1].cause, AUTH_CAUSE_EXPIRED);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

/* The same token twice: the entry that lets it in counts. */
static void
test_expired_beside_valid(void **state)
{
    struct bench *bench = bench_new(1, 8);
    struct auth_entry entries[2] = { bench_entry(AUTH_TOKEN, "First", "token"),
                                     bench_entry(AUTH_TOKEN, "Second", "token") };
    struct auth_policy *policy;

    (void)state;
    entries[0].expires_ns = EXPIRES_NS;
    policy = bench_policy(bench, entries, 2, NULL);
    assert_string_equal(bench_login(bench, policy, NULL, "token").pass.identity->name, "First");
    bench->wall_ns = EXPIRES_NS;
    assert_string_equal(bench_login(bench, policy, NULL, "token").pass.identity->name, "Second");
    auth_policy_unref(policy);
    bench_free(bench);
}

/* ---- users */

static void
test_users(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hash = bench_hash("secret");
    struct auth_entry entries[4] = { bench_entry(AUTH_USER, "ann", "plain"),
                                     bench_entry(AUTH_USER, "bob", hash),
                                     bench_entry(AUTH_USER, "web", "plain"),
                                     bench_entry(AUTH_USER, "nobody", "") };
    const struct rule_row rows[] = {
        { "plain", { .user = WITH("ann"), .pass = WITH("plain") }, IN("ann"), 0 },
        { "token, nkey, sig beside it",
          { .auth_token = WITH("t"),
            .user = WITH("ann"),
            .pass = WITH("plain"),
            .nkey = WITH("U"),
            .sig = WITH("s") },
          IN("ann"),
          0 },
        { "plain, wrong", { .user = WITH("ann"), .pass = WITH("other") }, OUT(WRONG_PASSWORD), 0 },
        { "plain, prefix", { .user = WITH("ann"), .pass = WITH("plai") }, OUT(WRONG_PASSWORD), 0 },
        { "plain, empty", { .user = WITH("ann"), .pass = WITH("") }, OUT(WRONG_PASSWORD), 0 },
        { "plain, absent", { .user = WITH("ann") }, OUT(WRONG_PASSWORD), 0 },
        { "another's password",
          { .user = WITH("ann"), .pass = WITH("secret") },
          OUT(WRONG_PASSWORD),
          0 },
        { "case of the name", { .user = WITH("Ann"), .pass = WITH("") }, OUT(UNKNOWN_USER), 0 },
        { "name and NUL", { .user = WITH("ann\0"), .pass = WITH("") }, OUT(UNKNOWN_USER), 0 },
        { "hash, absent", { .user = WITH("bob") }, OUT(WRONG_PASSWORD), 0 },
        { "hash, unknown", { .user = WITH("bob"), .pass = WITH("secret") }, IN("bob"), 1 },
        { "hash, known", { .user = WITH("bob"), .pass = WITH("secret") }, IN("bob"), 0 },
        { "hash, wrong", { .user = WITH("bob"), .pass = WITH("x") }, OUT(WRONG_PASSWORD), 1 },
        { "hash, known wrong", { .user = WITH("bob"), .pass = WITH("x") }, OUT(WRONG_PASSWORD), 0 },
        { "the hash", { .user = WITH("bob"), .pass = str_of(hash) }, OUT(HASH_AS_TOKEN), 0 },
        { "NUL", { .user = WITH("bob"), .pass = WITH("secret\0") }, OUT(CONTROL_BYTE), 0 },
        { "another type", { .user = WITH("web"), .pass = WITH("plain") }, OUT(CONNECTION_TYPE), 0 },
        { "another type, wrong",
          { .user = WITH("web"), .pass = WITH("other") },
          OUT(WRONG_PASSWORD),
          0 },
        { "an allowed type",
          { .user = WITH("web"), .pass = WITH("plain"), .connection_type = CONNECTION_WEBSOCKET },
          IN("web"),
          0 },
        { "no password configured",
          { .user = WITH("nobody"), .pass = WITH("") },
          OUT(WRONG_PASSWORD),
          0 },
        { "token only", { .auth_token = WITH("plain") }, OUT(TOKEN_ONLY), 0 },
        { "password only", { .pass = WITH("plain") }, OUT(NO_USER), 0 },
        { "nothing", NOTHING, OUT(NO_USER), 0 },
        { "account",
          { .user = WITH("ann"), .pass = WITH("plain"), .account = true },
          OUT(ACCOUNT),
          0 },
    };
    struct auth_policy *policy;

    (void)state;
    entries[2].connection_types = CONNECTION_WEBSOCKET;
    policy = bench_policy(bench, entries, 4, NULL);
    assert_true(auth_policy_check_ns_estimate(policy) > 0);
    assert_false(auth_policy_open(policy));
    BENCH_CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

/* What can be seen from outside of a wrong login: when it was answered at once, and what was
 * computed. It is the same whether the user exists or not. */
static void
test_unknown_users_look_like_known_ones(void **state)
{
    static const struct {
        const char *first, *second; /* passwords; of the first by one name, then by the other */
        bool same_name;
        uint64_t computed;
    } rows[] = {
        { "a", NULL, true, 1 }, /* tried */
        { "b", "b", true, 1 },  /* remembered */
        { "c", "c", false, 2 }, /* but not for other names */
        { "d", "e", true, 2 },
    };
    static const char *const names[2][2] = { { "ann", "bob" }, { "yves", "zoe" } };
    char *hash[2] = { bench_hash("ann's"), bench_hash("bob's") };

    (void)state;
    for (unsigned known = 0; known < 2; known++) {
        struct bench *bench = bench_new(1, 8);
        struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", hash[0]),
                                         bench_entry(AUTH_USER, "bob", hash[1]) };
        struct auth_policy *policy = bench_policy(bench, entries, 2, NULL);

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const char *second = names[known][rows[i].same_name ? 0 : 1];
            struct auth_request request = { .user = str_of(names[known][0]),
                                            .pass = str_of(rows[i].first) };
            uint64_t before = bench_computed(bench);

            assert_int_equal(bench_answer(bench, policy, request).verdict, AUTH_REFUSED);
            request =
                (struct auth_request) { .user = str_of(second), .pass = str_of(rows[i].second) };
            assert_int_equal(bench_answer(bench, policy, request).verdict, AUTH_REFUSED);
            if (bench_computed(bench) - before != rows[i].computed)
                fail_msg("row %zu, %s", i, names[known][0]);
        }
        auth_policy_unref(policy);
        bench_free(bench);
    }
    free(hash[0]);
    free(hash[1]);
}

/* Unknown names with a right password: nobody enters, and nothing that was verified is pushed out.
 */
static void
test_unknown_users_with_a_right_password(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hash = bench_hash("bob's");
    struct auth_entry entry = bench_entry(AUTH_USER, "bob", hash);
    struct auth_policy *policy = bench_policy(bench, &entry, 1, NULL);
    struct rule_row row = { "bob", { .user = WITH("bob"), .pass = WITH("bob's") }, IN("bob"), 1 };

    (void)state;
    bench_check_row(bench, policy, &row);
    for (unsigned i = 0; i < 9; i++) {
        char name[16];
        const struct rule_row unknown = {
            name, { .user = { name, 6 }, .pass = WITH("bob's") }, OUT(UNKNOWN_USER), 1
        };

        (void)snprintf(name, sizeof(name), "user-%u", i);
        bench_check_row(bench, policy, &unknown);
    }
    row.computed = 0;
    bench_check_row(bench, policy, &row);
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

/* With plain passwords nothing is computed for anyone; where both are, unknown names are spread as
 * the users are, and each meets the same again and again. */
static void
test_unknown_users_are_spread(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *hash = bench_hash("bob's");
    struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", "ann's"),
                                     bench_entry(AUTH_USER, "bob", hash) };
    struct auth_policy *policy = bench_policy(bench, entries, 2, NULL);
    unsigned computed = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        char name[16], address[32];
        struct auth_request request = { .user = { name, 0 }, .address = address };
        uint64_t before = bench_computed(bench), first;

        (void)snprintf(name, sizeof(name), "user-%u", i);
        (void)snprintf(address, sizeof(address), "10.0.0.%u", i);
        request.user = str_of(name);
        request.pass = WITH("x");
        assert_int_equal(bench_answer(bench, policy, request).cause, AUTH_CAUSE_UNKNOWN_USER);
        first = bench_computed(bench) - before;
        request.pass = WITH("y");
        assert_int_equal(bench_answer(bench, policy, request).cause, AUTH_CAUSE_UNKNOWN_USER);
        assert_int_equal(bench_computed(bench) - before, 2 * first);
        computed += first > 0;
    }
    assert_in_range(computed, 10, 90); /* a fair coin: 50, give or take 5 */
    auth_policy_unref(policy);
    free(hash);
    bench_free(bench);
}

/* ---- no_auth_user */

static void
test_no_auth_user(void **state)
{
    struct bench *bench = bench_new(1, 8);
    struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", "plain"),
                                     bench_entry(AUTH_USER, "guest", NULL) };
    static const struct rule_row rows[] = {
        { "nothing", NOTHING, IN("guest"), 0 },
        { "all empty",
          { .auth_token = WITH(""), .user = WITH(""), .pass = WITH("") },
          IN("guest"),
          0 },
        { "a user", { .user = WITH("ann"), .pass = WITH("plain") }, IN("ann"), 0 },
        { "a wrong user", { .user = WITH("ann"), .pass = WITH("x") }, OUT(WRONG_PASSWORD), 0 },
        { "its name", { .user = WITH("guest") }, OUT(WRONG_PASSWORD), 0 },
        { "a password only", { .pass = WITH("plain") }, OUT(NO_USER), 0 },
        { "a token", { .auth_token = WITH("t") }, OUT(TOKEN_ONLY), 0 },
        { "an nkey", { .nkey = WITH("U") }, OUT(NO_USER), 0 },
        { "a signature", { .sig = WITH("s") }, OUT(NO_USER), 0 },
        { "account", { .account = true }, OUT(ACCOUNT), 0 },
        { "another type",
          { .connection_type = CONNECTION_WEBSOCKET, .user = STR_NULL },
          OUT(CONNECTION_TYPE),
          0 },
    };
    struct auth_policy *policy;
    struct auth_result result;

    (void)state;
    entries[1].connection_types = CONNECTION_STANDARD;
    policy = bench_policy(bench, entries, 2, "guest");
    assert_true(auth_policy_required(policy));
    assert_true(auth_policy_open(policy));
    BENCH_CHECK_ROWS(bench, policy, rows);
    /* Before any CONNECT. */
    assert_false(auth_no_auth_user(bench->auth, policy, CONNECTION_WEBSOCKET, &result));
    assert_true(auth_no_auth_user(bench->auth, policy, CONNECTION_STANDARD, &result));
    assert_int_equal(result.verdict, AUTH_OK);
    assert_string_equal(result.pass.identity->name, "guest");
    assert_false(result.pass.identity->anonymous);
    auth_policy_unref(policy);
    assert_string_equal(result.pass.identity->name, "guest"); /* it is counted */
    auth_identity_unref(result.pass.identity);
    policy = bench_policy(bench, entries, 2, NULL);
    assert_false(auth_no_auth_user(bench->auth, policy, CONNECTION_STANDARD, &result));
    auth_policy_unref(policy);
    bench_free(bench);
}

/* ---- identities */

static void
test_identities_carry_permissions(void **state)
{
    struct bench *bench = bench_new(1, 8);
    char *items[] = { (char *)"sensors.>" };
    struct permissions_options options = {
        .publish = { .has_allow = true, .allow = { items, 1 } },
    };
    struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", "plain"),
                                     bench_entry(AUTH_USER, "bob", "plain") };
    struct auth_policy *policy, *open = bench_token_policy(bench, NULL);
    struct auth_request request = { .user = WITH("ann"), .pass = WITH("plain") };
    const struct auth_identity *identity;

    (void)state;
    entries[0].permissions = &options;
    policy = bench_policy(bench, entries, 2, NULL);
    identity = bench_answer(bench, policy, request).pass.identity;
    assert_int_equal(identity->kind, AUTH_USER);
    assert_true(permissions_may_publish(identity->permissions, STR_LIT("sensors.a")));
    assert_false(permissions_may_publish(identity->permissions, STR_LIT("other")));
    assert_ptr_equal(bench_answer(bench, policy, request).pass.identity, identity);
    request.user = STR_LIT("bob");
    assert_null(bench_answer(bench, policy, request).pass.identity->permissions);
    identity = bench_answer(bench, open, request).pass.identity;
    assert_true(identity->anonymous);
    assert_null(identity->permissions);
    auth_policy_unref(policy);
    auth_policy_unref(open);
    bench_free(bench);
}

/* Names find their user whatever their number. */
static void
test_many_users(void **state)
{
    enum { USERS = 500 };
    struct bench *bench = bench_new(1, 8);
    struct auth_entry *entries = calloc(USERS, sizeof(*entries));
    char(*names)[2][16] = calloc(USERS, sizeof(*names));
    struct auth_policy *policy;

    (void)state;
    for (unsigned i = 0; i < USERS; i++) {
        (void)snprintf(names[i][0], sizeof(names[i][0]), "user-%u", i);
        (void)snprintf(names[i][1], sizeof(names[i][1]), "pass-%u", i);
        entries[i] = bench_entry(AUTH_USER, names[i][0], names[i][1]);
    }
    policy = bench_policy(bench, entries, USERS, NULL);
    for (unsigned i = 0; i < USERS; i++) {
        const struct rule_row rows[] = {
            { names[i][0],
              { .user = str_of(names[i][0]), .pass = str_of(names[i][1]) },
              IN(names[i][0]),
              0 },
            { names[i][0],
              { .user = str_of(names[i][0]), .pass = str_of(names[(i + 1) % USERS][1]) },
              OUT(WRONG_PASSWORD),
              0 },
        };

        BENCH_CHECK_ROWS(bench, policy, rows);
    }
    auth_policy_unref(policy);
    free(names);
    free(entries);
    bench_free(bench);
}

#define LIST_TEST(test) cmocka_unit_test_setup_teardown(test, token_list_setup, token_list_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIST_TEST(test_token_list),
        LIST_TEST(test_coming_late_joins_a_check_half_done),
        cmocka_unit_test(test_shorter_list_is_another_question),
        cmocka_unit_test(test_expired_while_it_waited),
        cmocka_unit_test(test_expired_beside_valid),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_unknown_users_look_like_known_ones),
        cmocka_unit_test(test_unknown_users_with_a_right_password),
        cmocka_unit_test(test_unknown_users_are_spread),
        cmocka_unit_test(test_no_auth_user),
        cmocka_unit_test(test_identities_carry_permissions),
        cmocka_unit_test(test_many_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

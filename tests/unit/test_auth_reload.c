/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - what a reload keeps: who stays, as whom, and what is not computed again
 */
#include "auth_bench.h"

#define TOKEN      "s3cr3t-token"
#define NEAR       "192.0.2.1"
#define EXPIRES_NS (BENCH_WALL_NS + 100)
#define KEY        "UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNO"
#define SIG        "m50It12aTgfbJwsQhucujqhXbsq7tLM-Mf_hSjBQsG_4onm8y2Vkw6JG1bbcDkdxXe-Ng0K-7X9ov4rZ4wFcDg"

static bool
stays(struct bench *bench, struct auth_policy *policy, const struct auth_pass *pass)
{
    struct auth_identity *identity = auth_recheck(bench->auth, policy, pass);

    auth_identity_unref(identity);
    return identity != NULL;
}

/* ---- one token */

static void
test_one_token(void **state)
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
        struct auth_policy *from = bench_token_policy(bench, rows[i].from);
        struct auth_policy *to = bench_token_policy(bench, rows[i].to);
        struct auth_result login = bench_login(bench, from, NEAR, TOKEN);
        struct auth_pass pass = login.pass;

        assert_int_equal(login.verdict, AUTH_OK);
        assert_true(stays(bench, from, &login.pass));
        auth_policy_carry(bench->auth, from, to);
        pass.identity = NULL; /* it need not be there */
        auth_policy_unref(from);
        if (stays(bench, to, &pass) != rows[i].stays || bench_computed(bench) != rows[i].computed)
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
    struct auth_policy *open = bench_token_policy(bench, NULL);
    struct auth_policy *closed = bench_token_policy(bench, TOKEN);
    struct auth_result login = bench_login(bench, open, NEAR, NULL);

    (void)state;
    assert_int_equal(login.verdict, AUTH_OK);
    auth_policy_carry(bench->auth, open, closed);
    assert_false(stays(bench, closed, &login.pass));
    auth_policy_unref(open);
    auth_policy_unref(closed);
    bench_free(bench);
}

static void
test_policy_replaced_while_a_check_waits(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash(TOKEN), *other = bench_hash("other");
    struct auth_policy *first = bench_token_policy(bench, hash);
    struct auth_policy *same = bench_token_policy(bench, hash);
    struct auth_policy *changed = bench_token_policy(bench, other);

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
    assert_true(stays(bench, same, &bench->results[7].pass));
    assert_false(stays(bench, changed, &bench->results[7].pass));
    auth_policy_unref(same);
    auth_policy_unref(changed);
    free(hash);
    free(other);
    bench_free(bench);
}

/* ---- entries of every kind */

/* One entry; kind AUTH_NONE: no entry at all. */
enum { AUTH_NONE = -1 };

struct side {
    int kind;
    const char *name, *secret;
    unsigned connection_types;
    int64_t expires_ns;
    const char *no_auth_user;
};

static struct auth_policy *
policy_of(struct bench *bench, const struct side *side)
{
    struct auth_entry entry = bench_entry(
        (enum auth_kind)(side->kind == AUTH_NONE ? 0 : side->kind), side->name, side->secret);

    entry.connection_types = side->connection_types;
    entry.expires_ns = side->expires_ns;
    return bench_policy(bench, &entry, side->kind == AUTH_NONE ? 0 : 1, side->no_auth_user);
}

#define REQUEST_TOKEN                                                                              \
    {                                                                                              \
        .auth_token = WITH("secret")                                                               \
    }
#define REQUEST_USER                                                                               \
    {                                                                                              \
        .user = WITH("ann"), .pass = WITH("secret")                                                \
    }
#define REQUEST_NKEY                                                                               \
    {                                                                                              \
        .nkey = WITH(KEY), .sig = WITH(SIG), .nonce = WITH("nonce")                                \
    }
#define TOKEN_SIDE(name, secret)                                                                   \
    {                                                                                              \
        AUTH_TOKEN, name, secret, 0, 0, NULL                                                       \
    }
#define USER_SIDE(name, secret)                                                                    \
    {                                                                                              \
        AUTH_USER, name, secret, 0, 0, NULL                                                        \
    }
#define OPEN_SIDE                                                                                  \
    {                                                                                              \
        AUTH_NONE, NULL, NULL, 0, 0, NULL                                                          \
    }

static void
test_entries(void **state)
{
    char *hash = bench_hash("secret"), *again = bench_hash("secret");
    const struct {
        const char *name;
        struct auth_request request;
        struct side from, to;
        const char *identity; /* NULL: cut */
        uint64_t computed;    /* by the carry */
    } rows[] = {
        { "token renamed", REQUEST_TOKEN, TOKEN_SIDE("a", "secret"), TOKEN_SIDE("b", "secret"), "b",
          0 },
        { "token renamed and hashed", REQUEST_TOKEN, TOKEN_SIDE("a", "secret"),
          TOKEN_SIDE("b", hash), "b", 1 },
        { "hashed token renamed", REQUEST_TOKEN, TOKEN_SIDE("a", hash), TOKEN_SIDE("b", hash), "b",
          0 },
        { "hash of a token again", REQUEST_TOKEN, TOKEN_SIDE("a", hash), TOKEN_SIDE("a", again),
          NULL, 0 },
        { "token that expired",
          REQUEST_TOKEN,
          TOKEN_SIDE("a", "secret"),
          { AUTH_TOKEN, "a", "secret", 0, BENCH_WALL_NS, NULL },
          NULL,
          0 },
        { "token that will expire",
          REQUEST_TOKEN,
          TOKEN_SIDE("a", "secret"),
          { AUTH_TOKEN, "a", "secret", 0, EXPIRES_NS, NULL },
          "a",
          0 },
        { "another connection type",
          REQUEST_TOKEN,
          TOKEN_SIDE("a", "secret"),
          { AUTH_TOKEN, "a", "secret", CONNECTION_MQTT, 0, NULL },
          NULL,
          0 },
        { "user unchanged", REQUEST_USER, USER_SIDE("ann", "secret"), USER_SIDE("ann", "secret"),
          "ann", 0 },
        { "user hashed", REQUEST_USER, USER_SIDE("ann", "secret"), USER_SIDE("ann", hash), "ann",
          1 },
        { "hashed user unchanged", REQUEST_USER, USER_SIDE("ann", hash), USER_SIDE("ann", hash),
          "ann", 0 },
        { "hashed user to plain", REQUEST_USER, USER_SIDE("ann", hash), USER_SIDE("ann", "secret"),
          "ann", 0 },
        { "new password", REQUEST_USER, USER_SIDE("ann", "secret"), USER_SIDE("ann", "other"), NULL,
          0 },
        { "user renamed", REQUEST_USER, USER_SIDE("ann", "secret"), USER_SIDE("bob", "secret"),
          NULL, 0 },
        { "another user hashed", REQUEST_USER, USER_SIDE("ann", "secret"), USER_SIDE("bob", hash),
          NULL, 0 },
        { "users to the token that was a password", REQUEST_USER, USER_SIDE("ann", "secret"),
          TOKEN_SIDE(NULL, "secret"), NULL, 0 },
        { "token to the user whose password it was", REQUEST_TOKEN, TOKEN_SIDE(NULL, "secret"),
          USER_SIDE("ann", "secret"), NULL, 0 },
        { "token to the user whose hash it fits", REQUEST_TOKEN, TOKEN_SIDE(NULL, "secret"),
          USER_SIDE("ann", hash), NULL, 0 },
        { "users to its hash as token", REQUEST_USER, USER_SIDE("ann", "secret"),
          TOKEN_SIDE(NULL, hash), NULL, 0 },
        { "open to the user that was sent", REQUEST_USER, OPEN_SIDE, USER_SIDE("ann", "secret"),
          "ann", 0 },
        { "open to another password", REQUEST_USER, OPEN_SIDE, USER_SIDE("ann", "other"), NULL, 0 },
        { "nkey unchanged",
          REQUEST_NKEY,
          { AUTH_NKEY, KEY, NULL, 0, 0, NULL },
          { AUTH_NKEY, KEY, NULL, 0, 0, NULL },
          KEY,
          0 },
        { "nkey removed",
          REQUEST_NKEY,
          { AUTH_NKEY, KEY, NULL, 0, 0, NULL },
          { AUTH_NKEY, "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L", NULL, 0, 0,
            NULL },
          NULL,
          0 },
        { "open to an nkey that nobody proved",
          REQUEST_NKEY,
          OPEN_SIDE,
          { AUTH_NKEY, KEY, NULL, 0, 0, NULL },
          NULL,
          0 },
        { "no_auth_user unchanged",
          NOTHING,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          { AUTH_USER, "ann", "other", 0, 0, "ann" },
          "ann",
          0 },
        { "another no_auth_user",
          NOTHING,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          { AUTH_USER, "bob", "secret", 0, 0, "bob" },
          "bob",
          0 },
        { "no_auth_user taken away",
          NOTHING,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          USER_SIDE("ann", "secret"),
          NULL,
          0 },
        { "open to no_auth_user",
          NOTHING,
          OPEN_SIDE,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          "ann",
          0 },
        { "open to no_auth_user, but a wrong user was sent",
          { .user = WITH("bob") },
          OPEN_SIDE,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          NULL,
          0 },
        { "a user is no anonymous one",
          REQUEST_USER,
          { AUTH_USER, "ann", "secret", 0, 0, "ann" },
          { AUTH_USER, "ann", "other", 0, 0, "ann" },
          NULL,
          0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench *bench = bench_new(1, 4);
        struct auth_policy *from = policy_of(bench, &rows[i].from);
        struct auth_policy *to = policy_of(bench, &rows[i].to);
        struct auth_pass pass = bench_answer(bench, from, rows[i].request).pass;
        struct auth_identity *identity;
        uint64_t before = bench_computed(bench);

        if (pass.identity == NULL || !stays(bench, from, &pass))
            fail_msg("%s: does not enter", rows[i].name);
        auth_policy_carry(bench->auth, from, to);
        if (bench_computed(bench) - before != rows[i].computed)
            fail_msg("%s: %u computations", rows[i].name,
                     (unsigned)(bench_computed(bench) - before));
        identity = auth_recheck(bench->auth, to, &pass);
        if ((identity != NULL) != (rows[i].identity != NULL) ||
            (identity != NULL && !bench_same_text(identity->name, rows[i].identity)))
            fail_msg("%s: %s", rows[i].name, identity == NULL ? "cut" : identity->name);
        auth_identity_unref(identity);
        auth_policy_unref(from);
        auth_policy_unref(to);
        bench_free(bench);
    }
    free(hash);
    free(again);
}

/* Rotation: the new token comes, clients move, the old one goes. */
static void
test_rotation_cuts_only_the_clients_of_what_went(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash("new");
    struct auth_entry entries[2] = { bench_entry(AUTH_TOKEN, "Old", "old"),
                                     bench_entry(AUTH_TOKEN, "New", hash) };
    struct auth_policy *old = bench_policy(bench, entries, 1, NULL);
    struct auth_policy *both = bench_policy(bench, entries, 2, NULL);
    struct auth_policy *next = bench_policy(bench, entries + 1, 1, NULL);
    struct auth_pass of_old = bench_login(bench, old, NEAR, "old").pass, of_new;

    (void)state;
    auth_policy_carry(bench->auth, old, both);
    assert_int_equal(bench_computed(bench), 0); /* "old" stays plain */
    assert_true(stays(bench, both, &of_old));
    of_new = bench_login(bench, both, NEAR, "new").pass;
    auth_policy_carry(bench->auth, both, next);
    assert_int_equal(bench_computed(bench), 1); /* the login */
    assert_true(stays(bench, next, &of_new));
    assert_false(stays(bench, next, &of_old));
    auth_policy_unref(old);
    auth_policy_unref(both);
    auth_policy_unref(next);
    free(hash);
    bench_free(bench);
}

/* Of several plain tokens that go, the one whose name a hash took over is tried first. */
static void
test_carry_begins_with_the_name(void **state)
{
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash("c");
    struct auth_entry plain[3] = { bench_entry(AUTH_TOKEN, "A", "a"),
                                   bench_entry(AUTH_TOKEN, "B", "b"),
                                   bench_entry(AUTH_TOKEN, "C", "c") };
    struct auth_entry hashed = bench_entry(AUTH_TOKEN, "C", hash);
    struct auth_policy *from = bench_policy(bench, plain, 3, NULL);
    struct auth_policy *to = bench_policy(bench, &hashed, 1, NULL);
    struct auth_pass pass = bench_login(bench, from, NEAR, "c").pass;

    (void)state;
    auth_policy_carry(bench->auth, from, to);
    assert_int_equal(bench_computed(bench), 1);
    assert_true(stays(bench, to, &pass));
    auth_policy_unref(from);
    auth_policy_unref(to);
    free(hash);
    bench_free(bench);
}

/* Many passwords become hashes at once: the reload does not take for ever, and says what is left.
 */
static void
test_carry_ends_in_time(void **state)
{
    enum { USERS = 10 };
    struct bench *bench = bench_new(1, 4);
    char *hash = bench_hash("secret");
    struct auth_entry plain[USERS], hashed[USERS];
    char names[USERS][8], line[512], text[1024] = "";
    struct auth_policy *from, *to;
    FILE *file;

    (void)state;
    for (unsigned i = 0; i < USERS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "user%u", i);
        plain[i] = bench_entry(AUTH_USER, names[i], "secret");
        hashed[i] = bench_entry(AUTH_USER, names[i], hash);
    }
    from = bench_policy(bench, plain, USERS, NULL);
    to = bench_policy(bench, hashed, USERS, NULL);
    bench->verify_ns = 500000000;
    auth_policy_carry(bench->auth, from, to);
    assert_int_equal(bench_computed(bench), 4);
    file = fopen(bench->log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        strncat(text, line, sizeof(text) - strlen(text) - 1);
    (void)fclose(file);
    assert_non_null(strstr(text, "for want of time: 6;"));
    assert_null(strstr(text, hash));
    auth_policy_unref(from);
    auth_policy_unref(to);
    free(hash);
    bench_free(bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_token),
        cmocka_unit_test(test_open_server_without_token_then_token),
        cmocka_unit_test(test_policy_replaced_while_a_check_waits),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_rotation_cuts_only_the_clients_of_what_went),
        cmocka_unit_test(test_carry_begins_with_the_name),
        cmocka_unit_test(test_carry_ends_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

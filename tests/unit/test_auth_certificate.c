/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_and_map: which user a certificate is, and what else it must bring
 */
#include "auth_bench.h"

#include "auth/policy.h"
#include "tls/identity.h"
#include "tls_support.h"

static struct auth_policy *
mapped_policy(struct bench *bench, struct auth_entry *entries, size_t count)
{
    struct auth_options options = { .entries = entries, .count = count, .by_certificate = true };
    struct auth_policy *policy = auth_policy_new(bench->auth, &options);

    assert_non_null(policy);
    return policy;
}

static struct auth_entry
user(const char *name, const char *password, unsigned connection_types)
{
    struct auth_entry entry = bench_entry(AUTH_USER, name, password);

    entry.connection_types = connection_types;
    return entry;
}

static struct tls_identity *
identity_of(const char *subject, const char *alternatives)
{
    struct test_cert cert = test_cert_new(
        &(struct test_cert_spec) { .subject = subject, .alternatives = alternatives });
    struct tls_identity *identity = tls_identity_new(cert.cert);

    test_cert_release(&cert);
    assert_non_null(identity);
    return identity;
}

#define OTHER_WAY CONNECTION_MQTT

/* In each row the certificate meets these users, in this order. */
static const struct {
    const char *what, *subject, *alternatives;
    const char *names[3];
    unsigned connection_types[3];
    const char *user; /* NULL: nobody */
} find_rows[] = {
    { "email", "CN=x", "email:a@b", { "a@b" }, { 0 }, "a@b" },
    { "DNS", "CN=x", "DNS:host", { "host" }, { 0 }, "host" },
    { "URI", "CN=x", "URI:nats://a", { "nats://a" }, { 0 }, "nats://a" },
    { "email before DNS", "CN=x", "DNS:host,email:a@b", { "host", "a@b" }, { 0 }, "a@b" },
    { "DNS before URI", "CN=x", "URI:u:v,DNS:host", { "u:v", "host" }, { 0 }, "host" },
    { "any alternative before the subject", "CN=x", "URI:u:v", { "CN=x", "u:v" }, { 0 }, "u:v" },
    { "second email", "CN=x", "email:a@b,email:c@d", { "c@d" }, { 0 }, "c@d" },
    { "subject", "O=Acme,CN=x", NULL, { "CN=x,O=Acme" }, { 0 }, "CN=x,O=Acme" },
    { "reordered", "O=Acme,CN=x", NULL, { "O=Acme,CN=x" }, { 0 }, "O=Acme,CN=x" },
    { "as it is before reordered",
      "O=Acme,CN=x",
      NULL,
      { "O=Acme,CN=x", "CN=x, O=Acme" },
      { 0 },
      "CN=x, O=Acme" },
    { "the common name alone is no name", "CN=x", NULL, { "x" }, { 0 }, NULL },
    { "a part of the subject", "O=Acme,CN=x", NULL, { "CN=x" }, { 0 }, NULL },
    { "more than the subject", "CN=x", NULL, { "CN=x,O=Acme" }, { 0 }, NULL },
    { "values have case", "CN=x", NULL, { "CN=X" }, { 0 }, NULL },
    { "another", "CN=x", "email:a@b", { "A@b", "b@a", "a@" }, { 0 }, NULL },
    { "not over this connection", "CN=x", "email:a@b", { "a@b" }, { OTHER_WAY }, NULL },
    { "the next name then",
      "CN=x",
      "email:a@b,DNS:host",
      { "a@b", "host" },
      { OTHER_WAY, 0 },
      "host" },
    { "the next DN then",
      "O=Acme,CN=x",
      NULL,
      { "CN=x,O=Acme", "O=Acme,CN=x" },
      { OTHER_WAY, 0 },
      "O=Acme,CN=x" },
};

static void
a_certificate_is_the_first_user_that_it_names(void **state)
{
    struct digest_key *key = digest_key_new();

    (void)state;
    for (size_t i = 0; i < sizeof(find_rows) / sizeof(find_rows[0]); i++) {
        struct auth_entry entries[3];
        struct auth_options options = { .entries = entries, .by_certificate = true };
        struct tls_identity *identity =
            identity_of(find_rows[i].subject, find_rows[i].alternatives);
        const struct policy_entry *found;
        struct auth_policy *policy;
        const char *name;
        bool failed;

        for (; options.count < 3 && find_rows[i].names[options.count] != NULL; options.count++)
            entries[options.count] = user(find_rows[i].names[options.count], NULL,
                                          find_rows[i].connection_types[options.count]);
        policy = policy_new(key, &options);
        found = policy_find_by_certificate(policy, key, identity, CONNECTION_STANDARD, &failed);
        name = found == NULL ? "nobody" : found->identity->name;
        assert_false(failed);
        if (strcmp(name, find_rows[i].user == NULL ? "nobody" : find_rows[i].user) != 0)
            fail_msg("%s: %s", find_rows[i].what, name);
        auth_policy_unref(policy);
        tls_identity_free(identity);
    }
    digest_key_free(key);
}

#define ANN "email:ann@x"
#define BOB "email:bob@x"

static const struct {
    const char *what;
    const char *alternatives; /* NULL: no certificate */
    const char *user, *pass;
    const char *name; /* NULL: refused, for cause */
    enum auth_cause cause;
} login_rows[] = {
    { "certificate alone", ANN, "", "", "ann@x", 0 },
    { "the user of CONNECT does not count", ANN, "bob@x", "", "ann@x", 0 },
    { "a password that she does not have", ANN, "", "secret", NULL, AUTH_CAUSE_WRONG_PASSWORD },
    { "his password", BOB, "", "secret", "bob@x", 0 },
    { "his password, not sent", BOB, "", "", NULL, AUTH_CAUSE_WRONG_PASSWORD },
    { "his password, wrong", BOB, "", "Secret", NULL, AUTH_CAUSE_WRONG_PASSWORD },
    { "nobody's certificate", "email:x@y", "", "", NULL, AUTH_CAUSE_UNKNOWN_CERTIFICATE },
    { "with another's password", "email:x@y", "bob@x", "secret", NULL,
      AUTH_CAUSE_UNKNOWN_CERTIFICATE },
    { "no certificate", NULL, "ann@x", "", NULL, AUTH_CAUSE_NO_CERTIFICATE },
    { "no certificate, password", NULL, "bob@x", "secret", NULL, AUTH_CAUSE_NO_CERTIFICATE },
};

static void
a_certificate_comes_first_and_the_password_too(void **state)
{
    struct bench *bench = bench_new(1, 8);
    struct auth_entry entries[] = { user("ann@x", NULL, 0), user("bob@x", "secret", 0) };
    struct auth_policy *policy = mapped_policy(bench, entries, 2);

    (void)state;
    for (size_t i = 0; i < sizeof(login_rows) / sizeof(login_rows[0]); i++) {
        struct tls_identity *identity = login_rows[i].alternatives == NULL
                                            ? NULL
                                            : identity_of("CN=x", login_rows[i].alternatives);
        struct auth_request request = { .user = str_of(login_rows[i].user),
                                        .pass = str_of(login_rows[i].pass),
                                        .certificate = identity };
        struct auth_result result = bench_answer(bench, policy, request);
        bool in = result.verdict == AUTH_OK;

        if (in != (login_rows[i].name != NULL) || (!in && result.cause != login_rows[i].cause) ||
            (in && strcmp(result.pass.identity->name, login_rows[i].name) != 0))
            fail_msg("%s: verdict %d, cause %d", login_rows[i].what, (int)result.verdict,
                     (int)result.cause);
        tls_identity_free(identity);
    }
    auth_policy_unref(policy);
    bench_free(bench);
}

/* Who came by a certificate stays as long as it would still be let in; who came without does not
 * stay when certificates name the users. */
static void
a_reload_asks_again(void **state)
{
    struct bench *bench = bench_new(1, 8);
    struct auth_entry entries[] = { user("ann@x", NULL, 0), user("bob@x", "secret", 0) };
    struct auth_entry with_password[] = { user("ann@x", "new", 0) };
    struct auth_policy *mapped = mapped_policy(bench, entries, 2);
    struct auth_policy *others = mapped_policy(bench, entries + 1, 1);
    struct auth_policy *locked = mapped_policy(bench, with_password, 1);
    struct auth_policy *plain = bench_policy(bench, entries + 1, 1, NULL);
    struct tls_identity *ann = identity_of("CN=x", ANN);
    struct auth_pass pass =
        bench_answer(bench, mapped, (struct auth_request) { .certificate = ann }).pass;
    struct auth_identity *again = auth_recheck(bench->auth, mapped, &pass);

    (void)state;
    assert_string_equal(again->name, "ann@x");
    auth_identity_unref(again);
    assert_null(auth_recheck(bench->auth, others, &pass));
    assert_null(auth_recheck(bench->auth, locked, &pass));
    assert_null(auth_recheck(bench->auth, plain, &pass));
    pass = bench_answer(bench, plain,
                        (struct auth_request) { .user = str_of("bob@x"), .pass = str_of("secret") })
               .pass;
    assert_null(auth_recheck(bench->auth, mapped, &pass));
    tls_identity_free(ann);
    auth_policy_unref(mapped);
    auth_policy_unref(others);
    auth_policy_unref(locked);
    auth_policy_unref(plain);
    bench_free(bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_the_first_user_that_it_names),
        cmocka_unit_test(a_certificate_comes_first_and_the_password_too),
        cmocka_unit_test(a_reload_asks_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

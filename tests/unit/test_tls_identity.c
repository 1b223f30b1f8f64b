/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "base/buf.h"
#include "tls/identity.h"
#include "tls_support.h"

static struct tls_identity *
identity_of(const char *subject, const char *alternatives)
{
    const struct test_cert_spec spec = { .subject = subject, .alternatives = alternatives };
    struct test_cert cert = test_cert_new(&spec);
    struct tls_identity *identity = tls_identity_new(cert.cert);

    test_cert_release(&cert);
    assert_non_null(identity);
    return identity;
}

/* The kinds and texts in their order: a letter of the kind before each. */
static const struct {
    const char *subject, *alternatives, *names;
} name_cases[] = {
    { "CN=a", NULL, "N:CN=a|S:CN=a" },
    { "CN=a", "DNS:x,email:e@f,URI:spiffe://g/h,email:i@j",
      "E:e@f|E:i@j|D:x|U:spiffe://g/h|N:CN=a|S:CN=a" },
    { "", "DNS:x", "" },
    { "", "DNS:x,URI:u:v", "D:x|U:u:v" },
    { "", "DNS:x,email:e@f", "E:e@f|D:x" },
    /* the text has an order of its own */
    { "C=US,ST=CA,L=LA,O=Acme,OU=A,OU=B,CN=first,CN=a", NULL,
      "N:CN=a,ST=CA,L=LA,OU=A+OU=B,O=Acme,C=US|S:CN=a,ST=CA,L=LA,OU=A+OU=B,O=Acme,C=US" },
    { "DC=com,DC=acme,O=Acme,CN=a", NULL,
      "N:CN=a,O=Acme,DC=com,DC=acme|S:CN=a,O=Acme,DC=com,DC=acme|S:CN=a,O=Acme" },
    /* no short name: no DN, and not part of the text */
    { "CN=a,emailAddress=e@f", NULL, "S:CN=a" },
    { "O=# \"x\\;<y> ,CN= a ", NULL,
      "N:CN=\\ a\\ ,O=\\# \\\"x\\\\\\;\\<y\\>\\ |S:CN=\\ a\\ ,O=\\# \\\"x\\\\\\;\\<y\\>\\ " },
};

static void
names_come_in_the_order_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
        struct tls_identity *identity =
            identity_of(name_cases[i].subject, name_cases[i].alternatives);
        struct buf names = BUF_INIT;

        for (size_t k = 0; k < tls_identity_count(identity); k++) {
            struct tls_name name = tls_identity_at(identity, k);

            buf_printf(&names, "%s%c:%.*s", k == 0 ? "" : "|", "EDUNS"[name.kind],
                       (int)name.text.len, name.text.data);
        }
        assert_string_equal(buf_cstr(&names), name_cases[i].names);
        buf_release(&names);
        tls_identity_free(identity);
    }
}

static const struct {
    const char *subject, *user;
    enum tls_dn_match match;
} dn_cases[] = {
    { "C=US,O=Acme,CN=a", "CN=a,O=Acme,C=US", TLS_DN_EXACT },
    { "C=US,O=Acme,CN=a", "cn = a , o=Acme,c=US", TLS_DN_EXACT },
    { "C=US,O=Acme,CN=a", "C=US,O=Acme,CN=a", TLS_DN_REORDERED },
    { "C=US,O=Acme,CN=a", "CN=a,O=Acme", TLS_DN_OTHER },
    { "C=US,O=Acme,CN=a", "CN=a,O=Acme,C=US,C=US", TLS_DN_OTHER },
    { "C=US,O=Acme,CN=a", "CN=a,O=acme,C=US", TLS_DN_OTHER }, /* values have a case */
    { "OU=A,OU=B,CN=a", "CN=a,OU=A,OU=A", TLS_DN_OTHER },     /* each pairs off with one */
    { "OU=A,OU=B,CN=a", "CN=a,OU=A,OU=B", TLS_DN_REORDERED },
    { "O=Acme,CN=a,+OU=A", "OU=A+CN=a,O=Acme", TLS_DN_EXACT },
    { "O=Acme,CN=a,+OU=A", "CN=a+OU=A,O=Acme", TLS_DN_EXACT },
    { "O=Acme,CN=a,+OU=A", "CN=a,OU=A,O=Acme", TLS_DN_OTHER },
    { "DC=com,DC=acme,CN=a", "CN=a,DC=acme,DC=com", TLS_DN_EXACT },
    { "O=Acme; Inc,CN=a", "CN=a,O=Acme\\; Inc", TLS_DN_EXACT },
    { "O=Acme; Inc,CN=a", "CN=a,O=Acme\\3b Inc", TLS_DN_EXACT },
    { "O=Acme; Inc,CN=a", "CN=a,O=Acme; Inc", TLS_DN_EXACT },
    { "CN= a", "CN=\\ a", TLS_DN_EXACT },
    { "CN= a", "CN= a", TLS_DN_OTHER },
    { "CN=a", "CN=a\\", TLS_DN_OTHER },
    { "CN=a", "CN=a\\4", TLS_DN_OTHER },
    { "CN=a", "CN=#0401", TLS_DN_OTHER },
    { "CN=a", "a", TLS_DN_OTHER },
    { "CN=a", "=a", TLS_DN_OTHER },
    { "CN=a", "", TLS_DN_OTHER },
    { "CN=a,emailAddress=e@f", "CN=a", TLS_DN_OTHER }, /* an attribute is not ignored */
};

static void
users_match_the_subject_as_a_dn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dn_cases) / sizeof(dn_cases[0]); i++) {
        struct tls_identity *identity = identity_of(dn_cases[i].subject, NULL);

        if (tls_identity_match_dn(identity, str_of(dn_cases[i].user)) != dn_cases[i].match)
            fail_msg("%s is not as expected for %s", dn_cases[i].user, dn_cases[i].subject);
        tls_identity_free(identity);
    }
}

static void
names_are_limited(void **state)
{
    struct buf alternatives = BUF_INIT, user = BUF_INIT;
    struct tls_identity *identity;

    (void)state;
    for (int i = 0; i < TLS_NAMES_MAX + 10; i++)
        buf_printf(&alternatives, "%sDNS:h%d", i == 0 ? "" : ",", i);
    for (int i = 0; i < 100; i++)
        buf_append_str(&user, "CN=a,");
    identity = identity_of("CN=a", buf_cstr(&alternatives));
    assert_int_equal(tls_identity_count(identity), TLS_NAMES_MAX);
    assert_int_equal(tls_identity_match_dn(identity, str_of(buf_cstr(&user))), TLS_DN_OTHER);
    tls_identity_free(identity);
    buf_release(&alternatives);
    buf_release(&user);
}

/* A name that goes on behind a NUL is not the name before it. */
static void
a_nul_does_not_end_a_name(void **state)
{
    const struct test_cert_spec spec = { .subject = "O=Acme" };
    struct test_cert cert = test_cert_new(&spec);
    struct tls_identity *identity;

    (void)state;
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.cert), "CN", V_ASN1_UTF8STRING,
                               (const unsigned char *)"a\0b", 3, -1, 0);
    identity = tls_identity_new(cert.cert);
    assert_int_equal(tls_identity_match_dn(identity, STR_LIT("CN=a,O=Acme")), TLS_DN_OTHER);
    assert_int_equal(tls_identity_at(identity, 0).text.len, strlen("CN=a?b,O=Acme"));
    tls_identity_free(identity);
    test_cert_release(&cert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_in_the_order_of_the_reference),
        cmocka_unit_test(users_match_the_subject_as_a_dn),
        cmocka_unit_test(names_are_limited),
        cmocka_unit_test(a_nul_does_not_end_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

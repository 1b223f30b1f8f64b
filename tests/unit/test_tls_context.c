/* SPDX-License-Identifier: Apache-2.0
 *
 * What a tls {} block may say wrong, and where the fault is put. What a context does with peers is
 * tested with sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tls/context.h"
#include "tls_support.h"

struct fixture {
    char *folder;
    struct test_cert ca, ec, other, rsa;
};

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    const struct test_cert_spec ca = { .subject = "CN=ca", .ca = true };
    const struct test_cert_spec ec = { .subject = "CN=ec", .issuer = &f->ca };
    const struct test_cert_spec rsa = { .subject = "CN=rsa", .key = TEST_KEY_RSA };

    f->folder = test_folder_new();
    f->ca = test_cert_new(&ca);
    f->ec = test_cert_new(&ec);
    f->other = test_cert_new(&ec);
    f->rsa = test_cert_new(&rsa);
    free(test_write_pem(f->folder, "ca.pem", &f->ca.cert, 1, NULL));
    free(test_write_pem(f->folder, "ec.pem", &f->ec.cert, 1, NULL));
    free(test_write_pem(f->folder, "ec.key", NULL, 0, f->ec.key));
    free(test_write_pem(f->folder, "other.key", NULL, 0, f->other.key));
    free(test_write_pem(f->folder, "rsa.pem", &f->rsa.cert, 1, NULL));
    free(test_write_pem(f->folder, "rsa.key", NULL, 0, f->rsa.key));
    free(test_write_pem(f->folder, "all.pem", (X509 *const[]) { f->ec.cert, f->ca.cert }, 2,
                        f->ec.key));
    free(test_write_text(f->folder, "junk", "junk\n"));
    free(test_write_text(f->folder, "broken.pem",
                         "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    test_folder_free(f->folder);
    test_cert_release(&f->ca);
    test_cert_release(&f->ec);
    test_cert_release(&f->other);
    test_cert_release(&f->rsa);
    free(f);
    return 0;
}

static void
add_pair(struct tls_options *options, const struct fixture *f, const char *cert, const char *key)
{
    char *cert_path = xasprintf("%s/%s", f->folder, cert);
    char *key_path = xasprintf("%s/%s", f->folder, key);

    test_options_add_pair(options, cert_path, key_path);
    free(cert_path);
    free(key_path);
}

static const struct {
    const char *cert, *key, *ca;
    enum tls_field field; /* BLOCK: nothing is wrong */
    const char *text;     /* in the error */
} file_cases[] = {
    { "ec.pem", "ec.key", NULL, TLS_FIELD_BLOCK, "" },
    { "ec.pem", "ec.key", "ca.pem", TLS_FIELD_BLOCK, "" },
    { "rsa.pem", "rsa.key", "all.pem", TLS_FIELD_BLOCK, "" },
    { "all.pem", "all.pem", NULL, TLS_FIELD_BLOCK, "" },
    { "none", "ec.key", NULL, TLS_FIELD_CERT_FILE,
      "error parsing X509 certificate/key pair: open " },
    { "ec.pem", "none", NULL, TLS_FIELD_KEY_FILE, "/none: no such file or directory" },
    { ".", "ec.key", NULL, TLS_FIELD_CERT_FILE, "is a directory" },
    { "junk", "ec.key", NULL, TLS_FIELD_CERT_FILE,
      "tls: failed to find any PEM data in certificate input" },
    { "broken.pem", "ec.key", NULL, TLS_FIELD_CERT_FILE, "tls: malformed certificate in " },
    { "ec.key", "ec.pem", NULL, TLS_FIELD_CERT_FILE, "PEM inputs may have been switched" },
    { "ec.pem", "junk", NULL, TLS_FIELD_KEY_FILE, "tls: failed to find any PEM data in key input" },
    { "ec.pem", "ca.pem", NULL, TLS_FIELD_KEY_FILE,
      "tls: found a certificate rather than a key in the PEM for the private key" },
    { "ec.pem", "rsa.key", NULL, TLS_FIELD_KEY_FILE,
      "tls: private key type does not match public key type" },
    { "ec.pem", "other.key", NULL, TLS_FIELD_KEY_FILE,
      "tls: private key does not match public key" },
    { "ec.pem", "ec.key", "none", TLS_FIELD_CA_FILE, "open " },
    { "ec.pem", "ec.key", "junk", TLS_FIELD_CA_FILE, "failed to parse root ca certificate" },
    { "ec.pem", "ec.key", "ec.key", TLS_FIELD_CA_FILE, "failed to parse root ca certificate" },
};

/* Makes a context and checks what is said of it. */
static void
expect(const struct tls_options *options, enum tls_field field, size_t pair, const char *text)
{
    struct tls_context *context = NULL;
    struct errmsg why = { "" };
    struct tls_fault fault;
    enum err err = tls_context_new(&context, options, &fault, &why);

    if ((err == ERR_OK) != (field == TLS_FIELD_BLOCK) || (err == ERR_OK) != (context != NULL) ||
        strstr(why.text, text) == NULL || fault.field != field || fault.pair != pair)
        fail_msg("\"%s\" of field %d, pair %zu, where \"%s\" was expected", why.text,
                 (int)fault.field, fault.pair, text);
    tls_context_unref(context);
}

static void
files_are_checked(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]); i++) {
        struct tls_options options = { .verify = true };

        add_pair(&options, f, file_cases[i].cert, file_cases[i].key);
        if (file_cases[i].ca != NULL)
            options.ca_file = xasprintf("%s/%s", f->folder, file_cases[i].ca);
        expect(&options, file_cases[i].field, 0, file_cases[i].text);
        free(options.ca_file);
        test_options_release(&options);
    }
}

static void
the_wrong_one_of_several_pairs_is_named(void **state)
{
    struct tls_options options = { 0 };

    add_pair(&options, *state, "ec.pem", "ec.key");
    add_pair(&options, *state, "rsa.pem", "other.key");
    expect(&options, TLS_FIELD_KEY_FILE, 1, "certificate/key pair: tls: private key type");
    options.at[TLS_FIELD_CERTS] = xstrdup("nats.conf:1:1");
    expect(&options, TLS_FIELD_KEY_FILE, 1, "certificate/key pair 2/2: tls: private key type");
    free(options.at[TLS_FIELD_CERTS]);
    test_options_release(&options);
}

/* OpenSSL would ask for the password on the terminal. */
static void
a_key_with_a_password_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tls_options options = { 0 };
    char *path = xasprintf("%s/locked.key", f->folder);
    FILE *file = fopen(path, "w");

    PEM_write_PrivateKey(file, f->ec.key, EVP_aes_128_cbc(), (const unsigned char *)"abcd", 4, NULL,
                         NULL);
    fclose(file);
    add_pair(&options, f, "ec.pem", "locked.key");
    expect(&options, TLS_FIELD_KEY_FILE, 0, "protected by a password");
    test_options_release(&options);
    free(path);
}

static void
a_short_key_is_refused(void **state)
{
    const struct test_cert_spec spec = { .subject = "CN=s", .key = TEST_KEY_RSA_SHORT };
    struct test_cert cert = test_cert_new(&spec);
    struct fixture *f = *state;
    struct tls_options options = { 0 };

    free(test_write_pem(f->folder, "short.pem", &cert.cert, 1, cert.key));
    add_pair(&options, f, "short.pem", "short.pem");
    expect(&options, TLS_FIELD_CERT_FILE, 0, "key too small in ");
    test_options_release(&options);
    test_cert_release(&cert);
}

static void
what_openssl_cannot_do_is_left_out_if_something_is_left(void **state)
{
    char *ciphers[] = { (char[]) { "TLS_RSA_WITH_RC4_128_SHA" },
                        (char[]) { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" } };
    struct tls_options options = { .ciphers = { ciphers, 2 } };

    add_pair(&options, *state, "ec.pem", "ec.key");
    expect(&options, TLS_FIELD_BLOCK, 0, "");
    options.ciphers.count = 1;
    expect(&options, TLS_FIELD_CIPHER_SUITES, 0, "can do none of the cipher suites");
    test_options_release(&options);
}

static void
the_earliest_end_is_known(void **state)
{
    const struct test_cert_spec spec = { .subject = "CN=old", .expired = true };
    struct test_cert cert = test_cert_new(&spec);
    struct fixture *f = *state;
    struct tls_options options = { 0 };
    struct tls_context *context;
    struct tls_fault fault;
    struct errmsg why;

    free(test_write_pem(f->folder, "old.pem", &cert.cert, 1, cert.key));
    add_pair(&options, f, "ec.pem", "ec.key");
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    assert_int_equal(tls_context_not_after_s(context), 4102444799); /* 2099-12-31 23:59:59 */
    tls_context_unref(context);
    add_pair(&options, f, "old.pem", "old.pem");
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    assert_int_equal(tls_context_not_after_s(context), 978307200); /* 2001-01-01 */
    tls_context_unref(context);
    test_options_release(&options);
    test_cert_release(&cert);
}

static void
pins_are_found_in_any_order(void **state)
{
    unsigned char pins[3][TLS_PIN_LEN] = { { 9 }, { 1 }, { 5 } };
    struct tls_options options = { .pins = pins, .pin_count = 3 };
    struct tls_context *context;
    struct tls_fault fault;
    struct errmsg why;

    add_pair(&options, *state, "ec.pem", "ec.key");
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    assert_true(tls_context_has_pins(context));
    for (size_t i = 0; i < 3; i++)
        assert_true(tls_context_is_pinned(context, pins[i]));
    assert_false(tls_context_is_pinned(context, (unsigned char[TLS_PIN_LEN]) { 2 }));
    tls_context_unref(context);
    test_options_release(&options);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(the_wrong_one_of_several_pairs_is_named),
        cmocka_unit_test(a_key_with_a_password_is_refused),
        cmocka_unit_test(a_short_key_is_refused),
        cmocka_unit_test(what_openssl_cannot_do_is_left_out_if_something_is_left),
        cmocka_unit_test(the_earliest_end_is_known),
        cmocka_unit_test(pins_are_found_in_any_order),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

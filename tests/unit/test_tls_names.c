/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/names.h"

static const struct {
    const char *name;
    bool known, insecure;
} cipher_cases[] = {
    { "TLS_AES_128_GCM_SHA256", true, false },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", true, false },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", true, false },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", false, false }, /* up to 2.9 */
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", true, true },
    { "TLS_RSA_WITH_AES_128_GCM_SHA256", true, true },
    { "TLS_RSA_WITH_RC4_128_SHA", true, true },
    { "TLS_FALLBACK_SCSV", false, false },
    { "tls_aes_128_gcm_sha256", false, false },
    { "ECDHE-RSA-AES128-GCM-SHA256", false, false },
    { "", false, false },
};

static void
ciphers_are_known_by_exact_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cipher_cases) / sizeof(cipher_cases[0]); i++) {
        struct str name = str_of(cipher_cases[i].name);

        if (tls_cipher_known(name) != cipher_cases[i].known ||
            tls_cipher_insecure(name) != cipher_cases[i].insecure)
            fail_msg("%s", cipher_cases[i].name);
    }
}

static void
curves_are_known_by_exact_name(void **state)
{
    (void)state;
    assert_true(tls_curve_known(STR_LIT("CurveP256")));
    assert_true(tls_curve_known(STR_LIT("X25519MLKEM768")));
    assert_false(tls_curve_known(STR_LIT("P-256")));
    assert_false(tls_curve_known(STR_LIT("curvep256")));
    assert_false(tls_curve_known(STR_NULL));
}

static void
tables_are_walked_to_their_ends(void **state)
{
    size_t ciphers = 0, curves = 0;

    (void)state;
    for (; tls_cipher_at(ciphers) != NULL; ciphers++)
        assert_ptr_equal(tls_cipher_find(str_of(tls_cipher_at(ciphers)->name)),
                         tls_cipher_at(ciphers));
    for (; tls_curve_at(curves) != NULL; curves++)
        assert_ptr_equal(tls_curve_find(str_of(tls_curve_at(curves)->name)), tls_curve_at(curves));
    assert_int_equal(ciphers, 25); /* as many as the reference's */
    assert_int_equal(curves, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ciphers_are_known_by_exact_name),
        cmocka_unit_test(curves_are_known_by_exact_name),
        cmocka_unit_test(tables_are_walked_to_their_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

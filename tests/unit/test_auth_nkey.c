/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - nkeys: published vectors, key pairs made here, and policies that have some
 */
#include "auth_bench.h"

#include <openssl/evp.h>

#include "auth/nkey.h"

/* Vectors that the tests of several client libraries share. */
#define KEY       "UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNO"
#define NONCE     "nonce"
#define SIG_START "m50It12aTgfbJwsQhucujqhXbsq7tLM"
#define SIG       SIG_START "-Mf_hSjBQsG_4onm8y2Vkw6JG1bbcDkdxXe-Ng0K-7X9ov4rZ4wFcDg"
#define SIG_STD   SIG_START "+Mf/hSjBQsG/4onm8y2Vkw6JG1bbcDkdxXe+Ng0K+7X9ov4rZ4wFcDg"
#define KEY_2     "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"

static void
test_decode(void **state)
{
    static const struct {
        const char *name;
        struct str text;
        bool valid;
    } rows[] = {
        { "a vector", STR_LIT(KEY), true },
        { "another", STR_LIT(KEY_2), true },
        { "of the documentation",
          STR_LIT("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"), true },
        { "checksum", STR_LIT("UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNP"), false },
        { "a key's digit", STR_LIT("UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N5TRNO"),
          false },
        { "lower case", STR_LIT("uAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNO"),
          false },
        { "no digit of base32", STR_LIT("U1T6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNO"),
          false },
        { "an account's", STR_LIT("AAPQJQUPKVXGW5CZH5G2HFJULYSKDELAZRVWJA26VDZO7WSBUNIYRFNQ"),
          false },
        { "a seed", STR_LIT("SUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GY"), false },
        { "too short", STR_LIT("UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRN"), false },
        { "too long", STR_LIT(KEY "A"), false },
        { "empty", STR_LIT(""), false },
        { "absent", STR_NULL, false },
    };
    unsigned char key[NKEY_PUBLIC_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (nkey_text_decode(rows[i].text, NKEY_USER, key) != rows[i].valid)
            fail_msg("%s", rows[i].name);
    }
}

static void
test_verify_vectors(void **state)
{
    static const struct {
        const char *name, *key;
        struct str nonce, sig;
        bool right;
    } rows[] = {
        { "raw url", KEY, STR_LIT(NONCE), STR_LIT(SIG), true },
        { "padded url", KEY, STR_LIT(NONCE), STR_LIT(SIG "=="), true },
        { "raw standard", KEY, STR_LIT(NONCE), STR_LIT(SIG_STD), true },
        { "padded standard", KEY, STR_LIT(NONCE), STR_LIT(SIG_STD "=="), true },
        { "a second key, standard", KEY_2, STR_LIT("PXoWU7zWAMt75FY"),
          STR_LIT("ZaAiVDgB5CeYoXoQ7cBCmq+ZllzUnGUoDVb8C7PilWvCs8XKfUchAUhz2P4BYAF++Dg3w05CqyQFRDiG"
                  "L6LrDw=="),
          true },
        { "a second key, url", KEY_2, STR_LIT("iBFByN3zQjAT7dQ"),
          STR_LIT("kagPGrixaWS5yuHqw9nTQrda1Q376fK3fRCGtYdF4_w2aSk-4O7Ca0JM0qvzm69HH6MoMps2yF6Q0Qs8"
                  "30JZCA=="),
          true },
        { "another nonce", KEY, STR_LIT("nonce2"), STR_LIT(SIG), false },
        { "empty nonce", KEY, STR_LIT(""), STR_LIT(SIG), false },
        { "no nonce", KEY, STR_NULL, STR_LIT(SIG), false },
        { "another key", KEY_2, STR_LIT(NONCE), STR_LIT(SIG), false },
        { "a bit of the signature", KEY, STR_LIT(NONCE),
          STR_LIT("n50It12aTgfbJwsQhucujqhXbsq7tLM-Mf_hSjBQsG_4onm8y2Vkw6JG1bbcDkdxXe-Ng0K-7X9ov4rZ"
                  "4wFcDg"),
          false },
        { "one = too few", KEY, STR_LIT(NONCE), STR_LIT(SIG "="), false },
        { "one = too many", KEY, STR_LIT(NONCE), STR_LIT(SIG "==="), false },
        { "a digit too many", KEY, STR_LIT(NONCE), STR_LIT(SIG "A"), false },
        { "no base64", KEY, STR_LIT(NONCE),
          STR_LIT("m50It12aTgfbJwsQhucujqhXbsq7tLM-Mf_hSjBQsG_4onm8y2Vkw6JG1bbcDkdxXe-Ng0K-7X9ov4rZ"
                  "4wFcD!"),
          false },
        { "empty", KEY, STR_LIT(NONCE), STR_LIT(""), false },
        { "absent", KEY, STR_LIT(NONCE), STR_NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char key[NKEY_PUBLIC_LEN];

        assert_true(nkey_text_decode(str_of(rows[i].key), NKEY_USER, key));
        if (nkey_verify(key, rows[i].nonce, rows[i].sig) != rows[i].right)
            fail_msg("%s", rows[i].name);
    }
}

/* ---- key pairs of our own */

/* Writes data in digits of `bits` bits each, NUL behind. */
static void
encode(const unsigned char *data, size_t len, unsigned bits, const char *digits, char *out)
{
    for (size_t bit = 0; bit < len * 8; bit += bits) {
        unsigned value = 0;

        for (size_t i = bit; i < bit + bits; i++)
            value = value << 1 | (i < len * 8 ? data[i / 8] >> (7 - i % 8) & 1U : 0);
        *out++ = digits[value];
    }
    *out = '\0';
}

static void
encode_nkey(const unsigned char key[NKEY_PUBLIC_LEN], char out[NKEY_TEXT_LEN + 1])
{
    unsigned char raw[NKEY_PUBLIC_LEN + 3] = { 20 << 3 };
    unsigned crc = 0;

    memcpy(raw + 1, key, NKEY_PUBLIC_LEN);
    for (size_t bit = 0; bit < (NKEY_PUBLIC_LEN + 1) * 8; bit++) {
        unsigned top = (crc >> 15 ^ raw[bit / 8] >> (7 - bit % 8)) & 1U;

        crc = (crc << 1 & 0xffff) ^ (top ? 0x1021 : 0);
    }
    raw[NKEY_PUBLIC_LEN + 1] = (unsigned char)crc;
    raw[NKEY_PUBLIC_LEN + 2] = (unsigned char)(crc >> 8);
    encode(raw, sizeof(raw), 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", out);
}

static void
sign(EVP_PKEY *key, const char *nonce, char out[87])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char sig[64];
    size_t len = sizeof(sig);

    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(
        EVP_DigestSign(context, sig, &len, (const unsigned char *)nonce, strlen(nonce)), 1);
    EVP_MD_CTX_free(context);
    encode(sig, sizeof(sig), 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
           out);
}

static void
test_round_trips(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        unsigned char made[NKEY_PUBLIC_LEN], key[NKEY_PUBLIC_LEN];
        size_t len = sizeof(made);
        char text[NKEY_TEXT_LEN + 1], nonce[NKEY_NONCE_LEN + 1], sig[87];

        assert_int_equal(EVP_PKEY_get_raw_public_key(pair, made, &len), 1);
        encode_nkey(made, text);
        assert_int_equal(text[0], 'U');
        assert_true(nkey_text_decode(str_of(text), NKEY_USER, key));
        assert_memory_equal(key, made, sizeof(key));
        nkey_nonce_make(nonce);
        sign(pair, nonce, sig);
        assert_true(nkey_verify(key, str_of(nonce), str_of(sig)));
        nonce[i % NKEY_NONCE_LEN] ^= 1;
        assert_false(nkey_verify(key, str_of(nonce), str_of(sig)));
        sign(pair, "", sig);
        assert_false(nkey_verify(key, STR_LIT(""), str_of(sig)));
        EVP_PKEY_free(pair);
    }
}

static void
test_nonces(void **state)
{
    char nonces[100][NKEY_NONCE_LEN + 1];

    (void)state;
    for (int i = 0; i < 100; i++) {
        nkey_nonce_make(nonces[i]);
        assert_int_equal(strlen(nonces[i]), NKEY_NONCE_LEN);
        assert_int_equal(strspn(nonces[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789-_"),
                         NKEY_NONCE_LEN);
        /* 88 bits in 15 digits: the last one has four bits of them. */
        assert_non_null(strchr("AEIMQUYcgkosw048", nonces[i][NKEY_NONCE_LEN - 1]));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(nonces[i], nonces[j]);
    }
}

/* ---- policies */

static void
test_nkeys_and_users(void **state)
{
    static const struct rule_row rows[] = {
        { "signed", { .nkey = WITH(KEY), .sig = WITH(SIG), .nonce = WITH(NONCE) }, IN(KEY), 0 },
        { "before user and password",
          { .user = WITH("ann"),
            .pass = WITH("wrong"),
            .nkey = WITH(KEY),
            .sig = WITH(SIG),
            .nonce = WITH(NONCE) },
          IN(KEY),
          0 },
        { "wrong, beside a right user",
          { .user = WITH("ann"),
            .pass = WITH("plain"),
            .nkey = WITH(KEY),
            .sig = WITH(SIG "A"),
            .nonce = WITH(NONCE) },
          OUT(NKEY),
          0 },
        { "another nonce",
          { .nkey = WITH(KEY), .sig = WITH(SIG), .nonce = WITH("x") },
          OUT(NKEY),
          0 },
        { "no nonce", { .nkey = WITH(KEY), .sig = WITH(SIG) }, OUT(NKEY), 0 },
        { "no signature", { .nkey = WITH(KEY), .nonce = WITH(NONCE) }, OUT(NKEY), 0 },
        { "unknown",
          { .nkey = WITH(KEY_2), .sig = WITH(SIG), .nonce = WITH(NONCE) },
          OUT(NKEY),
          0 },
        { "a user's name",
          { .nkey = WITH("ann"), .sig = WITH(SIG), .nonce = WITH(NONCE) },
          OUT(NKEY),
          0 },
        { "the nkey as user", { .user = WITH(KEY), .pass = WITH("x") }, OUT(UNKNOWN_USER), 0 },
        { "a signature alone", { .sig = WITH(SIG), .nonce = WITH(NONCE) }, OUT(NO_USER), 0 },
        { "a user", { .user = WITH("ann"), .pass = WITH("plain") }, IN("ann"), 0 },
        { "a nonce is no credential", { .nonce = WITH(NONCE) }, OUT(NO_USER), 0 },
    };
    static const struct rule_row typed = {
        "another type",
        { .nkey = WITH(KEY), .sig = WITH(SIG), .nonce = WITH(NONCE) },
        OUT(CONNECTION_TYPE),
        0
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_entry entries[2] = { bench_entry(AUTH_USER, "ann", "plain"),
                                     bench_entry(AUTH_NKEY, KEY, NULL) };
    struct auth_policy *policy = bench_policy(bench, entries, 2, NULL);

    (void)state;
    assert_true(auth_policy_wants_nonce(policy));
    BENCH_CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    entries[1].connection_types = CONNECTION_MQTT;
    policy = bench_policy(bench, entries, 2, NULL);
    bench_check_row(bench, policy, &typed);
    auth_policy_unref(policy);
    bench_free(bench);
}

/* Nothing but nkeys: users have nobody's password to be tried against. */
static void
test_nkeys_alone(void **state)
{
    static const struct rule_row rows[] = {
        { "signed", { .nkey = WITH(KEY), .sig = WITH(SIG), .nonce = WITH(NONCE) }, IN(KEY), 0 },
        { "a user", { .user = WITH("ann"), .pass = WITH("plain") }, OUT(UNKNOWN_USER), 0 },
        { "nothing", NOTHING, OUT(NO_USER), 0 },
    };
    struct bench *bench = bench_new(1, 4);
    struct auth_entry entry = bench_entry(AUTH_NKEY, KEY, NULL);
    struct auth_policy *policy = bench_policy(bench, &entry, 1, NULL);

    (void)state;
    BENCH_CHECK_ROWS(bench, policy, rows);
    auth_policy_unref(policy);
    bench_free(bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),          cmocka_unit_test(test_verify_vectors),
        cmocka_unit_test(test_round_trips),     cmocka_unit_test(test_nonces),
        cmocka_unit_test(test_nkeys_and_users), cmocka_unit_test(test_nkeys_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

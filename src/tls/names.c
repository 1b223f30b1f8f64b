/* SPDX-License-Identifier: Apache-2.0
 *
 * Both tables stand in the order in which we prefer what they name: context.c takes its defaults
 * from here.
 */
#include "tls/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* AES-128 before AES-256: as safe in practice and a third cheaper per byte. ChaCha20 moves to the
 * front for a client that prefers it (context.c), which is one without AES instructions. */
static const struct tls_cipher ciphers[] = {
    { "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true, false },
    { "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true, false },
    { "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true, false },

    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", false, false },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", false, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", false, false },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", false, false },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", false,
      false },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", false, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", false, false },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", false, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", false, false },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", false, false },

    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", false, true },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", false, true },
    { "TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", false, true },
    { "TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", false, true },
    { "TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", false, true },
    { "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", false, true },
    { "TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", false, true },
    { "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", false, true },
    { "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", false, true },
    { "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA", false, true },
    { "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", false, true },
    { "TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", false, true },
};

static const struct tls_curve curves[] = {
    { "X25519MLKEM768", "X25519MLKEM768" },
    { "X25519", "X25519" },
    { "CurveP256", "P-256" },
    { "CurveP384", "P-384" },
    { "CurveP521", "P-521" },
    { "SecP256r1MLKEM768", "SecP256r1MLKEM768" },
    { "SecP384r1MLKEM1024", "SecP384r1MLKEM1024" },
};

const struct tls_cipher *
tls_cipher_at(size_t index)
{
    return index < COUNT(ciphers) ? &ciphers[index] : NULL;
}

const struct tls_curve *
tls_curve_at(size_t index)
{
    return index < COUNT(curves) ? &curves[index] : NULL;
}

const struct tls_cipher *
tls_cipher_find(struct str name)
{
    for (size_t i = 0; i < COUNT(ciphers); i++) {
        if (str_eq(str_of(ciphers[i].name), name))
            return &ciphers[i];
    }
    return NULL;
}

const struct tls_curve *
tls_curve_find(struct str name)
{
    for (size_t i = 0; i < COUNT(curves); i++) {
        if (str_eq(str_of(curves[i].name), name))
            return &curves[i];
    }
    return NULL;
}

bool
tls_cipher_known(struct str name)
{
    return tls_cipher_find(name) != NULL;
}

bool
tls_cipher_insecure(struct str name)
{
    const struct tls_cipher *cipher = tls_cipher_find(name);

    return cipher != NULL && cipher->insecure;
}

bool
tls_curve_known(struct str name)
{
    return tls_curve_find(name) != NULL;
}

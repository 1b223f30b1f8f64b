/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/nkey.h"

#include <openssl/evp.h>

#include "base/random.h"

#define SIG_LEN   64
#define NONCE_RAW 11

static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
base64_value(unsigned char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '+' || digit == '-')
        return 62;
    return digit == '/' || digit == '_' ? 63 : -1;
}

/* 86 digits of six bits; the last holds four bits of padding. */
static bool
decode_sig(struct str sig, unsigned char out[SIG_LEN])
{
    uint32_t pending = 0;
    unsigned pending_bits = 0;
    size_t done = 0;

    if (sig.len == 88 && sig.data[86] == '=' && sig.data[87] == '=')
        sig.len = 86;
    if (sig.len != 86)
        return false;
    for (size_t i = 0; i < sig.len; i++) {
        int value = base64_value((unsigned char)sig.data[i]);

        if (value < 0)
            return false;
        pending = pending << 6 | (unsigned)value;
        pending_bits += 6;
        if (pending_bits >= 8 && done < SIG_LEN) {
            pending_bits -= 8;
            out[done++] = (unsigned char)(pending >> pending_bits);
        }
    }
    return true;
}

bool
nkey_verify(const unsigned char key[NKEY_PUBLIC_LEN], struct str nonce, struct str sig)
{
    unsigned char raw_sig[SIG_LEN];
    EVP_PKEY *public_key;
    EVP_MD_CTX *context;
    bool right;

    if (nonce.len == 0 || !decode_sig(sig, raw_sig))
        return false;
    public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, NKEY_PUBLIC_LEN);
    context = EVP_MD_CTX_new();
    right = public_key != NULL && context != NULL &&
            EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
            EVP_DigestVerify(context, raw_sig, SIG_LEN, (const unsigned char *)nonce.data,
                             nonce.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return right;
}

void
nkey_nonce_make(char out[NKEY_NONCE_LEN + 1])
{
    unsigned char raw[NONCE_RAW + 1]; /* two bits of the last byte fill up the last digit */

    random_bytes(raw, NONCE_RAW);
    raw[NONCE_RAW] = 0;
    for (size_t i = 0; i < NKEY_NONCE_LEN; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];

        out[i] = base64_url[pair >> (10 - bit % 8) & 63];
    }
    out[NKEY_NONCE_LEN] = '\0';
}

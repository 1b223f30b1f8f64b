/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/nkey.h"

#include <openssl/evp.h>

#include "base/random.h"

#define PREFIX_USER 0xa0 /* 20 << 3: the first character becomes U */
#define CRC_LEN     2    /* low byte first */
#define RAW_LEN     (1 + NKEY_PUBLIC_LEN + CRC_LEN)
#define SIG_LEN     64
#define NONCE_RAW   11

static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Reads digits of `bits` bits each, the highest first. false: not exactly len bytes (and less
 * than a digit of padding bits), or no digit. */
static bool
decode(struct str text, unsigned bits, int (*value_of)(unsigned char), unsigned char *out,
       size_t len)
{
    uint32_t pending = 0;
    unsigned pending_bits = 0;
    size_t done = 0;

    if (text.len != (len * 8 + bits - 1) / bits)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of((unsigned char)text.data[i]);

        if (value < 0)
            return false;
        pending = pending << bits | (unsigned)value;
        pending_bits += bits;
        if (pending_bits >= 8 && done < len) {
            pending_bits -= 8;
            out[done++] = (unsigned char)(pending >> pending_bits);
        }
    }
    return true;
}

static int
base32_value(unsigned char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    return digit >= '2' && digit <= '7' ? digit - '2' + 26 : -1;
}

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

/* CRC-16/XMODEM: polynomial 0x1021, begins at 0. */
static unsigned
crc16(const unsigned char *data, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
    }
    return crc & 0xffff;
}

bool
nkey_decode_user(struct str text, unsigned char out[NKEY_PUBLIC_LEN])
{
    unsigned char raw[RAW_LEN];
    const unsigned char *sum = raw + 1 + NKEY_PUBLIC_LEN;

    if (!decode(text, 5, base32_value, raw, sizeof(raw)) || raw[0] != PREFIX_USER ||
        crc16(raw, 1 + NKEY_PUBLIC_LEN) != (sum[0] | (unsigned)sum[1] << 8))
        return false;
    memcpy(out, raw + 1, NKEY_PUBLIC_LEN);
    return true;
}

static bool
decode_sig(struct str sig, unsigned char out[SIG_LEN])
{
    if (sig.len == 88 && sig.data[86] == '=' && sig.data[87] == '=')
        sig.len = 86;
    return decode(sig, 6, base64_value, out, SIG_LEN);
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

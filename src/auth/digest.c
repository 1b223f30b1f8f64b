/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC (RFC 2104) is put together here from two SHA-256 runs: libcrypto's HMAC contexts would
 * keep the key on the ordinary heap for as long as they live, and thus in core dumps.
 *
 *   inner = SHA256((key ^ 0x36..) || purpose || data)      digest = SHA256((key ^ 0x5c..) || inner)
 */
#include "auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/secret.h"

#define BLOCK_LEN 64 /* of SHA-256 */

struct digest_key {
    unsigned char inner[BLOCK_LEN], outer[BLOCK_LEN]; /* the key with its pads applied */
    EVP_MD *sha256; /* fetched once: a look-up per digest would cost more than the digest */
};

struct digest_key *
digest_key_new(void)
{
    struct digest_key *key = secret_alloc(sizeof(*key));

    if (key == NULL)
        return NULL;
    key->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (key->sha256 == NULL) {
        digest_key_free(key);
        return NULL;
    }
    random_bytes(key->inner, sizeof(key->inner));
    for (size_t i = 0; i < BLOCK_LEN; i++) {
        key->outer[i] = key->inner[i] ^ 0x5c;
        key->inner[i] ^= 0x36;
    }
    return key;
}

void
digest_key_free(struct digest_key *key)
{
    if (key == NULL)
        return;
    EVP_MD_free(key->sha256);
    secret_free(key, sizeof(*key));
}

static bool
begin(EVP_MD_CTX *context, const EVP_MD *sha256, const unsigned char *pad)
{
    return EVP_DigestInit_ex2(context, sha256, NULL) == 1 &&
           EVP_DigestUpdate(context, pad, BLOCK_LEN) == 1;
}

static bool
end(EVP_MD_CTX *context, const void *data, size_t len, unsigned char *out)
{
    return EVP_DigestUpdate(context, data, len) == 1 && EVP_DigestFinal_ex(context, out, NULL) == 1;
}

bool
digest_of(const struct digest_key *key, enum digest_purpose purpose, const char *data, size_t len,
          struct digest *out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new(); /* its state is wiped when it is freed */
    const unsigned char purpose_byte = (unsigned char)purpose;
    unsigned char inner[DIGEST_LEN];
    bool ok = context != NULL && begin(context, key->sha256, key->inner) &&
              EVP_DigestUpdate(context, &purpose_byte, 1) == 1 && end(context, data, len, inner) &&
              begin(context, key->sha256, key->outer) &&
              end(context, inner, sizeof(inner), out->bytes);

    if (!ok)
        memset(out, 0, sizeof(*out));
    mem_wipe(inner, sizeof(inner));
    EVP_MD_CTX_free(context);
    return ok;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0;
}

bool
digest_is_zero(const struct digest *digest)
{
    static const struct digest zero;

    return digest_equal(digest, &zero);
}

struct digest
digest_join(const struct digest *a, const struct digest *b)
{
    struct digest joined;

    for (size_t i = 0; i < DIGEST_LEN; i++)
        joined.bytes[i] = a->bytes[i] ^ b->bytes[i];
    return joined;
}

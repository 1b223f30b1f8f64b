/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/bcrypt.h"
#include "base/mem.h"
#include "base/random.h"

struct credential *
credential_new(const struct digest_key *key, enum digest_purpose purpose, struct vault *vault,
               const char *text)
{
    struct credential *credential = calloc(1, sizeof(*credential));
    size_t len = strlen(text);

    if (credential == NULL)
        return NULL;
    credential->refs = 1;
    credential->vault = vault_ref(vault);
    credential->text = vault_put(vault, text, len);
    credential->text_len = len;
    credential->hashed = bcrypt_form(str_of(text), &credential->cost) == BCRYPT_HASH;
    if (!digest_of(key, purpose, text, len, &credential->digest)) {
        credential_unref(credential);
        return NULL;
    }
    return credential;
}

struct credential *
credential_new_dummy(const struct digest_key *key, struct vault *vault, unsigned cost)
{
    static const char alphabet[] =
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char drawn[BCRYPT_HASH_LEN];
    char text[BCRYPT_HASH_LEN + 1];
    int prefix = snprintf(text, sizeof(text), "$2b$%02u$", cost);

    random_bytes(drawn, sizeof(drawn));
    for (size_t i = (size_t)prefix; i < BCRYPT_HASH_LEN; i++)
        text[i] = alphabet[drawn[i] % 64];
    text[BCRYPT_HASH_LEN] = '\0';
    return credential_new(key, DIGEST_PASSWORD, vault, text);
}

struct credential *
credential_ref(struct credential *credential)
{
    atomic_fetch_add_explicit(&credential->refs, 1, memory_order_relaxed);
    return credential;
}

void
credential_unref(struct credential *credential)
{
    /* Pairs with itself: the last holder sees what all others did before they let go. */
    if (credential == NULL ||
        atomic_fetch_sub_explicit(&credential->refs, 1, memory_order_acq_rel) != 1)
        return;
    mem_wipe(credential->text, credential->text_len);
    vault_unref(credential->vault);
    free(credential);
}

enum auth_cause
credential_judge(const struct credential *hash, struct str secret, const struct digest *digest)
{
    assert(hash->hashed && secret.len > 0);
    if (digest_equal(&hash->digest, digest))
        return AUTH_CAUSE_HASH_AS_TOKEN;
    if (secret.len > BCRYPT_PASSWORD_MAX)
        return AUTH_CAUSE_TOO_LONG;
    return memchr(secret.data, '\0', secret.len) == NULL ? AUTH_CAUSE_NONE
                                                         : AUTH_CAUSE_CONTROL_BYTE;
}

bool
token_has_control_byte(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        unsigned char byte = (unsigned char)token.data[i];

        if (byte < 0x20 || byte == 0x7f)
            return true;
    }
    return false;
}

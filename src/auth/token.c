/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "auth/bcrypt.h"
#include "auth/secret.h"

struct credential *
credential_new(const struct digest_key *key, const char *text)
{
    struct credential *credential = calloc(1, sizeof(*credential));

    if (credential == NULL)
        return NULL;
    credential->refs = 1;
    credential->text_len = strlen(text);
    credential->text = secret_alloc(credential->text_len + 1);
    if (credential->text == NULL ||
        !digest_of(key, text, credential->text_len, &credential->digest)) {
        credential_unref(credential);
        return NULL;
    }
    memcpy(credential->text, text, credential->text_len + 1);
    credential->hashed = bcrypt_form(str_of(text), &credential->cost) == BCRYPT_HASH;
    return credential;
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
    secret_free(credential->text, credential->text_len + 1);
    free(credential);
}

static bool
has_control_byte(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        unsigned char byte = (unsigned char)token.data[i];

        if (byte < 0x20 || byte == 0x7f)
            return true;
    }
    return false;
}

enum auth_cause
token_judge(const struct credential *credential, struct str token, const struct digest *digest)
{
    assert(token.len > 0);
    if (has_control_byte(token))
        return AUTH_CAUSE_CONTROL_BYTE;
    if (!credential->hashed)
        return digest_equal(&credential->digest, digest) ? AUTH_CAUSE_NONE : AUTH_CAUSE_WRONG_TOKEN;
    if (digest_equal(&credential->digest, digest))
        return AUTH_CAUSE_HASH_AS_TOKEN;
    return token.len > BCRYPT_PASSWORD_MAX ? AUTH_CAUSE_TOO_LONG : AUTH_CAUSE_NONE;
}

/* ---- policies */

struct auth_policy *
auth_policy_ref(struct auth_policy *policy)
{
    atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void
auth_policy_unref(struct auth_policy *policy)
{
    if (policy == NULL || atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) != 1)
        return;
    credential_unref(policy->credential);
    free(policy);
}

bool
auth_policy_required(const struct auth_policy *policy)
{
    return policy->credential != NULL;
}

int64_t
auth_policy_check_ns_estimate(const struct auth_policy *policy)
{
    const struct credential *credential = policy->credential;

    return credential != NULL && credential->hashed ? bcrypt_estimate_ns(credential->cost) : 0;
}

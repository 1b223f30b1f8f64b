/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/policy.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/permissions.h"
#include "base/mem.h"

/* ---- identities */

static struct auth_identity *
identity_new(enum auth_kind kind, const char *name)
{
    struct auth_identity *identity = xcalloc(1, sizeof(*identity));

    identity->refs = 1;
    identity->kind = kind;
    identity->name = name == NULL ? NULL : xstrdup(name);
    return identity;
}

struct auth_identity *
auth_identity_ref(struct auth_identity *identity)
{
    atomic_fetch_add_explicit(&identity->refs, 1, memory_order_relaxed);
    return identity;
}

void
auth_identity_unref(struct auth_identity *identity)
{
    /* Pairs with itself: the last holder sees what all others did before they let go. */
    if (identity == NULL ||
        atomic_fetch_sub_explicit(&identity->refs, 1, memory_order_acq_rel) != 1)
        return;
    permissions_unref(identity->permissions);
    free(identity->name);
    free(identity);
}

/* ---- entries */

static bool
fill_secret(struct policy_entry *entry, const struct auth_entry *options,
            const struct digest_key *key, struct vault *vault)
{
    enum digest_purpose purpose = options->kind == AUTH_TOKEN ? DIGEST_TOKEN : DIGEST_PASSWORD;

    /* An empty secret would admit everyone who sends none: such a user comes by certificate. */
    if (options->secret == NULL || options->secret[0] == '\0') {
        assert(options->kind == AUTH_USER);
        return true;
    }
    entry->credential = credential_new(key, purpose, vault, options->secret);
    return entry->credential != NULL;
}

static bool
fill_entry(struct policy_entry *entry, const struct auth_entry *options,
           const struct digest_key *key, struct vault *vault)
{
    enum digest_purpose purpose = options->kind == AUTH_NKEY ? DIGEST_NKEY : DIGEST_USER;
    bool valid;

    entry->identity = identity_new(options->kind, options->name);
    entry->identity->expires_ns = options->expires_ns;
    entry->connection_types = options->connection_types == 0 ? ~0U : options->connection_types;
    if (options->permissions != NULL)
        entry->identity->permissions = permissions_new(options->permissions);
    if (options->kind == AUTH_NKEY) {
        valid = nkey_text_decode(str_of(options->name), NKEY_USER, entry->nkey);
        assert(valid); /* checked with the configuration */
    }
    if (options->kind != AUTH_TOKEN &&
        !digest_of(key, purpose, options->name, strlen(options->name), &entry->name))
        return false;
    return options->kind == AUTH_NKEY || fill_secret(entry, options, key, vault);
}

/* ---- the table of names */

/* The place of name, or the free one where it would be. */
static struct policy_entry **
place_of(const struct auth_policy *policy, const struct digest *name)
{
    size_t at;

    memcpy(&at, name->bytes, sizeof(at));
    for (;; at++) {
        struct policy_entry **place = &policy->places[at & policy->places_mask];

        if (*place == NULL || digest_equal(&(*place)->name, name))
            return place;
    }
}

const struct policy_entry *
policy_find(const struct auth_policy *policy, const struct digest *name)
{
    return policy->places == NULL ? NULL : *place_of(policy, name);
}

static void
index_names(struct auth_policy *policy)
{
    size_t size = 4;

    while (size < 2 * policy->count)
        size *= 2;
    policy->places = xcalloc(size, sizeof(struct policy_entry *));
    policy->places_mask = size - 1;
    for (size_t i = 0; i < policy->count; i++)
        *place_of(policy, &policy->entries[i].name) = &policy->entries[i];
}

/* ---- stand-ins */

static bool
make_stand_ins(struct auth_policy *policy, const struct digest_key *key, struct vault *vault)
{
    policy->with_password = xcalloc(policy->count, sizeof(struct policy_entry *));
    for (size_t i = 0; i < policy->count; i++) {
        struct policy_entry *entry = &policy->entries[i];
        struct credential **dummy;

        if (entry->credential == NULL)
            continue;
        policy->with_password[policy->with_password_count++] = entry;
        dummy = &policy->dummies[entry->credential->cost];
        if (!entry->credential->hashed || *dummy != NULL)
            continue;
        *dummy = credential_new_dummy(key, vault, entry->credential->cost);
        if (*dummy == NULL)
            return false;
    }
    return true;
}

struct credential *
policy_stand_in(const struct auth_policy *policy, const struct digest *name)
{
    struct credential *drawn;
    uint64_t number;

    if (policy->with_password_count == 0)
        return NULL;
    memcpy(&number, name->bytes, sizeof(number));
    drawn = policy->with_password[number % policy->with_password_count]->credential;
    return drawn->hashed ? policy->dummies[drawn->cost] : drawn;
}

/* ---- policies */

static size_t
vault_size(const struct auth_options *options)
{
    size_t size = (BCRYPT_COST_MAX + 1) * (BCRYPT_HASH_LEN + 1); /* dummies */

    for (size_t i = 0; i < options->count; i++) {
        const char *secret = options->entries[i].secret;

        size += secret == NULL ? 0 : strlen(secret) + 1;
    }
    return size;
}

static bool
fill(struct auth_policy *policy, const struct digest_key *key, const struct auth_options *options,
     struct vault *vault)
{
    unsigned hashed_tokens = 0;

    for (size_t i = 0; i < options->count; i++) {
        const struct auth_entry *from = &options->entries[i];
        struct policy_entry *entry = &policy->entries[i];

        assert((from->kind == AUTH_TOKEN) == policy->tokens);
        if (!fill_entry(entry, from, key, vault))
            return false;
        policy->nkeys = policy->nkeys || from->kind == AUTH_NKEY;
        hashed_tokens += policy->tokens && entry->credential != NULL && entry->credential->hashed;
    }
    assert(hashed_tokens <= AUTH_HASHES_TRIED_MAX);
    if (policy->tokens)
        return true;
    index_names(policy);
    return make_stand_ins(policy, key, vault);
}

static bool
find_no_auth_user(struct auth_policy *policy, const struct digest_key *key, const char *name)
{
    struct digest digest;

    if (name == NULL)
        return true;
    if (!digest_of(key, DIGEST_USER, name, strlen(name), &digest))
        return false;
    policy->no_auth_user = policy_find(policy, &digest);
    assert(policy->no_auth_user != NULL);
    return true;
}

struct auth_policy *
policy_new(const struct digest_key *key, const struct auth_options *options)
{
    struct auth_policy *policy = xcalloc(1, sizeof(*policy));
    struct vault *vault;
    bool filled = true;

    policy->refs = 1;
    policy->anonymous = identity_new(AUTH_TOKEN, NULL);
    policy->anonymous->anonymous = true;
    if (options->count == 0)
        return policy;
    policy->entries = xcalloc(options->count, sizeof(*policy->entries));
    policy->count = options->count;
    policy->tokens = options->entries[0].kind == AUTH_TOKEN;
    policy->by_certificate = options->by_certificate && !policy->tokens;
    vault = vault_new(vault_size(options));
    filled = vault != NULL && fill(policy, key, options, vault) &&
             find_no_auth_user(policy, key, options->no_auth_user);
    vault_unref(vault);
    if (filled)
        return policy;
    auth_policy_unref(policy);
    return NULL;
}

void
policy_share_credential(struct policy_entry *entry, struct credential *credential)
{
    struct credential *own = entry->credential;

    entry->credential = credential_ref(credential);
    credential_unref(own);
}

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
    for (size_t i = 0; i < policy->count; i++) {
        auth_identity_unref(policy->entries[i].identity);
        credential_unref(policy->entries[i].credential);
    }
    for (size_t i = 0; i <= BCRYPT_COST_MAX; i++)
        credential_unref(policy->dummies[i]);
    auth_identity_unref(policy->anonymous);
    free(policy->with_password);
    free(policy->places);
    free(policy->entries);
    free(policy);
}

bool
auth_policy_required(const struct auth_policy *policy)
{
    return policy->count > 0;
}

bool
auth_policy_open(const struct auth_policy *policy)
{
    return policy->no_auth_user != NULL;
}

bool
auth_policy_wants_nonce(const struct auth_policy *policy)
{
    return policy->nkeys;
}

bool
auth_policy_wants_certificate(const struct auth_policy *policy)
{
    return policy->by_certificate;
}

static unsigned
highest_cost(const struct auth_policy *policy)
{
    unsigned cost = 0;

    for (size_t i = 0; i < policy->count; i++) {
        const struct credential *credential = policy->entries[i].credential;

        if (credential != NULL && credential->cost > cost)
            cost = credential->cost;
    }
    return cost;
}

bool
policy_has_hashes(const struct auth_policy *policy)
{
    return highest_cost(policy) > 0;
}

int64_t
auth_policy_check_ns_estimate(const struct auth_policy *policy)
{
    unsigned cost = highest_cost(policy);

    return cost > 0 ? bcrypt_estimate_ns(cost) : 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * From the names of a certificate to a user (verify_and_map). Each name is looked up as a user's,
 * the subject besides as a DN: compared with every user's name, first as it is, then with its parts
 * in any order. Users who may not come over this type of connection are passed over, as there.
 */
#include "auth/policy.h"
#include "tls/identity.h"

static bool
may_enter(const struct policy_entry *entry, unsigned connection_type)
{
    return entry->identity->kind == AUTH_USER && (entry->connection_types & connection_type) != 0;
}

static const struct policy_entry *
find_dn(const struct auth_policy *policy, const struct tls_identity *certificate,
        unsigned connection_type)
{
    const struct policy_entry *reordered = NULL;

    for (size_t i = 0; i < policy->count; i++) {
        const struct policy_entry *entry = &policy->entries[i];

        if (!may_enter(entry, connection_type))
            continue;
        switch (tls_identity_match_dn(certificate, str_of(entry->identity->name))) {
        case TLS_DN_EXACT:
            return entry;
        case TLS_DN_REORDERED:
            reordered = reordered == NULL ? entry : reordered;
            break;
        case TLS_DN_OTHER:
            break;
        }
    }
    return reordered;
}

static const struct policy_entry *
find_text(const struct auth_policy *policy, const struct digest_key *key, struct str name,
          unsigned connection_type, bool *failed)
{
    const struct policy_entry *entry;
    struct digest digest;

    if (name.len == 0)
        return NULL;
    if (!digest_of(key, DIGEST_USER, name.data, name.len, &digest)) {
        *failed = true;
        return NULL;
    }
    entry = policy_find(policy, &digest);
    return entry != NULL && may_enter(entry, connection_type) ? entry : NULL;
}

const struct policy_entry *
policy_find_by_certificate(const struct auth_policy *policy, const struct digest_key *key,
                           const struct tls_identity *certificate, unsigned connection_type,
                           bool *failed)
{
    const struct policy_entry *entry = NULL;

    *failed = false;
    for (size_t i = 0; i < tls_identity_count(certificate) && entry == NULL && !*failed; i++) {
        struct tls_name name = tls_identity_at(certificate, i);

        entry = name.kind == TLS_NAME_DN
                    ? find_dn(policy, certificate, connection_type)
                    : find_text(policy, key, name.text, connection_type, failed);
    }
    return entry;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * policy - one configuration's entries, ready to be asked: tokens alone, or users and nkeys
 *
 * Names are looked up by keyed digests: nobody can aim at a place of the table, and how long it
 * takes tells nothing of the name.
 *
 * Owns     a reference to each identity and credential.
 * Threads  any: immutable, but for policy_share_credential().
 */
#ifndef TESSERA_AUTH_POLICY_H
#define TESSERA_AUTH_POLICY_H

#include "auth/bcrypt.h"
#include "auth/nkey.h"
#include "auth/token.h"

struct policy_entry {
    struct auth_identity *identity;
    struct credential *credential; /* NULL: an nkey, or a user without a password */
    struct digest name;            /* of a user or nkey */
    unsigned connection_types;
    unsigned char nkey[NKEY_PUBLIC_LEN];
};

struct auth_policy {
    atomic_uint refs;
    struct policy_entry *entries;
    size_t count;
    bool tokens;         /* all entries are tokens; else users and nkeys, or there are none */
    bool nkeys;          /* there are some */
    bool by_certificate; /* users are named by certificates */
    struct auth_identity *anonymous;
    const struct policy_entry *no_auth_user; /* NULL: none */
    /* private */
    struct policy_entry **places; /* users and nkeys by name: open addressing, at most half full */
    size_t places_mask;
    struct policy_entry **with_password;
    size_t with_password_count;
    struct credential *dummies[BCRYPT_COST_MAX + 1]; /* of the costs that users' hashes have */
};

/* NULL: out of memory. */
struct auth_policy *policy_new(const struct digest_key *key, const struct auth_options *options);

/* The user or nkey with this name; NULL: none. */
const struct policy_entry *policy_find(const struct auth_policy *policy, const struct digest *name);

/* peer_names.c: the user whom the certificate names, in the reference's order; NULL: nobody.
 * *failed: for want of memory. */
const struct policy_entry *policy_find_by_certificate(const struct auth_policy *policy,
                                                      const struct digest_key *key,
                                                      const struct tls_identity *certificate,
                                                      unsigned connection_type, bool *failed);

/* What the password of a user that does not exist is tried against, for the time it takes: the
 * same name meets the same, and the names are spread as the users are. NULL: no user has a
 * password. */
struct credential *policy_stand_in(const struct auth_policy *policy, const struct digest *name);

bool policy_has_hashes(const struct auth_policy *policy);

/* The policy of entry is not shared yet; credential is of the same text as the one it has. */
void policy_share_credential(struct policy_entry *entry, struct credential *credential);

#endif

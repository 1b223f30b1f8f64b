/* SPDX-License-Identifier: Apache-2.0
 *
 * token - one configured token or password, plain or bcrypted, and the rules that need no bcrypt
 *
 * A credential is counted: by the policies that name it and by the checks that wait for a
 * verdict on it. What was verified against a hash lives with it, and is forgotten with it.
 *
 * Owns     its text, in a vault it shares with its like, wiped with the last reference.
 * Threads  any; a credential is immutable but for `right`, which is under checks.lock.
 */
#ifndef TESSERA_AUTH_TOKEN_H
#define TESSERA_AUTH_TOKEN_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/digest.h"
#include "auth/verified.h"
#include "base/secret.h"

struct credential {
    atomic_uint refs;
    struct vault *vault;
    char *text; /* text_len + 1 bytes */
    size_t text_len;
    struct digest digest; /* of text */
    bool hashed;
    unsigned cost;               /* hashed: of one check */
    struct verified_right right; /* hashed; under checks.lock */
};

/* purpose is DIGEST_TOKEN or DIGEST_PASSWORD. NULL: out of memory. */
struct credential *credential_new(const struct digest_key *key, enum digest_purpose purpose,
                                  struct vault *vault, const char *text);
/* A hash of nothing: to check a password against it takes as long as against a real one of this
 * cost. */
struct credential *credential_new_dummy(const struct digest_key *key, struct vault *vault,
                                        unsigned cost);
struct credential *credential_ref(struct credential *credential);
void credential_unref(struct credential *credential); /* NULL is allowed */

/* May this secret be tried against the hash at all? AUTH_CAUSE_NONE: yes. digest is of secret. */
enum auth_cause credential_judge(const struct credential *hash, struct str secret,
                                 const struct digest *digest);

bool token_has_control_byte(struct str token);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * token - what a configuration asks for, and the rules that need no bcrypt
 *
 * A credential is one configured token or hash. It is counted: by the policies that name it
 * and by the checks that wait for a verdict on it. What was verified against a hash lives with
 * it, and is forgotten with it.
 *
 * Threads  any; a credential is immutable but for `verified`, which is under checks.lock.
 */
#ifndef TESSERA_AUTH_TOKEN_H
#define TESSERA_AUTH_TOKEN_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/digest.h"
#include "auth/verified.h"

struct credential {
    atomic_uint refs;
    char *text; /* secret memory, text_len + 1 bytes */
    size_t text_len;
    struct digest digest; /* of text */
    bool hashed;
    unsigned cost;            /* hashed: of one check */
    struct verified verified; /* hashed; under checks.lock */
};

struct auth_policy {
    atomic_uint refs;
    struct credential *credential; /* NULL: no authentication is required */
};

struct credential *credential_new(const struct digest_key *key, const char *text);
struct credential *credential_ref(struct credential *credential);
void credential_unref(struct credential *credential); /* NULL is allowed */

/* May this token be tried against credential at all? AUTH_CAUSE_NONE: yes. digest is of token,
 * which is not empty. */
enum auth_cause token_judge(const struct credential *credential, struct str token,
                            const struct digest *digest);

#endif

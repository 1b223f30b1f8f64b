/* SPDX-License-Identifier: Apache-2.0
 *
 * env - what auth takes from outside: the clock and the slow function. Tests bring their own.
 */
#ifndef TESSERA_AUTH_ENV_H
#define TESSERA_AUTH_ENV_H

#include "auth/auth.h"
#include "auth/bcrypt.h"

struct auth_env {
    int64_t (*now_ns)(void *context);  /* monotonic */
    int64_t (*wall_ns)(void *context); /* since 1970-01-01 UTC */
    /* As bcrypt_verify(); on a worker or, for auth_policy_carry(), on its caller's thread. */
    enum bcrypt_verdict (*verify)(void *context, struct bcrypt_scratch *scratch, const char *hash,
                                  const char *token, size_t len);
    void *context;
};

/* Like auth_new(); env is copied. */
struct auth *auth_new_env(struct log *log, unsigned workers, unsigned queue_max,
                          const struct auth_env *env);

#endif

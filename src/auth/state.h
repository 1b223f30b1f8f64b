/* SPDX-License-Identifier: Apache-2.0
 *
 * state - what is inside a struct auth; for auth.c and login.c alone
 */
#ifndef TESSERA_AUTH_STATE_H
#define TESSERA_AUTH_STATE_H

#include <pthread.h>

#include "auth/checks.h"
#include "auth/limits.h"
#include "auth/policy.h"

struct auth {
    struct log *log;
    struct auth_env env;
    struct digest_key *key;
    struct checks *checks;
    /* Relaxed: each is a number of its own. */
    _Atomic uint64_t ok, failed[AUTH_CAUSE_COUNT], cache_hits;
    pthread_mutex_t lock;
    /* under lock */
    struct limits *log_limits;
    int64_t full_warned_ns; /* that the queue is full; 0: never */
    uint64_t full_count;    /* clients turned away since then */
};

/* A checks_ended_fn; owner is the struct auth. */
void login_check_ended(void *owner, const struct check_waiter *waiter, enum bcrypt_verdict verdict);

#endif

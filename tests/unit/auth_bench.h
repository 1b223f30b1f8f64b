/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_bench - a struct auth whose clock stands still and whose bcrypt waits at a gate
 *
 * Results arrive on threads of the pool; bench_wait() waits for them with a deadline.
 */
#ifndef TESSERA_TESTS_AUTH_BENCH_H
#define TESSERA_TESTS_AUTH_BENCH_H

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "auth/bcrypt.h"
#include "auth/env.h"

#define BENCH_CLIENTS    1000
#define BENCH_DEADLINE_S 60

struct bench {
    struct auth *auth;
    struct log *log;
    char log_path[32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock */
    bool open, broken; /* the gate; broken: bcrypt computes nothing */
    unsigned at_gate;  /* workers that wait there */
    unsigned answered;
    unsigned calls[BENCH_CLIENTS];
    struct auth_result results[BENCH_CLIENTS];
    _Atomic int64_t now_ns;
};

static inline int64_t
bench_now(void *context)
{
    return ((struct bench *)context)->now_ns;
}

static inline enum bcrypt_verdict
bench_verify(void *context, struct bcrypt_scratch *scratch, const char *hash, const char *token,
             size_t len)
{
    struct bench *bench = context;
    bool broken;

    pthread_mutex_lock(&bench->lock);
    bench->at_gate++;
    pthread_cond_broadcast(&bench->changed);
    while (!bench->open)
        pthread_cond_wait(&bench->changed, &bench->lock);
    bench->at_gate--;
    broken = bench->broken;
    pthread_mutex_unlock(&bench->lock);
    return broken ? BCRYPT_FAILED : bcrypt_verify(scratch, hash, token, len);
}

static inline void
bench_done(void *context, uint64_t id, const struct auth_result *result)
{
    struct bench *bench = context;

    pthread_mutex_lock(&bench->lock);
    bench->results[id] = *result;
    bench->calls[id]++;
    bench->answered++;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
}

static inline struct bench *
bench_new(unsigned workers, unsigned queue_max)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct auth_env env = { bench_now, bench_verify, bench };
    struct log_options options = { .file = bench->log_path };
    int fd;

    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->changed, NULL);
    bench->now_ns = 1000000000;
    bench->open = true;
    strncpy(bench->log_path, "auth_test_XXXXXX", sizeof(bench->log_path) - 1);
    fd = mkstemp(bench->log_path);
    assert_true(fd != -1);
    close(fd);
    bench->log = log_new();
    assert_int_equal(log_open(bench->log, &options, NULL), ERR_OK);
    bench->auth = auth_new_env(bench->log, workers, queue_max, &env);
    assert_non_null(bench->auth);
    return bench;
}

static inline void
bench_free(struct bench *bench)
{
    auth_free(bench->auth);
    log_free(bench->log);
    unlink(bench->log_path);
    pthread_cond_destroy(&bench->changed);
    pthread_mutex_destroy(&bench->lock);
    free(bench);
}

static inline void
bench_gate(struct bench *bench, bool open)
{
    pthread_mutex_lock(&bench->lock);
    bench->open = open;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
}

/* Waits until *number, which is under lock, is at least want. */
static inline void
bench_wait(struct bench *bench, const unsigned *number, unsigned want)
{
    struct timespec until;
    int failed = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BENCH_DEADLINE_S;
    pthread_mutex_lock(&bench->lock);
    while (*number < want && failed == 0)
        failed = pthread_cond_timedwait(&bench->changed, &bench->lock, &until);
    pthread_mutex_unlock(&bench->lock);
    assert_int_equal(failed, 0);
}

/* Asks for client id. An answer at once is kept like one that comes later. */
static inline enum auth_verdict
bench_ask(struct bench *bench, struct auth_policy *policy, const char *address, const char *token,
          uint64_t id)
{
    struct auth_request request = { .auth_token = str_of(token), .address = address };
    struct auth_result result;
    enum auth_verdict verdict =
        auth_check(bench->auth, policy, &request, &result, bench_done, bench, id);

    if (verdict != AUTH_PENDING)
        bench_done(bench, id, &result);
    return verdict;
}

/* Asks and waits for the answer. */
static inline struct auth_result
bench_login(struct bench *bench, struct auth_policy *policy, const char *address, const char *token)
{
    unsigned before = bench->answered;

    (void)bench_ask(bench, policy, address, token, 0);
    bench_wait(bench, &bench->answered, before + 1);
    return bench->results[0];
}

static inline uint64_t
bench_computed(struct bench *bench)
{
    struct auth_stats stats;

    auth_get_stats(bench->auth, &stats);
    return stats.bcrypt_checks;
}

/* The hash of token at the lowest cost; the caller frees it. */
static inline char *
bench_hash(const char *token)
{
    char *hash = malloc(BCRYPT_HASH_LEN + 1);

    assert_int_equal(bcrypt_hash(token, strlen(token), BCRYPT_COST_MIN, hash, NULL), ERR_OK);
    return hash;
}

#endif

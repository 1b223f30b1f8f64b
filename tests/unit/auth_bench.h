/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_bench - a struct auth whose clocks stand still and whose bcrypt waits at a gate
 *
 * Results arrive on threads of the pool; bench_wait() waits for them with a deadline. The bench
 * keeps the references to identities that come with them.
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
#define BENCH_WALL_NS    (1000LL * 1000000000)
#define BENCH_ADDRESS    "192.0.2.1"

struct bench {
    struct auth *auth;
    struct log *log;
    char log_path[32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock */
    bool open, broken; /* the gate; broken: bcrypt computes nothing */
    unsigned passes;   /* computations that may pass a closed gate */
    unsigned at_gate;  /* workers that wait there */
    unsigned came;     /* to the gate, ever */
    unsigned answered;
    unsigned calls[BENCH_CLIENTS];
    struct auth_result results[BENCH_CLIENTS];
    _Atomic int64_t now_ns, wall_ns;
    _Atomic int64_t verify_ns; /* by which each computation moves now_ns */
};

static inline int64_t
bench_now(void *context)
{
    return ((struct bench *)context)->now_ns;
}

static inline int64_t
bench_wall(void *context)
{
    return ((struct bench *)context)->wall_ns;
}

static inline enum bcrypt_verdict
bench_verify(void *context, struct bcrypt_scratch *scratch, const char *hash, const char *token,
             size_t len)
{
    struct bench *bench = context;
    bool broken;

    pthread_mutex_lock(&bench->lock);
    bench->at_gate++;
    bench->came++;
    pthread_cond_broadcast(&bench->changed);
    while (!bench->open && bench->passes == 0)
        pthread_cond_wait(&bench->changed, &bench->lock);
    if (!bench->open)
        bench->passes--;
    bench->at_gate--;
    broken = bench->broken;
    pthread_mutex_unlock(&bench->lock);
    bench->now_ns += bench->verify_ns;
    return broken ? BCRYPT_FAILED : bcrypt_verify(scratch, hash, token, len);
}

static inline void
bench_done(void *context, uint64_t id, const struct auth_result *result)
{
    struct bench *bench = context;

    pthread_mutex_lock(&bench->lock);
    auth_identity_unref(bench->results[id].pass.identity);
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
    struct auth_env env = { bench_now, bench_wall, bench_verify, bench };
    struct log_options options = { .file = bench->log_path };
    int fd;

    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->changed, NULL);
    bench->now_ns = 1000000000;
    bench->wall_ns = BENCH_WALL_NS;
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
    for (unsigned i = 0; i < BENCH_CLIENTS; i++)
        auth_identity_unref(bench->results[i].pass.identity);
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

/* Lets one computation through the closed gate, and waits for the next to come there. */
static inline void
bench_pass_one(struct bench *bench)
{
    unsigned came;

    pthread_mutex_lock(&bench->lock);
    came = bench->came;
    bench->passes++;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
    bench_wait(bench, &bench->came, came + 1);
}

/* Asks for client id, over a STANDARD connection from BENCH_ADDRESS unless request says else. An
 * answer at once is kept like one that comes later. */
static inline enum auth_verdict
bench_request(struct bench *bench, struct auth_policy *policy, struct auth_request request,
              uint64_t id)
{
    struct auth_result result;
    enum auth_verdict verdict;

    if (request.connection_type == 0)
        request.connection_type = CONNECTION_STANDARD;
    if (request.address == NULL)
        request.address = BENCH_ADDRESS;
    verdict = auth_check(bench->auth, policy, &request, &result, bench_done, bench, id);
    if (verdict != AUTH_PENDING) {
        assert_int_equal(result.verdict, verdict);
        bench_done(bench, id, &result);
    }
    return verdict;
}

static inline enum auth_verdict
bench_ask(struct bench *bench, struct auth_policy *policy, const char *address, const char *token,
          uint64_t id)
{
    return bench_request(bench, policy,
                         (struct auth_request) { .auth_token = str_of(token), .address = address },
                         id);
}

/* Asks as client 0 and waits for the answer. */
static inline struct auth_result
bench_answer(struct bench *bench, struct auth_policy *policy, struct auth_request request)
{
    unsigned before = bench->answered;

    (void)bench_request(bench, policy, request, 0);
    bench_wait(bench, &bench->answered, before + 1);
    return bench->results[0];
}

/* Asks and waits for the answer. */
static inline struct auth_result
bench_login(struct bench *bench, struct auth_policy *policy, const char *address, const char *token)
{
    return bench_answer(bench, policy,
                        (struct auth_request) { .auth_token = str_of(token), .address = address });
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

/* ---- policies */

static inline struct auth_entry
bench_entry(enum auth_kind kind, const char *name, const char *secret)
{
    return (struct auth_entry) { .kind = kind, .name = (char *)name, .secret = (char *)secret };
}

static inline struct auth_policy *
bench_policy(struct bench *bench, struct auth_entry *entries, size_t count,
             const char *no_auth_user)
{
    struct auth_options options = { .entries = entries,
                                    .count = count,
                                    .no_auth_user = (char *)no_auth_user };
    struct auth_policy *policy = auth_policy_new(bench->auth, &options);

    assert_non_null(policy);
    return policy;
}

/* The single token; NULL: everyone may enter. */
static inline struct auth_policy *
bench_token_policy(struct bench *bench, const char *token)
{
    struct auth_entry entry = bench_entry(AUTH_TOKEN, NULL, token);

    return bench_policy(bench, &entry, token == NULL ? 0 : 1, NULL);
}

/* ---- tables of answers */

#define WITH(literal) STR_LIT(literal)
#define NOTHING                                                                                    \
    {                                                                                              \
        .user = STR_NULL                                                                           \
    }
#define IN(name)   AUTH_OK, AUTH_CAUSE_NONE, name
#define OUT(cause) AUTH_REFUSED, AUTH_CAUSE_##cause, NULL

struct rule_row {
    const char *name;
    struct auth_request request;
    enum auth_verdict verdict; /* AUTH_PENDING is waited for */
    enum auth_cause cause;
    const char *identity; /* AUTH_OK: its name */
    uint64_t computed;    /* bcrypt computations it took */
};

static inline bool
bench_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static inline void
bench_check_row(struct bench *bench, struct auth_policy *policy, const struct rule_row *row)
{
    struct auth_stats before, after;
    struct auth_result result;

    auth_get_stats(bench->auth, &before);
    result = bench_answer(bench, policy, row->request);
    auth_get_stats(bench->auth, &after);
    if (result.verdict != row->verdict || result.cause != row->cause)
        fail_msg("%s: verdict %d, cause %s", row->name, (int)result.verdict,
                 auth_cause_text(result.cause));
    if (after.failed[result.cause] != before.failed[result.cause] + (result.verdict != AUTH_OK) ||
        after.ok != before.ok + (result.verdict == AUTH_OK))
        fail_msg("%s: not counted", row->name);
    if (after.bcrypt_checks != before.bcrypt_checks + row->computed)
        fail_msg("%s: %u computations", row->name,
                 (unsigned)(after.bcrypt_checks - before.bcrypt_checks));
    if ((result.verdict == AUTH_OK) != (result.pass.identity != NULL) ||
        (result.verdict == AUTH_OK && !bench_same_text(result.pass.identity->name, row->identity)))
        fail_msg("%s: identity", row->name);
}

#define BENCH_CHECK_ROWS(bench, policy, rows)                                                      \
    do {                                                                                           \
        for (size_t row_ = 0; row_ < sizeof(rows) / sizeof((rows)[0]); row_++)                     \
            bench_check_row(bench, policy, &(rows)[row_]);                                         \
    } while (0)

#endif

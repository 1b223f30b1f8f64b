/* SPDX-License-Identifier: Apache-2.0
 *
 * auth - its parts by themselves: bcrypt, digests, remembered verdicts, limits, the pool
 */
#include "auth_bench.h"

#include "auth/digest.h"
#include "auth/limits.h"
#include "auth/pool.h"
#include "auth/token.h"
#include "auth/verified.h"
#include "base/secret.h"

#define SALT_05 "$2a$05$CCCCCCCCCCCCCCCCCCCCC"

static void
test_bcrypt_form(void **state)
{
    static const struct {
        const char *text;
        enum bcrypt_form form;
        unsigned cost;
    } rows[] = {
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH, 5 },
        { "$2x$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH, 31 },
        { "$2y$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH, 4 },
        { "$2b$11$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_HASH, 11 },
        { "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_MALFORMED, 0 },
        { "$2b$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_MALFORMED, 0 },
        { "$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx", BCRYPT_MALFORMED, 0 },
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", BCRYPT_MALFORMED, 0 },
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW", BCRYPT_MALFORMED, 0 },
        { SALT_05 "!E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_MALFORMED, 0 },
        { "$2a$", BCRYPT_MALFORMED, 0 },
        { "$2a", BCRYPT_NONE, 0 },
        { "$2c$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", BCRYPT_NONE, 0 },
        { "", BCRYPT_NONE, 0 },
        { "token", BCRYPT_NONE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned cost = 0;

        if (bcrypt_form(str_of(rows[i].text), &cost) != rows[i].form || cost != rows[i].cost)
            fail_msg("\"%s\"", rows[i].text);
    }
}

/* The published test vectors of crypt_blowfish. */
static void
test_bcrypt_verify(void **state)
{
    static const struct {
        const char *hash;
        struct str token;
        enum bcrypt_verdict verdict;
    } rows[] = {
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", STR_LIT("U*U"), BCRYPT_RIGHT },
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", STR_LIT("U*V"), BCRYPT_WRONG },
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", STR_LIT("U*U\0U*U"), BCRYPT_WRONG },
        { SALT_05 ".E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", STR_LIT("U*U\0"), BCRYPT_WRONG },
        { SALT_05 ".VGOzA784oUp/Z0DY336zx7pLYAy0lwK", STR_LIT("U*U*"), BCRYPT_RIGHT },
        { "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", STR_LIT("U*U*U"),
          BCRYPT_RIGHT },
        /* spare bits in the salt's last character */
        { SALT_05 "/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", STR_LIT("U*U"), BCRYPT_RIGHT },
        /* x is computed without the bug it stands for */
        { "$2x$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", STR_LIT("\xa3"),
          BCRYPT_RIGHT },
        { "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", STR_LIT("\xa3"),
          BCRYPT_WRONG },
        { "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", STR_LIT("\xa3"),
          BCRYPT_RIGHT },
        { "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", STR_LIT("\xa3"),
          BCRYPT_RIGHT },
    };
    struct bcrypt_scratch *scratch = bcrypt_scratch_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bcrypt_verify(scratch, rows[i].hash, rows[i].token.data, rows[i].token.len) !=
            rows[i].verdict)
            fail_msg("row %zu, \"%s\"", i, rows[i].token.data);
    }
    bcrypt_scratch_free(scratch);
}

static void
test_bcrypt_hash(void **state)
{
    struct bcrypt_scratch *scratch = bcrypt_scratch_new();
    char hash[BCRYPT_HASH_LEN + 1], again[BCRYPT_HASH_LEN + 1], long_one[73];
    struct errmsg why;

    (void)state;
    memset(long_one, 'x', sizeof(long_one));
    assert_int_equal(bcrypt_hash(long_one, 72, 4, hash, &why), ERR_OK);
    assert_memory_equal(hash, "$2a$04$", 7);
    assert_int_equal(bcrypt_form(str_of(hash), NULL), BCRYPT_HASH);
    assert_int_equal(bcrypt_verify(scratch, hash, long_one, 72), BCRYPT_RIGHT);
    assert_int_equal(bcrypt_verify(scratch, hash, long_one, 71), BCRYPT_WRONG);
    assert_int_equal(bcrypt_verify(scratch, hash, long_one, 73), BCRYPT_WRONG);
    assert_int_equal(bcrypt_hash(long_one, 72, 4, again, &why), ERR_OK);
    assert_string_not_equal(hash, again);
    assert_int_equal(bcrypt_hash(long_one, 73, 4, hash, &why), ERR_INVALID);
    assert_int_equal(bcrypt_hash("a\0b", 3, 4, hash, &why), ERR_INVALID);
    assert_int_equal(bcrypt_hash("", 0, 4, hash, &why), ERR_INVALID);
    assert_int_equal(bcrypt_hash("a", 1, 3, hash, &why), ERR_INVALID);
    assert_int_equal(bcrypt_hash("a", 1, 32, hash, &why), ERR_INVALID);
    assert_int_equal(bcrypt_estimate_ns(31) % (1LL << 27), 0);
    bcrypt_scratch_free(scratch);
}

static void
test_digest(void **state)
{
    struct digest_key *key = digest_key_new(), *other = digest_key_new();
    struct digest a, b;

    (void)state;
    assert_true(digest_of(key, DIGEST_TOKEN, "token", 5, &a));
    assert_true(digest_of(key, DIGEST_TOKEN, "token", 5, &b));
    assert_true(digest_equal(&a, &b));
    assert_false(digest_is_zero(&a));
    assert_true(digest_of(key, DIGEST_TOKEN, "token", 4, &b));
    assert_false(digest_equal(&a, &b));
    assert_true(digest_of(key, DIGEST_PASSWORD, "token", 5, &b));
    assert_false(digest_equal(&a, &b));
    assert_true(digest_of(other, DIGEST_TOKEN, "token", 5, &b));
    assert_false(digest_equal(&a, &b));
    b = digest_join(&a, &b);
    assert_false(digest_equal(&a, &b));
    b = digest_join(&a, &a);
    assert_true(digest_is_zero(&b));
    b = a;
    b.bytes[DIGEST_LEN - 1] ^= 1;
    assert_false(digest_equal(&a, &b));
    digest_key_free(key);
    digest_key_free(other);
}

static void
test_secret_pages_are_not_dumped(void **state)
{
    char *secret = secret_alloc(100);
    char line[512];
    bool inside = false, excluded = false;
    FILE *maps = fopen("/proc/self/smaps", "r");

    (void)state;
    assert_non_null(secret);
    for (int i = 0; i < 100; i++)
        assert_int_equal(secret[i], 0);
    memset(secret, 'x', 100);
    if (maps == NULL)
        skip();
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)secret >= from && (uintptr_t)secret < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            excluded = strstr(line, " dd") != NULL;
    }
    (void)fclose(maps);
    assert_true(excluded);
    secret_free(secret, 100);
    secret_free(NULL, 100);
}

static void
test_vault(void **state)
{
    struct vault *vault = vault_new(8);
    const char *first = vault_put(vault, "abc", 3), *second = vault_put(vault, "xyz", 3);

    (void)state;
    assert_string_equal(first, "abc");
    assert_string_equal(second, "xyz");
    vault_unref(vault_ref(vault));
    assert_string_equal(first, "abc");
    vault_unref(vault);
    vault_unref(NULL);
}

static void
test_credential_wipes_its_text(void **state)
{
    struct digest_key *key = digest_key_new();
    struct vault *vault = vault_new(16);
    struct credential *first = credential_new(key, DIGEST_TOKEN, vault, "first");
    struct credential *second = credential_new(key, DIGEST_TOKEN, vault, "second");
    const char *text = first->text;

    (void)state;
    credential_unref(credential_ref(first));
    assert_string_equal(text, "first");
    credential_unref(first);
    assert_memory_equal(text, "\0\0\0\0\0", 5);
    assert_string_equal(second->text, "second");
    credential_unref(second);
    vault_unref(vault);
    digest_key_free(key);
}

static struct digest
numbered(unsigned number)
{
    struct digest digest = { { 1 } };

    memcpy(digest.bytes + 1, &number, sizeof(number));
    return digest;
}

static void
test_verified_right(void **state)
{
    struct verified_right right = { 0 };

    (void)state;
    for (unsigned i = 0; i < 2 * VERIFIED_RIGHT_MAX; i++) {
        struct digest digest = numbered(i);

        assert_false(verified_is_right(&right, &digest));
        verified_add_right(&right, &digest);
        verified_add_right(&right, &digest);
        assert_true(verified_is_right(&right, &digest));
    }
    /* The youngest stay, the oldest went, and nothing took two places. */
    for (unsigned i = 0; i < 2 * VERIFIED_RIGHT_MAX; i++) {
        struct digest digest = numbered(i);

        assert_int_equal(verified_is_right(&right, &digest), i >= VERIFIED_RIGHT_MAX);
    }
}

static void
test_verified_wrong(void **state)
{
    struct verified_wrong *wrong = calloc(1, sizeof(*wrong));
    struct digest_key *key = digest_key_new();
    struct digest hash, other_hash, secret;
    unsigned remembered = 0;
    const unsigned places = VERIFIED_WRONG_GROUPS * VERIFIED_WRONG_WAYS;

    (void)state;
    assert_true(digest_of(key, DIGEST_TOKEN, "hash", 4, &hash));
    assert_true(digest_of(key, DIGEST_TOKEN, "other", 5, &other_hash));
    for (unsigned i = 0; i < 8 * places; i++) {
        assert_true(digest_of(key, DIGEST_TOKEN, (const char *)&i, sizeof(i), &secret));
        assert_false(verified_is_wrong(wrong, &hash, &secret));
        verified_add_wrong(wrong, &hash, &secret);
        verified_add_wrong(wrong, &hash, &secret);
        assert_true(verified_is_wrong(wrong, &hash, &secret));
        assert_false(verified_is_wrong(wrong, &other_hash, &secret));
    }
    for (unsigned i = 0; i < 8 * places; i++) {
        assert_true(digest_of(key, DIGEST_TOKEN, (const char *)&i, sizeof(i), &secret));
        remembered += verified_is_wrong(wrong, &hash, &secret);
    }
    /* So many draws leave no group with fewer than its places. */
    assert_int_equal(remembered, places);
    digest_key_free(key);
    free(wrong);
}

/* ---- limits */

static void
test_limits_keys(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "192.0.2.1", "::ffff:192.0.2.1", true },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
        { "2001:db8::1", "2001:db8::ffff", true },
        { "2001:db8::1", "2001:db8:0:1::1", false },
        { "pipe", "pipe", true },
        { "pipe", "tube", false },
        { NULL, "", true },
        { "::1", "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct limits_key a = limits_key_of(rows[i].a), b = limits_key_of(rows[i].b);

        if ((memcmp(&a, &b, sizeof(a)) == 0) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

static void
test_limits(void **state)
{
    static const struct limits_rule rule = { .checks_max = 2, .burst = 3, .recovery_ns = 100 };
    struct limits *limits = limits_new(&rule);
    struct limits_key key = limits_key_of("192.0.2.1"), other = limits_key_of("192.0.2.2");

    (void)state;
    assert_true(limits_begin(limits, &key, 1000));
    assert_true(limits_begin(limits, &key, 1000));
    assert_false(limits_begin(limits, &key, 1000));
    assert_true(limits_begin(limits, &other, 1000));
    limits_end(limits, &key, false, 1000);
    assert_true(limits_begin(limits, &key, 1000));
    limits_end(limits, &key, true, 1000);
    limits_end(limits, &key, true, 1000);
    assert_true(limits_begin(limits, &key, 1000));
    limits_end(limits, &key, true, 1000);
    assert_false(limits_begin(limits, &key, 1099));
    assert_true(limits_begin(limits, &key, 1100));
    limits_end(limits, &key, true, 1100);
    assert_false(limits_begin(limits, &key, 1199));
    /* Credit does not grow over the burst while nothing happens. */
    for (int i = 0; i < 3; i++) {
        assert_true(limits_begin(limits, &key, 1000000));
        limits_end(limits, &key, true, 1000000);
    }
    assert_false(limits_begin(limits, &key, 1000000));
    limits_free(limits);
}

/* However many addresses come, those with checks under way keep their entry. */
static void
test_limits_table_is_bounded(void **state)
{
    static const struct limits_rule rule = { .checks_max = 1, .burst = 1, .recovery_ns = 1000000 };
    struct limits *limits = limits_new(&rule);
    struct limits_key busy = limits_key_of("192.0.2.1");
    unsigned begun = 0;

    (void)state;
    assert_true(limits_begin(limits, &busy, 1));
    for (unsigned i = 0; i < 20000; i++) {
        char address[32];
        struct limits_key key;

        (void)snprintf(address, sizeof(address), "10.%u.%u.%u", i / 65536, i / 256 % 256, i % 256);
        key = limits_key_of(address);
        if (limits_begin(limits, &key, 1)) {
            limits_end(limits, &key, true, 1);
            begun++;
        }
    }
    assert_int_equal(begun, 20000);
    assert_false(limits_begin(limits, &busy, 1));
    limits_end(limits, &busy, false, 1);
    assert_true(limits_begin(limits, &busy, 1));
    limits_end(limits, &busy, false, 1);

    /* All places taken by checks: newcomers are refused, nothing is lost. */
    begun = 0;
    for (unsigned i = 0; i < 20000; i++) {
        struct limits_key key = { { 0 } };

        memcpy(key.bytes, &i, sizeof(i));
        begun += limits_begin(limits, &key, 2);
    }
    assert_true(begun > 0 && begun < 20000);
    limits_free(limits);
}

/* ---- the pool */

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned running, ended;
    unsigned order[16];
};

static void
run_job(void *context, void *job, unsigned worker)
{
    struct jobs *jobs = context;

    (void)worker;
    pthread_mutex_lock(&jobs->lock);
    jobs->running++;
    pthread_cond_broadcast(&jobs->changed);
    while (!jobs->open)
        pthread_cond_wait(&jobs->changed, &jobs->lock);
    jobs->running--;
    jobs->order[jobs->ended++] = *(unsigned *)job;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

static void
wait_jobs(struct jobs *jobs, const unsigned *number, unsigned want)
{
    struct timespec until;
    int failed = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BENCH_DEADLINE_S;
    pthread_mutex_lock(&jobs->lock);
    while (*number < want && failed == 0)
        failed = pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
    pthread_mutex_unlock(&jobs->lock);
    assert_int_equal(failed, 0);
}

static void
open_jobs(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->open = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

static void
test_pool_is_a_bounded_fifo(void **state)
{
    struct jobs jobs = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct pool *pool = pool_new(1, 3, run_job, &jobs);
    unsigned numbers[] = { 0, 1, 2, 3, 4 };

    (void)state;
    assert_int_equal(pool_start(pool, NULL), ERR_OK);
    assert_int_equal(pool_start(pool, NULL), ERR_OK);
    assert_true(pool_submit(pool, &numbers[0]));
    wait_jobs(&jobs, &jobs.running, 1);
    for (int i = 1; i < 4; i++)
        assert_true(pool_submit(pool, &numbers[i]));
    assert_false(pool_submit(pool, &numbers[4]));
    assert_int_equal(pool_waiting(pool), 3);
    open_jobs(&jobs);
    wait_jobs(&jobs, &jobs.ended, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(jobs.order[i], i);
    assert_true(pool_stop(pool, 10000));
    pool_free(pool);
}

static void
test_pool_stop_does_not_wait_for_ever(void **state)
{
    struct jobs jobs = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    struct pool *pool = pool_new(2, 8, run_job, &jobs);
    unsigned numbers[] = { 0, 1, 2, 3 };

    (void)state;
    assert_int_equal(pool_start(pool, NULL), ERR_OK);
    for (int i = 0; i < 4; i++)
        assert_true(pool_submit(pool, &numbers[i]));
    wait_jobs(&jobs, &jobs.running, 2);
    assert_false(pool_stop(pool, 0));
    open_jobs(&jobs);
    assert_true(pool_stop(pool, 1000 * BENCH_DEADLINE_S));
    assert_int_equal(jobs.ended, 2);
    pool_free(pool);
}

static void
test_pool_never_started(void **state)
{
    struct jobs jobs = { .open = true };
    struct pool *pool = pool_new(4, 1, run_job, &jobs);

    (void)state;
    assert_true(pool_stop(pool, 0));
    pool_free(pool);
    pool_free(NULL);
    assert_int_equal(jobs.ended, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bcrypt_form),
        cmocka_unit_test(test_bcrypt_verify),
        cmocka_unit_test(test_bcrypt_hash),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_secret_pages_are_not_dumped),
        cmocka_unit_test(test_vault),
        cmocka_unit_test(test_credential_wipes_its_text),
        cmocka_unit_test(test_verified_right),
        cmocka_unit_test(test_verified_wrong),
        cmocka_unit_test(test_limits_keys),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_table_is_bounded),
        cmocka_unit_test(test_pool_is_a_bounded_fifo),
        cmocka_unit_test(test_pool_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_pool_never_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The letters a, b, x and y name the same algorithm with and without old bugs of this or that
 * library; libxcrypt also computes the bugs of x and the countermeasures of a. What NATS calls
 * `$2a$` is the plain algorithm, so every hash is computed as `$2b$` and made as `$2a$`.
 *
 *   $2b$11$ + 22 characters of salt + 31 characters of result
 *
 * Only the results are compared: the last character of a salt has spare bits, which some
 * libraries fill and libxcrypt clears in what it returns.
 */
#include "auth/bcrypt.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"

#define PREFIX_LEN 7 /* "$2b$11$" */
#define RESULT_AT  29

struct bcrypt_scratch {
    struct crypt_data data; /* 32 KB */
    char token[BCRYPT_PASSWORD_MAX + 1];
    char setting[BCRYPT_HASH_LEN + 1];
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
in_alphabet(char c)
{
    return c == '.' || c == '/' || is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum bcrypt_form
bcrypt_form(struct str text, unsigned *cost)
{
    const char *at = text.data;
    unsigned rounds;

    if (text.len < 4 || memcmp(at, "$2", 2) != 0 || memchr("abxy", at[2], 4) == NULL ||
        at[3] != '$')
        return BCRYPT_NONE;
    if (text.len != BCRYPT_HASH_LEN || !is_digit(at[4]) || !is_digit(at[5]) || at[6] != '$')
        return BCRYPT_MALFORMED;
    for (size_t i = PREFIX_LEN; i < BCRYPT_HASH_LEN; i++) {
        if (!in_alphabet(at[i]))
            return BCRYPT_MALFORMED;
    }
    rounds = (unsigned)(at[4] - '0') * 10 + (unsigned)(at[5] - '0');
    if (rounds < BCRYPT_COST_MIN || rounds > BCRYPT_COST_MAX)
        return BCRYPT_MALFORMED;
    if (cost != NULL)
        *cost = rounds;
    return BCRYPT_HASH;
}

struct bcrypt_scratch *
bcrypt_scratch_new(void)
{
    return secret_alloc(sizeof(struct bcrypt_scratch));
}

void
bcrypt_scratch_free(struct bcrypt_scratch *scratch)
{
    secret_free(scratch, sizeof(*scratch));
}

static bool
is_password(const char *password, size_t len)
{
    return len <= BCRYPT_PASSWORD_MAX && memchr(password, '\0', len) == NULL;
}

/* Hashes password under setting ("$2b$NN$" + salt, or a whole hash). NULL: not computed. The
 * result is in scratch, which the caller wipes. */
static const char *
compute(struct bcrypt_scratch *scratch, const char *setting, const char *password, size_t len)
{
    const char *hash;

    memcpy(scratch->token, password, len);
    scratch->token[len] = '\0';
    hash = crypt_r(scratch->token, setting, &scratch->data);
    return hash == NULL || strlen(hash) != BCRYPT_HASH_LEN ? NULL : hash;
}

enum bcrypt_verdict
bcrypt_verify(struct bcrypt_scratch *scratch, const char *hash, const char *token, size_t len)
{
    enum bcrypt_verdict verdict = BCRYPT_FAILED;
    const char *computed;

    assert(bcrypt_form(str_of(hash), NULL) == BCRYPT_HASH);
    if (!is_password(token, len))
        return BCRYPT_WRONG;
    memcpy(scratch->setting, hash, BCRYPT_HASH_LEN + 1);
    scratch->setting[2] = 'b';
    computed = compute(scratch, scratch->setting, token, len);
    if (computed != NULL)
        verdict =
            CRYPTO_memcmp(computed + RESULT_AT, hash + RESULT_AT, BCRYPT_HASH_LEN - RESULT_AT) == 0
                ? BCRYPT_RIGHT
                : BCRYPT_WRONG;
    mem_wipe(scratch, sizeof(*scratch));
    return verdict;
}

enum err
bcrypt_hash(const char *password, size_t len, unsigned cost, char out[BCRYPT_HASH_LEN + 1],
            struct errmsg *why)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct bcrypt_scratch *scratch;
    const char *hash;
    enum err err = ERR_OK;

    if (cost < BCRYPT_COST_MIN || cost > BCRYPT_COST_MAX)
        return err_set(why, ERR_INVALID, "the bcrypt cost %u is not within %d to %d", cost,
                       BCRYPT_COST_MIN, BCRYPT_COST_MAX);
    if (len == 0 || !is_password(password, len))
        return err_set(why, ERR_INVALID, "the password must have 1 to %d bytes and no NUL",
                       BCRYPT_PASSWORD_MAX);
    if (crypt_gensalt_rn("$2b$", cost, NULL, 0, setting, sizeof(setting)) == NULL)
        return err_sys(why, errno, "could not draw a salt");
    scratch = bcrypt_scratch_new();
    if (scratch == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    hash = compute(scratch, setting, password, len);
    if (hash != NULL) {
        memcpy(out, hash, BCRYPT_HASH_LEN + 1);
        out[2] = 'a';
    } else {
        err = err_set(why, ERR_SYS, "could not compute the hash");
    }
    bcrypt_scratch_free(scratch);
    return err;
}

int64_t
bcrypt_estimate_ns(unsigned cost)
{
    int64_t best_ns = INT64_MAX;
    char hash[BCRYPT_HASH_LEN + 1];

    /* The best of three: whatever else runs here only ever adds. */
    for (int i = 0; i < 3; i++) {
        int64_t start_ns = clock_mono_ns();

        if (bcrypt_hash("estimate", 8, BCRYPT_COST_MIN, hash, NULL) != ERR_OK)
            return 0;
        if (clock_mono_ns() - start_ns < best_ns)
            best_ns = clock_mono_ns() - start_ns;
    }
    return best_ns << (cost - BCRYPT_COST_MIN);
}

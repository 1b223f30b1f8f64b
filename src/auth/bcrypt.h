/* SPDX-License-Identifier: Apache-2.0
 *
 * bcrypt - recognise, check and make `$2a$11$...` hashes
 *
 * Threads  any, each with a struct bcrypt_scratch of its own.
 * Cost     2^cost rounds: at cost 11 about a tenth of a second. Never on a loop.
 */
#ifndef TESSERA_AUTH_BCRYPT_H
#define TESSERA_AUTH_BCRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define BCRYPT_HASH_LEN     60
#define BCRYPT_PASSWORD_MAX 72 /* bytes; bcrypt does not look at more */
#define BCRYPT_COST_MIN     4
#define BCRYPT_COST_MAX     31

enum bcrypt_form {
    BCRYPT_NONE, /* a plain token */
    BCRYPT_HASH,
    BCRYPT_MALFORMED, /* begins like a hash and is none: a typing error, not a plain token */
};

/* A hash is `$2[abxy]$NN$` and 53 characters of bcrypt's alphabet; its cost goes to *cost,
 * which may be NULL. */
enum bcrypt_form bcrypt_form(struct str text, unsigned *cost);

enum bcrypt_verdict {
    BCRYPT_RIGHT,
    BCRYPT_WRONG,
    BCRYPT_FAILED, /* not computed: a verdict on neither */
};

/* The memory of one computation, wiped after each. */
struct bcrypt_scratch;

struct bcrypt_scratch *bcrypt_scratch_new(void); /* NULL: out of memory */
void bcrypt_scratch_free(struct bcrypt_scratch *scratch);

/* hash is of BCRYPT_HASH form. A token with a NUL or over 72 bytes is wrong without a look. */
enum bcrypt_verdict bcrypt_verify(struct bcrypt_scratch *scratch, const char *hash,
                                  const char *token, size_t len);

/* ERR_INVALID: cost outside 4..31, a NUL in the password, over 72 bytes, or none at all. */
enum err bcrypt_hash(const char *password, size_t len, unsigned cost, char out[BCRYPT_HASH_LEN + 1],
                     struct errmsg *why);

/* What one check at cost takes on this machine, measured at the lowest cost (some ms). */
int64_t bcrypt_estimate_ns(unsigned cost);

#endif

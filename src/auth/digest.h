/* SPDX-License-Identifier: Apache-2.0
 *
 * digest - keyed digests of secrets and names: HMAC-SHA256 under a key drawn per process
 *
 * Two tokens are compared by their digests, in constant time: neither their bytes nor their
 * lengths show in how long it takes. A digest says nothing about its token without the key,
 * and the key lives in secret memory only.
 *
 * Threads  any; a key is immutable.
 * Cost     about a microsecond for a short token.
 */
#ifndef TESSERA_AUTH_DIGEST_H
#define TESSERA_AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_LEN 32

struct digest {
    unsigned char bytes[DIGEST_LEN];
};

struct digest_key;

/* What a digest is of. The same text has a digest of its own as each of them, so that a
 * password can never pass for a token. */
enum digest_purpose { DIGEST_TOKEN, DIGEST_PASSWORD, DIGEST_USER, DIGEST_NKEY };

struct digest_key *digest_key_new(void); /* NULL: out of memory */
void digest_key_free(struct digest_key *key);

/* false: out of memory; then out is all zero, which no text has. */
bool digest_of(const struct digest_key *key, enum digest_purpose purpose, const char *data,
               size_t len, struct digest *out);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *digest); /* of nothing: no text was there */
/* A digest of the pair, as unpredictable as its parts, if they are of different texts. */
struct digest digest_join(const struct digest *a, const struct digest *b);

#endif

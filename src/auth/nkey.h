/* SPDX-License-Identifier: Apache-2.0
 *
 * nkey - public user keys (`U...`) and what their owners sign
 *
 *   text = base32(prefix byte, 32 bytes of Ed25519 public key, CRC-16 of both), 56 characters
 *
 * Threads  any.
 * Cost     nkey_verify: about a tenth of a millisecond; all else is nothing.
 */
#ifndef TESSERA_AUTH_NKEY_H
#define TESSERA_AUTH_NKEY_H

#include <stdbool.h>

#include "base/str.h"

#define NKEY_TEXT_LEN   56
#define NKEY_PUBLIC_LEN 32
#define NKEY_NONCE_LEN  15 /* characters, of 11 random bytes */

/* false: not the public nkey of a user. */
bool nkey_decode_user(struct str text, unsigned char out[NKEY_PUBLIC_LEN]);

/* Did the owner of key sign nonce? sig is base64, of either alphabet, padded or not. A nonce that
 * is absent or empty was never signed. */
bool nkey_verify(const unsigned char key[NKEY_PUBLIC_LEN], struct str nonce, struct str sig);

/* A new nonce, with its NUL. */
void nkey_nonce_make(char out[NKEY_NONCE_LEN + 1]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * nkey - what the owners of public user keys sign (proto/nkey_text.h has the keys as text)
 *
 * Threads  any.
 * Cost     nkey_verify: about a tenth of a millisecond; all else is nothing.
 */
#ifndef TESSERA_AUTH_NKEY_H
#define TESSERA_AUTH_NKEY_H

#include <stdbool.h>

#include "base/str.h"
#include "proto/nkey_text.h"

#define NKEY_NONCE_LEN 15 /* characters, of 11 random bytes */

/* Did the owner of key sign nonce? sig is base64, of either alphabet, padded or not. A nonce that
 * is absent or empty was never signed. */
bool nkey_verify(const unsigned char key[NKEY_PUBLIC_LEN], struct str nonce, struct str sig);

/* A new nonce, with its NUL. */
void nkey_nonce_make(char out[NKEY_NONCE_LEN + 1]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * nkey_text - public nkeys as text: base32 of the kind, 32 bytes of key and their CRC-16
 *
 *   UALUEVHX7UTN...  a user          NDGATYLRYWMI...  a server
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_PROTO_NKEY_TEXT_H
#define TESSERA_PROTO_NKEY_TEXT_H

#include <stdbool.h>

#include "base/str.h"

#define NKEY_PUBLIC_LEN 32
#define NKEY_TEXT_LEN   56

/* The first byte: its five upper bits become the first letter. */
enum nkey_kind { NKEY_SERVER = 13 << 3, NKEY_USER = 20 << 3 };

/* false: not a well-formed key of that kind; out is untouched then. */
bool nkey_text_decode(struct str text, enum nkey_kind kind, unsigned char out[NKEY_PUBLIC_LEN]);

/* Writes the text and a NUL. */
void nkey_text_encode(enum nkey_kind kind, const unsigned char key[NKEY_PUBLIC_LEN],
                      char out[NKEY_TEXT_LEN + 1]);

#endif

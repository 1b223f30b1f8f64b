/* SPDX-License-Identifier: Apache-2.0
 *
 * user_nkey - is a text the public nkey of a user?
 *
 *   56 letters of base32: 1 byte kind (20 << 3: user, so the first letter is U), 32 bytes of
 *   Ed25519 key, 2 bytes CRC-16/XMODEM of both, low byte first
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_CONF_USER_NKEY_H
#define TESSERA_CONF_USER_NKEY_H

#include <stdbool.h>

#include "base/str.h"

bool user_nkey_valid(struct str text);

#endif

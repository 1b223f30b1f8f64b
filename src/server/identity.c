/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing signs with this key, so its 32 bytes are plain random; tools that check the form
 * accept it.
 */
#include "server/identity.h"

#include "base/random.h"

void
server_id_make(char out[SERVER_ID_LEN + 1])
{
    unsigned char key[NKEY_PUBLIC_LEN];

    random_bytes(key, sizeof(key));
    nkey_text_encode(NKEY_SERVER, key, out);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * identity - the server's id, drawn anew at each start
 */
#ifndef TESSERA_SERVER_IDENTITY_H
#define TESSERA_SERVER_IDENTITY_H

#include "proto/nkey_text.h"

#define SERVER_ID_LEN NKEY_TEXT_LEN

/* Writes an id in the form of a public server nkey: 'N', 55 more of A-Z and 2-7, NUL. */
void server_id_make(char out[SERVER_ID_LEN + 1]);

#endif

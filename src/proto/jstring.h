/* SPDX-License-Identifier: Apache-2.0
 *
 * jstring - strings of a JSON text, read and written without a copy that nobody wipes
 *
 * A JSON library keeps what it decodes in memory that it frees unwiped; CONNECT carries
 * tokens. Bad UTF-8 and lone surrogates become U+FFFD, as in the reference.
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_PROTO_JSTRING_H
#define TESSERA_PROTO_JSTRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Takes a string off *rest, which starts with its opening quote; *raw: what is between the
 * quotes. False when it does not end or holds a bare control byte. */
bool jstring_take(struct str *rest, struct str *raw);

/* Decodes raw into out, or only counts when out is NULL; *len: the decoded bytes. False for an
 * escape that JSON does not know. */
bool jstring_decode(struct str raw, char *out, size_t *len);

/* Writes text, quotes included, to out, or only counts when out is NULL; returns the bytes. */
size_t jstring_encode(struct str text, char *out);

#endif

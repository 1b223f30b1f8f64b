/* SPDX-License-Identifier: Apache-2.0
 *
 * text - bytes as they stand inside JSON, quotes and base64
 *
 * Each appends to out; false for want of memory (out may then hold a part).
 */
#ifndef TESSERA_CLI_TEXT_H
#define TESSERA_CLI_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* What stands between the quotes of a JSON string. Bytes that are not UTF-8 pass unchanged. */
bool text_append_json(struct buf *out, struct str text);

/* In double quotes, with what is not printable as \n, \t, \xNN. UTF-8 stays as it is. */
bool text_append_quoted(struct buf *out, struct str text);

bool text_append_base64(struct buf *out, struct str bytes);

#endif

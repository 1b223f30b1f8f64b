/* SPDX-License-Identifier: Apache-2.0
 *
 * template - {{Count}}, {{Time}}, {{Random 10 100}}... inside bodies, subjects and headers
 *
 *   Count, Cnt       the message's number            ID    22 letters and digits, unique
 *   Unix, UnixNano   seconds, nanoseconds since 1970 UUID  random, version 4
 *   TimeStamp        2026-11-23T20:19:34+01:00       Time  8:19PM
 *   Random MIN MAX   letters and digits, MIN to MAX - 1 of them
 *   "text"           text, for {{"{{"}}
 *
 * `{{-` and `-}}` eat the blanks before and behind; `.Count` means Count.
 */
#ifndef TESSERA_CLI_TEMPLATE_H
#define TESSERA_CLI_TEMPLATE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/random.h"
#include "base/str.h"

struct template_values {
    int64_t count;
    int64_t now_ns; /* since 1970 */
    struct random *random;
};

/* Appends text with its templates filled in. On failure out is as it was. */
enum err template_render(struct buf *out, struct str text, const struct template_values *values,
                         struct errmsg *why);

#endif

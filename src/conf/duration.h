/* SPDX-License-Identifier: Apache-2.0
 *
 * duration - "1h30m", "250ms", "-1.5s": Go's way to write a span of time
 */
#ifndef TESSERA_CONF_DURATION_H
#define TESSERA_CONF_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Units ns us µs ms s m h, each number with an optional fraction; "0" needs no unit.
 * false: not a duration, or over 2^63-1 ns. */
bool duration_parse(struct str text, int64_t *out_ns);

#define DURATION_TEXT_MAX 32 /* bytes, NUL included */

/* "2m0s", "1.5s", "250ms", "0s": as Go prints it. Returns out. */
const char *duration_format(int64_t ns, char out[DURATION_TEXT_MAX]);

#endif

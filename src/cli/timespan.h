/* SPDX-License-Identifier: Apache-2.0
 *
 * timespan - durations as people type and read them
 *
 * Units: ns us (or µs) ms s m h, and d w M y for days, weeks, months of 30 and years of 365
 * days. Parts add up ("1m30s"), may have a fraction ("1.5h"), one sign stands in front.
 */
#ifndef TESSERA_CLI_TIMESPAN_H
#define TESSERA_CLI_TIMESPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds; false when text is no duration or the result does not fit. */
bool timespan_parse(const char *text, int64_t *out_ns);

#define TIMESPAN_TEXT_MAX 32 /* bytes, NUL included */

/* "1h2m3.5s", "12.345ms", "0s": the largest unit first, no trailing zeros. */
void timespan_print(char out[TIMESPAN_TEXT_MAX], int64_t ns);

#endif

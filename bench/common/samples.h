/* SPDX-License-Identifier: Apache-2.0
 *
 * samples - durations, and the figures that a report wants of them
 *
 * Owns     its memory; samples_release() gives it back.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_COMMON_SAMPLES_H
#define TESSERA_BENCH_COMMON_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct samples {
    int64_t *ns;
    size_t count, cap;
};

void samples_add(struct samples *samples, int64_t ns);
void samples_release(struct samples *samples);

/* {"count": 3, "first_ms": 2.0, "median_ms": 1.1, "p99_ms": 2.0, "max_ms": 2.0}; the durations are
 * null when there are none. first is the one added first; the samples are sorted by this. */
void samples_print(struct samples *samples, FILE *out);

/* The same in microseconds and with a longer tail:
 * {"count": 3, "p50": 1.1, "p90": 2.0, "p99": 2.0, "p999": 2.0, "max": 2.0} */
void samples_print_us(struct samples *samples, FILE *out);

#endif

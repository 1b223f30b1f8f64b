/* SPDX-License-Identifier: Apache-2.0
 *
 * All are kept: a run has some hundred thousand, and exact figures need no explanation.
 */
#include "samples.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

void
samples_add(struct samples *samples, int64_t ns)
{
    if (samples->count == samples->cap) {
        samples->cap = samples->cap == 0 ? 1024 : 2 * samples->cap;
        samples->ns = xrealloc(samples->ns, samples->cap * sizeof(*samples->ns));
    }
    samples->ns[samples->count++] = ns;
}

void
samples_release(struct samples *samples)
{
    free(samples->ns);
    *samples = (struct samples) { 0 };
}

static int
by_duration(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static double
ms_of(int64_t ns)
{
    return (double)ns / (double)CLOCK_NS_PER_MS;
}

/* The smallest sample that percent of all are not above. */
static double
percentile_ms(const struct samples *sorted, unsigned percent)
{
    return ms_of(sorted->ns[(sorted->count * percent + 99) / 100 - 1]);
}

void
samples_print(struct samples *samples, FILE *out)
{
    double first;

    if (samples->count == 0) {
        fputs("{\"count\": 0, \"first_ms\": null, \"median_ms\": null, \"p99_ms\": null, "
              "\"max_ms\": null}",
              out);
        return;
    }
    first = ms_of(samples->ns[0]);
    qsort(samples->ns, samples->count, sizeof(*samples->ns), by_duration);
    fprintf(out,
            "{\"count\": %zu, \"first_ms\": %.4f, \"median_ms\": %.4f, \"p99_ms\": %.4f, "
            "\"max_ms\": %.4f}",
            samples->count, first, percentile_ms(samples, 50), percentile_ms(samples, 99),
            percentile_ms(samples, 100));
}

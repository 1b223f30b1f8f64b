/* SPDX-License-Identifier: Apache-2.0
 *
 * All are kept: a run has some hundred thousand, and exact figures need no explanation.
 */
#include "common/samples.h"

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

static void
sort(struct samples *samples)
{
    qsort(samples->ns, samples->count, sizeof(*samples->ns), by_duration);
}

static double
ms_of(int64_t ns)
{
    return (double)ns / (double)CLOCK_NS_PER_MS;
}

/* The smallest sample that so many of a thousand are not above. */
static double
quantile_ms(const struct samples *sorted, unsigned per_mille)
{
    return ms_of(sorted->ns[(sorted->count * per_mille + 999) / 1000 - 1]);
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
    sort(samples);
    fprintf(out,
            "{\"count\": %zu, \"first_ms\": %.4f, \"median_ms\": %.4f, \"p99_ms\": %.4f, "
            "\"max_ms\": %.4f}",
            samples->count, first, quantile_ms(samples, 500), quantile_ms(samples, 990),
            quantile_ms(samples, 1000));
}

void
samples_print_us(struct samples *samples, FILE *out)
{
    static const struct {
        const char *name;
        unsigned per_mille;
    } figures[] = {
        { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 }, { "max", 1000 }
    };

    sort(samples);
    fprintf(out, "{\"count\": %zu", samples->count);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        if (samples->count == 0)
            fprintf(out, ", \"%s\": null", figures[i].name);
        else
            fprintf(out, ", \"%s\": %.2f", figures[i].name,
                    1000 * quantile_ms(samples, figures[i].per_mille));
    }
    fputc('}', out);
}

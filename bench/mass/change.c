/* SPDX-License-Identifier: Apache-2.0 */
#include "mass/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum err
change_wait_after(struct change *change, pid_t pid, unsigned seconds, struct errmsg *why)
{
    struct timespec left = { .tv_sec = seconds };

    while (nanosleep(&left, &left) == -1)
        continue; /* a signal */
    return memory_of(pid, &change->after, why);
}

void
change_print(const struct change *change, unsigned count)
{
    double grown_kb = (double)change->with.private_kb - (double)change->before.private_kb;

    printf("\"bytes_each\": %.1f, \"private_kb\": {\"before\": %" PRIu64 ", \"with\": %" PRIu64
           ", \"after\": %" PRIu64 "}, \"server_peak_rss_kb\": %" PRIu64,
           grown_kb * 1024 / count, change->before.private_kb, change->with.private_kb,
           change->after.private_kb, change->after.peak_rss_kb);
}

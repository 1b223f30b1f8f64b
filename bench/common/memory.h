/* SPDX-License-Identifier: Apache-2.0
 *
 * memory - how much a process holds, in the kernel's words
 *
 * Threads  any.
 * Fails    when there is no such process, or it belongs to somebody else.
 * Cost     the kernel walks all pages of the process and keeps its mappings from changing
 *          meanwhile: for before and after a measurement, not for its middle.
 */
#ifndef TESSERA_BENCH_COMMON_MEMORY_H
#define TESSERA_BENCH_COMMON_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct memory {
    uint64_t rss_kb;      /* resident now, file pages included */
    uint64_t peak_rss_kb; /* the most that was ever resident */
    uint64_t private_kb;  /* resident pages that no other process has: what it costs the host */
    uint64_t dirty_kb;    /* those of them that it has written to: a file that only this process
                             has mapped counts as private too, until another one maps it */
};

enum err memory_of(pid_t pid, struct memory *out, struct errmsg *why);

#endif

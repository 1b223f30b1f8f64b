/* SPDX-License-Identifier: Apache-2.0
 *
 * change - what a server holds before something comes, while it is there, and after it has gone
 */
#ifndef TESSERA_BENCH_MASS_CHANGE_H
#define TESSERA_BENCH_MASS_CHANGE_H

#include <sys/types.h>

#include "base/err.h"
#include "common/memory.h"

struct change {
    struct memory before, with, after;
};

/* Fills after, so many seconds from now: a server may take some to give memory back. */
enum err change_wait_after(struct change *change, pid_t pid, unsigned seconds, struct errmsg *why);

/* Members of a JSON object; count is of what came. */
void change_print(const struct change *change, unsigned count);

#endif

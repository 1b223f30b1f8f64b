/* SPDX-License-Identifier: Apache-2.0 */
#include "common/limits.h"

#include <sys/resource.h>

void
limits_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

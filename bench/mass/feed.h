/* SPDX-License-Identifier: Apache-2.0
 *
 * feed - a connection that sends a prepared text and counts what comes back
 *
 * Owns     nothing: descriptor and text belong to the caller.
 * Threads  one at a time.
 * Fails    when the connection breaks, an -ERR comes, or a payload does not have its length.
 */
#ifndef TESSERA_BENCH_MASS_FEED_H
#define TESSERA_BENCH_MASS_FEED_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "load/reader.h"

struct feed {
    int fd;              /* non-blocking and logged in */
    struct str out;      /* still to be sent; may be changed between two runs */
    struct str repeated; /* sent behind it every again_ns, until all feeds are done; "": nothing */
    int64_t again_ns;
    struct reader reader; /* of what comes */
    uint64_t messages_due, pongs_due;
    int64_t next_ns; /* private: when repeated is due */
};

/* Until all has been sent and all that is due has come. More may have come: see the counts. */
enum err feeds_run(struct feed *feeds, size_t count, int64_t deadline_ns, struct errmsg *why);

#endif

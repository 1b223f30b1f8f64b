/* SPDX-License-Identifier: Apache-2.0
 *
 * crowd - clients that log in: all at once, a few at a time, or one every so often
 *
 * Owns     its links; crowd_release() closes them.
 * Threads  one at a time.
 * Fails    when the machine gives no more sockets; what the server does is a result.
 */
#ifndef TESSERA_BENCH_COMMON_CROWD_H
#define TESSERA_BENCH_COMMON_CROWD_H

#include "common/link.h"
#include "common/samples.h"

struct crowd {
    struct link_plan plan;
    unsigned count;
    unsigned window;     /* at most so many on the way at a time; 0: no limit */
    int64_t every_ns;    /* time between two of them; 0: none */
    bool each_its_token; /* the number is appended to the token, which so becomes a wrong one */

    /* Filled by crowds_run(). */
    struct link *links;
    unsigned opened, settled;
    int64_t start_ns, last_in_ns; /* 0: nobody got in */
};

struct crowd_result {
    unsigned in, timed_out, refused, lost, waiting; /* refused: by any other -ERR */
    struct samples login_ns;                        /* of those that are in, in order of opening */
};

/* Runs several crowds side by side until each link is settled or deadline_ns has passed. Links
 * stay open. */
enum err crowds_run(struct crowd *crowds, size_t count, int64_t deadline_ns, struct errmsg *why);

/* Adds to what result holds. */
void crowd_count(const struct crowd *crowd, struct crowd_result *result);

/* A PING to each that is in; returns how many of those answered before deadline_ns. */
unsigned crowd_ping_all(struct crowd *crowd, int64_t deadline_ns);

void crowd_release(struct crowd *crowd);

#endif

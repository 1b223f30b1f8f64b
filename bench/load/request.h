/* SPDX-License-Identifier: Apache-2.0
 *
 * request - requesters with so many requests in flight each, and responders that answer
 *
 * Replies come to one wildcard subscription per requester, as client libraries do it.
 *
 * Threads  the only one of its process; what keeps cores busy are processes of their own.
 * Fails    when the measurement was not possible, and when not each request got its one reply.
 */
#ifndef TESSERA_BENCH_LOAD_REQUEST_H
#define TESSERA_BENCH_LOAD_REQUEST_H

#include "plan.h"

/* Prints one JSON object. */
enum err request_run(const struct plan *plan, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * servers - what a plan's messages go through: one server, or two nodes of a cluster, where those
 * who receive are at the far one
 *
 * Threads  one at a time.
 * Figures  are those of both nodes together.
 */
#ifndef TESSERA_BENCH_LOAD_SERVERS_H
#define TESSERA_BENCH_LOAD_SERVERS_H

#include "common/memory.h"
#include "plan.h"
#include "wire.h"

/* Where those connect who subscribe to what is published. */
uint64_t servers_far_port(const struct plan *plan);

int64_t servers_cpu_ns(const struct plan *plan);
enum err servers_memory(const struct plan *plan, struct memory *out, struct errmsg *why);

/* Until they have no work left, or for a second. */
void servers_wait_idle(const struct plan *plan);

/* Until each node knows what has been subscribed to at the other one; with a single server at once.
 */
enum err servers_wait_known(const struct plan *plan, struct wire_input *input, int64_t deadline_ns,
                            struct errmsg *why);

#endif

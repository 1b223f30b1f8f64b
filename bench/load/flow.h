/* SPDX-License-Identifier: Apache-2.0
 *
 * flow - messages from publishers to subscribers, as fast as they are taken or at a fixed rate
 *
 * Threads  the only one of its process.
 * Fails    when the measurement was not possible, and when not exactly what was published arrived.
 */
#ifndef TESSERA_BENCH_LOAD_FLOW_H
#define TESSERA_BENCH_LOAD_FLOW_H

#include "plan.h"

/* Prints one JSON object. */
enum err flow_run(struct plan *plan, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * beside - what else goes on at the server while messages flow
 *
 * Owns     its connections; beside_free() closes them.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_BESIDE_H
#define TESSERA_BENCH_LOAD_BESIDE_H

#include "plan.h"
#include "wire.h"

struct beside;

enum err beside_open(struct beside **out, const struct plan *plan, int epoll,
                     struct wire_input *input, int64_t deadline_ns, struct errmsg *why);
void beside_free(struct beside *beside); /* NULL is allowed */

/* The flow begins: the churn does so, too. */
enum err beside_start(struct beside *beside, struct errmsg *why);
/* To be called between two turns of the flow. */
void beside_turn(struct beside *beside, int64_t now_ns);
/* The flow has ended: nothing counts any more. */
void beside_stop(struct beside *beside);
/* After that: what did the server do to those that never read? */
enum err beside_finish(struct beside *beside, int64_t deadline_ns, struct errmsg *why);

/* Members of a JSON object, each with a comma before it. */
void beside_print(const struct beside *beside, double seconds);

#endif

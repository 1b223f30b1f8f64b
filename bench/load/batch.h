/* SPDX-License-Identifier: Apache-2.0
 *
 * batch - what a publisher sends: its first messages, ready made, sent again and again
 *
 * Owns     its memory; batch_release() gives it back.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_BATCH_H
#define TESSERA_BENCH_LOAD_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plan.h"

struct batch {
    char *data;
    size_t count; /* messages */
    size_t *ends; /* offset behind message i */
};

/* 64 KB and more of whole messages; with one publisher and many subjects, each subject as often as
 * any other. */
enum err batch_init(struct batch *batch, const struct plan *plan, uint64_t publisher,
                    struct errmsg *why);
void batch_release(struct batch *batch);

/* Offset of message first. */
size_t batch_start(const struct batch *batch, size_t first);

/* Makes message at of the batch the publisher's message number i. */
void batch_stamp(struct batch *batch, const struct plan *plan, size_t at, uint64_t publisher,
                 uint64_t i);

#endif

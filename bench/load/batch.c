/* SPDX-License-Identifier: Apache-2.0
 *
 * The batch is small enough to stay in the cache of a core, unless there are many subjects.
 */
#include "batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "check.h"

#define BATCH_MIN (64 * 1024)
#define BATCH_MAX (512UL << 20)

/* A relay gets what a server would send, for the first subscription of a connection. */
static bool
append_message(struct buf *out, const struct plan *plan, uint64_t subject, const char *payload)
{
    bool is_line = plan->raw
                       ? buf_printf(out, "MSG b.%" PRIu64 " 1 %" PRIu64 "\r\n", subject, plan->size)
                       : buf_printf(out, "PUB b.%" PRIu64 " %" PRIu64 "\r\n", subject, plan->size);

    return is_line && buf_append(out, payload, plan->size) && buf_append(out, "\r\n", 2);
}

/* Whole rounds over the subjects, and not more messages than there are to send. */
static size_t
message_count(const struct plan *plan, uint64_t publisher)
{
    uint64_t quota = plan_quota(plan, publisher);
    uint64_t round = plan->publishers > 1 ? 1 : plan->subjects;
    uint64_t rounds = BATCH_MIN / ((plan->size + 16) * round) + 1;

    return rounds * round < quota ? rounds * round : quota;
}

enum err
batch_init(struct batch *batch, const struct plan *plan, uint64_t publisher, struct errmsg *why)
{
    struct buf out = BUF_INIT;
    char *payload = xmalloc(plan->size + 1);
    bool is_made = true;

    buf_init(&out, BATCH_MAX);
    memset(payload, 'x', plan->size);
    batch->count = message_count(plan, publisher);
    batch->ends = xcalloc(batch->count + 1, sizeof(*batch->ends));
    for (size_t i = 0; is_made && i < batch->count; i++) {
        is_made = append_message(&out, plan, plan_subject(plan, publisher, i), payload);
        batch->ends[i] = out.len;
    }
    free(payload);
    batch->data = out.data;
    if (is_made)
        return ERR_OK;
    return err_set(why, ERR_LIMIT, "a round over all subjects takes more than %lu MB",
                   BATCH_MAX >> 20);
}

void
batch_release(struct batch *batch)
{
    free(batch->data);
    free(batch->ends);
    *batch = (struct batch) { 0 };
}

size_t
batch_start(const struct batch *batch, size_t first)
{
    return first == 0 ? 0 : batch->ends[first - 1];
}

void
batch_stamp(struct batch *batch, const struct plan *plan, size_t at, uint64_t publisher, uint64_t i)
{
    struct stamp stamp = { publisher, plan_sequence(plan, i) };

    stamp_put(batch->data + batch->ends[at] - 2 - plan->size, &stamp);
}

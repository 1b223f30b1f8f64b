/* SPDX-License-Identifier: Apache-2.0 */
#include "server/routed.h"

#include <assert.h>

#include "server/run.h"

static bool
goes_on(const struct run *run, const struct account *account, const struct route_op *op)
{
    return run_goes_on(run, op->subject, op->payload.len) && run->account == account &&
           str_eq(run->queues, op->queues);
}

/* false: nobody wants it, or no memory to find out. */
static bool
open_run(struct run *run, struct worker *worker, struct conn *input, struct account *account,
         const struct route_op *op)
{
    run->from = NULL;
    run->input = input;
    run->worker = worker;
    run->account = account;
    run->subject = op->subject;
    run->queues = op->queues;
    run->match = worker_match(worker, account, op->subject);
    if (run->match != NULL)
        run->limit = run_length(run->match);
    return run->match != NULL;
}

void
routed_message(struct worker *worker, struct conn *input, struct account *account,
               const struct route_op *op)
{
    struct run *run = worker->run;

    stat_add(&worker->stats.in_msgs, 1);
    stat_add(&worker->stats.in_bytes, op->payload.len);
    if (!goes_on(run, account, op))
        run_end(run);
    if (run->match == NULL && !open_run(run, worker, input, account, op))
        return;
    if (run->match->plain_count + run->match->group_count > 0)
        run_gather(run, op->reply, op->payload, op->header_len);
}

void
routed_deliver(struct worker *worker)
{
    struct run *run = worker->run;

    assert(run->match == NULL || run->from == NULL);
    run_end(run);
}

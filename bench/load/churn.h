/* SPDX-License-Identifier: Apache-2.0
 *
 * churn - a client that makes an inbox, sends one message to it, gets it, and drops the inbox
 *
 * So many inboxes at a time are on their way. Each message must come, once and in order.
 *
 * Owns     its connection; churn_release() closes it.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_CHURN_H
#define TESSERA_BENCH_LOAD_CHURN_H

#include <stdint.h>

#include "plan.h"
#include "talker.h"

struct churn {
    struct talker talker;
    uint64_t at_a_time;
    uint64_t made, done; /* inboxes */
};

enum err churn_open(struct churn *churn, const struct plan *plan, struct wire_input *input,
                    int64_t deadline_ns, struct errmsg *why);
void churn_release(struct churn *churn);

enum err churn_start(struct churn *churn, int epoll, struct errmsg *why);

#endif

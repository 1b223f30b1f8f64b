/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriber - a connection that receives, counts and, when asked, checks every message
 *
 * Owns     its connection; subscriber_release() closes it.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_SUBSCRIBER_H
#define TESSERA_BENCH_LOAD_SUBSCRIBER_H

#include <stdint.h>

#include "check.h"
#include "common/samples.h"
#include "plan.h"
#include "watch.h"
#include "wire.h"

/* What the subscribers of a flow have together. */
struct reception {
    const struct plan *plan;
    struct wire_input *input;
    struct check *check;    /* NULL: messages are counted only */
    struct samples latency; /* from when a message was due */
    int64_t start_ns;       /* message 0 is due */
    uint64_t messages;      /* complete ones */
    uint64_t bytes;         /* all that came since start */
    int64_t last_ns;        /* when messages became what is expected */
};

struct subscriber {
    struct watch watch; /* first: the watch is cast back */
    struct reception *reception;
    uint64_t number;
    uint64_t expected; /* messages, unless they are shared out in queue groups */
    struct wire wire;
};

/* Connects and subscribes; when it returns the server knows. */
enum err subscriber_open(struct subscriber *subscriber, struct reception *reception,
                         uint64_t number, int64_t deadline_ns, struct errmsg *why);
void subscriber_release(struct subscriber *subscriber);

/* After the flow: nothing was lost, and nothing more has come. */
enum err subscriber_verify(struct subscriber *subscriber, int64_t deadline_ns, struct errmsg *why);

#endif

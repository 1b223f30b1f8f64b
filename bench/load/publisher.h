/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher - a connection that sends its batch until its messages are out, then a PING
 *
 * Owns     its connection and its batch; publisher_release() gives them back.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_PUBLISHER_H
#define TESSERA_BENCH_LOAD_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "plan.h"
#include "watch.h"
#include "wire.h"

struct publisher {
    struct watch watch; /* first: the watch is cast back */
    const struct plan *plan;
    uint64_t number;
    int epoll;
    struct wire wire;
    struct batch batch;
    uint64_t quota;   /* messages to send */
    uint64_t allowed; /* messages to send so far: the quota, or what is due */
    uint64_t taken;   /* messages that are sent or in piece */
    size_t at;        /* in the batch, the first message that is not taken */
    const char *piece;
    size_t piece_len; /* bytes that are still to be sent */
    bool has_ended;   /* the PING behind the last message is taken */
    bool is_done;     /* and was answered */
    bool wants_out;   /* EPOLLOUT is watched */
};

enum err publisher_open(struct publisher *publisher, const struct plan *plan, uint64_t number,
                        struct wire_input *input, int64_t deadline_ns, struct errmsg *why);
void publisher_release(struct publisher *publisher);

/* Begins to send, without a rate as much as is taken. */
enum err publisher_start(struct publisher *publisher, int epoll, struct errmsg *why);

/* due messages of the whole flow are due by now: sends those of them that are its own. */
enum err publisher_allow(struct publisher *publisher, uint64_t due, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * talker - a connection that queues something for each message that comes, and sends what one read
 * brought about at once
 *
 * Owns     its connection and what is queued; talker_release() gives them back.
 * Threads  one at a time.
 * Fails    when the server says -ERR.
 */
#ifndef TESSERA_BENCH_LOAD_TALKER_H
#define TESSERA_BENCH_LOAD_TALKER_H

#include "base/buf.h"
#include "plan.h"
#include "reader.h"
#include "watch.h"
#include "wire.h"

struct talker {
    struct watch watch; /* first: the watch is cast back */
    int epoll;
    struct wire wire; /* its reader's on_message gets what was asked for in talker_open() */
    struct buf out;   /* what the socket has not taken */
    bool wants_out;   /* EPOLLOUT is watched */
};

/* Connects, and sends commands (SUB lines; "" for none) unless it is to a relay, which gets role.
 * What comes has payloads of payload_len bytes. */
enum err talker_open(struct talker *talker, const struct plan *plan, uint64_t port,
                     const char *role, const char *commands, uint64_t payload_len,
                     struct wire_input *input, int64_t deadline_ns, struct errmsg *why);
/* Allowed at any time. */
void talker_release(struct talker *talker);

/* From now on messages are read; sends what is queued. */
enum err talker_start(struct talker *talker, int epoll, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * run - publishes of one client that follow each other in its input and have the same subject
 *
 * Who wants them is asked once, and each receiver gets all of them at once. publish.c gathers,
 * delivery.c delivers; nobody else includes this.
 *
 * A run is as long as the bytes of one read and these bounds: it is copied once per receiver, so
 * it should stay in the nearest cache; and its deliveries are one turn of the loop.
 */
#ifndef TESSERA_SERVER_RUN_H
#define TESSERA_SERVER_RUN_H

#include "base/buf.h"
#include "net/chunk.h"
#include "net/outq.h"
#include "proto/encode.h"
#include "server/client.h"

#define RUN_MESSAGES 64U
#define RUN_BYTES    16384 /* of payload */

#define RUN_REFERENCE_BYTES 8192 /* a payload from this size on is a run of its own and shared */

struct run {
    struct client *from;
    struct worker *worker;
    struct str subject;        /* in the client's input */
    const struct match *match; /* who wants it, borrowed from the cache; NULL: no run is open */
    unsigned count, limit;     /* messages; limit: delivered when there are so many */
    size_t bytes;              /* of their payloads */
    /* while it is delivered */
    struct buf head;        /* see encode.h, of the receiver being served */
    struct block *block;    /* holds the payload, counted; NULL: not needed so far */
    const char *body_base;  /* the payload's first byte inside block */
    struct outq *congested; /* a receiver that the publisher should wait for */
    uint64_t delivered, delivered_bytes;
    bool taken[RUN_MESSAGES];        /* by somebody */
    unsigned char all[RUN_MESSAGES]; /* 0, 1, 2...: who gets them all */
    struct message messages[RUN_MESSAGES];
};

/* Puts every message into the queues of those who want it. */
void run_deliver(struct run *run);

#endif

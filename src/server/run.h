/* SPDX-License-Identifier: Apache-2.0
 *
 * run - messages of one connection that follow each other in its input and have the same subject
 *
 * Who wants them is asked once, and each receiver gets all of them at once. publish.c gathers those
 * of a client, routed.c those of another server, which have the same queue groups, too; delivery.c
 * and delivery_peers.c deliver; nobody else includes this.
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
#include "server/shares.h"

#define RUN_MESSAGES SHARES_MESSAGES
#define RUN_BYTES    16384 /* of payload */

#define RUN_REFERENCE_BYTES 8192 /* a payload from this size on is a run of its own and shared */

struct run {
    struct client *from; /* NULL: another server */
    struct conn *input;  /* where the messages came from */
    struct worker *worker;
    struct account *account;
    struct str subject;        /* in the input */
    struct str queues;         /* from another server: the groups to serve; in the input */
    const struct match *match; /* who wants it, borrowed from the cache; NULL: no run is open */
    unsigned count, limit;     /* messages; limit: delivered when there are so many */
    size_t bytes;              /* of their payloads */
    /* while it is delivered */
    struct buf head;        /* see encode.h, of the receiver being served */
    struct block *block;    /* holds the payload, counted; NULL: not needed so far */
    const char *body_base;  /* the payload's first byte inside block */
    struct outq *congested; /* a receiver that the publisher should wait for */
    struct shares shares;   /* of the other servers */
    uint64_t delivered, delivered_bytes;
    bool taken[RUN_MESSAGES];        /* by somebody */
    unsigned char all[RUN_MESSAGES]; /* 0, 1, 2...: who gets them all */
    struct message messages[RUN_MESSAGES];
};

/* publish.c, for routed.c as well: how many messages may wait, given who wants them. */
unsigned run_length(const struct match *match);
size_t run_receivers(const struct match *match);
/* May a message wait with those that wait already? */
bool run_goes_on(const struct run *run, struct str subject, size_t payload_len);
/* It does, or it is the last. */
void run_gather(struct run *run, struct str reply, struct str payload, size_t header_len);
/* Delivers what waits, and forgets who wanted it. */
void run_end(struct run *run);

/* delivery.c: puts every message into the queues of those who want it. */
void run_deliver(struct run *run);

/* delivery.c, for delivery_peers.c: some messages of the run on their way to one receiver. */
struct receiver {
    struct outq *outq;
    struct client *client; /* NULL: a peer, */
    struct subscription *sub;
    const struct str *queues;   /* which gets these with each message picked */
    bool headers;               /* gets HMSG, if there are any */
    size_t head_len;            /* of run->head */
    const unsigned char *picks; /* which of run->messages, ascending */
    unsigned count;
    size_t total; /* bytes of all of them on the wire */
};

/* Another server, whose head is made: puts the messages into its queue, all or as many as it
 * takes. */
void receiver_send(struct run *run, struct receiver *to);

/* delivery_peers.c: sends to each server that wants the messages, or whose members were picked. */
void run_deliver_to_peers(struct run *run);

#endif

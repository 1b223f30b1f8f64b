/* SPDX-License-Identifier: Apache-2.0
 *
 * plan - what was asked for on the command line, and which message goes where because of that
 *
 * One publisher takes the subjects b.0, b.1... in turn, in a shuffled order; of several, publisher
 * p keeps to subject p % subjects. A message is named by its publisher and by its sequence, which
 * counts from 0 per publisher and subject.
 *
 * Owns     order and rank; plan_release() frees them.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_LOAD_PLAN_H
#define TESSERA_BENCH_LOAD_PLAN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct plan {
    /* Where. */
    uint64_t port, pid;         /* of the server, or of the relay */
    uint64_t far_port, far_pid; /* of another node, where those are who receive; 0: of the same */
    const char *token;          /* NULL: none */
    uint64_t deadline_s;
    bool raw; /* to the relay */
    bool tls; /* the server must want it */
    SSL_CTX *tls_context;

    /* Flow: what. */
    uint64_t size; /* bytes of a payload */
    uint64_t messages;
    uint64_t publishers, subjects;
    uint64_t subscribers;     /* per subject */
    uint64_t queue;           /* groups that the subscribers of a subject are in; 0: none */
    uint64_t sub_connections; /* of all subscriptions; 0: one each */
    uint64_t rate;            /* messages per second; 0: as fast as they are taken */
    bool check, latency, sleep;

    /* Flow: beside it. */
    uint64_t never_read, churn, idle, sub_filler;

    /* Request. */
    uint64_t in_flight, requests, requesters, responders;
    bool busy_cores;

    /* private; plan_prepare() fills it */
    uint32_t *order; /* subject of message i of the only publisher: order[i % subjects] */
    uint32_t *rank;  /* rank[order[i]] is i */
};

/* Derives what is left open and refuses what can't be measured. */
enum err plan_prepare(struct plan *plan, struct errmsg *why);
void plan_release(struct plan *plan);

/* Messages of this publisher. */
uint64_t plan_quota(const struct plan *plan, uint64_t publisher);
/* The subject of this publisher's message number i. */
uint64_t plan_subject(const struct plan *plan, uint64_t publisher, uint64_t i);
/* The sequence of this publisher's message number i. */
uint64_t plan_sequence(const struct plan *plan, uint64_t i);
/* The inverse: how many messages of the whole flow are due before this one. */
uint64_t plan_number(const struct plan *plan, uint64_t publisher, uint64_t subject,
                     uint64_t sequence);

/* Publishers of this subject, which are publisher_of(0), (1)... */
uint64_t plan_publishers_of(const struct plan *plan, uint64_t subject);
uint64_t plan_publisher_of(const struct plan *plan, uint64_t subject, uint64_t slot);
/* Messages of this publisher to this subject, which is one of its subjects. */
uint64_t plan_messages_to(const struct plan *plan, uint64_t publisher, uint64_t subject);

/* Subscriptions of all subjects: number n is for subject n / subscribers, in connection
 * n % sub_connections, with sid n / sub_connections + 1. */
uint64_t plan_subscriptions(const struct plan *plan);
/* What one subscription gets; in queue groups, what a group gets. */
uint64_t plan_expected(const struct plan *plan, uint64_t subject);
uint64_t plan_deliveries(const struct plan *plan);

#endif

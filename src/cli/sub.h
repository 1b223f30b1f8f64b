/* SPDX-License-Identifier: Apache-2.0
 *
 * sub - what the files of `nats subscribe` share
 *
 *   sub.c          the command: subscribes, and waits for the end
 *   sub_deliver.c  counts, matches and shows each message, on libnats' delivery thread
 *   sub_print.c    how a message looks
 *   sub_report.c   the table of the busiest subjects
 */
#ifndef TESSERA_CLI_SUB_H
#define TESSERA_CLI_SUB_H

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "cli/args.h"
#include "cli/session.h"

struct sub_options {
    struct args_list subjects;
    char *queue;
    bool raw;
    char *translate;
    bool match_replies;
    bool inbox;
    int64_t count;   /* 0: no limit */
    int64_t wait_ns; /* 0: for ever */
    char *dump;      /* a directory or "-" */
    bool headers_only, subjects_only;
    bool timestamp, delta_time;
    struct args_list ignore;
    bool report_subjects, report_subscriptions;
    int64_t report_top;
};

struct subscriber {
    const struct sub_options *options;
    const struct cli_globals *globals;
    struct session *session;
    int64_t started_ns;
    int wake;                /* eventfd: one of the next changed */
    atomic_bool begun;       /* subscribed, or failed: err says which */
    atomic_bool done;        /* nothing more is to be shown */
    atomic_bool closed;      /* the connection is gone */
    atomic_int delivering;   /* subscriptions whose last message is not handled, at the end */
    _Atomic int64_t last_ns; /* the last message, for --wait */
    enum err err;            /* written before begun, read behind it; so is why */
    struct errmsg why;
    struct subject *subjects; /* subject_count of them */
    size_t subject_count;
    pthread_mutex_t lock;      /* held while a message is handled */
    struct buf out;            /* under lock */
    uint64_t received;         /* under lock */
    struct list waiting;       /* under lock: requests without a reply, the oldest first */
    size_t waiting_count;      /* under lock */
    struct sub_report *report; /* under lock; NULL: no report */
};

/* One subscription: libnats hands this back with each of its messages. */
struct subject {
    struct subscriber *subscriber;
    char *name;
    natsSubscription *subscription;
};

/* Sets one of the subscriber's flags and wakes the main thread. */
void sub_wake(struct subscriber *sub, atomic_bool *flag);

/* Message handlers; the context is a struct subject. */
void sub_on_message(natsConnection *nats, natsSubscription *subscription, natsMsg *msg,
                    void *context);
/* For --match-replies: what is published on inboxes. */
void sub_on_reply(natsConnection *nats, natsSubscription *subscription, natsMsg *reply,
                  void *context);
/* Frees what still waits for a reply. */
void sub_forget_waiting(struct subscriber *sub);

/* Appends what goes to stdout for a message: raw, as JSON for --dump, or for reading. number
 * counts from 1, stamp is " @ time" or "", reply is what answered it, or NULL. With --dump DIR
 * writes the files and appends nothing, or a dot. */
void sub_print(struct buf *out, const struct sub_options *options, uint64_t number,
               const char *stamp, natsMsg *msg, natsMsg *reply);

/* The report of the busiest subjects: counted by any name, printed as a table. */
struct sub_report;

struct sub_report *sub_report_new(void);
void sub_report_free(struct sub_report *report); /* NULL is allowed */
/* False for want of memory: peers choose the subjects. */
bool sub_report_count(struct sub_report *report, const char *name, size_t bytes);
/* Appends the table of at most top rows, the busiest first. */
void sub_report_print(struct sub_report *report, struct buf *out, size_t top);

#endif

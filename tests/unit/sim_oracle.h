/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_oracle - who should have got what, in a simulated cluster
 *
 * It knows of every subscription and every published message (a letter) and is told of each
 * delivery; it uses none of what it judges, but for subject_matches(). At once it finds a delivery
 * to who did not ask for it, a second one to the same subscriber or to the same queue group, and
 * one that overtook another of its publisher. Afterwards it finds what is missing, in the times and
 * between the nodes where nothing changed.
 *
 * Fails    the first finding is kept: oracle_finding().
 */
#ifndef TESSERA_TESTS_SIM_ORACLE_H
#define TESSERA_TESTS_SIM_ORACLE_H

#include "sim.h"
#include "sublist/sublist.h"

enum {
    ORACLE_LETTERS = 2048,   /* at most */
    ORACLE_PUBLISHERS = 256, /* at most */
    ORACLE_QUEUES = 3,       /* queue groups are numbers from 1 on; 0: plain */
    ORACLE_ACCOUNTS = 2,
    ORACLE_SETTLE_MS = 1500, /* a change may not be known everywhere for so long */
};

/* Where in the cluster, and about what. */
struct topic {
    size_t node;      /* index */
    unsigned account; /* number */
    char subject[24];
};

struct subscriber {
    struct sub_owner owner; /* first: its subscription points here; not counted */
    struct topic topic;
    unsigned queue;
    int64_t born_ms, died_ms;
    /* the node's */
    struct subscription *sub; /* NULL: gone */
    unsigned left;            /* messages until it goes; 0: it stays */
    /* private */
    uint64_t got[ORACLE_LETTERS / 64];
    uint16_t last[ORACLE_PUBLISHERS]; /* 1 + the letter that came last of each */
};

struct letter {
    struct topic topic;
    unsigned publisher;
    bool asks;    /* for one answer, to the subject of oracle_inbox() */
    bool answers; /* another letter, for whose answer its publisher had subscribed before */
    int64_t at_ms;
    bool answered;
    unsigned taken;   /* by queue groups: bit n for number n */
    unsigned arrived; /* from another node: bit n for the node of index n */
};

struct oracle;

struct oracle *oracle_new(struct sim *sim);
void oracle_free(struct oracle *oracle);

/* ---- what happens ---- */

struct subscriber *oracle_subscribe(struct oracle *oracle, const struct topic *topic,
                                    unsigned queue);
void oracle_unsubscribe(struct oracle *oracle, struct subscriber *who);
/* A number for one more publisher. */
unsigned oracle_publisher(struct oracle *oracle);
/* Returns the letter's number; at_ms and what follows are filled in. */
size_t oracle_publish(struct oracle *oracle, const struct letter *letter);
struct letter *oracle_letter(struct oracle *oracle, size_t number);
void oracle_inbox(size_t letter, char subject[24]);
void oracle_delivered(struct oracle *oracle, struct subscriber *who, size_t letter);
/* From another node; wanted: somebody got it. */
void oracle_arrived(struct oracle *oracle, size_t letter, size_t node, bool wanted);
/* A route between these two is registered at one end more (1) or less (-1). */
void oracle_route(struct oracle *oracle, size_t a, size_t b, int ends);

/* Nothing changes any more, and all know it: from here on no letter may come where nobody wants
 * it. */
void oracle_still(struct oracle *oracle);

/* ---- what must hold ---- */

/* Subscriptions there are now to exactly that. */
unsigned oracle_count(const struct oracle *oracle, const struct topic *topic, unsigned queue);
/* Calls each for every subscriber that is not gone. */
void oracle_each(const struct oracle *oracle, void (*each)(void *arg, struct subscriber *who),
                 void *arg);
/* Has every letter from then on been delivered to whom it must? */
void oracle_check(struct oracle *oracle, int64_t from_ms);
void oracle_find(struct oracle *oracle, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* NULL: none. */
const char *oracle_finding(const struct oracle *oracle);
size_t oracle_deliveries(const struct oracle *oracle);
/* Those of them, or of those that were missing, that oracle_check() asked for. */
size_t oracle_demands(const struct oracle *oracle);

#endif

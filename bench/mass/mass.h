/* SPDX-License-Identifier: Apache-2.0
 *
 * mass - what very many cost: subscriptions, idle connections, starts; one JSON object on stdout
 *
 * Threads  the only one of its process.
 * Fails    when the measurement was not possible, or when not each message arrived exactly once.
 * CPU      user and system time of the server, from the first byte sent to the answer to the last.
 * Memory   pages that the server has for itself, while it is idle.
 */
#ifndef TESSERA_BENCH_MASS_H
#define TESSERA_BENCH_MASS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "common/link.h"

struct mass {
    struct link_plan plan;
    pid_t pid;                  /* of the server */
    unsigned far_port, far_pid; /* subs: of another node, that publishes; 0: of the same */
    unsigned deadline_s;
    unsigned count;          /* of subscriptions or idle connections */
    unsigned wildcards;      /* 1: the subscriptions have them */
    unsigned join;           /* 1: there is a route only when the far node reloads, by SIGHUP */
    unsigned connections;    /* that share the subscriptions */
    unsigned publish, size;  /* messages, bytes of each */
    unsigned seconds;        /* how long idleness is watched */
    unsigned after_s;        /* until memory after it is looked at */
    unsigned runs;           /* starts */
    const char *server;      /* start: the program */
    char *const *arguments;  /* start: of the program, NULL at the end */
    unsigned argument_count; /* start: of those */
};

/* Inserts the subscriptions, publishes across them in random order, removes them; what is published
 * then must reach nobody. With a far node it is published there: inserting and removing last until
 * that one knows, memory is what that one holds, and CPU time that of both. */
enum err mass_subs(const struct mass *mass, struct errmsg *why);

/* Logs in that many connections, which then do nothing. */
enum err mass_idle(const struct mass *mass, struct errmsg *why);

/* fork() to first PONG, several times; after the last one, what the idle server holds and uses. */
enum err mass_start(const struct mass *mass, struct errmsg *why);

#endif

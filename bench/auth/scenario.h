/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario - what is measured: a storm of logins, a reload; one JSON object each on stdout
 *
 * Threads  the only one of its process; a bystander (probe.h) is a process of its own.
 * Fails    when the measurement was not possible; refused clients are a result.
 * Clock    monotonic; durations are printed in milliseconds, CPU time in seconds.
 */
#ifndef TESSERA_BENCH_AUTH_SCENARIO_H
#define TESSERA_BENCH_AUTH_SCENARIO_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct scenario {
    struct sockaddr_in server;
    struct sockaddr_in source;       /* of the clients */
    struct sockaddr_in wrong_source; /* of those with wrong tokens */
    const char *token;
    SSL_CTX *tls;    /* NULL: in the clear */
    const char *log; /* reload: the server's log file */
    pid_t pid;       /* of the server */
    unsigned clients, window, every_ms;
    unsigned wrong_clients; /* all at once, each with a token of its own */
    unsigned rounds;        /* storms, one after the other */
    unsigned deadline_s;    /* of one storm or reload */
    bool has_bystander;
};

/* clients log in, and wrong_clients try to. Prints how many got in, why others did not, when the
 * last one did, how long a login took, and the CPU time of the server until it was idle. */
enum err scenario_storm(const struct scenario *scenario, struct errmsg *why);

/* clients log in, then SIGHUP: how long until the log says that it is done, how long until each
 * client has answered a PING that was sent after that. */
enum err scenario_reload(const struct scenario *scenario, struct errmsg *why);

#endif

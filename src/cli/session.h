/* SPDX-License-Identifier: Apache-2.0
 *
 * session - the CLI's connection to NATS, over libnats
 *
 * Reads the servers and credentials of the global flags, works around what libnats 3.4 does
 * not do (percent-decode URLs, escape strings in the CONNECT JSON), words its errors as the
 * reference CLI does and logs disconnects and reconnects, which go on for ever.
 *
 * Owns     the connection. Messages of all subscriptions are delivered by one thread, in the
 *          order in which they came.
 * Threads  one, that of the command; events come from a thread of libnats.
 * Secrets  copies made here are wiped; those inside libnats live as long as the connection.
 */
#ifndef TESSERA_CLI_SESSION_H
#define TESSERA_CLI_SESSION_H

#include <nats/nats.h>

#include "base/err.h"
#include "cli/cli.h"

struct session;

struct session_events {
    void (*closed)(void *context); /* the connection ended and is not tried again; may be NULL */
    void *context;
};

/* Connects. events is copied. */
enum err session_open(struct session **out, const struct cli_globals *globals,
                      const struct session_events *events, struct errmsg *why);
void session_close(struct session *session); /* NULL is allowed */

/* Borrowed, for publishing and subscribing. */
natsConnection *session_nats(struct session *session);

/* Waits until the server has seen all that was sent, at most the --timeout. Reports too what
 * the server complained of meanwhile. */
enum err session_flush(struct session *session, struct errmsg *why);

/* From now on what the server complains of is logged: nobody flushes any more. */
void session_log_errors(struct session *session);

/* Why the connection ended (closed() was called). */
void session_get_error(struct session *session, struct errmsg *why);

/* Words the failure of a libnats call made just now on this thread. */
enum err session_err(natsStatus status, struct errmsg *why);

#endif

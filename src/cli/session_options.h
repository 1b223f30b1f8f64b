/* SPDX-License-Identifier: Apache-2.0
 *
 * session_options - from the global flags to libnats' options, and what a failure was about
 *
 * Owns     all but the texts of files, which stay the flags'.
 * Threads  one, before there is a connection: the environment is changed for a moment.
 * Secrets  copies made here are wiped.
 */
#ifndef TESSERA_CLI_SESSION_OPTIONS_H
#define TESSERA_CLI_SESSION_OPTIONS_H

#include <nats/nats.h>

#include "cli/session.h"
#include "cli/tls_files.h"
#include "cli/tls_first.h"
#include "cli/url.h"

struct session_options {
    natsOptions *nats;
    struct url *servers; /* without their user information */
    size_t count;
    struct tls_files files;
    SSL_CTX *tls;             /* of files */
    bool secure;              /* no server may be talked to without TLS */
    bool first;               /* the TLS handshake comes before INFO, */
    struct tls_first *helper; /* by this, which may be taken over; else NULL */
};

/* Fills options, also when it fails: session_options_release() is always due. */
enum err session_options_init(struct session_options *options, const struct cli_globals *globals,
                              struct errmsg *why);
void session_options_release(struct session_options *options);

/* The --timeout, at least 1. */
int64_t session_timeout_ms(const struct cli_globals *globals);

/* After natsConnection_Connect() failed with status: replaces why if TLS, or the lack of it, is
 * the cause. Dials the servers again, for up to two seconds each. */
void session_options_diagnose(const struct session_options *options, natsStatus status,
                              int64_t timeout_ms, struct errmsg *why);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * syslog_sink - log lines as RFC 3164 frames to a syslog server, never waiting for it
 *
 *   <27>Nov 23 20:19:34 host nats-server[4711]: text      over the network
 *   <27>Nov 23 20:19:34 nats-server[4711]: text           over a local socket
 *
 * Owns     its socket and up to SYSLOG_PENDING_MAX bytes that a stream did not take yet.
 * Threads  one at a time (log.c holds its lock).
 * Fails    a line that finds no room or no server is lost, and counted for the caller. A lost
 *          connection is dialled again at most once per second, to the address found when the
 *          sink was opened: names are not looked up while the server runs, that could block.
 */
#ifndef TESSERA_BASE_SYSLOG_SINK_H
#define TESSERA_BASE_SYSLOG_SINK_H

#include <stddef.h>

#include "base/err.h"

#define SYSLOG_PENDING_MAX 65536
#define SYSLOG_LOCAL       "unix:///dev/log"

enum syslog_severity {
    SYSLOG_CRITICAL = 2,
    SYSLOG_ERROR = 3,
    SYSLOG_WARNING = 4,
    SYSLOG_NOTICE = 5,
    SYSLOG_DEBUG = 7,
};

struct syslog_sink;

/* url: udp://host[:514], tcp://host[:514] or unix:///path. Looks the host up and connects;
 * waits for a stream at most two seconds per address. */
enum err syslog_sink_open(struct syslog_sink **out, const char *url, struct errmsg *why);

/* Gives a stream a fifth of a second to take what is pending. NULL is allowed. */
void syslog_sink_close(struct syslog_sink *sink);

/* Sends one line, text without its newline. Returns how many lines are known to be lost since
 * the last call, this one included: 0 when all is well. */
size_t syslog_sink_write(struct syslog_sink *sink, enum syslog_severity severity, const char *text,
                         size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * dial - connections to servers that are made here, not by libnats
 *
 * Threads  any; blocks until the deadline at most, besides looking up the host.
 */
#ifndef TESSERA_CLI_DIAL_H
#define TESSERA_CLI_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "cli/url.h"

/* Waits for poll()'s events on fd until deadline_ns of clock_mono_ns(). False: nothing came. */
bool dial_wait(int fd, short events, int64_t deadline_ns);

/* A connected non-blocking socket, tried at every address of the host; -1: none. */
int dial(const struct url *url, int64_t deadline_ns);

/* The connecting side of TLS over fd, which stays the caller's: the server's certificate must be
 * for the host of the URL. sni: a server with several is told the name. NULL: out of memory. */
SSL *dial_tls_new(SSL_CTX *context, const struct url *url, int fd, bool sni);

#endif

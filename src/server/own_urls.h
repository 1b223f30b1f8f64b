/* SPDX-License-Identifier: Apache-2.0
 *
 * own_urls - under which addresses clients reach this server (PROTOCOL.md 1.6)
 *
 * Threads  any.
 */
#ifndef TESSERA_SERVER_OWN_URLS_H
#define TESSERA_SERVER_OWN_URLS_H

#include <stdint.h>

#include "base/text_list.h"
#include "conf/options.h"
#include "net/listener.h"

/* Splits what is advertised, "host[:port]" or "[v6]:port", into *host, which the caller frees, and
 * *port, which stays as it is when text has none. text passed the checks of the options. */
void advertise_split(const char *text, char **host, uint16_t *port);

/* host as options say: does it stand for all addresses of this machine? */
bool host_is_any(const char *host);

/* The addresses of this machine's interfaces that are up, of both families and loopback too; the
 * caller frees *out. 0: none, or a sandbox does not let us ask, which is no error. */
size_t machine_addresses(struct endpoint **out);

/* Adds "host:port" as other machines can use it: client_advertise; else what is listened on; for
 * all addresses those of the given ones that are global unicast: neither loopback nor link-local,
 * and only IPv4 where only that is listened on. port: the listener's. */
void server_own_urls(struct text_list *out, const struct options *options, uint16_t port,
                     const struct endpoint *addresses, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * dialer - connects to hosts by TCP, without ever blocking its loop
 *
 *   dialer_dial ──> lookup, anew each time ──> connect to one address after the other ──> done
 *
 * Owns     what is under way; a descriptor that was delivered is the caller's.
 * Threads  all on its loop's thread.
 * Fails    by done(); the texts are those of the reference.
 * Limits   DIAL_ADDRESSES_MAX addresses of a name are tried, within the time of the dial: each gets
 *          its share of what is left, so that one that never answers does not keep the others.
 * The end  a lookup that the system has begun cannot be taken back. Whoever dialled hears nothing
 *          of it any more, but its loop ends only when it has come back, as does the process: with
 *          name servers that do not answer that takes the resolver's own time (resolv.conf(5)).
 */
#ifndef TESSERA_NET_DIALER_H
#define TESSERA_NET_DIALER_H

#include <stdint.h>

#include "net/listener.h"
#include "net/loop.h"

#define DIAL_ADDRESSES_MAX 16

struct dialer;
struct dial;

/* fd: connected to remote, non-blocking, close-on-exec, TCP_NODELAY. Or -1: remote is NULL, why
 * says how the first address failed, or the lookup, and is valid for the call:
 *   dial tcp 127.0.0.1:6222: connect: connection refused
 *   dial tcp 10.0.0.1:6222: i/o timeout
 *   lookup for host "nosuch": lookup nosuch: no such host
 * The dial is over: it must not be cancelled any more. May dial again, and free the dialer. */
typedef void dialed_fn(void *arg, int fd, const struct endpoint *remote, const char *why);

struct dialer *dialer_new(struct loop *loop);
/* Cancels all dials. Before the loop is stopped. NULL is allowed. */
void dialer_free(struct dialer *dialer);
/* Addresses that are left out where a name has others, too. */
void dialer_avoid(struct dialer *dialer,
                  bool (*is_avoided)(void *arg, const struct endpoint *remote), void *arg);

/* host: a name, or an address without brackets. done() is called once, in a later round of the
 * loop, unless the dial is cancelled. A name with several addresses: a random one first. */
struct dial *dialer_dial(struct dialer *dialer, const char *host, uint16_t port, int64_t timeout_ms,
                         dialed_fn *done, void *arg);
/* Ends it without a call. NULL is allowed. */
void dial_cancel(struct dial *dial);

#endif

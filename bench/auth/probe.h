/* SPDX-License-Identifier: Apache-2.0
 *
 * probe - a bystander: an already connected client that sends a PING every millisecond
 *
 * It is a process of its own, so that what the generator does never counts as the server's delay.
 * A PING goes out when it is due whether or not the one before was answered, and its round trip
 * counts from when it was due: a server that stalls for a second gets a thousand bad samples, not
 * one.
 *
 * Owns     a child process and memory shared with it.
 * Threads  one at a time; no other thread may exist when it starts.
 * Fails    when the login is refused; when the connection breaks later, probe_stop() says so.
 */
#ifndef TESSERA_BENCH_AUTH_PROBE_H
#define TESSERA_BENCH_AUTH_PROBE_H

#include "common/link.h"
#include "common/samples.h"

enum probe_phase { PROBE_IGNORE, PROBE_QUIET, PROBE_BUSY, PROBE_PHASES };

struct probe;

/* Returns when it is logged in. */
enum err probe_start(struct probe **out, const struct link_plan *plan, struct errmsg *why);

/* PINGs that become due from now on belong to this phase. */
void probe_set_phase(struct probe *probe, enum probe_phase phase);

/* Waits for the PONGs that are due; by_phase has PROBE_PHASES elements and gets the round trips.
 * The probe is freed whatever happens. */
enum err probe_stop(struct probe *probe, struct samples *by_phase, struct errmsg *why);

#endif

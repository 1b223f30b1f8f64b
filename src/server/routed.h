/* SPDX-License-Identifier: Apache-2.0
 *
 * routed - messages that come from another server of the cluster
 *
 * They go to our own plain subscribers, and to one of our members of each queue group that the line
 * names; never to another server (PROTOCOL.md 3.7). As publishes of a client do (server/publish.h),
 * those that follow each other make runs.
 *
 * Threads  the worker's loop.
 */
#ifndef TESSERA_SERVER_ROUTED_H
#define TESSERA_SERVER_ROUTED_H

#include "net/conn.h"
#include "proto/route_parser.h"
#include "server/worker.h"

/* Takes a ROUTE_MSG that came on input, whose bytes it borrows until routed_deliver(). */
void routed_message(struct worker *worker, struct conn *input, struct account *account,
                    const struct route_op *op);
/* Delivers what waits: before anything else that came on that connection is done, and before its
 * input goes away. */
void routed_deliver(struct worker *worker);

#endif

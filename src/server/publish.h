/* SPDX-License-Identifier: Apache-2.0
 *
 * publish - from published messages to the queues of those who want them (PROTOCOL.md 1.8)
 *
 * Publishes of one client that follow each other in its input and have the same subject make a
 * run: who wants them is asked once, and each receiver gets all of them at once. client_publish()
 * only gathers; whoever does anything else for the client calls client_deliver() first, so that
 * nobody can tell the difference.
 *
 * Threads  the publishing client's loop; receivers may live on any.
 * Cost     per run: a match from the cache. Per receiver of it: one lock. Per message and
 *          receiver: three copies. Nothing is allocated for small messages.
 */
#ifndef TESSERA_SERVER_PUBLISH_H
#define TESSERA_SERVER_PUBLISH_H

#include "server/client.h"

struct run *run_new(void);
void run_free(struct run *run);

/* PUB and HPUB: takes the message, which may wait for client_deliver(). Borrows the bytes of op
 * until then. */
void client_publish(struct client *client, const struct op *op);

/* Delivers what waits, and forgets who wanted it: before any other operation of the client, and
 * before its input goes away. */
void client_deliver(struct client *client);

#endif

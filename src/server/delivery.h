/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery - from a published message to the queues of those who want it (PROTOCOL.md 1.8)
 *
 * Threads  the publishing client's loop; receivers may live on any.
 * Cost     match from the cache, then per receiver one lock and three copies. Nothing is
 *          allocated for a small message.
 */
#ifndef TESSERA_SERVER_DELIVERY_H
#define TESSERA_SERVER_DELIVERY_H

#include "server/client.h"

/* PUB and HPUB. */
void client_publish(struct client *client, const struct op *op);

#endif

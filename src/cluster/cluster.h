/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster - this server among others: the shell around the mesh's decisions
 *
 *   main thread                                workers
 *   listener, dialer, mesh, timer  ──orders──> routes
 *                                  <─reports──
 *
 * Owns     the listener for routes, what is being dialled, the mesh, the terms in force.
 * Threads  the main thread; a server calls it by its hooks.
 */
#ifndef TESSERA_CLUSTER_CLUSTER_H
#define TESSERA_CLUSTER_CLUSTER_H

#include "server/server.h"

struct cluster;

struct cluster *cluster_new(void);
/* For server_new(). Without cluster {} in the configuration they do nothing. */
const struct server_hooks *cluster_hooks(const struct cluster *cluster);
/* After the server. */
void cluster_free(struct cluster *cluster); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * route_url - the URLs of cluster {}: of routes to dial, and of --cluster
 *
 * `[scheme://][TOKEN@ | user:password@]host:port`, credentials percent-encoded. As in the
 * reference the scheme says nothing, and a path or query is ignored.
 *
 * Threads  one at a time.
 * Secrets  no text holds any part of the credentials.
 */
#ifndef TESSERA_CONF_ROUTE_URL_H
#define TESSERA_CONF_ROUTE_URL_H

#include "base/err.h"
#include "base/str.h"
#include "conf/cluster_options.h"

/* The caller releases *out, which is empty on failure. */
enum err route_url_parse(struct cluster_route *out, struct str text, struct errmsg *why);

/* What --cluster says. */
struct listen_url {
    char *host; /* NULL: none, "nats://:6222" */
    int64_t port;
    char *user, *pass; /* as in struct cluster_route */
};

enum err listen_url_parse(struct listen_url *out, struct str text, struct errmsg *why);
void listen_url_release(struct listen_url *url);

#endif

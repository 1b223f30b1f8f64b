/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_options - cluster {} and its flags as configured (PROTOCOL.md 2.4, AUTH.md 3)
 *
 * Owns     every text; secrets are wiped by cluster_options_release(). Those that are sent when
 *          a peer is dialled stay as long as the options and so are in secret memory
 *          (base/secret.h); those that peers must show are in auth, which auth_options_seal()
 *          may make digests of.
 * Threads  one at a time while built; immutable and shared afterwards.
 */
#ifndef TESSERA_CONF_CLUSTER_OPTIONS_H
#define TESSERA_CONF_CLUSTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/auth_options.h"
#include "conf/tls_options.h"

struct buf;

/* A configured route. */
struct cluster_route {
    char *host; /* name or address, without brackets */
    uint16_t port;
    char *user, *pass; /* decoded, in secret memory; NULL: none. A user without one is a token */
    char *shown;       /* "nats-route://xxxxx@host:port": for logs, without path and query */
};

struct cluster_options {
    bool enabled;                /* a port to listen on is given */
    bool no_advertise;           /* clients are not told of other servers */
    bool connect_backoff;        /* waits between attempts are doubled, 1 s to 30 s */
    bool close_on_write_timeout; /* also a peer that still reads a little */
    bool auth_demanded;          /* authorization: required; was checked */
    bool auth_timeout_said;      /* it is no default: TLS has another */

    char *name;      /* NULL: a dynamic one */
    char *host;      /* "0.0.0.0" */
    int64_t port;    /* -1: any free one; 0: no cluster */
    char *advertise; /* "host[:port]"; NULL: host and port */

    struct cluster_route *routes; /* no two with the same address and credentials */
    size_t route_count;
    int64_t connect_retries; /* further attempts for a route learned by gossip */

    struct auth_options auth;    /* a token, or one user; count 0: whoever comes may join */
    int64_t auth_timeout_ns;     /* 2 s */
    char *dial_user, *dial_pass; /* see cluster_login_for() */
    struct tls_options tls;      /* verify is always set */

    struct permissions_options *permissions; /* import: publish, export: subscribe; NULL: all */

    int64_t ping_interval_ns, ping_max, write_deadline_ns; /* 0: as for clients */
    char *write_timeout; /* as written; see close_on_write_timeout */
    int64_t pool_size;   /* as asked for, 0: not; there is one connection to each server */
};

void cluster_options_release(struct cluster_options *options);

/* Borrowed. Both NULL: there is nothing to show. A user without a password is a token. */
struct cluster_login {
    const char *user, *pass;
};

/* What to show when this route is dialled; NULL: one that was learned by gossip. */
struct cluster_login cluster_login_for(const struct cluster_options *options,
                                       const struct cluster_route *route);

/* May whoever reaches the port join as a route? */
bool cluster_is_open(const struct cluster_options *options);

/* A copy in secret memory; NULL gives NULL. */
char *cluster_secret_copy(const char *text);
void cluster_secret_free(char **text);

void cluster_route_release(struct cluster_route *route);
/* The same address and credentials, as they are written? */
bool cluster_route_equal(const struct cluster_route *a, const struct cluster_route *b);
void cluster_routes_release(struct cluster_options *options);
/* For the reload difference: the same routes in the same order, logins included? */
bool cluster_routes_equal(const struct cluster_options *a, const struct cluster_options *b);
/* Appends the routes as text for the config digest, without their logins. */
void cluster_routes_format(const struct cluster_options *options, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "conf/checks.h"
#include "conf/cluster_reader.h"

#define PING_INTERVAL_MAX_NS (30 * CLOCK_NS_PER_S) /* of routes, PROTOCOL.md 3.9 */
#define BCRYPT_BYTES_MAX     72                    /* the rest of a longer secret would not count */

void
check_cluster_name(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    (void)check_no_blanks("cluster name", options->cluster.name, pos, diags);
}

void
check_cluster_advertise(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    check_host_port("cluster_advertise", options->cluster.advertise, pos, diags);
}

void
check_cluster_ping_interval(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    if (options->cluster.ping_interval_ns > PING_INTERVAL_MAX_NS)
        diag_warning(diags, pos,
                     "Cluster 'ping_interval' will reset to 30s which is the max for "
                     "routes");
}

void
check_cluster_write_timeout(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    static const char *const known[] = { "default", "retry", "close" };
    const char *value = options->cluster.write_timeout;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (value == NULL || strcasecmp(value, known[i]) == 0)
            return;
    diag_error(diags, pos, "\"write_timeout\" wants default, retry or close");
}

void
check_cluster_pool_size(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    if (options->cluster.pool_size > 1)
        diag_add(diags, DIAG_INFO, pos, "without effect: there is one connection to each server");
}

/* Routes without a port for them, and a section that says where to listen in no way. */
static void
check_disabled(const struct cluster_reader *cluster)
{
    struct cluster_options *options = &cluster->options->cluster;

    if (options->route_count > 0 && (cluster->routes_by_flag || !cluster->turned_off))
        diag_error(cluster->diags, cluster->routes_pos,
                   "solicited routes require cluster capabilities, e.g. --cluster");
    else if (cluster->pos.file != NULL && !cluster->turned_off)
        diag_warning(cluster->diags, cluster->pos,
                     "there is no cluster without a port, such as listen: \"0.0.0.0:6222\"");
    cluster_routes_release(options);
}

static const struct cluster_route *
first_with_login(const struct cluster_options *options)
{
    for (size_t i = 0; i < options->route_count; i++)
        if (options->routes[i].user != NULL)
            return &options->routes[i];
    return NULL;
}

static void
set_login(struct cluster_options *options, const char *user, const char *pass)
{
    options->dial_user = cluster_secret_copy(user);
    options->dial_pass = cluster_secret_copy(pass);
}

static bool
is_hash(const struct auth_entry *entry)
{
    return entry->secret != NULL && token_form(entry->secret) != TOKEN_PLAIN;
}

/* What is shown to servers whose URL says nothing: what they are to show here, if that is in
 * clear, or else what the first URL says. Without routes nobody is dialled but those that others
 * tell of, and there may be none. */
static void
find_login(const struct cluster_reader *cluster)
{
    struct cluster_options *options = &cluster->options->cluster;
    const struct auth_entry *entry = options->auth.count > 0 ? &options->auth.entries[0] : NULL;
    const struct cluster_route *route = first_with_login(options);

    if (entry != NULL && !is_hash(entry) && entry->kind == AUTH_TOKEN)
        set_login(options, entry->secret, NULL);
    else if (entry != NULL && !is_hash(entry))
        set_login(options, entry->name, entry->secret);
    else if (route != NULL)
        set_login(options, route->user, route->pass);
    else if (entry != NULL)
        diag_add(cluster->diags, options->route_count > 0 ? DIAG_ERROR : DIAG_WARNING,
                 cluster->auth.places[0].secret,
                 "a bcrypted %s admits servers, but cannot be shown to those that are dialled; "
                 "put it in clear into the URLs of routes: nats-route://%s@host:port",
                 entry->kind == AUTH_TOKEN ? "token" : "password",
                 entry->kind == AUTH_TOKEN ? "TOKEN" : "USER:PASSWORD");
}

/* The servers of a cluster have the same hash, so they would refuse it. */
static void
check_lengths(const struct cluster_reader *cluster)
{
    const struct cluster_options *options = &cluster->options->cluster;

    if (options->auth.count == 0 || !is_hash(&options->auth.entries[0]))
        return;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct cluster_route *route = &options->routes[i];
        const char *secret = route->pass != NULL ? route->pass : route->user;

        if (secret != NULL && strlen(secret) > BCRYPT_BYTES_MAX)
            diag_error(cluster->diags, cluster->places[i].pos,
                       "the %s of %s is over %d bytes, which no bcrypt hash is made of",
                       route->pass != NULL ? "password" : "token", route->shown, BCRYPT_BYTES_MAX);
    }
}

/* Whoever joins may tell of a server anywhere, which is then dialled with our credentials. */
static void
check_open(const struct cluster_reader *cluster)
{
    const struct options *options = cluster->options;
    const struct cluster_options *own = &options->cluster;

    if (!cluster_is_open(own) || auth_any_set(&cluster->auth))
        return;
    if (own->auth_demanded)
        diag_error(cluster->diags, cluster->auth.block_pos,
                   "authorization is required, but anyone who reaches the cluster port may join; "
                   "set a token, or a user and a password, or tls");
    else if (options->auth.count > 0)
        diag_insecure(cluster->diags, cluster->pos,
                      "clients must authenticate, but anyone who reaches the cluster port joins as "
                      "a route and reads and writes everything; set cluster { authorization { "
                      "token: ... } } or cluster { tls { ... } }");
    else if (first_with_login(own) != NULL)
        diag_insecure(cluster->diags, cluster->routes_pos,
                      "anyone who reaches the cluster port may join, and learn what these routes "
                      "show; set cluster { authorization { token: ... } } or cluster { tls { ... } "
                      "}");
}

static void
check_files(const struct cluster_reader *cluster)
{
    for (size_t i = 0; i < cluster->options->cluster.route_count; i++)
        auth_check_file(cluster->places[i].file, cluster->places[i].origin, true, cluster->diags);
}

void
cluster_reader_check(struct cluster_reader *cluster)
{
    struct cluster_options *options = &cluster->options->cluster;

    options->enabled = options->port != 0;
    options->close_on_write_timeout =
        options->write_timeout != NULL && strcasecmp(options->write_timeout, "close") == 0;
    if (!options->enabled)
        check_disabled(cluster);
    auth_reader_check(&cluster->auth,
                      options->enabled && !options->tls.enabled ? options->host : NULL);
    tls_reader_check(&cluster->tls);
    check_lengths(cluster);
    find_login(cluster);
    check_files(cluster);
    check_open(cluster);
}

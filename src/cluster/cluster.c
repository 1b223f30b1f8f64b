/* SPDX-License-Identifier: Apache-2.0
 *
 * Start and stop, reload, and the loop that carries out what the mesh wants.
 */
#include "cluster/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "cluster/cluster_private.h"
#include "server/own_urls.h"

#define NAME_LEN    22  /* of a made-up name, as in the reference */
#define ANNOUNCE_MS 100 /* between two that clients are told of other URLs */

/* ---- terms ---- */

static struct terms_facts
facts_now(const struct cluster *cluster)
{
    return (struct terms_facts) { .server_id = cluster->server->id,
                                  .server_name = cluster->server->name,
                                  .cluster = mesh_cluster(cluster->mesh),
                                  .cluster_dynamic = mesh_cluster_is_dynamic(cluster->mesh),
                                  .lame_duck = cluster->server->lame_duck.entered,
                                  .port = cluster->port,
                                  .connect_urls =
                                      text_list_texts(&cluster->server->announced.own) };
}

void
cluster_set_terms(struct cluster *cluster, struct auth_policy *policy,
                  const struct cluster_tls *tls)
{
    struct terms_facts facts = facts_now(cluster);
    struct terms *old = cluster->terms;
    struct list *pos, *next;

    cluster->terms = terms_new(cluster->server->config->options, &facts, policy, tls);
    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        route_order_terms(LIST_ENTRY(pos, struct cluster_link, link)->route, cluster->terms);
    }
    terms_unref(old);
}

void
cluster_renew_terms(struct cluster *cluster)
{
    struct cluster_tls tls = cluster->terms->tls;

    if (tls.accepting != NULL) {
        (void)tls_context_ref(tls.accepting);
        (void)tls_context_ref(tls.dialling);
    }
    cluster_set_terms(cluster, auth_policy_ref(cluster->terms->policy), &tls);
}

/* ---- the mesh's actions ---- */

/* The list of the mesh has no end mark. */
static void
announce(struct cluster *cluster)
{
    size_t count;
    const char *const *urls = mesh_urls(cluster->mesh, &count);
    const char **others = xcalloc(count + 1, sizeof(*others));

    for (size_t i = 0; i < count; i++)
        others[i] = urls[i];
    server_set_cluster_facts(cluster->server, mesh_cluster(cluster->mesh), others,
                             !cluster_options(cluster)->no_advertise);
    free(others);
    cluster->announce_due = false;
}

/* Every client is told: a peer whose list never rests must not flood them. */
static void
announce_in_time(struct cluster *cluster)
{
    int64_t now_ms = cluster_now_ms(cluster);

    cluster->announce_due = true;
    if (now_ms < cluster->announce_ms)
        return;
    announce(cluster);
    cluster->announce_ms = now_ms + ANNOUNCE_MS;
}

/* INFO with ldm goes to every route; and clients, who are told next, need to know all others. */
static void
lame_duck(void *arg)
{
    struct cluster *cluster = arg;

    if (cluster->announce_due)
        announce(cluster);
    cluster_renew_terms(cluster);
}

static void
renamed(struct cluster *cluster)
{
    log_inf(cluster->server->log, "Cluster name updated to %s", mesh_cluster(cluster->mesh));
    announce(cluster);
    cluster_renew_terms(cluster);
}

static void
carry_out(struct cluster *cluster, const struct mesh_action *action)
{
    struct cluster_link *link = cluster_link(cluster, action->link);

    switch (action->kind) {
    case MESH_DIAL:
        cluster_dial(cluster, action);
        break;
    case MESH_REGISTER:
        if (link != NULL)
            cluster_register(cluster, link);
        break;
    case MESH_SPARE:
        if (link != NULL)
            route_order_spare(link->route);
        break;
    case MESH_CLOSE:
        if (link != NULL) {
            link->closing = true;
            link->waiting = false;
            route_order_close(link->route, action->error, mesh_reason_text(action->reason));
        }
        break;
    case MESH_GOSSIP:
        cluster_gossip(cluster, action);
        break;
    case MESH_RENAMED:
        renamed(cluster);
        break;
    case MESH_URLS:
        announce_in_time(cluster);
        break;
    }
}

void
cluster_act(struct cluster *cluster)
{
    struct mesh_action action;
    int64_t next_ms, now_ms = cluster_now_ms(cluster);

    while (mesh_take(cluster->mesh, &action))
        carry_out(cluster, &action);
    next_ms = mesh_next_ms(cluster->mesh);
    if (cluster->announce_due && (next_ms < 0 || next_ms > cluster->announce_ms))
        next_ms = cluster->announce_ms;
    if (next_ms < 0)
        timer_stop(cluster->timer);
    else
        timer_start(cluster->timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void
tick(void *arg)
{
    struct cluster *cluster = arg;

    mesh_tick(cluster->mesh, cluster_now_ms(cluster));
    if (cluster->announce_due)
        announce_in_time(cluster);
    cluster_act(cluster);
}

/* ---- hooks ---- */

static void
discard(struct prepared *next)
{
    auth_policy_unref(next->policy);
    cluster_tls_release(&next->tls);
    *next = (struct prepared) { NULL, { NULL, NULL } };
}

static enum err
make(struct cluster *cluster, struct options *options, struct errmsg *why)
{
    struct server *server = cluster->server;
    enum err err;

    cluster->next.policy = auth_policy_new(server->auth, &options->cluster.auth);
    if (cluster->next.policy == NULL)
        return err_set(why, ERR_NOMEM, "could not set up the cluster's authentication");
    auth_options_seal(&options->cluster.auth, server->seal_key);
    err = tls_setup_cluster(&cluster->next.tls, &options->cluster.tls, why);
    if (err != ERR_OK)
        discard(&cluster->next);
    return err;
}

static char *
make_up_name(void)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char name[NAME_LEN + 1];
    struct random random;

    random_seed(&random);
    for (size_t i = 0; i < NAME_LEN; i++)
        name[i] = letters[random_below(&random, sizeof(letters) - 1)];
    name[NAME_LEN] = '\0';
    return xstrdup(name);
}

static void
add_own_addresses(struct cluster *cluster)
{
    const char *host = cluster_options(cluster)->host;
    struct endpoint *addresses;
    size_t count;

    if (!host_is_any(host)) {
        mesh_add_own(cluster->mesh, host, cluster->port);
        return;
    }
    count = machine_addresses(&addresses);
    for (size_t i = 0; i < count; i++)
        mesh_add_own(cluster->mesh, addresses[i].ip, cluster->port);
    mesh_add_own(cluster->mesh, "127.0.0.1", cluster->port);
    free(addresses);
}

/* All servers of a cluster may have one name. */
static bool
is_own(void *arg, const struct endpoint *remote)
{
    const struct cluster *cluster = arg;

    return mesh_is_own(cluster->mesh, remote->ip, remote->port);
}

static void
make_mesh(struct cluster *cluster)
{
    const struct cluster_options *options = cluster_options(cluster);
    struct mesh_settings settings = { .server_id = cluster->server->id,
                                      .server_name = cluster->server->name,
                                      .cluster = options->name,
                                      .connect_retries = (unsigned)options->connect_retries,
                                      .connect_backoff = options->connect_backoff };

    if (options->name == NULL) {
        cluster->made_up_name = make_up_name();
        settings.cluster = cluster->made_up_name;
        settings.cluster_dynamic = true;
    }
    random_bytes(&settings.seed, sizeof(settings.seed));
    cluster->mesh = mesh_new(&settings);
    add_own_addresses(cluster);
}

static enum err
listen_for_routes(struct cluster *cluster, struct errmsg *why)
{
    const struct cluster_options *options = cluster_options(cluster);
    uint16_t port = options->port < 0 ? 0 : (uint16_t)options->port;
    struct errmsg reason;
    enum err err = listener_open(&cluster->listener, cluster->server->loop, options->host, port,
                                 cluster->server->log, cluster_accepted, cluster, &reason);

    if (err != ERR_OK)
        return err_set(why, err, "Error listening on router port: %s:%u, \"%s\"", options->host,
                       port, reason.text);
    cluster->port = listener_port(cluster->listener);
    return ERR_OK;
}

/* Connections are taken once start() is over, on the loop that runs then. */
static enum err
start(void *arg, struct server *server, struct errmsg *why)
{
    struct cluster *cluster = arg;
    struct options *options = server->config->options;
    struct prepared made;
    enum err err;

    if (!options->cluster.enabled)
        return ERR_OK;
    cluster->server = server;
    server->lame_duck.on_enter = lame_duck;
    server->lame_duck.on_enter_arg = cluster;
    err = make(cluster, options, why);
    if (err == ERR_OK)
        err = listen_for_routes(cluster, why);
    if (err != ERR_OK)
        return err;
    cluster->dialer = dialer_new(server->loop);
    dialer_avoid(cluster->dialer, is_own, cluster);
    cluster->timer = timer_new(server->loop, tick, cluster);
    make_mesh(cluster);
    announce(cluster);
    made = cluster->next;
    cluster->next = (struct prepared) { NULL, { NULL, NULL } };
    cluster_set_terms(cluster, made.policy, &made.tls);
    return ERR_OK;
}

static void
dial_configured(struct cluster *cluster)
{
    const struct cluster_options *options = cluster_options(cluster);
    struct mesh_address *routes = xcalloc(options->route_count + 1, sizeof(*routes));

    for (size_t i = 0; i < options->route_count; i++)
        routes[i] = (struct mesh_address) { options->routes[i].host, options->routes[i].port };
    mesh_configure(cluster->mesh, routes, options->route_count, cluster_now_ms(cluster));
    cluster_act(cluster);
    free(routes);
}

static void
ready(void *arg)
{
    struct cluster *cluster = arg;
    const struct cluster_options *options;
    struct log *log;

    if (cluster->server == NULL)
        return;
    options = cluster_options(cluster);
    log = cluster->server->log;
    log_inf(log, "Cluster name is %s", mesh_cluster(cluster->mesh));
    if (options->name == NULL)
        log_wrn(log, "Cluster name was dynamically generated, consider setting one");
    log_inf(log,
            strchr(options->host, ':') != NULL ? "Listening for route connections on [%s]:%u"
                                               : "Listening for route connections on %s:%u",
            options->host, cluster->port);
    dial_configured(cluster);
}

static bool
prepare(void *arg, struct options *next)
{
    struct cluster *cluster = arg;
    struct errmsg why;

    if (cluster->server == NULL || make(cluster, next, &why) == ERR_OK)
        return true;
    log_err(cluster->server->log, "Failed to reload server configuration: %s", why.text);
    return false;
}

/* What peers were offered, and what was accepted of them, is made anew under other permissions. */
static void
close_all(struct cluster *cluster, const char *reason)
{
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        route_order_close(LIST_ENTRY(pos, struct cluster_link, link)->route, NULL, reason);
    }
}

static void
configured(void *arg, bool in_force)
{
    struct cluster *cluster = arg;
    const struct cluster_options *options;
    struct prepared made = cluster->next;
    struct terms *old;

    if (cluster->server == NULL)
        return;
    if (!in_force) {
        discard(&cluster->next);
        return;
    }
    cluster->next = (struct prepared) { NULL, { NULL, NULL } };
    options = cluster_options(cluster);
    old = terms_ref(cluster->terms);
    auth_policy_carry(cluster->server->auth, old->policy, made.policy);
    mesh_set_retries(cluster->mesh, (unsigned)options->connect_retries, options->connect_backoff);
    announce(cluster);
    cluster_set_terms(cluster, made.policy, &made.tls);
    if (!permissions_equal(old->offered, cluster->terms->offered))
        close_all(cluster, "Route Removed");
    terms_unref(old);
    dial_configured(cluster);
}

static void
stop(void *arg)
{
    struct cluster *cluster = arg;

    if (cluster->server == NULL || cluster->stopping)
        return;
    cluster->stopping = true;
    if (cluster->mesh != NULL)
        cluster_say_goodbye(cluster);
    listener_close(cluster->listener);
    cluster->listener = NULL;
    cluster_stop_dialling(cluster);
    dialer_free(cluster->dialer);
    timer_free(cluster->timer);
}

static uint16_t
port(void *arg)
{
    return ((struct cluster *)arg)->port;
}

struct cluster *
cluster_new(void)
{
    struct cluster *cluster = xcalloc(1, sizeof(*cluster));

    list_init(&cluster->links);
    list_init(&cluster->dials);
    cluster->events = (struct route_events) { cluster, cluster_on_connected, cluster_on_informed,
                                              cluster_on_ending, cluster_on_closed };
    cluster->hooks = (struct server_hooks) { .arg = cluster,
                                             .start = start,
                                             .ready = ready,
                                             .prepare = prepare,
                                             .configured = configured,
                                             .stop = stop,
                                             .port = port };
    return cluster;
}

const struct server_hooks *
cluster_hooks(const struct cluster *cluster)
{
    return &cluster->hooks;
}

void
cluster_free(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    cluster_forget_links(cluster);
    discard(&cluster->next);
    terms_unref(cluster->terms);
    mesh_free(cluster->mesh);
    free(cluster->made_up_name);
    free(cluster);
}

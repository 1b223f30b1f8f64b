/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections: accepted, dialled, and what their routes report. A report is a letter to the main
 * thread; that a route has closed must arrive, so without memory for a letter about anything else
 * the route's word is as good as not given: it stays as it is, and ends when its time is over.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/cluster_private.h"
#include "proto/server_object.h"

#define DIAL_TIMEOUT_MS 1000 /* PROTOCOL.md 3.3 */
#define REPORT_EVERY    3600 /* attempts, to what never answered: connect_error_reports */

struct cluster_link *
cluster_link(struct cluster *cluster, uint64_t rid)
{
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        struct cluster_link *link = LIST_ENTRY(pos, struct cluster_link, link);

        if (link->rid == rid)
            return link;
    }
    return NULL;
}

static bool
is_being_replaced(struct cluster *cluster, const struct cluster_link *by)
{
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        const struct cluster_link *link = LIST_ENTRY(pos, struct cluster_link, link);

        if (link != by && link->closing && link->has_info &&
            strcmp(link->info.server_id, by->info.server_id) == 0)
            return true;
    }
    return false;
}

void
cluster_register(struct cluster *cluster, struct cluster_link *link)
{
    link->waiting = is_being_replaced(cluster, link);
    if (!link->waiting)
        route_order_register(link->route);
}

static void
register_waiting(struct cluster *cluster)
{
    struct list *pos, *next;

    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        struct cluster_link *link = LIST_ENTRY(pos, struct cluster_link, link);

        if (link->waiting)
            cluster_register(cluster, link);
    }
}

/* ---- new ones ---- */

/* Takes over fd and connect. */
static void
add_link(struct cluster *cluster, int fd, const struct endpoint *remote, uint64_t rid,
         char *connect, const char *server_name)
{
    struct cluster_link *link = xcalloc(1, sizeof(*link));
    struct route_plan plan = { .server = cluster->server,
                               .worker = server_next_worker(cluster->server),
                               .events = &cluster->events,
                               .rid = rid,
                               .remote = *remote,
                               .terms = cluster->terms,
                               .server_name = server_name };

    plan.connect = connect;
    link->rid = rid;
    link->route = route_new(fd, &plan);
    list_push_back(&cluster->links, &link->link);
}

void
cluster_accepted(void *arg, int fd, const struct endpoint *remote)
{
    struct cluster *cluster = arg;
    uint64_t rid = server_next_cid(cluster->server);

    if (mesh_link_opened(cluster->mesh, rid, 0, remote->ip, remote->port, cluster_now_ms(cluster)))
        add_link(cluster, fd, remote, rid, NULL, NULL);
    else
        close(fd);
    cluster_act(cluster);
}

static void
free_dialling(struct dialling *dialling)
{
    list_remove(&dialling->link);
    free(dialling->host);
    free(dialling);
}

void
cluster_stop_dialling(struct cluster *cluster)
{
    while (!list_empty(&cluster->dials)) {
        struct dialling *dialling = LIST_ENTRY(cluster->dials.next, struct dialling, link);

        dial_cancel(dialling->dial);
        free_dialling(dialling);
    }
}

/* As the reference: an address is verified by the name of the first configured route that has one,
 * since peers tell addresses to each other. */
static const char *
tls_name(const struct cluster *cluster, const char *host)
{
    const struct cluster_options *options = cluster_options(cluster);
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1)
        return host;
    for (size_t i = 0; i < options->route_count; i++)
        if (inet_pton(AF_INET, options->routes[i].host, address) != 1 &&
            inet_pton(AF_INET6, options->routes[i].host, address) != 1)
            return options->routes[i].host;
    return host;
}

/* By its address: a reload may have given it another place since it is being dialled. */
static const struct cluster_route *
configured_route(const struct cluster_options *options, const struct dialling *dialling)
{
    for (size_t i = 0; i < options->route_count; i++)
        if (options->routes[i].port == dialling->port &&
            strcasecmp(options->routes[i].host, dialling->host) == 0)
            return &options->routes[i];
    return NULL;
}

static struct cluster_login
login_for(const struct cluster *cluster, const struct dialling *dialling)
{
    const struct cluster_options *options = cluster_options(cluster);
    const struct cluster_route *route = configured_route(options, dialling);

    if (route != NULL)
        return cluster_login_for(options, route);
    if (dialling->auth_required)
        return cluster_login_for(options, NULL);
    return (struct cluster_login) { NULL, NULL };
}

/* The CONNECT line. A token goes out as what it is, and as the user that Go nodes look at. */
static char *
make_connect(const struct cluster *cluster, const struct dialling *dialling)
{
    struct cluster_login login = login_for(cluster, dialling);
    struct route_connect connect = { .echo = true,
                                     .headers = true,
                                     .user = (char *)login.user,
                                     .pass = (char *)login.pass,
                                     .tls_required = cluster->terms->tls.dialling != NULL,
                                     .name = cluster->server->id,
                                     .cluster = (char *)mesh_cluster(cluster->mesh),
                                     .cluster_dynamic = mesh_cluster_is_dynamic(cluster->mesh),
                                     .lnoc = true,
                                     .lnocu = true };
    char *json, *line, *secret;
    size_t len;

    if (login.user != NULL && login.pass == NULL)
        connect.auth_token = (char *)login.user;
    json = route_connect_json(&connect);
    if (json == NULL)
        abort();
    len = strlen(json);
    line = xmalloc(sizeof("CONNECT \r\n") + len); /* asprintf() leaves copies behind */
    memcpy(line, "CONNECT ", 8);
    memcpy(line + 8, json, len);
    memcpy(line + 8 + len, "\r\n", 3);
    mem_wipe_free(&json);
    secret = cluster_secret_copy(line);
    mem_wipe_free(&line);
    return secret;
}

static void
log_failure(const struct cluster *cluster, const struct dialling *dialling, const char *why)
{
    struct log *log = cluster->server->log;
    bool every = dialling->reached && dialling->configured;

    if (every || dialling->attempt == 1 || dialling->attempt % REPORT_EVERY == 0)
        log_err(log, "Error trying to connect to route (attempt %u): %s", dialling->attempt, why);
    else
        log_dbg(log, "Error trying to connect to route (attempt %u): %s", dialling->attempt, why);
}

static void
dialled(void *arg, int fd, const struct endpoint *remote, const char *why)
{
    struct dialling *dialling = arg;
    struct cluster *cluster = dialling->cluster;
    uint64_t rid;

    if (fd == -1) {
        log_failure(cluster, dialling, why);
        mesh_dial_failed(cluster->mesh, dialling->target, cluster_now_ms(cluster));
    } else {
        rid = server_next_cid(cluster->server);
        if (mesh_link_opened(cluster->mesh, rid, dialling->target, remote->ip, remote->port,
                             cluster_now_ms(cluster)))
            add_link(cluster, fd, remote, rid, make_connect(cluster, dialling),
                     tls_name(cluster, dialling->host));
        else
            close(fd);
    }
    free_dialling(dialling);
    cluster_act(cluster);
}

void
cluster_dial(struct cluster *cluster, const struct mesh_action *action)
{
    struct dialling *dialling = xcalloc(1, sizeof(*dialling));

    *dialling = (struct dialling) { .cluster = cluster,
                                    .target = action->target,
                                    .host = xstrdup(action->host),
                                    .port = action->port,
                                    .configured = action->route != MESH_LEARNED,
                                    .attempt = action->attempt,
                                    .reached = action->reached,
                                    .auth_required = action->auth_required };
    list_push_back(&cluster->dials, &dialling->link);
    log_dbg(cluster->server->log, "Trying to connect to route on %s:%u", action->host,
            action->port);
    dialling->dial = dialer_dial(cluster->dialer, action->host, action->port, DIAL_TIMEOUT_MS,
                                 dialled, dialling);
}

/* ---- what routes report ---- */

struct report {
    struct mail mail;
    struct cluster *cluster;
    uint64_t rid;
    char *name; /* connected */
    bool dynamic;
    struct route_info info; /* informed */
};

static void
post(struct report *report, void *arg, uint64_t rid, void (*deliver)(struct mail *mail))
{
    report->mail.deliver = deliver;
    report->cluster = arg;
    report->rid = rid;
    loop_post(report->cluster->server->loop, &report->mail);
}

static void
deliver_connected(struct mail *mail)
{
    struct report *report = LIST_ENTRY(mail, struct report, mail);
    struct cluster *cluster = report->cluster;

    if (!cluster->stopping && cluster_link(cluster, report->rid) != NULL) {
        mesh_link_connect(cluster->mesh, report->rid, report->name, report->dynamic);
        cluster_act(cluster);
    }
    free(report->name);
    free(report);
}

void
cluster_on_connected(void *arg, uint64_t rid, const char *name, bool dynamic)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report == NULL)
        return;
    report->name = name == NULL ? NULL : xstrdup(name);
    report->dynamic = dynamic;
    post(report, arg, rid, deliver_connected);
}

static void
tell_mesh(struct cluster *cluster, struct cluster_link *link, const struct route_info *info)
{
    struct mesh_info said = {
        .server_id = info->server_id,
        .server_name = info->server_name,
        .cluster = info->cluster,
        .cluster_dynamic = info->cluster_dynamic,
        .host = info->host,
        .port = info->port > 0 && info->port <= UINT16_MAX ? (uint16_t)info->port : 0,
        .ip = info->ip,
        .auth_required = info->auth_required,
        .ldm = info->ldm,
        .connect_urls = (const char *const *)info->connect_urls,
        .connect_url_count = info->connect_url_count,
    };

    mesh_link_info(cluster->mesh, link->rid, &said, cluster_now_ms(cluster));
    cluster_act(cluster);
}

/* What came first is kept for gossip. */
static void
deliver_informed(struct mail *mail)
{
    struct report *report = LIST_ENTRY(mail, struct report, mail);
    struct cluster *cluster = report->cluster;
    struct cluster_link *link = cluster->stopping ? NULL : cluster_link(cluster, report->rid);

    if (link != NULL)
        route_heard(link->route);
    if (link != NULL && !link->has_info) {
        link->has_info = true;
        link->info = report->info;
        tell_mesh(cluster, link, &link->info);
    } else {
        if (link != NULL)
            tell_mesh(cluster, link, &report->info);
        route_info_release(&report->info);
    }
    free(report);
}

bool
cluster_on_informed(void *arg, uint64_t rid, struct route_info *info)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report == NULL) {
        route_info_release(info);
        return false;
    }
    report->info = *info;
    post(report, arg, rid, deliver_informed);
    return true;
}

static void
deliver_ending(struct mail *mail)
{
    struct report *report = LIST_ENTRY(mail, struct report, mail);
    struct cluster *cluster = report->cluster;

    if (!cluster->stopping && cluster_link(cluster, report->rid) != NULL)
        mesh_link_ending(cluster->mesh, report->rid);
    free(report);
}

void
cluster_on_ending(void *arg, uint64_t rid)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report != NULL)
        post(report, arg, rid, deliver_ending);
}

static void
free_link(struct cluster_link *link)
{
    list_remove(&link->link);
    if (link->has_info)
        route_info_release(&link->info);
    route_unref(link->route);
    free(link);
}

void
cluster_forget_links(struct cluster *cluster)
{
    while (!list_empty(&cluster->links))
        free_link(LIST_ENTRY(cluster->links.next, struct cluster_link, link));
}

static void
deliver_closed(struct mail *mail)
{
    struct report *report = LIST_ENTRY(mail, struct report, mail);
    struct cluster *cluster = report->cluster;
    struct cluster_link *link = cluster_link(cluster, report->rid);

    if (!cluster->stopping && link != NULL) {
        mesh_link_closed(cluster->mesh, report->rid, cluster_now_ms(cluster));
        free_link(link); /* actions no longer name it */
        cluster_act(cluster);
        register_waiting(cluster);
    }
    free(report);
}

void
cluster_on_closed(void *arg, uint64_t rid)
{
    post(xcalloc(1, sizeof(struct report)), arg, rid, deliver_closed);
}

void
cluster_say_goodbye(struct cluster *cluster)
{
    const struct server *server = cluster->server;
    struct list *pos, *next;
    time_t now = (time_t)(clock_wall_ns() / CLOCK_NS_PER_S);
    char when[32], *json, *line;
    struct tm utc;

    gmtime_r(&now, &utc);
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    json = server_object_json(&(struct server_object) {
        .name = server->name,
        .host = cluster_options(cluster)->host,
        .id = (char *)server->id,
        .cluster = (char *)mesh_cluster(cluster->mesh),
        .version = (char *)TESSERA_NATS_VERSION,
        .seq = 1,
        .time = when,
    });
    if (json == NULL)
        return;
    line = xasprintf("RMSG " ACCOUNT_SYSTEM " $SYS.SERVER.%s.SHUTDOWN %zu\r\n%s\r\n", server->id,
                     strlen(json), json);
    LIST_FOREACH_SAFE(pos, next, &cluster->links)
    {
        route_order_send(LIST_ENTRY(pos, struct cluster_link, link)->route, line, strlen(line));
    }
    free(line);
    free(json);
}

/* The INFO of one server to another, who will dial it. */
void
cluster_gossip(struct cluster *cluster, const struct mesh_action *action)
{
    struct cluster_link *to = cluster_link(cluster, action->link);
    struct cluster_link *about = cluster_link(cluster, action->about);
    struct route_info info;
    char *json, *line;

    if (to == NULL || about == NULL || !about->has_info)
        return;
    info = about->info; /* borrows its texts */
    info.ip = (char *)action->ip;
    info.nonce = NULL;
    json = route_info_json(&info);
    if (json == NULL)
        return;
    line = xasprintf("INFO %s \r\n", json);
    route_order_send(to->route, line, strlen(line));
    free(line);
    free(json);
}

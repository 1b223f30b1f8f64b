/* SPDX-License-Identifier: Apache-2.0
 *
 * The events: each finds what it is about, and hands it to the files that decide.
 */
#include "cluster/mesh.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/mesh_private.h"

struct mesh *
mesh_new(const struct mesh_settings *settings)
{
    struct mesh *mesh = xcalloc(1, sizeof(*mesh));

    assert(strlen(settings->server_id) <= MESH_ID_MAX);
    assert(strlen(settings->cluster) <= MESH_NAME_MAX);
    memcpy(mesh->server_id, settings->server_id, strlen(settings->server_id) + 1);
    memcpy(mesh->cluster, settings->cluster, strlen(settings->cluster) + 1);
    mesh->server_name = xstrdup(settings->server_name);
    mesh->cluster_dynamic = settings->cluster_dynamic;
    mesh->random.state = settings->seed;
    mesh_set_retries(mesh, settings->connect_retries, settings->connect_backoff);
    return mesh;
}

void
mesh_free(struct mesh *mesh)
{
    if (mesh == NULL)
        return;
    while (mesh->link_count > 0)
        link_remove(mesh, mesh->links[mesh->link_count - 1]);
    while (mesh->target_count > 0)
        target_drop(mesh, mesh->targets[mesh->target_count - 1]);
    free((void *)mesh->targets);
    free((void *)mesh->urls);
    free(mesh->pending);
    free(mesh->server_name);
    free(mesh);
}

void
mesh_set_retries(struct mesh *mesh, unsigned connect_retries, bool connect_backoff)
{
    mesh->connect_retries = connect_retries;
    mesh->connect_backoff = connect_backoff;
}

void
mesh_add_own(struct mesh *mesh, const char *host, uint16_t port)
{
    struct address address;

    host_port_set(&address, host, port);
    own_add(mesh, &address);
}

bool
mesh_is_own(const struct mesh *mesh, const char *host, uint16_t port)
{
    struct address address;

    host_port_set(&address, host, port);
    return address.port != 0 && own_has(mesh, &address);
}

void
mesh_dial_failed(struct mesh *mesh, uint32_t target_id, int64_t now_ms)
{
    struct target *target = target_find(mesh, target_id);

    if (target != NULL && target->state == TARGET_DIALLING)
        target_failed(mesh, target, now_ms);
}

bool
mesh_link_opened(struct mesh *mesh, uint64_t link_id, uint32_t target_id, const char *ip,
                 uint16_t port, int64_t now_ms)
{
    struct target *target = target_find(mesh, target_id);
    struct link *link;

    if (target_id != 0 && (target == NULL || target->state != TARGET_DIALLING))
        return false;
    link = link_add(mesh, link_id, target_id);
    if (link == NULL) {
        if (target != NULL)
            target_failed(mesh, target, now_ms);
        return false;
    }
    host_port_set(&link->remote, ip, port);
    if (target != NULL)
        target->state = TARGET_LINKED;
    return true;
}

/* ---- names ---- */

/* Shown to the peer and in the log: what could break either is shown as '?'. */
static void
name_error(char out[MESH_ERROR_MAX], const char *theirs, const char *ours)
{
    snprintf(out, MESH_ERROR_MAX,
             "Rejecting connection, cluster name \"%.100s\" does not match \"%.100s\"", theirs,
             ours);
    for (char *c = out; *c != '\0'; c++)
        if (*c < ' ' || *c > '~' || *c == '\'')
            *c = '?';
}

static bool
adopts(const struct mesh *mesh, const char *name, bool dynamic)
{
    return mesh->cluster_dynamic && *name != '\0' && strlen(name) <= MESH_NAME_MAX &&
           (!dynamic || strcmp(name, mesh->cluster) > 0);
}

static void
rename_cluster(struct mesh *mesh, const char *name, bool dynamic, const struct link *except)
{
    memcpy(mesh->cluster, name, strlen(name) + 1);
    mesh->cluster_dynamic = dynamic;
    push_renamed(mesh);
    links_close(mesh, NULL, except, MESH_REASON_RENAMED);
}

/* A name that was configured somewhere is final, as in the reference. But there a server that has
 * adopted one goes on calling it dynamic, and others that are still without a configured name may
 * refuse it for ever; so it is passed on as what it is. */
static bool
name_fits(struct mesh *mesh, const struct link *link, const char *name, bool dynamic)
{
    if (strcmp(name, mesh->cluster) == 0) {
        if (mesh->cluster_dynamic && !dynamic) {
            mesh->cluster_dynamic = false;
            push_renamed(mesh);
        }
        return true;
    }
    if (!adopts(mesh, name, dynamic))
        return false;
    rename_cluster(mesh, name, dynamic, link);
    return true;
}

void
mesh_link_connect(struct mesh *mesh, uint64_t link_id, const char *cluster, bool dynamic)
{
    struct link *link = link_find(mesh, link_id);
    const char *name = cluster == NULL ? "" : cluster;

    assert(link != NULL);
    if (link->state != LINK_NEW)
        return;
    if (!name_fits(mesh, link, name, dynamic)) {
        name_error(link->error, name, mesh->cluster);
        link_close(mesh, link, MESH_REASON_CLUSTER_NAME);
    }
}

void
mesh_set_cluster(struct mesh *mesh, const char *cluster)
{
    assert(strlen(cluster) <= MESH_NAME_MAX);
    if (strcmp(cluster, mesh->cluster) != 0 || mesh->cluster_dynamic)
        rename_cluster(mesh, cluster, false, NULL);
}

/* ---- INFO ---- */

/* Was it news that the address leads here? */
static bool
note_own(struct mesh *mesh, const struct address *address)
{
    bool known = own_has(mesh, address);

    own_add(mesh, address);
    return !known && own_has(mesh, address);
}

/* A configured name may have other addresses: it is dialled again, without this one. */
static void
answered_self(struct mesh *mesh, struct link *link)
{
    struct target *target = target_find(mesh, link->target);

    if (target != NULL) {
        bool is_address = address_eq(&target->address, &link->remote);

        if (!note_own(mesh, &link->remote) || is_address || target_is_learned(target))
            target_is_self(mesh, target);
    }
    link_close(mesh, link, MESH_REASON_SELF);
}

static bool
id_fits(const char *server_id)
{
    return *server_id != '\0' && strlen(server_id) <= MESH_ID_MAX;
}

static bool
keep_info(struct link *link, const struct mesh_info *info)
{
    if (!link_set_urls(link, info))
        return false;
    memcpy(link->server_id, info->server_id, strlen(info->server_id) + 1);
    url_parse(&link->listens, info->ip);
    if (link->listens.port == 0)
        host_port_set(&link->listens, link->remote.host, info->port);
    link->auth_required = info->auth_required;
    link->ldm = info->ldm;
    return true;
}

static void
target_answered(struct target *target, const struct mesh_info *info)
{
    target_set_server(target, info->server_id);
    target->reached = true;
    target->auth_required = info->auth_required;
}

static void
first_info(struct mesh *mesh, struct link *link, const struct mesh_info *info, int64_t now_ms)
{
    const char *cluster = info->cluster == NULL ? "" : info->cluster;
    struct target *target = target_find(mesh, link->target);

    if (strcmp(info->server_id, mesh->server_id) == 0) {
        answered_self(mesh, link);
    } else if (!id_fits(info->server_id)) {
        link_close(mesh, link, MESH_REASON_INVALID);
    } else if (info->server_name != NULL && strcmp(info->server_name, mesh->server_name) == 0) {
        link_close(mesh, link, MESH_REASON_DUPLICATE_NAME);
    } else if (!name_fits(mesh, link, cluster, info->cluster_dynamic)) {
        link_close(mesh, link, MESH_REASON_CLUSTER_NAME);
    } else if (!keep_info(link, info)) {
        link_close(mesh, link, MESH_REASON_INVALID);
    } else {
        if (target != NULL)
            target_answered(target, info);
        link_join(mesh, link, now_ms);
    }
}

static void
later_info(struct mesh *mesh, struct link *link, const struct mesh_info *info)
{
    link_set_urls(link, info); /* out of memory: the old ones stay */
    link->ldm = info->ldm;
    mesh->urls_stale = true;
}

void
mesh_link_info(struct mesh *mesh, uint64_t link_id, const struct mesh_info *info, int64_t now_ms)
{
    struct link *link = link_find(mesh, link_id);

    assert(link != NULL);
    if (link->state == LINK_NEW)
        first_info(mesh, link, info, now_ms);
    else if (link->state == LINK_CLOSING)
        return;
    else if (strcmp(info->server_id, link->server_id) == 0)
        later_info(mesh, link, info);
    else if (strcmp(info->server_id, mesh->server_id) != 0 && id_fits(info->server_id) &&
             route_find(mesh, info->server_id) == NULL)
        learn_gossip(mesh, info, now_ms);
}

void
mesh_link_ending(struct mesh *mesh, uint64_t link_id)
{
    const struct link *link = link_find(mesh, link_id);

    assert(link != NULL);
    if (link->server_id[0] == '\0')
        return;
    for (size_t i = 0; i < mesh->link_count; i++)
        if (strcmp(mesh->links[i]->server_id, link->server_id) == 0)
            mesh->links[i]->ending = true;
}

/* ---- the end of a link, and time ---- */

void
mesh_link_closed(struct mesh *mesh, uint64_t link_id, int64_t now_ms)
{
    struct link *link = link_find(mesh, link_id);
    struct target *target;

    assert(link != NULL);
    target = target_find(mesh, link->target);
    if (link->state == LINK_ROUTE)
        mesh->urls_stale = true;
    link->state = LINK_CLOSING;
    if (link->server_id[0] != '\0' && route_find(mesh, link->server_id) == NULL &&
        !spare_promote(mesh, link->server_id, now_ms))
        targets_uncover(mesh, link, now_ms);
    if (target != NULL)
        target_ended(mesh, target, link, now_ms);
    link_remove(mesh, link);
}

void
mesh_tick(struct mesh *mesh, int64_t now_ms)
{
    spares_tick(mesh, now_ms);
    targets_tick(mesh, now_ms);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a == -1 || b < a ? b : a;
}

int64_t
mesh_next_ms(const struct mesh *mesh)
{
    int64_t next = -1;

    for (size_t i = 0; i < mesh->link_count; i++)
        if (mesh->links[i]->state == LINK_SPARE)
            next = earlier(next, mesh->links[i]->decide_ms);
    for (size_t i = 0; i < mesh->target_count; i++) {
        const struct target *target = mesh->targets[i];

        if (target->state != TARGET_WAITING)
            continue;
        next = earlier(next, target->due_ms);
        if (target_is_learned(target))
            next = earlier(next, target->until_ms);
    }
    return next;
}

/* ---- what is ---- */

const char *
mesh_cluster(const struct mesh *mesh)
{
    return mesh->cluster;
}

bool
mesh_cluster_is_dynamic(const struct mesh *mesh)
{
    return mesh->cluster_dynamic;
}

const char *const *
mesh_urls(const struct mesh *mesh, size_t *count)
{
    *count = mesh->url_count;
    return (const char *const *)mesh->urls;
}

size_t
mesh_route_count(const struct mesh *mesh)
{
    size_t count = 0;

    for (size_t i = 0; i < mesh->link_count; i++)
        count += mesh->links[i]->state == LINK_ROUTE;
    return count;
}

uint64_t
mesh_route(const struct mesh *mesh, const char *server_id)
{
    const struct link *link = route_find(mesh, server_id);

    return link == NULL ? 0 : link->id;
}

bool
mesh_is_configured(const struct mesh *mesh, uint64_t link_id)
{
    const struct link *link = link_find(mesh, link_id);

    for (size_t i = 0; link != NULL && i < mesh->target_count; i++) {
        const struct target *target = mesh->targets[i];

        if (!target_is_learned(target) && link->server_id[0] != '\0' &&
            strcmp(target->server_id, link->server_id) == 0)
            return true;
    }
    return false;
}

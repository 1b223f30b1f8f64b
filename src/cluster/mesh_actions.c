/* SPDX-License-Identifier: Apache-2.0
 *
 * What is to be done, in order. Entries name links and targets by id, and are looked up when they
 * are taken: what an event in between made pointless is left out.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/mesh_private.h"

static void
push(struct mesh *mesh, struct pending entry)
{
    if (mesh->taken == mesh->pending_count)
        mesh->taken = mesh->pending_count = 0;
    if (mesh->pending_count == mesh->pending_cap) {
        /* Bounded by the tables, as the shell takes all after each event. */
        mesh->pending_cap = mesh->pending_cap == 0 ? 32 : 2 * mesh->pending_cap;
        mesh->pending = xrealloc(mesh->pending, mesh->pending_cap * sizeof(*mesh->pending));
    }
    mesh->pending[mesh->pending_count++] = entry;
}

void
push_dial(struct mesh *mesh, const struct target *target)
{
    push(mesh, (struct pending) { .kind = MESH_DIAL, .target = target->id });
}

void
push_link(struct mesh *mesh, enum mesh_action_kind kind, const struct link *link)
{
    push(mesh, (struct pending) { .kind = kind, .link = link->id });
}

void
push_gossip(struct mesh *mesh, const struct link *to, const struct link *about)
{
    push(mesh, (struct pending) { .kind = MESH_GOSSIP, .link = to->id, .about = about->id });
}

void
push_renamed(struct mesh *mesh)
{
    push(mesh, (struct pending) { .kind = MESH_RENAMED });
}

static bool
fill_dial(const struct target *target, struct mesh_action *action)
{
    if (target == NULL || target->state != TARGET_DIALLING)
        return false;
    action->target = target->id;
    action->host = target->address.host;
    action->port = target->address.port;
    action->route = target->route;
    action->attempt = target->failures + 1;
    action->reached = target->reached;
    action->auth_required = target->auth_required;
    return true;
}

static bool
fill_link(const struct link *link, enum link_state state, struct mesh_action *action)
{
    if (link == NULL || link->state != state)
        return false;
    action->link = link->id;
    action->server_id = link->server_id;
    return true;
}

static bool
fill_close(const struct link *link, struct mesh_action *action)
{
    if (!fill_link(link, LINK_CLOSING, action))
        return false;
    action->reason = link->reason;
    action->error = link->error[0] == '\0' ? NULL : link->error;
    return true;
}

static bool
fill_gossip(struct mesh *mesh, const struct link *to, const struct link *about,
            struct mesh_action *action)
{
    if (!fill_link(to, LINK_ROUTE, action) || !fill_link(about, LINK_ROUTE, action))
        return false;
    action->link = to->id;
    action->about = about->id;
    url_print(&about->listens, mesh->gossip_url);
    action->ip = mesh->gossip_url;
    return true;
}

static bool
fill(struct mesh *mesh, const struct pending *entry, struct mesh_action *action)
{
    const struct link *link = link_find(mesh, entry->link);

    *action = (struct mesh_action) { .kind = entry->kind };
    switch (entry->kind) {
    case MESH_DIAL:
        return fill_dial(target_find(mesh, entry->target), action);
    case MESH_REGISTER:
        return fill_link(link, LINK_ROUTE, action);
    case MESH_SPARE:
        return fill_link(link, LINK_SPARE, action);
    case MESH_CLOSE:
        return fill_close(link, action);
    case MESH_GOSSIP:
        return fill_gossip(mesh, link, link_find(mesh, entry->about), action);
    case MESH_RENAMED:
    case MESH_URLS:
        break;
    }
    return true;
}

/* The union of the URLS is made when the rest is done, once for all changes. */
bool
mesh_take(struct mesh *mesh, struct mesh_action *action)
{
    while (mesh->taken < mesh->pending_count)
        if (fill(mesh, &mesh->pending[mesh->taken++], action))
            return true;
    *action = (struct mesh_action) { .kind = MESH_URLS };
    return urls_refresh(mesh);
}

const char *
mesh_reason_text(enum mesh_reason reason)
{
    static const char *const texts[] = {
        [MESH_REASON_SELF] = "Duplicate Route",
        [MESH_REASON_DUPLICATE] = "Duplicate Route",
        [MESH_REASON_CLUSTER_NAME] = "Cluster Name Conflict",
        [MESH_REASON_RENAMED] = "Cluster Name Conflict",
        [MESH_REASON_DUPLICATE_NAME] = "Duplicate Server Name",
        [MESH_REASON_REMOVED] = "Route Removed",
        [MESH_REASON_INVALID] = "Protocol Violation",
    };

    assert((size_t)reason < sizeof(texts) / sizeof(texts[0]));
    return texts[reason];
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The routes of the configuration.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/mesh_private.h"

static bool
another_leads_to(const struct mesh *mesh, const struct target *gone)
{
    for (size_t i = 0; i < mesh->target_count; i++) {
        const struct target *target = mesh->targets[i];

        if (target != gone && !target_is_learned(target) &&
            strcmp(target->server_id, gone->server_id) == 0)
            return true;
    }
    return false;
}

/* Whichever of its links is the route, the server goes, and what was learned of it. */
static void
leave_server(struct mesh *mesh, const char *server_id)
{
    links_close(mesh, server_id, NULL, MESH_REASON_REMOVED);
    for (size_t i = mesh->target_count; i-- > 0;) {
        struct target *target = mesh->targets[i];

        if (target_is_learned(target) && strcmp(target->server_id, server_id) == 0)
            target_drop(mesh, target);
    }
}

/* Takes the target out of the table and frees it. */
static void
remove_configured(struct mesh *mesh, struct target *gone)
{
    for (size_t i = 0; i < mesh->link_count; i++)
        if (mesh->links[i]->target == gone->id)
            link_close(mesh, mesh->links[i], MESH_REASON_REMOVED);
    if (gone->server_id[0] != '\0' && !another_leads_to(mesh, gone))
        leave_server(mesh, gone->server_id);
    target_drop(mesh, gone);
}

/* Also what had been learned becomes configured. */
static void
configure_one(struct mesh *mesh, const struct address *address, size_t route, int64_t now_ms)
{
    struct target *target = target_at(mesh, address);

    if (target == NULL) {
        target = target_add(mesh, address, route);
        target_dial_anew(mesh, target, now_ms);
    } else if (target_is_learned(target)) {
        mesh->learned_count--;
        target->route = route;
        target->accepted = false;
        target_dial_anew(mesh, target, now_ms);
    }
}

static const struct address *
find(const struct address *all, size_t count, const struct address *address)
{
    for (size_t i = 0; i < count; i++)
        if (address_eq(&all[i], address))
            return &all[i];
    return NULL;
}

/* The removed ones go first: they give up their servers before new ones lead there. */
void
mesh_configure(struct mesh *mesh, const struct mesh_address *routes, size_t count, int64_t now_ms)
{
    struct address *all = xcalloc(count + 1, sizeof(*all));
    struct target **gone = xcalloc(mesh->target_count + 1, sizeof(struct target *));
    size_t gone_count = 0;

    for (size_t i = 0; i < count; i++)
        host_port_set(&all[i], routes[i].host, routes[i].port);
    for (size_t i = 0; i < mesh->target_count; i++) {
        struct target *target = mesh->targets[i];
        const struct address *same = find(all, count, &target->address);

        if (target_is_learned(target))
            continue;
        if (same == NULL)
            gone[gone_count++] = target;
        else
            target->route = (size_t)(same - all);
    }
    for (size_t i = 0; i < gone_count; i++)
        remove_configured(mesh, gone[i]);
    for (size_t i = 0; i < count; i++)
        if (all[i].port != 0)
            configure_one(mesh, &all[i], i, now_ms);
    free((void *)gone);
    free(all);
}

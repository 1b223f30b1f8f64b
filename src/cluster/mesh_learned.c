/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses that peers tell: in gossip, and of themselves when they dial us. The latter are kept
 * since a reference's node gives up soon, and after a long cut nobody else would bring the two
 * together.
 */
#include <string.h>

#include "cluster/mesh_private.h"

/* Room for one more learned address: the idle one that would be forgotten first makes it. */
static bool
make_room(struct mesh *mesh)
{
    struct target *oldest = NULL;

    if (mesh->learned_count < MESH_LEARNED_MAX)
        return true;
    for (size_t i = 0; i < mesh->target_count; i++) {
        struct target *target = mesh->targets[i];

        if (target_is_learned(target) && target->state == TARGET_WAITING &&
            (oldest == NULL || target->until_ms < oldest->until_ms))
            oldest = target;
    }
    if (oldest == NULL)
        return false;
    target_drop(mesh, oldest);
    return true;
}

static struct target *
learned_of(const struct mesh *mesh, const char *server_id)
{
    for (size_t i = 0; i < mesh->target_count; i++) {
        struct target *target = mesh->targets[i];

        if (target_is_learned(target) && strcmp(target->server_id, server_id) == 0)
            return target;
    }
    return NULL;
}

/* Does a link that was dialled there lead to another server? */
static bool
is_linked_to_another(const struct mesh *mesh, const struct target *target, const char *server_id)
{
    for (size_t i = 0; i < mesh->link_count; i++) {
        const struct link *link = mesh->links[i];

        if (link->target == target->id)
            return link->server_id[0] != '\0' && strcmp(link->server_id, server_id) != 0;
    }
    return false;
}

/* The server lives at the address now. The end of the one before may not have been noticed yet;
 * what becomes of its link is no longer of any concern to the target. */
static void
take_over(struct mesh *mesh, struct target *target, const char *server_id)
{
    if (target->state == TARGET_LINKED && is_linked_to_another(mesh, target, server_id)) {
        target->id = ++mesh->next_target;
        target->state = TARGET_WAITING;
    }
    if (target->state == TARGET_COVERED && strcmp(target->server_id, server_id) != 0)
        target->state = TARGET_WAITING;
    if (target->state != TARGET_WAITING || strcmp(target->server_id, server_id) == 0)
        return;
    target_set_server(target, server_id);
    target->reached = target->accepted = false;
}

/* The learned target of that address; else that of the server, moved to it; else a new one.
 * NULL: there is a configured one, or one that is in use, or no room. */
static struct target *
learn(struct mesh *mesh, const struct address *address, const char *server_id)
{
    struct target *target = target_at(mesh, address);

    if (target == NULL)
        target = learned_of(mesh, server_id);
    if (target == NULL && make_room(mesh))
        target = target_add(mesh, address, MESH_LEARNED);
    if (target == NULL || !target_is_learned(target))
        return NULL;
    if (target->state == TARGET_WAITING)
        target->address = *address;
    take_over(mesh, target, server_id);
    return target;
}

void
learn_gossip(struct mesh *mesh, const struct mesh_info *info, int64_t now_ms)
{
    struct address by_host, address;
    struct target *same;

    host_port_set(&by_host, info->host, info->port);
    url_parse(&address, info->ip);
    if (address.port == 0)
        address = by_host;
    same = target_at(mesh, &by_host);
    if (address.port == 0 || own_has(mesh, &address) || (same != NULL && !target_is_learned(same)))
        return;
    same = learn(mesh, &address, info->server_id);
    if (same == NULL)
        return;
    same->auth_required = info->auth_required;
    target_dial_anew(mesh, same, now_ms);
}

/* A server that dialled us, and that no target leads to. */
static void
learn_accepted(struct mesh *mesh, const struct link *link)
{
    struct target *target = NULL;

    if (link->listens.port != 0 && !own_has(mesh, &link->listens))
        target = learn(mesh, &link->listens, link->server_id);
    if (target == NULL || target->state != TARGET_WAITING)
        return;
    target->accepted = true;
    target->auth_required = link->auth_required;
    target->state = TARGET_COVERED;
}

void
targets_cover(struct mesh *mesh, const struct link *link)
{
    for (size_t i = 0; i < mesh->target_count; i++) {
        struct target *target = mesh->targets[i];

        if (target->state == TARGET_WAITING && strcmp(target->server_id, link->server_id) == 0)
            target->state = TARGET_COVERED;
    }
    if (target_of(mesh, link->server_id) == NULL)
        learn_accepted(mesh, link);
}

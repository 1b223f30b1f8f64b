/* SPDX-License-Identifier: Apache-2.0
 *
 * The invariants of mesh_private.h.
 */
#include <assert.h>
#include <string.h>

#include "cluster/mesh_private.h"

static size_t
count_links(const struct mesh *mesh, const char *server_id, enum link_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < mesh->link_count; i++)
        count +=
            mesh->links[i]->state == state && strcmp(mesh->links[i]->server_id, server_id) == 0;
    return count;
}

static void
check_link(const struct mesh *mesh, const struct link *link)
{
    assert(link_find(mesh, link->id) == link);
    if (link_is_live(link)) {
        assert(link->server_id[0] != '\0' && strcmp(link->server_id, mesh->server_id) != 0);
        assert(count_links(mesh, link->server_id, LINK_ROUTE) == 1);
        assert(link->state != LINK_ROUTE || link->since_ms > 0);
        assert(link->state != LINK_SPARE || link->decide_ms > 0);
    }
    assert(link->state != LINK_NEW || link->server_id[0] == '\0');
}

static size_t
count_dialled(const struct mesh *mesh, const struct target *target)
{
    size_t count = 0;

    for (size_t i = 0; i < mesh->link_count; i++)
        count += mesh->links[i]->target == target->id;
    return count;
}

static void
check_target(const struct mesh *mesh, const struct target *target)
{
    assert(target_find(mesh, target->id) == target);
    assert(target_at(mesh, &target->address) == target);
    assert(target->address.port != 0);
    switch (target->state) {
    case TARGET_LINKED:
        assert(count_dialled(mesh, target) == 1);
        return;
    case TARGET_COVERED:
        assert(count_links(mesh, target->server_id, LINK_ROUTE) +
                   count_links(mesh, target->server_id, LINK_CLOSING) >
               0);
        break;
    case TARGET_WAITING:
        assert(target->server_id[0] == '\0' ||
               count_links(mesh, target->server_id, LINK_ROUTE) == 0);
        break;
    case TARGET_SELF:
        assert(!target_is_learned(target));
        return;
    case TARGET_DIALLING:
        break;
    }
    assert(count_dialled(mesh, target) == 0);
}

void
mesh_check(const struct mesh *mesh)
{
    size_t learned = 0;

    for (size_t i = 0; i < mesh->link_count; i++)
        check_link(mesh, mesh->links[i]);
    for (size_t i = 0; i < mesh->target_count; i++) {
        check_target(mesh, mesh->targets[i]);
        learned += target_is_learned(mesh->targets[i]);
    }
    assert(learned == mesh->learned_count && learned <= MESH_LEARNED_MAX);
    for (size_t i = 1; i < mesh->url_count; i++)
        assert(strcmp(mesh->urls[i - 1], mesh->urls[i]) < 0);
}

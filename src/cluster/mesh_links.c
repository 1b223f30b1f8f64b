/* SPDX-License-Identifier: Apache-2.0
 *
 * Which link is the route.
 *
 * Two servers may dial each other at the same time, and one may reach another under two addresses.
 * A reference's node keeps the link on which it first received INFO and closes the other at once;
 * if two nodes keep different ones both die, and luck decides the next time. Here the first one
 * becomes the route, and the second one waits as a spare: if either dies, the other is the route,
 * whatever the peer has decided. If both live on, the loser is
 *
 *   dialled from opposite sides   the one that the server with the greater id has dialled
 *   dialled from the same side    the one that is not the dialling server's route
 *
 * and the server that dialled the loser closes it after SPARE_MS. The other server only waits. If
 * both are still there after SPARE_LONG_MS, the peer does not know of both: it holds the older one
 * for dead (a cut that has not been noticed here), so the newer one becomes the route.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/mesh_private.h"

struct link *
link_find(const struct mesh *mesh, uint64_t id)
{
    for (size_t i = 0; i < mesh->link_count; i++)
        if (mesh->links[i]->id == id)
            return mesh->links[i];
    return NULL;
}

struct link *
link_add(struct mesh *mesh, uint64_t id, uint32_t target)
{
    size_t most = target == 0 ? MESH_LINKS_MAX - MESH_DIALLED_MIN : MESH_LINKS_MAX;
    struct link *link = NULL;

    assert(id != 0 && link_find(mesh, id) == NULL);
    if (mesh->link_count < most)
        link = calloc(1, sizeof(*link));
    if (link == NULL)
        return NULL;
    link->id = id;
    link->target = target;
    mesh->links[mesh->link_count++] = link;
    return link;
}

/* The order is that of opening: the oldest spare is promoted first. */
void
link_remove(struct mesh *mesh, struct link *link)
{
    size_t i = 0;

    while (mesh->links[i] != link)
        i++;
    mesh->link_count--;
    memmove(&mesh->links[i], &mesh->links[i + 1], (mesh->link_count - i) * sizeof(struct link *));
    free((void *)link->urls);
    free(link);
}

bool
link_is_live(const struct link *link)
{
    return link->state == LINK_ROUTE || link->state == LINK_SPARE;
}

static struct link *
find_state(const struct mesh *mesh, const char *server_id, enum link_state state)
{
    for (size_t i = 0; i < mesh->link_count; i++) {
        struct link *link = mesh->links[i];

        if (link->state == state && strcmp(link->server_id, server_id) == 0)
            return link;
    }
    return NULL;
}

struct link *
route_find(const struct mesh *mesh, const char *server_id)
{
    return find_state(mesh, server_id, LINK_ROUTE);
}

void
link_close(struct mesh *mesh, struct link *link, enum mesh_reason reason)
{
    if (link->state == LINK_CLOSING)
        return;
    if (link->state == LINK_ROUTE)
        mesh->urls_stale = true;
    link->state = LINK_CLOSING;
    link->reason = reason;
    push_link(mesh, MESH_CLOSE, link);
}

void
links_close(struct mesh *mesh, const char *server_id, const struct link *except,
            enum mesh_reason reason)
{
    for (size_t i = 0; i < mesh->link_count; i++) {
        struct link *link = mesh->links[i];

        if (link != except && (server_id == NULL || strcmp(link->server_id, server_id) == 0))
            link_close(mesh, link, reason);
    }
}

/* Whose loss it would be; false: the peer's to close, see above. */
static bool
ours_to_close(const struct mesh *mesh, const struct link *route, const struct link *spare)
{
    bool route_dialled = route->target != 0, spare_dialled = spare->target != 0;

    if (route_dialled == spare_dialled)
        return route_dialled;
    return strcmp(mesh->server_id, route->server_id) > 0;
}

static void
spare_wait(const struct mesh *mesh, const struct link *route, struct link *spare, int64_t now_ms)
{
    spare->decide_ms = now_ms + (ours_to_close(mesh, route, spare) ? SPARE_MS : SPARE_LONG_MS);
}

/* The others are told about the server each time: what they were told through a link that has died
 * since may be lost, and who knows it already takes no notice. */
static void
make_route(struct mesh *mesh, struct link *link, int64_t now_ms)
{
    link->state = LINK_ROUTE;
    link->since_ms = now_ms;
    mesh->urls_stale = true;
    push_link(mesh, MESH_REGISTER, link);
    for (size_t i = 0; i < mesh->link_count; i++) {
        struct link *other = mesh->links[i];

        if (other->state == LINK_ROUTE && other != link && link->listens.port != 0)
            push_gossip(mesh, other, link);
        if (other->state == LINK_SPARE && strcmp(other->server_id, link->server_id) == 0)
            spare_wait(mesh, link, other, now_ms);
    }
}

void
link_join(struct mesh *mesh, struct link *link, int64_t now_ms)
{
    struct link *route = route_find(mesh, link->server_id);

    if (route == NULL) {
        make_route(mesh, link, now_ms);
    } else {
        link->state = LINK_SPARE;
        spare_wait(mesh, route, link, now_ms);
        push_link(mesh, MESH_SPARE, link);
    }
    targets_cover(mesh, link);
}

bool
spare_promote(struct mesh *mesh, const char *server_id, int64_t now_ms)
{
    struct link *spare = find_state(mesh, server_id, LINK_SPARE);

    if (spare == NULL)
        return false;
    make_route(mesh, spare, now_ms);
    return true;
}

static void
spare_decide(struct mesh *mesh, struct link *spare, int64_t now_ms)
{
    struct link *route = route_find(mesh, spare->server_id);
    bool switches = spare->target == 0 || !ours_to_close(mesh, route, spare);

    link_close(mesh, switches ? route : spare, MESH_REASON_DUPLICATE);
    if (switches)
        make_route(mesh, spare, now_ms);
}

void
spares_tick(struct mesh *mesh, int64_t now_ms)
{
    for (size_t i = 0; i < mesh->link_count; i++) {
        struct link *link = mesh->links[i];

        if (link->state == LINK_SPARE && link->decide_ms <= now_ms)
            spare_decide(mesh, link, now_ms);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom to dial, and when: configured routes for ever, learned addresses until there was no route
 * for an hour, or until the server has said that it ends.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/mesh_private.h"

bool
target_is_learned(const struct target *target)
{
    return target->route == MESH_LEARNED;
}

struct target *
target_find(const struct mesh *mesh, uint32_t id)
{
    for (size_t i = 0; i < mesh->target_count; i++)
        if (mesh->targets[i]->id == id)
            return mesh->targets[i];
    return NULL;
}

struct target *
target_at(const struct mesh *mesh, const struct address *address)
{
    for (size_t i = 0; i < mesh->target_count; i++)
        if (address_eq(&mesh->targets[i]->address, address))
            return mesh->targets[i];
    return NULL;
}

struct target *
target_of(const struct mesh *mesh, const char *server_id)
{
    for (size_t i = 0; i < mesh->target_count; i++)
        if (strcmp(mesh->targets[i]->server_id, server_id) == 0)
            return mesh->targets[i];
    return NULL;
}

void
target_set_server(struct target *target, const char *server_id)
{
    size_t len = strlen(server_id);

    assert(len <= MESH_ID_MAX);
    memcpy(target->server_id, server_id, len + 1);
}

struct target *
target_add(struct mesh *mesh, const struct address *address, size_t route)
{
    struct target *target = xcalloc(1, sizeof(*target));

    if (mesh->target_count == mesh->target_cap) {
        mesh->target_cap = mesh->target_cap == 0 ? 8 : 2 * mesh->target_cap;
        mesh->targets = xrealloc((void *)mesh->targets, mesh->target_cap * sizeof(struct target *));
    }
    target->id = ++mesh->next_target;
    target->address = *address;
    target->route = route;
    mesh->targets[mesh->target_count++] = target;
    mesh->learned_count += target_is_learned(target);
    return target;
}

void
target_drop(struct mesh *mesh, struct target *target)
{
    size_t i = 0;

    while (mesh->targets[i] != target)
        i++;
    mesh->learned_count -= target_is_learned(target);
    mesh->targets[i] = mesh->targets[--mesh->target_count];
    free(target);
}

/* ---- when ---- */

static int64_t
doubled(unsigned steps)
{
    int64_t delay = REDIAL_MS;

    while (steps-- > 0 && delay < REDIAL_MAX_MS)
        delay *= 2;
    return delay < REDIAL_MAX_MS ? delay : REDIAL_MAX_MS;
}

/* A route that was lost is dialled again at once, and by the side that has dialled it first. */
static int64_t
learned_delay(const struct mesh *mesh, const struct target *target)
{
    unsigned slow =
        target->failures > mesh->connect_retries ? target->failures - mesh->connect_retries : 1;

    if (target->failures == 0)
        return target->accepted ? ACCEPTED_REDIAL_MS : 0;
    return doubled(slow - 1);
}

static int64_t
configured_delay(const struct mesh *mesh, const struct target *target)
{
    if (!mesh->connect_backoff || target->failures == 0)
        return REDIAL_MS;
    return doubled(target->failures - 1);
}

static void
wait_to_dial(struct mesh *mesh, struct target *target, int64_t now_ms)
{
    int64_t delay =
        target_is_learned(target) ? learned_delay(mesh, target) : configured_delay(mesh, target);

    target->state = TARGET_WAITING;
    target->due_ms = now_ms + delay + random_below(&mesh->random, JITTER_MS + 1);
}

static void
dial(struct mesh *mesh, struct target *target)
{
    if (own_has(mesh, &target->address)) {
        target_is_self(mesh, target);
    } else {
        target->state = TARGET_DIALLING;
        push_dial(mesh, target);
    }
}

void
target_dial_anew(struct mesh *mesh, struct target *target, int64_t now_ms)
{
    target->failures = 0;
    target->until_ms = now_ms + LEARNED_MS;
    if (target->state == TARGET_WAITING)
        dial(mesh, target);
}

/* ---- what became of a dial ---- */

void
target_is_self(struct mesh *mesh, struct target *target)
{
    own_add(mesh, &target->address);
    if (target_is_learned(target))
        target_drop(mesh, target);
    else
        target->state = TARGET_SELF;
}

void
target_failed(struct mesh *mesh, struct target *target, int64_t now_ms)
{
    if (target->server_id[0] != '\0' && route_find(mesh, target->server_id) != NULL) {
        target->state = TARGET_COVERED;
        return;
    }
    if (target->failures < UINT32_MAX - 1)
        target->failures++;
    wait_to_dial(mesh, target, now_ms);
}

static bool
was_steady(const struct link *link, int64_t now_ms)
{
    return link->since_ms != 0 && now_ms - link->since_ms >= STEADY_MS;
}

/* Nothing leads to the server behind link any more, and the target is not in use. */
static void
lost(struct mesh *mesh, struct target *target, const struct link *link, int64_t now_ms)
{
    if (link->ending && target_is_learned(target)) {
        target_drop(mesh, target);
        return;
    }
    if (link->since_ms != 0)
        target->until_ms = now_ms + (link->ldm ? LAME_DUCK_MS : LEARNED_MS);
    if (was_steady(link, now_ms)) {
        target->failures = 0;
        wait_to_dial(mesh, target, now_ms);
    } else {
        target_failed(mesh, target, now_ms);
    }
}

void
target_ended(struct mesh *mesh, struct target *target, const struct link *link, int64_t now_ms)
{
    if (target->state == TARGET_SELF)
        return;
    if (link->server_id[0] != '\0' && route_find(mesh, link->server_id) != NULL)
        target->state = TARGET_COVERED;
    else
        lost(mesh, target, link, now_ms);
}

void
targets_uncover(struct mesh *mesh, const struct link *link, int64_t now_ms)
{
    for (size_t i = mesh->target_count; i-- > 0;) {
        struct target *target = mesh->targets[i];

        if (target->state == TARGET_COVERED && strcmp(target->server_id, link->server_id) == 0)
            lost(mesh, target, link, now_ms);
    }
}

/* ---- the clock ---- */

void
targets_tick(struct mesh *mesh, int64_t now_ms)
{
    for (size_t i = mesh->target_count; i-- > 0;) {
        struct target *target = mesh->targets[i];

        if (target->state != TARGET_WAITING)
            continue;
        if (target_is_learned(target) && target->until_ms <= now_ms)
            target_drop(mesh, target);
        else if (target->due_ms <= now_ms)
            dial(mesh, target);
    }
}

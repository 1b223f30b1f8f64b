/* SPDX-License-Identifier: Apache-2.0
 *
 * A node of the reference, as far as its connections go: PROTOCOL.md 3.3, 3.4, 3.8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_private.h"

enum { DIALS_MAX = 64, REDIAL_MS = 1000, JITTER_MS = 100 };

/* An address that is dialled or whose connection is up. */
struct go_dial {
    bool used, is_explicit, final; /* final: its connection was a duplicate, or to ourselves */
    unsigned attempts;
    char host[24];
};

struct go_route {
    uint64_t link;
    char server_id[24], host[24]; /* where to dial again */
    bool solicited, is_explicit, retry;
};

struct go_node {
    struct go_dial dials[DIALS_MAX]; /* number n is target n + 1 */
    struct go_route routes[SIM_NODES_MAX];
    size_t route_count;
};

static void
dial(struct sim_node *node, const char *host, bool is_explicit, int64_t delay_ms)
{
    for (uint32_t i = 0; i < DIALS_MAX; i++) {
        struct go_dial *one = &node->go->dials[i];

        if (one->used)
            continue;
        /* host may be that of the place it is put in. */
        memmove(one->host, host, sizeof(one->host));
        one->used = true;
        one->is_explicit = is_explicit;
        one->final = false;
        one->attempts = 0;
        event_push(node->sim, (struct event) { .kind = EVENT_GO, .node = node, .target = i + 1 },
                   node->sim->now_ms + delay_ms);
        return;
    }
    /* Go nodes that fight over half open connections gossip without an end. */
    assert(!is_explicit);
}

static void
dial_again(struct sim_node *node, const char *host, bool is_explicit)
{
    dial(node, host, is_explicit, (is_explicit ? REDIAL_MS : 0) + sim_random(node->sim, JITTER_MS));
}

struct go_node *
go_new(struct sim_node *node)
{
    node->go = xcalloc(1, sizeof(*node->go));
    for (size_t i = 0; i < node->route_count; i++)
        dial(node, node->routes[i].host, true, 0);
    return node->go;
}

void
go_free(struct go_node *go)
{
    free(go);
}

void
go_due(struct sim_node *node, uint32_t target)
{
    trace(node, "dials %s", node->go->dials[target - 1].host);
    net_dial(node, target, node->go->dials[target - 1].host);
}

void
go_dial_failed(struct sim_node *node, uint32_t target)
{
    struct go_dial *one = &node->go->dials[target - 1];

    if (!one->is_explicit && ++one->attempts > node->connect_retries)
        one->used = false;
    else
        event_push(node->sim, (struct event) { .kind = EVENT_GO, .node = node, .target = target },
                   node->sim->now_ms + REDIAL_MS);
}

static struct go_route *
find(struct go_node *go, const char *server_id)
{
    for (size_t i = 0; i < go->route_count; i++)
        if (strcmp(go->routes[i].server_id, server_id) == 0)
            return &go->routes[i];
    return NULL;
}

uint64_t
go_route_to(const struct sim_node *node, const char *server_id)
{
    const struct go_route *route = find(node->go, server_id);

    return route == NULL ? 0 : route->link;
}

static struct go_dial *
dial_of(const struct end *end)
{
    return end->target == 0 ? NULL : &end->node->go->dials[end->target - 1];
}

static const char *
host_behind(const struct end *end)
{
    const struct conn *conn = conn_of(end->node->sim, end->link);

    return conn->ends[end == &conn->ends[0]].node->host;
}

static void
enroll(struct end *end, const struct info *info)
{
    struct sim_node *node = end->node;
    struct go_node *go = node->go;
    const struct go_dial *one = dial_of(end);
    struct go_route *route = &go->routes[go->route_count];
    struct info gossip = *info;

    assert(go->route_count < SIM_NODES_MAX);
    *route = (struct go_route) { .link = end->link, .solicited = one != NULL };
    route->is_explicit = one != NULL && one->is_explicit;
    memcpy(route->server_id, info->server_id, sizeof(route->server_id));
    memcpy(route->host, one == NULL ? host_behind(end) : one->host, sizeof(route->host));
    snprintf(gossip.ip, sizeof(gossip.ip), "nats-route://%s:%d/", host_behind(end), SIM_PORT);
    for (size_t i = 0; i < go->route_count; i++)
        net_send(end_find(node->sim, go->routes[i].link), MESSAGE_INFO, &gossip, NULL, 0);
    go->route_count++;
    node_registers(end, info->server_id);
}

/* What was known of the new connection moves to the old one. */
static void
duplicate(struct end *end, struct go_route *old)
{
    struct go_dial *one = dial_of(end);

    old->retry = true;
    if (one != NULL) {
        one->final = true;
        if (!old->solicited)
            memcpy(old->host, one->host, sizeof(old->host));
        old->solicited = true;
        old->is_explicit |= one->is_explicit;
    }
    node_closes(end);
}

static bool
has_configured(const struct sim_node *node, const char *host)
{
    for (size_t i = 0; i < node->route_count; i++)
        if (strcmp(node->routes[i].host, host) == 0)
            return true;
    return false;
}

static void
hear_gossip(struct sim_node *node, const struct info *info)
{
    char host[24];

    if (strcmp(info->server_id, node->server_id) == 0 || find(node->go, info->server_id) != NULL)
        return;
    snprintf(host, sizeof(host), "%.*s", (int)strcspn(info->ip + 13, ":"), info->ip + 13);
    if (!has_configured(node, host))
        dial(node, host, false, 0);
}

void
go_info(struct end *end, bool first, const struct info *info)
{
    struct sim_node *node = end->node;
    struct go_route *old = find(node->go, info->server_id);
    struct go_dial *one = dial_of(end);

    if (!first) {
        if (strcmp(info->server_id, end->first.server_id) != 0)
            hear_gossip(node, info);
    } else if (strcmp(info->server_id, node->server_id) == 0) {
        if (one != NULL)
            one->final = true;
        node_closes(end);
    } else if (strcmp(info->cluster, node->cluster) != 0) {
        node_closes(end);
    } else if (old != NULL) {
        duplicate(end, old);
    } else {
        enroll(end, info);
    }
}

/* The route's state decides if it was registered; else that of the dial. */
void
go_ended(struct end *end)
{
    struct sim_node *node = end->node;
    struct go_node *go = node->go;
    struct go_dial *one = dial_of(end);

    if (one != NULL)
        one->used = false;
    for (size_t i = 0; i < go->route_count; i++) {
        struct go_route route = go->routes[i];

        if (route.link != end->link)
            continue;
        go->routes[i] = go->routes[--go->route_count];
        if (route.solicited || route.retry)
            dial_again(node, route.host, route.is_explicit);
        return;
    }
    if (one != NULL && !one->final && one->is_explicit)
        dial_again(node, one->host, true);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes: what a shell does around a mesh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_private.h"

#define CALL(node, hook, ...)                                                                      \
    do {                                                                                           \
        if ((node)->sim->hooks.hook != NULL)                                                       \
            (node)->sim->hooks.hook((node)->sim->arg, node, ##__VA_ARGS__);                        \
    } while (0)

/* ---- the mesh's shell ---- */

static void
gossip(const struct sim *sim, const struct mesh_action *action)
{
    struct info info = end_find(sim, action->about)->first;

    snprintf(info.ip, sizeof(info.ip), "%s", action->ip);
    net_send(end_find(sim, action->link), MESSAGE_INFO, &info, NULL, 0);
}

static void
act(struct sim_node *node, const struct mesh_action *action)
{
    struct sim *sim = node->sim;

    switch (action->kind) {
    case MESH_DIAL:
        trace(node, "dials %s, attempt %u", action->host, action->attempt);
        net_dial(node, action->target, action->host);
        break;
    case MESH_REGISTER:
        node_registers(end_find(sim, action->link), action->server_id);
        break;
    case MESH_SPARE:
        trace(node, "spare %llu of %s", (unsigned long long)action->link, action->server_id);
        break;
    case MESH_CLOSE:
        trace(node, "closes %llu: %s %s", (unsigned long long)action->link,
              mesh_reason_text(action->reason), action->error == NULL ? "" : action->error);
        node_closes(end_find(sim, action->link));
        break;
    case MESH_GOSSIP:
        gossip(sim, action);
        break;
    case MESH_RENAMED:
        trace(node, "is in %s now", mesh_cluster(node->mesh));
        break;
    case MESH_URLS:
        break;
    }
}

static void
settle(struct sim_node *node)
{
    struct mesh_action action;
    int64_t next_ms;

    while (mesh_take(node->mesh, &action))
        act(node, &action);
    mesh_check(node->mesh);
    next_ms = mesh_next_ms(node->mesh);
    if (next_ms != -1 && next_ms != node->tick_ms)
        event_push(node->sim, (struct event) { .kind = EVENT_TICK, .node = node }, next_ms);
    node->tick_ms = next_ms;
}

void
node_tick(struct sim_node *node)
{
    node->tick_ms = -1;
    mesh_tick(node->mesh, node->sim->now_ms);
    settle(node);
}

static void
receive_info(struct end *end, const struct info *info)
{
    struct sim_node *node = end->node;
    const char *urls[] = { info->url };
    struct mesh_info told = {
        .server_id = info->server_id,
        .server_name = info->name,
        .cluster = info->cluster,
        .cluster_dynamic = info->dynamic,
        .host = info->host,
        .port = SIM_PORT,
        .ip = info->ip[0] == '\0' ? NULL : info->ip,
        .ldm = info->ldm,
        .connect_urls = urls,
        .connect_url_count = 1,
    };

    mesh_link_info(node->mesh, end->link, &told, node->sim->now_ms);
}

/* ---- both kinds ---- */

struct info
node_info(const struct sim_node *node)
{
    struct info info = { .ldm = node->ldm };

    memcpy(info.server_id, node->server_id, sizeof(info.server_id));
    memcpy(info.name, node->name, sizeof(info.name));
    memcpy(info.host, node->name, sizeof(info.host));
    memcpy(info.url, node->client_url, sizeof(info.url));
    snprintf(info.cluster, sizeof(info.cluster), "%s",
             node->is_go ? node->cluster : mesh_cluster(node->mesh));
    info.dynamic = !node->is_go && mesh_cluster_is_dynamic(node->mesh);
    if (node->index % 2 == 1)
        snprintf(info.ip, sizeof(info.ip), "nats-route://%s:%d/", node->host, SIM_PORT);
    return info;
}

static void
greet(struct end *end)
{
    struct info info = node_info(end->node);

    if (end->target != 0)
        net_send(end, MESSAGE_CONNECT, &info, NULL, 0);
    net_send(end, MESSAGE_INFO, &info, NULL, 0);
}

void
node_opened(struct end *end)
{
    struct sim_node *node = end->node;
    const struct conn *conn = conn_of(node->sim, end->link);
    const struct sim_node *other = conn->ends[end == &conn->ends[0]].node;

    trace(node, "%s %llu, node %zu", end->target != 0 ? "has dialled" : "accepts",
          (unsigned long long)end->link, other->index);
    if (node->is_go || mesh_link_opened(node->mesh, end->link, end->target, other->host,
                                        end->target != 0 ? SIM_PORT : 40000, node->sim->now_ms))
        greet(end);
    else
        net_close(end, false);
    if (!node->is_go)
        settle(node);
}

void
node_received(struct end *end, const struct message *message)
{
    struct sim_node *node = end->node;
    bool first = message->kind == MESSAGE_INFO && !end->answered;

    if (first) {
        end->answered = true;
        end->first = message->info;
    }
    if (message->kind == MESSAGE_DATA)
        CALL(node, received, end->link, message->data, message->len);
    else if (node->is_go && message->kind == MESSAGE_INFO)
        go_info(end, first, &message->info);
    else if (!node->is_go && message->kind == MESSAGE_INFO)
        receive_info(end, &message->info);
    else if (!node->is_go)
        mesh_link_connect(node->mesh, end->link, message->info.cluster, message->info.dynamic);
    if (!node->is_go)
        settle(node);
}

void
node_registers(struct end *end, const char *server_id)
{
    trace(end->node, "registers %llu to %s", (unsigned long long)end->link, server_id);
    end->registered = true;
    CALL(end->node, registered, end->link, server_id);
    net_deliver_held(end);
}

static void
close_end(struct end *end, bool silent)
{
    struct sim_node *node = end->node;
    bool registered = end->registered;

    trace(node, "%llu ends", (unsigned long long)end->link);
    net_close(end, silent);
    if (registered)
        CALL(node, closed, end->link);
    if (node->is_go) {
        go_ended(end);
    } else {
        mesh_link_closed(node->mesh, end->link, node->sim->now_ms);
        settle(node);
    }
}

void
node_closes(struct end *end)
{
    close_end(end, false);
}

void
node_dial_failed(struct sim_node *node, uint32_t target)
{
    if (node->is_go) {
        go_dial_failed(node, target);
    } else {
        mesh_dial_failed(node->mesh, target, node->sim->now_ms);
        settle(node);
    }
}

/* ---- what the tests do to them ---- */

struct sim_node *
sim_add(struct sim *sim, bool is_go, const char *cluster)
{
    struct sim_node *node = &sim->nodes[sim->node_count];

    assert(sim->node_count < SIM_NODES_MAX && (!is_go || cluster != NULL));
    node->sim = sim;
    node->index = sim->node_count++;
    node->is_go = is_go;
    node->cluster = cluster;
    snprintf(node->name, sizeof(node->name), "node-%zu", node->index);
    snprintf(node->host, sizeof(node->host), "10.0.0.%zu", node->index + 1);
    snprintf(node->client_url, sizeof(node->client_url), "10.0.0.%zu:4222", node->index + 1);
    return node;
}

void
sim_route(struct sim_node *from, const struct sim_node *to)
{
    for (size_t i = 0; i < from->route_count; i++)
        if (from->routes[i].host == to->host)
            return;
    from->routes[from->route_count++] =
        (struct mesh_address) { .host = to->host, .port = SIM_PORT };
}

void
sim_start(struct sim_node *node)
{
    struct sim *sim = node->sim;
    char made_up[24];
    struct mesh_settings settings = {
        .server_id = node->server_id,
        .server_name = node->name,
        .cluster = node->cluster == NULL ? made_up : node->cluster,
        .cluster_dynamic = node->cluster == NULL,
        .connect_retries = node->connect_retries,
    };

    assert(!node->up);
    node->up = true;
    node->ldm = false;
    node->life++;
    node->tick_ms = -1;
    settings.seed = random_next(&sim->random);
    snprintf(node->server_id, sizeof(node->server_id), "%08x-%zu.%u", sim_random(sim, UINT32_MAX),
             node->index, node->life);
    snprintf(made_up, sizeof(made_up), "%08x", sim_random(sim, UINT32_MAX));
    trace(node, "starts on %s", node->host);
    CALL(node, started);
    if (node->is_go) {
        node->go = go_new(node);
        return;
    }
    node->mesh = mesh_new(&settings);
    mesh_configure(node->mesh, node->routes, node->route_count, sim->now_ms);
    settle(node);
}

void
sim_crash(struct sim_node *node, bool silent)
{
    struct sim *sim = node->sim;

    if (!node->up)
        return;
    trace(node, "crashes%s", silent ? " silently" : "");
    node->up = false;
    for (size_t i = 0; i < sim->conn_count; i++)
        for (int side = 0; side < 2; side++)
            if (sim->conns[i]->ends[side].open && sim->conns[i]->ends[side].node == node)
                net_close(&sim->conns[i]->ends[side], silent);
    CALL(node, stopped);
    mesh_free(node->mesh);
    node->mesh = NULL;
    go_free(node->go);
    node->go = NULL;
}

/* NULL: there are fewer. */
static struct end *
nth_open(const struct sim_node *node, size_t n)
{
    const struct sim *sim = node->sim;

    for (size_t i = 0; i < sim->conn_count; i++)
        for (int side = 0; side < 2; side++) {
            struct end *end = &sim->conns[i]->ends[side];

            if (end->open && end->node == node && n-- == 0)
                return end;
        }
    return NULL;
}

void
sim_lame_duck(struct sim_node *node)
{
    struct info info;

    if (!node->up)
        return;
    assert(!node->is_go);
    trace(node, "is a lame duck");
    node->ldm = true;
    info = node_info(node);
    for (size_t i = 0; nth_open(node, i) != NULL; i++)
        net_send(nth_open(node, i), MESSAGE_INFO, &info, NULL, 0);
}

bool
sim_break(struct sim_node *node, bool silent)
{
    struct end *end;
    size_t count = 0;

    while (nth_open(node, count) != NULL)
        count++;
    if (!node->up || count == 0)
        return false;
    end = nth_open(node, sim_random(node->sim, (uint32_t)count));
    trace(node, "breaks %llu%s", (unsigned long long)end->link, silent ? " silently" : "");
    close_end(end, silent);
    return true;
}

void
sim_send(struct sim_node *node, uint64_t link, const void *data, size_t len)
{
    struct end *end = end_find(node->sim, link);

    assert(end->node == node && end->registered);
    net_send(end, MESSAGE_DATA, NULL, data, len);
}

uint64_t
sim_route_to(const struct sim_node *node, const char *server_id)
{
    if (!node->up)
        return 0;
    return node->is_go ? go_route_to(node, server_id) : mesh_route(node->mesh, server_id);
}

size_t
sim_routes(const struct sim_node *node)
{
    const struct sim *sim = node->sim;
    size_t count = 0;

    for (size_t i = 0; i < sim->conn_count; i++)
        for (int side = 0; side < 2; side++)
            count += sim->conns[i]->ends[side].registered && sim->conns[i]->ends[side].node == node;
    return count;
}

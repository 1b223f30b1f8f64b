/* SPDX-License-Identifier: Apache-2.0
 *
 * sim - a whole cluster in one process: real meshes, a virtual clock, a virtual network
 *
 * Nodes are struct mesh with the least of a shell around it, or models of the reference's nodes
 * ("Go": the first link on which INFO comes is kept, another one is closed at once, learned routes
 * are soon given up). Connections deliver in order, each message after the delay of its pair of
 * nodes. Everything follows from the seed.
 *
 * What runs above the mesh (interest, messages) hangs on by hooks:
 *   registered   this link is the route to that server: sim_send() may be used from here on
 *   received     what the other end has sent, once this end has registered the link; in order
 *   closed       a registered link is no more, whoever ended it; what had come through it is void
 *   started, stopped   a node begins with nothing, and ends without further calls for its links
 * A link that changes places with another is first closed, then the other one is registered. What
 * is under way is lost when an end closes without a word (a crash, sim_break()), and otherwise
 * arrives before the other end notices.
 *
 * Fails    by assert: the tests print the seed.
 */
#ifndef TESSERA_TESTS_SIM_H
#define TESSERA_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/mesh.h"

enum { SIM_NODES_MAX = 8, SIM_PORT = 6222 };

struct sim;
struct go_node;

struct sim_node {
    struct sim *sim;
    size_t index;
    bool up;
    char host[24];
    char server_id[24]; /* another one after each start */
    struct mesh *mesh;  /* NULL: a Go node, or not up */
    void *user;         /* the hooks' */
    /* private */
    struct go_node *go;
    bool is_go, ldm;
    unsigned life; /* counts starts */
    int64_t tick_ms;
    char name[24], client_url[32];
    const char *cluster;
    bool dynamic;
    struct mesh_address routes[SIM_NODES_MAX];
    size_t route_count;
    unsigned connect_retries;
};

struct sim_hooks {
    void (*started)(void *arg, struct sim_node *node);
    void (*stopped)(void *arg, struct sim_node *node);
    void (*registered)(void *arg, struct sim_node *node, uint64_t link, const char *server_id);
    void (*received)(void *arg, struct sim_node *node, uint64_t link, const void *data, size_t len);
    void (*closed)(void *arg, struct sim_node *node, uint64_t link);
};

/* hooks NULL: none; any of them may be NULL. */
struct sim *sim_new(uint64_t seed, const struct sim_hooks *hooks, void *arg);
void sim_free(struct sim *sim);

/* Draws from the seed. */
uint32_t sim_random(struct sim *sim, uint32_t bound);
/* Delays of messages are drawn per pair below this, plus a little each time. 50 at first. */
void sim_set_delay(struct sim *sim, uint32_t most_ms);

/* Not up yet. cluster NULL: one is made up at each start. */
struct sim_node *sim_add(struct sim *sim, bool is_go, const char *cluster);
size_t sim_node_count(const struct sim *sim);
struct sim_node *sim_node(struct sim *sim, size_t index);
/* To be dialled from the next start on; a node may have itself. */
void sim_route(struct sim_node *from, const struct sim_node *to);

/* ---- what happens ---- */

void sim_start(struct sim_node *node);
/* silent: the others are not told, and find out after some seconds or when they send. */
void sim_crash(struct sim_node *node, bool silent);
/* Tells its peers; it goes on until it is crashed. Not for Go nodes. */
void sim_lame_duck(struct sim_node *node);

enum sim_cut {
    SIM_WHOLE,
    SIM_REFUSED, /* connections break, new ones are refused */
    SIM_HELD,    /* nothing arrives until it is whole again; each end gives up after some seconds */
};
void sim_cut(struct sim *sim, size_t a, size_t b, enum sim_cut cut);

/* The node's end of a random connection closes; returns false if it has none. silent: the other end
 * is not told. */
bool sim_break(struct sim_node *node, bool silent);

/* Runs until that time; then it is that time. */
void sim_run(struct sim *sim, int64_t until_ms);
int64_t sim_now(const struct sim *sim);
/* Calls function(arg) at that time, before whatever else happens then. */
void sim_at(struct sim *sim, int64_t at_ms, void (*function)(void *arg), void *arg);

/* ---- for what hangs on ---- */

/* Copies data; link must be registered here. */
void sim_send(struct sim_node *node, uint64_t link, const void *data, size_t len);

/* ---- what is ---- */

/* The registered link to that server; 0: none. */
uint64_t sim_route_to(const struct sim_node *node, const char *server_id);
size_t sim_routes(const struct sim_node *node);
/* Are these two the ends of one connection? */
bool sim_same_connection(const struct sim *sim, uint64_t link, uint64_t other);
/* Connections made since the start. */
size_t sim_opened(const struct sim *sim);
/* Prints what happens to stderr. */
void sim_trace(struct sim *sim, bool on);

#endif

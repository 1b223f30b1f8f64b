/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_private - network and nodes of the simulation
 */
#ifndef TESSERA_TESTS_SIM_PRIVATE_H
#define TESSERA_TESTS_SIM_PRIVATE_H

#include <assert.h>
#include <string.h>

#include "base/random.h"
#include "sim.h"

struct info {
    char server_id[24], name[24], cluster[24], host[24], ip[64];
    bool dynamic, ldm;
    char url[32];
};

enum message_kind { MESSAGE_CONNECT, MESSAGE_INFO, MESSAGE_DATA, MESSAGE_FIN };

struct message {
    struct message *next;
    enum message_kind kind;
    struct info info;
    size_t len;
    char data[];
};

struct fifo {
    struct message *first, *last;
};

struct end {
    struct sim_node *node;
    unsigned life; /* the node's, when the connection was made */
    uint64_t link;
    uint32_t target; /* what the node had dialled; 0: accepted */
    bool open, registered;
    bool answered;      /* the first INFO has come */
    struct info first;  /* that one */
    struct fifo in;     /* under way to this end */
    struct fifo held;   /* has arrived, but the link is not registered */
    int64_t arrives_ms; /* of the last one under way */
    unsigned stalled;   /* arrivals that met a cut */
};

struct conn {
    struct end ends[2]; /* the dialling one first */
};

enum event_kind {
    EVENT_CALL,
    EVENT_SYN,
    EVENT_FAILED,
    EVENT_OPENED,
    EVENT_ARRIVAL,
    EVENT_TICK,
    EVENT_NOTICE,
    EVENT_GO
};

struct event {
    int64_t at_ms;
    uint64_t order;
    enum event_kind kind;
    struct sim_node *node;
    unsigned life;
    uint32_t target;
    size_t to;
    struct conn *conn;
    int side;
    void (*function)(void *arg);
    void *arg;
};

struct sim {
    struct random random;
    struct sim_hooks hooks;
    void *arg;
    int64_t now_ms;
    uint64_t order;
    struct event *heap;
    size_t heap_count, heap_cap;
    struct sim_node nodes[SIM_NODES_MAX];
    size_t node_count;
    enum sim_cut cuts[SIM_NODES_MAX][SIM_NODES_MAX];
    uint32_t delays[SIM_NODES_MAX][SIM_NODES_MAX];
    struct conn **conns;
    size_t conn_count, conn_cap;
    bool trace;
};

/* sim.c */
void event_push(struct sim *sim, struct event event, int64_t at_ms);
void trace(const struct sim_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim_net.c: connections */
void net_dial(struct sim_node *node, uint32_t target, const char *host);
void net_syn(struct sim *sim, const struct event *event);
void net_opened(struct sim *sim, struct conn *conn);
void net_arrival(struct sim *sim, struct conn *conn, int side);
/* Its end is as if it had never been; the other is told, or left to find out. */
void net_close(struct end *end, bool silent);
void net_notice(struct sim *sim, struct conn *conn, int side);
void net_send(struct end *end, enum message_kind kind, const struct info *info, const void *data,
              size_t len);
void net_deliver_held(struct end *end);
void net_release(struct conn *conn);
struct end *end_find(const struct sim *sim, uint64_t link);
struct conn *conn_of(const struct sim *sim, uint64_t link);

/* sim_node.c: what a shell does; for both kinds of node */
void node_opened(struct end *end);
void node_received(struct end *end, const struct message *message);
void node_dial_failed(struct sim_node *node, uint32_t target);
void node_tick(struct sim_node *node);
void node_closes(struct end *end); /* by its own decision, or since the other end is gone */
/* The end is the route from here on; what was held arrives. */
void node_registers(struct end *end, const char *server_id);
struct info node_info(const struct sim_node *node);

/* sim_go.c */
struct go_node *go_new(struct sim_node *node);
void go_free(struct go_node *go);
void go_info(struct end *end, bool first, const struct info *info);
void go_ended(struct end *end);
void go_dial_failed(struct sim_node *node, uint32_t target);
void go_due(struct sim_node *node, uint32_t target);
uint64_t go_route_to(const struct sim_node *node, const char *server_id);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * route - one connection to another server of the cluster (PROTOCOL.md 3)
 *
 *   NEW ──CONNECT──> CHECKING ──verdict──> NEW ──INFO──> KNOWN ──order──> REGISTERED
 *                                                          │                 ^
 *                                                          └───> SPARE ──────┘
 *   from any: ──> CLOSED
 *
 * A route does what the protocol says on one connection. What becomes of it, the mesh decides: the
 * route reports what came, and takes orders.
 *
 * Owns     its connection while open, the interest that came through it, references on its queue
 *          and its terms.
 * Threads  its worker's loop. Counted, because remote subscriptions in other loops' match results
 *          point at it. The functions marked "main" are the main thread's.
 */
#ifndef TESSERA_CLUSTER_ROUTE_H
#define TESSERA_CLUSTER_ROUTE_H

#include <stdatomic.h>

#include "cluster/remote_subs.h"
#include "cluster/terms.h"
#include "net/conn.h"
#include "net/listener.h"
#include "proto/route_info.h"
#include "proto/route_parser.h"
#include "server/peer.h"
#include "server/worker.h"

enum route_state {
    ROUTE_STATE_NEW,
    ROUTE_STATE_CHECKING, /* waits for the verdict on its CONNECT */
    ROUTE_STATE_KNOWN,    /* INFO came: waits for an order */
    ROUTE_STATE_SPARE,    /* another one to the same server is in use */
    ROUTE_STATE_REGISTERED,
    ROUTE_STATE_CLOSED,
};

/* Who hears from routes; on their loops. Nothing may be called back from inside. */
struct route_events {
    void *arg;
    /* Authentication is passed. cluster NULL: it names none. */
    void (*connected)(void *arg, uint64_t rid, const char *cluster, bool dynamic);
    /* Takes over what info holds; whether it is the first one the receiver knows. Who has taken
     * notice says so with route_heard(). false: nobody will. */
    bool (*informed)(void *arg, uint64_t rid, struct route_info *info);
    /* The peer said that it is about to end. */
    void (*ending)(void *arg, uint64_t rid);
    void (*closed)(void *arg, uint64_t rid);
};

struct route {
    struct peer peer; /* first: remote subscriptions point here */
    struct worker_guest guest;
    atomic_uint refs;
    atomic_uint unheard; /* INFO that was reported: only so many, then it is not read further */

    /* These do not change. */
    struct server *server;
    struct worker *worker;
    const struct route_events *events;
    uint64_t rid;
    struct endpoint remote;
    bool dialled;

    enum route_state state;
    int fd; /* until it is started */
    struct terms *terms;
    struct conn *conn; /* NULL once closed */
    char *connect;     /* dialled: the line with our credentials, secret, until it is sent */
    char *server_name; /* dialled: what the certificate must be for */
    struct mail mail;  /* to itself: to start, and for the rest of the end */
    struct route_limits limits;
    struct remote_subs subs;
    bool connected;              /* its CONNECT was accepted, or we dialled */
    bool informed;               /* its INFO came */
    bool greeted;                /* our INFO went out */
    bool ending;                 /* the peer said that it ends */
    bool telling;                /* interest is left to be told */
    struct permissions *exports; /* interest that the peer takes, as it says; NULL: all */
    struct auth_pass pass;       /* of an accepted one */
    char *said_cluster;          /* by its CONNECT; NULL: nothing */
    bool said_dynamic;

    int64_t identify_due_ms; /* loop time; -1: its INFO came */
    int64_t ping_due_ms;
    unsigned pings_out;

    /* for monitoring */
    char *remote_id, *remote_name; /* NULL: not known */
    int64_t start_ns;              /* wall clock */
    int64_t last_in_ms;            /* loop time */
    int64_t rtt_start_ns, rtt_ns;
    uint64_t in_msgs, in_bytes;
};

/* What a new one is made of. */
struct route_plan {
    struct server *server;
    struct worker *worker;
    const struct route_events *events;
    uint64_t rid;
    struct endpoint remote;
    struct terms *terms;
    char *connect;           /* dialled: of cluster_secret_copy(), taken over; NULL: accepted */
    const char *server_name; /* dialled, with TLS */
};

/* main: takes over fd. One reference for the caller; events say how it goes on. */
struct route *route_new(int fd, const struct route_plan *plan);
struct route *route_ref(struct route *route);
void route_unref(struct route *route); /* any thread */
/* main: an INFO that it reported was taken notice of. */
void route_heard(struct route *route);

/* main: orders (route_orders.c). What they need is copied; to a closed route they mean nothing. */
void route_order_register(struct route *route);
void route_order_spare(struct route *route);
/* error: text for -ERR, NULL: none. reason: a constant. */
void route_order_close(struct route *route, const char *error, const char *reason);
/* Sends a whole line, if the peer is known. */
void route_order_send(struct route *route, const char *line, size_t len);
/* The terms changed: is the peer still welcome? */
void route_order_terms(struct route *route, struct terms *terms);

/* What follows is for the files of the route alone. */

static inline bool
route_is_closed(const struct route *route)
{
    return route->state == ROUTE_STATE_CLOSED;
}

struct log *route_log(const struct route *route);
void route_log_write(const struct route *route, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define route_dbg(route, ...)                                                                      \
    do {                                                                                           \
        if (log_enabled(route_log(route), LOG_LEVEL_DBG))                                          \
            route_log_write(route, LOG_LEVEL_DBG, __VA_ARGS__);                                    \
    } while (0)
#define route_err(route, ...) route_log_write(route, LOG_LEVEL_ERR, __VA_ARGS__)

void route_send(struct route *route, const void *data, size_t len);
/* What is queued is flushed first. reason: a constant. */
void route_close(struct route *route, const char *reason);
/* -ERR, then close. */
void route_reject(struct route *route, const char *text, const char *reason);
void route_arm(struct route *route);
/* Gives the peer some time for what must come next: CONNECT, or INFO. */
void route_expect(struct route *route);
/* The next ping is sent then, or earlier if the terms want it. */
void route_set_ping(struct route *route, int64_t ms);
/* A part of the interest for each turn, so that others of the loop have theirs. */
void route_tell_more(struct route *route);
/* Does its certificate satisfy the terms? They may be newer than the handshake. The log says why
 * it does not. */
bool route_is_trusted(const struct route *route);

/* route_ops.c */
size_t route_on_data(void *peer, char *data, size_t len, size_t *need);
/* route_login.c: "what - cause" for the log, of one address only so often (auth_may_log). */
void route_log_refusal(struct route *route, const char *what, const char *cause);
/* A CONNECT arrived. */
void route_connect(struct route *route, struct str json);
/* Is the peer that entered under earlier terms still welcome? */
bool route_is_welcome(const struct route *route);

#endif

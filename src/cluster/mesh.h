/* SPDX-License-Identifier: Apache-2.0
 *
 * mesh - who is in the cluster: whom to dial, which connection is the route, which one goes
 *
 * The decisions of a cluster as plain functions over a table of links (connections between
 * servers) and targets (addresses to dial). There is no socket, no clock and no thread in here:
 * what happened comes in as an event with the time it happened, what is to be done is taken out as
 * an action. The rules are PROTOCOL.md 3.3 and 3.4; where they differ from the reference's,
 * docs/differences.md says why.
 *
 * Use      after each event, and after each action that led to an event at once, take actions
 *          until there are none. Tick when mesh_next_ms() is due.
 * Owns     copies of all it is given.
 * Threads  one, the main thread.
 * Fails    what a peer makes grow is bounded and checked: a link whose INFO there is no memory for
 *          is closed. The tables themselves are bounded by the constants below.
 * Cost     O(links + targets) per event; a registration O(urls of the cluster * log).
 * Time     milliseconds of any clock that never goes back, > 0.
 */
#ifndef TESSERA_CLUSTER_MESH_H
#define TESSERA_CLUSTER_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mesh;

enum {
    MESH_LINKS_MAX = 2048,  /* connections at one time, whatever their state; of these are */
    MESH_DIALLED_MIN = 512, /* not for accepted ones: who floods the port does not cut us off */
    MESH_LEARNED_MAX = 512, /* addresses learned from peers that are remembered */
    MESH_URLS_MAX = 1024,   /* client URLs of one server; more are left out */
    MESH_OWN_MAX = 64,      /* own addresses that are remembered */
    MESH_ERROR_MAX = 256,   /* bytes of the text of a CLOSE, NUL included */
    MESH_ID_MAX = 128,      /* bytes of a server_id (56 in the reference); longer: REASON_INVALID */
    MESH_NAME_MAX = 256,    /* bytes of a cluster name; longer ones are not adopted */
    MESH_HOST_MAX = 255,    /* bytes of a host; longer ones are not learned */
};

struct mesh_settings {
    const char *server_id;
    const char *server_name;
    const char *cluster;      /* name; made up by the caller if none is configured */
    bool cluster_dynamic;     /* it was made up */
    unsigned connect_retries; /* of learned addresses: attempts before backoff begins */
    bool connect_backoff;     /* configured targets too: 1 s doubling to 30 s */
    uint64_t seed;            /* of the jitter */
};

struct mesh *mesh_new(const struct mesh_settings *settings);
void mesh_free(struct mesh *mesh); /* NULL is allowed */

/* ---- what happened: events ---- */

/* The configured routes, at the start and after each reload. New ones are dialled at once; the
 * connection to a removed one is closed as "Route Removed" and no longer dialled. Compared by host
 * (case ignored) and port; a repeated one counts once. */
struct mesh_address {
    const char *host;
    uint16_t port;
};
void mesh_configure(struct mesh *mesh, const struct mesh_address *routes, size_t count,
                    int64_t now_ms);
/* After a reload; they hold from the next attempt on. */
void mesh_set_retries(struct mesh *mesh, unsigned connect_retries, bool connect_backoff);

/* An address that leads back here: of the own listeners (literal addresses). Never dialled again.
 * Those that answered as ourselves are added by the mesh. */
void mesh_add_own(struct mesh *mesh, const char *host, uint16_t port);
/* To be asked about each address that a host name resolved to; such a one is left out if the name
 * has others. */
bool mesh_is_own(const struct mesh *mesh, const char *host, uint16_t port);

/* A DIAL came to nothing. Unknown targets (removed meanwhile) are allowed. */
void mesh_dial_failed(struct mesh *mesh, uint32_t target_id, int64_t now_ms);

/* There is a TCP connection: of DIAL's target, or accepted (target 0). link_id is chosen by the
 * caller and never used again. ip and port are the other end's. False: the mesh does not want it
 * (target removed meanwhile, too many links); close it, it is not known here. */
bool mesh_link_opened(struct mesh *mesh, uint64_t link_id, uint32_t target_id, const char *ip,
                      uint16_t port, int64_t now_ms);

/* The CONNECT on an accepted link passed authentication. cluster NULL: it names none. */
void mesh_link_connect(struct mesh *mesh, uint64_t link_id, const char *cluster, bool dynamic);

/* INFO came. The first of a link decides what becomes of it: until REGISTER nothing that follows
 * on the connection may be handled. A later one with the same id updates connect_urls and ldm, with
 * another id it is gossip. INFO with route_account is refused before it gets here. */
struct mesh_info {
    const char *server_id;   /* never NULL */
    const char *server_name; /* NULL: none */
    const char *cluster;     /* NULL: none */
    bool cluster_dynamic;
    const char *host; /* of its cluster listener; NULL: none */
    uint16_t port;    /* 0: none */
    const char *ip;   /* "nats-route://host:port/"; NULL: none */
    bool auth_required;
    bool ldm;
    const char *const *connect_urls;
    size_t connect_url_count;
};
void mesh_link_info(struct mesh *mesh, uint64_t link_id, const struct mesh_info *info,
                    int64_t now_ms);

/* The server behind the link said that it ends now ($SYS.SERVER.<id>.SHUTDOWN): once it is gone,
 * addresses learned of it are not dialled. Of one in lame duck they are dialled for five minutes,
 * otherwise for an hour. */
void mesh_link_ending(struct mesh *mesh, uint64_t link_id);

/* The connection has ended, whichever side ended it; also after CLOSE. */
void mesh_link_closed(struct mesh *mesh, uint64_t link_id, int64_t now_ms);

/* Another name after a reload: all links are closed, and made again under it. */
void mesh_set_cluster(struct mesh *mesh, const char *cluster);

/* Does what is due. */
void mesh_tick(struct mesh *mesh, int64_t now_ms);
/* When the next tick is due; -1: none is. May be in the past. */
int64_t mesh_next_ms(const struct mesh *mesh);

/* ---- what is to be done: actions ---- */

enum mesh_action_kind {
    MESH_DIAL,     /* target, host, port, route, attempt, auth_required */
    MESH_REGISTER, /* link is THE route to server_id now: send interest, handle what comes */
    MESH_SPARE,    /* link is a second one to server_id: handle nothing yet, but notice its end */
    MESH_CLOSE,   /* link: reason, error. Forget what came through it; mesh_link_closed() follows */
    MESH_GOSSIP,  /* to link: the INFO that came first on about, with this ip, nonce removed */
    MESH_RENAMED, /* mesh_cluster() is another one, or it is dynamic no more */
    MESH_URLS,    /* mesh_urls() are others */
};

enum mesh_reason {
    MESH_REASON_SELF,           /* we have reached ourselves */
    MESH_REASON_DUPLICATE,      /* another link to that server lives */
    MESH_REASON_CLUSTER_NAME,   /* another cluster */
    MESH_REASON_RENAMED,        /* made under the name that we have given up */
    MESH_REASON_DUPLICATE_NAME, /* another server of our own server's name */
    MESH_REASON_REMOVED,        /* no longer configured */
    MESH_REASON_INVALID,        /* INFO with an absurd field, or there is no memory for it */
};
/* As the reference calls it, for the log. */
const char *mesh_reason_text(enum mesh_reason reason);

#define MESH_LEARNED SIZE_MAX

struct mesh_action {
    enum mesh_action_kind kind;
    uint64_t link;
    uint64_t about;          /* GOSSIP */
    const char *server_id;   /* REGISTER, SPARE; GOSSIP: of the server behind about */
    const char *ip;          /* GOSSIP: "nats-route://host:port/" */
    enum mesh_reason reason; /* CLOSE */
    const char *error;       /* CLOSE: text for -ERR; NULL: none is sent */
    uint32_t target;         /* DIAL */
    const char *host;
    uint16_t port;
    size_t route;       /* DIAL: index in the routes last configured, MESH_LEARNED: none of them */
    unsigned attempt;   /* DIAL: 1 for the first since it was given or since it last worked */
    bool reached;       /* DIAL: it has worked before */
    bool auth_required; /* DIAL: a learned one said that it wants credentials */
};

/* The next one; false: nothing is to be done. Pointers are good until the next event or take. */
bool mesh_take(struct mesh *mesh, struct mesh_action *action);

/* ---- what is: for INFO, the log and monitoring; pointers are good until the next event or take */

const char *mesh_cluster(const struct mesh *mesh);
/* For INFO and CONNECT: made up here or by another server, not (yet) adopted from a configured
 * one. */
bool mesh_cluster_is_dynamic(const struct mesh *mesh);

/* Client URLs of the other servers, sorted, each once. */
const char *const *mesh_urls(const struct mesh *mesh, size_t *count);

size_t mesh_route_count(const struct mesh *mesh);
/* The registered link to that server; 0: none. */
uint64_t mesh_route(const struct mesh *mesh, const char *server_id);
/* Of a registered link: is the server behind it reached by a configured route ("explicit")? */
bool mesh_is_configured(const struct mesh *mesh, uint64_t link_id);

/* Stops the process if the tables contradict each other. Slow; for tests. */
void mesh_check(const struct mesh *mesh);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * mesh_private - the tables behind mesh.h
 *
 * A target is an address and what is known of the server that answers there:
 *
 *             due                opened               another link to that server lives
 *   WAITING ------> DIALLING ------------> LINKED ----------------------------+
 *      ^  ^ failed     |                     | closed                         v
 *      |  +------------+<--------------------+                             COVERED
 *      +------------------------------------------------ the last one died ---+
 *   and SELF, for good: we have answered ourselves.
 *
 * A link is a connection:
 *
 *   NEW --INFO--> ROUTE, or SPARE while another link to that server is the ROUTE
 *   each of them --our decision--> CLOSING --mesh_link_closed()--> gone
 *
 * A server has at most one ROUTE, and a SPARE only beside it. ROUTE and SPARE are "live".
 */
#ifndef TESSERA_CLUSTER_MESH_PRIVATE_H
#define TESSERA_CLUSTER_MESH_PRIVATE_H

#include "base/random.h"
#include "cluster/mesh.h"

enum {
    REDIAL_MS = 1000,          /* a configured route, and the step that backoff doubles */
    REDIAL_MAX_MS = 30 * 1000, /* where doubling ends */
    JITTER_MS = 100,
    ACCEPTED_REDIAL_MS = 2000,    /* who has dialled dials again first */
    LEARNED_MS = 60 * 60 * 1000,  /* without a route a learned address is remembered so long */
    LAME_DUCK_MS = 5 * 60 * 1000, /* the same, of a server in lame duck */
    STEADY_MS = 2000,             /* a route that lived so long was a success */
    SPARE_MS = 250,
    SPARE_LONG_MS = 1000, /* mesh_links.c says what for */
    URL_MAX = MESH_HOST_MAX + 32,
    IP_MAX = 64,
};

enum target_state { TARGET_WAITING, TARGET_DIALLING, TARGET_LINKED, TARGET_COVERED, TARGET_SELF };

struct address {
    char host[MESH_HOST_MAX + 1]; /* lower case, no brackets; "": none */
    uint16_t port;
};

struct target {
    uint32_t id;
    enum target_state state;
    size_t route; /* as in struct mesh_action */
    struct address address;
    char server_id[MESH_ID_MAX + 1]; /* that answered there, or is said to; "": nobody yet */
    bool reached;                    /* a server has answered */
    bool accepted;                   /* learned of one that has dialled us */
    bool auth_required;
    unsigned failures; /* in a row */
    int64_t due_ms;    /* WAITING: when to dial */
    int64_t until_ms;  /* learned and WAITING: when to forget it */
};

enum link_state { LINK_NEW, LINK_ROUTE, LINK_SPARE, LINK_CLOSING };

struct link {
    uint64_t id;
    enum link_state state;
    uint32_t target;                 /* 0: accepted */
    struct address remote;           /* of the TCP connection */
    char server_id[MESH_ID_MAX + 1]; /* "": no INFO yet */
    struct address listens;          /* where others reach that server */
    bool auth_required, ldm, ending;
    char **urls; /* in one block */
    size_t url_count;
    int64_t since_ms;  /* has been the route since; 0: never was */
    int64_t decide_ms; /* SPARE: when to decide */
    enum mesh_reason reason;
    char error[MESH_ERROR_MAX]; /* CLOSING; "": none */
};

struct pending {
    enum mesh_action_kind kind;
    uint64_t link, about;
    uint32_t target;
};

struct mesh {
    char server_id[MESH_ID_MAX + 1];
    char *server_name;
    char cluster[MESH_NAME_MAX + 1];
    bool cluster_dynamic;
    unsigned connect_retries;
    bool connect_backoff;
    struct random random;

    struct address own[MESH_OWN_MAX];
    size_t own_count;
    struct target **targets;
    size_t target_count, target_cap;
    size_t learned_count;
    uint32_t next_target;
    struct link *links[MESH_LINKS_MAX];
    size_t link_count;

    struct pending *pending; /* what is not yet taken starts at taken */
    size_t pending_count, pending_cap, taken;
    char gossip_url[URL_MAX]; /* of the action taken last */

    char **urls; /* in one block; the union as of the last URLS action */
    size_t url_count;
    bool urls_stale;
};

/* mesh_address.c; host_port_set() and url_parse() leave no address if there is none. */
void host_port_set(struct address *address, const char *host, uint16_t port);
void url_parse(struct address *address, const char *url);
void url_print(const struct address *address, char out[URL_MAX]);
bool address_eq(const struct address *a, const struct address *b);
bool own_has(const struct mesh *mesh, const struct address *address);
void own_add(struct mesh *mesh, const struct address *address);

/* mesh_actions.c */
void push_dial(struct mesh *mesh, const struct target *target);
void push_link(struct mesh *mesh, enum mesh_action_kind kind, const struct link *link);
void push_gossip(struct mesh *mesh, const struct link *to, const struct link *about);
void push_renamed(struct mesh *mesh);

/* mesh_targets.c */
struct target *target_find(const struct mesh *mesh, uint32_t id);
struct target *target_at(const struct mesh *mesh, const struct address *address);
struct target *target_of(const struct mesh *mesh, const char *server_id); /* any of them */
bool target_is_learned(const struct target *target);
/* WAITING, due at once. The configuration sizes the table; what is learned is a bounded share. */
struct target *target_add(struct mesh *mesh, const struct address *address, size_t route);
void target_drop(struct mesh *mesh, struct target *target);
void target_set_server(struct target *target, const char *server_id);
/* There is a new reason to believe in it. */
void target_dial_anew(struct mesh *mesh, struct target *target, int64_t now_ms);
/* Its dial or its link came to an end. */
void target_failed(struct mesh *mesh, struct target *target, int64_t now_ms);
void target_ended(struct mesh *mesh, struct target *target, const struct link *link,
                  int64_t now_ms);
/* It leads here. */
void target_is_self(struct mesh *mesh, struct target *target);
/* The last live link to the server behind link has died. */
void targets_uncover(struct mesh *mesh, const struct link *link, int64_t now_ms);
void targets_tick(struct mesh *mesh, int64_t now_ms);

/* mesh_learned.c */
void learn_gossip(struct mesh *mesh, const struct mesh_info *info, int64_t now_ms);
/* There is a route to that server: nothing that leads to it is dialled. */
void targets_cover(struct mesh *mesh, const struct link *link);

/* mesh_links.c */
struct link *link_find(const struct mesh *mesh, uint64_t id);
/* target 0: accepted. NULL: too many, or out of memory */
struct link *link_add(struct mesh *mesh, uint64_t id, uint32_t target);
void link_remove(struct mesh *mesh, struct link *link);
bool link_is_live(const struct link *link);
struct link *route_find(const struct mesh *mesh, const char *server_id);
void link_close(struct mesh *mesh, struct link *link, enum mesh_reason reason);
/* All of that server's; of any server if it is NULL. except may be NULL. */
void links_close(struct mesh *mesh, const char *server_id, const struct link *except,
                 enum mesh_reason reason);
/* The link has said who is behind it: it becomes the route, or a spare. */
void link_join(struct mesh *mesh, struct link *link, int64_t now_ms);
/* The route to server_id is no more: a spare takes its place. False: there is none. */
bool spare_promote(struct mesh *mesh, const char *server_id, int64_t now_ms);
void spares_tick(struct mesh *mesh, int64_t now_ms);

/* mesh_urls.c */
bool link_set_urls(struct link *link, const struct mesh_info *info); /* false: out of memory */
/* Makes the union anew; true: it is another one. */
bool urls_refresh(struct mesh *mesh);

#endif

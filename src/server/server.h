/* SPDX-License-Identifier: Apache-2.0
 *
 * server - one NATS server: its listener, workers, account, authentication
 *
 *   main thread                      worker threads              auth pool
 *   signals, accept, reload ──mail──> clients, delivery ──jobs──> bcrypt
 *                                          ^───────────verdicts───┘
 *
 * Owns     all of them, and the configuration in force.
 * Threads  the main thread, which runs server_run(); the functions marked "any" aside.
 */
#ifndef TESSERA_SERVER_SERVER_H
#define TESSERA_SERVER_SERVER_H

#include <stdatomic.h>
#include <stdint.h>

#include "auth/auth.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/diag.h"
#include "conf/flags.h"
#include "conf/options.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/signals.h"
#include "server/account.h"
#include "server/announce.h"
#include "server/config.h"
#include "server/identity.h"
#include "server/lame_duck.h"
#include "server/reminder.h"
#include "server/throttle.h"
#include "server/worker.h"

#define SERVER_WORKERS_DEFAULT_MAX 8 /* of --threads 0, however many cores there are */

struct server;

/* What goes on beside the clients: the cluster. All are called on the main thread. */
struct server_hooks {
    void *arg;
    /* The workers run; the ports file is written next. */
    enum err (*start)(void *arg, struct server *server, struct errmsg *why);
    /* The server is ready. */
    void (*ready)(void *arg);
    /* What next needs is made, and its secrets are sealed with server->seal_key. false: it cannot
     * come into force, the log says why. */
    bool (*prepare)(void *arg, struct options *next);
    /* It has: server->config is the new one. Or it has not: what was prepared is dropped. */
    void (*configured)(void *arg, bool in_force);
    /* Begins nothing more; the loops still run. Also without a start. */
    void (*stop)(void *arg);
    /* For the ports file; 0: it listens nowhere. */
    uint16_t (*port)(void *arg);
};

struct server {
    struct log *log;
    const struct flags *flags; /* a reload applies them again */
    char id[SERVER_ID_LEN + 1];
    char *name;
    struct loop *loop;                /* the main thread's */
    const struct server_hooks *hooks; /* NULL: none */
    struct interest *interest;        /* NULL: there is nobody to tell */
    struct account *global, *system;
    struct auth *auth;
    struct server_config *config;
    struct greeting *greeting;
    struct announced announced;
    struct lame_duck lame_duck;
    unsigned char seal_key[AUTH_SEAL_KEY_LEN]; /* of the secrets in config's options */
    struct listener *listener;                 /* NULL: closed */
    uint16_t port;                             /* of the listener, also when it is closed */
    struct worker **workers;
    unsigned worker_count, next_worker;
    struct signals *signals;
    struct reminder trim;       /* when workers have freed much */
    struct throttle handshakes; /* any: how many begin in a second */
    struct reminder throttled;  /* when some were refused */
    char *ports_file;           /* NULL: none was written */
    bool stopping;
    uint64_t next_cid;
    atomic_int_fast64_t connections; /* any: those that were accepted and are not gone */
};

/* Everything up to listening; takes over options. flags, log and hooks (NULL: none) are borrowed
 * for its life; diags, what the checks of the options found, is logged behind the start-up lines.
 */
enum err server_new(struct server **out, struct log *log, const struct flags *flags,
                    struct options *options, const struct diags *diags,
                    const struct server_hooks *hooks, struct errmsg *why);
/* Serves until a signal ends it. */
void server_run(struct server *server);
/* server_run() returns soon. May be called again. */
void server_stop(struct server *server);
void server_free(struct server *server); /* NULL is allowed */

/* SIGHUP: reads the configuration again; on any error everything stays as it is. */
void server_reload(struct server *server);

/* What INFO says of the cluster: its name (NULL: a server on its own) and the client URLs of the
 * other members (NULL-terminated; NULL: none), copied. Clients are told if their list of URLs
 * changed; nothing happens when nothing did. advertise: not cluster.no_advertise; without it INFO
 * has no URLs at all. Afterwards server->announced.own has what this server's peers should
 * announce. A reload and lame duck mode keep the facts. */
void server_set_cluster_facts(struct server *server, const char *cluster,
                              const char *const *other_urls, bool advertise);

/* As the options in force say, in place of what was written before; nothing where none is set. */
enum err server_write_pid_file(struct server *server, struct errmsg *why);
enum err server_write_ports_file(struct server *server, struct errmsg *why);

/* any: NULL if there is none of that name. */
struct account *server_account(struct server *server, struct str name);
/* The main thread: a worker for a new connection, and its number in the log. */
struct worker *server_next_worker(struct server *server);
uint64_t server_next_cid(struct server *server);

/* any: a client that was counted is gone. */
void server_client_gone(struct server *server);
/* any: much memory was freed; soon what the allocator keeps of it goes back to the system. */
void server_trim_soon(struct server *server);
/* any: may another TLS handshake begin now? The log says how many may not. */
bool server_may_handshake(struct server *server, int64_t limit);
/* any: closes an accepted descriptor that could not become a client. */
void server_drop_connection(struct server *server, int fd);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * client - one client connection
 *
 *   NEW ──CONNECT──> CHECKING ──verdict──> OPEN ──> CLOSED
 *    │                                      ^
 *    └──── any verb, no auth required ──────┘
 *
 * Owns     its subscriptions (in sids), its connection while open, a reference on its queue.
 * Threads  its worker's loop. Counted, because subscriptions in other loops' match results
 *          point at their client: of a client, other loops may use only what is marked so.
 * Memory   what a closed client still holds for those references is this struct alone.
 */
#ifndef TESSERA_SERVER_CLIENT_H
#define TESSERA_SERVER_CLIENT_H

#include <stdatomic.h>

#include "auth/nkey.h"
#include "base/list.h"
#include "net/conn.h"
#include "proto/connect.h"
#include "proto/errors.h"
#include "proto/parser.h"
#include "server/account.h"
#include "server/rights.h"
#include "server/sids.h"
#include "server/worker.h"

enum client_state { CLIENT_NEW, CLIENT_CHECKING, CLIENT_OPEN, CLIENT_CLOSED };

/* Why a connection ended, in the words of the monitoring pages (PROTOCOL.md 4). */
#define CLOSE_REASONS(X)                                                                           \
    X(CLIENT_CLOSED, "Client Closed")                                                              \
    X(AUTH_TIMEOUT, "Authentication Timeout")                                                      \
    X(AUTH_FAILURE, "Authentication Failure")                                                      \
    X(SLOW_PENDING, "Slow Consumer (Pending Bytes)")                                               \
    X(SLOW_DEADLINE, "Slow Consumer (Write Deadline)")                                             \
    X(WRITE_ERROR, "Write Error")                                                                  \
    X(READ_ERROR, "Read Error")                                                                    \
    X(PARSE_ERROR, "Parse Error")                                                                  \
    X(STALE, "Stale Connection")                                                                   \
    X(PROTOCOL_VIOLATION, "Protocol Violation")                                                    \
    X(BAD_PROTOCOL, "Bad Client Protocol Version")                                                 \
    X(MAX_CONNECTIONS, "Maximum Connections Exceeded")                                             \
    X(MAX_PAYLOAD, "Maximum Message Payload Exceeded")                                             \
    X(CONTROL_LINE, "Maximum Control Line Exceeded")                                               \
    X(AUTH_EXPIRED, "Authentication Expired")                                                      \
    X(SHUTDOWN, "Server Shutdown")                                                                 \
    X(NO_RESPONDERS, "No Responders Requires Headers")                                             \
    X(INTERNAL, "Internal Client")                                                                 \
    X(TLS_HANDSHAKE, "TLS Handshake Failure")

enum close_reason {
#define X(name, text) CLOSE_##name,
    CLOSE_REASONS(X)
#undef X
};

const char *close_reason_text(enum close_reason reason);

struct client {
    struct sub_owner owner; /* first: subscriptions point here */
    atomic_uint refs;

    /* Other loops may use these; they never change. */
    struct worker *worker;
    struct outq *outq;
    struct account *account;
    uint64_t cid;

    /* Other loops may read these; relaxed. */
    atomic_bool echo, headers; /* headers: takes HMSG */
    atomic_size_t expired;     /* subscriptions that other loops took out: letters under way */

    enum client_state state;
    enum close_reason reason;
    struct conn *conn; /* NULL once closed */
    struct list link;  /* in worker->clients */
    struct endpoint remote;
    struct connect_kept connect;
    struct auth_pass pass;          /* what let it in, without its identity: that is in rights */
    struct rights rights;           /* deliveries from other loops ask it, see rights.h */
    char nonce[NKEY_NONCE_LEN + 1]; /* what INFO asked to be signed; empty: nothing */
    bool connected;                 /* a CONNECT was accepted */
    bool first_pong_sent;
    bool informed; /* INFO was sent */
    bool told_ldm; /* INFO said ldm */
    struct parse_limits limits;
    struct sids sids;

    int64_t ping_due_ms; /* loop time */
    unsigned pings_out;
    int64_t last_in_ms;
    int64_t rtt_start_ns, rtt_ns; /* 0: no ping under way; not measured yet */
    uint64_t in_msgs, in_bytes;
    int64_t violation_logged_ms; /* loop time of the last violation that was logged */
    uint64_t violations_left_out;
};

/* When a client gets INFO (PROTOCOL.md 1.6). */
enum info_occasion {
    INFO_AT_ACCEPT,
    INFO_AFTER_PONG, /* the first one; says which account the client is in */
    INFO_OF_CHANGE,
};

/* On the worker's loop: the connection is greeted with INFO. Takes over fd. */
void client_start(struct worker *worker, int fd, const struct endpoint *remote, uint64_t cid,
                  bool over_limit);

struct client *client_ref(struct client *client);
void client_unref(struct client *client);

static inline struct client *
client_of(const struct subscription *sub)
{
    return (struct client *)(void *)sub->owner;
}

static inline bool
client_is_closed(const struct client *client)
{
    return client->state == CLIENT_CLOSED;
}

/* Appends to the client's queue. */
void client_send(struct client *client, const void *data, size_t len);
/* +OK, if the client is verbose. */
void client_ok(struct client *client);
/* Sends the -ERR of the table, or text; closing is the caller's next step. */
void client_error(struct client *client, enum proto_error error);
/* The same with a sid behind it: an existing subscription that a reload takes away. */
void client_sub_revoked(struct client *client, const struct subscription *sub);
/* Logs and sends one of the errors that name a subject; queue.data NULL: none. */
void client_violation(struct client *client, enum proto_violation violation, struct str subject,
                      struct str queue);

/* Ends the connection once, whatever else happens to it. What is queued is flushed. */
void client_close(struct client *client, enum close_reason reason);
/* -ERR, then close. */
void client_reject(struct client *client, enum proto_error error, enum close_reason reason);

/* The configuration changed: is this client still welcome? */
void client_recheck(struct client *client);

/* Restarts the ping timer; the first ping after a CONNECT comes early, to learn the RTT. */
void client_set_first_ping(struct client *client);
void client_set_ping(struct client *client);
/* PING and PONG from the client. */
void client_ping(struct client *client);
void client_pong(struct client *client);

/* client_welcome.c: INFO and TLS, in the order that the options say, up to the first byte that is
 * taken from the client. over_limit: it is told that there are too many instead. */
void client_welcome(struct client *client, bool over_limit);
void client_send_info(struct client *client, enum info_occasion occasion);
/* The greeting changed: the INFO for those who understand that and are through with their start. */
void client_announce(struct client *client);
void client_on_tls(void *peer, enum conn_tls_event event); /* see struct conn_handler */
/* Is its certificate among those that the options allow now? In clear, and without a list: yes. If
 * not it is logged. */
bool client_is_pinned(struct client *client);

/* client_ops.c: bytes from the peer, see struct conn_handler. */
size_t client_on_data(void *peer, char *data, size_t len, size_t *need);

/* client_login.c: a verb came before CONNECT: lets the client in as no_auth_user; false if
 * there is none. */
bool client_enter_without_connect(struct client *client);
/* client_login.c: logs what and why a stranger was refused; of a flood from one address only a
 * few. */
void client_log_refusal(struct client *client, const char *what, const char *cause);
/* A CONNECT line arrived. */
void client_connect(struct client *client, struct str json);

/* client_subs.c */
void client_sub(struct client *client, const struct op *op);
void client_unsub(struct client *client, const struct op *op);
/* Takes one subscription out of the tree and the sid table; any loop may call it. */
void client_expire_sub(struct subscription *sub, struct worker *current);
void client_drop_subs(struct client *client);
/* The client's rights changed: takes away what they no longer allow, filters the rest anew. */
void client_review_subs(struct client *client);

#endif

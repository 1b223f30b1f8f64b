/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of a client: timers, pings, reloads, the end. One timer serves all: until CONNECT it is
 * the authentication timeout (if authentication is required), afterwards the next ping.
 */
#include "server/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/server.h"
#include "server/trace.h"

#define FIRST_PING_MS    2000 /* after CONNECT, plus up to a fifth (PROTOCOL.md 1.9) */
#define FIRST_PING_SPAN  400
#define VIOLATION_LOG_MS 1000
#define RTT_MEASURE_MS   (60 * 60 * 1000) /* an idle link's RTT is measured at least hourly */
#define CLIENT_BYTES     1024             /* about what a client takes, its connection included */
#define READ_MAX_NEW     512 /* bytes beside the control line that a newcomer may send at once */

static const char *const reason_texts[] = {
#define X(name, text) text,
    CLOSE_REASONS(X)
#undef X
};

const char *
close_reason_text(enum close_reason reason)
{
    return reason_texts[reason];
}

struct client *
client_ref(struct client *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
    return client;
}

void
client_unref(struct client *client)
{
    if (atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(client->conn == NULL && client->sids.count == 0);
    outq_unref(client->outq);
    rights_release(&client->rights);
    free(client);
}

static void
unref_owner(struct sub_owner *owner)
{
    client_unref((struct client *)(void *)owner);
}

void
client_send(struct client *client, const void *data, size_t len)
{
    if (!client_is_closed(client))
        (void)outq_append(client->outq, client->worker->loop, data, len);
}

void
client_ok(struct client *client)
{
    if (!client->connect.verbose)
        return;
    if (client_tracing(client))
        trace_out(client, "OK", STR_NULL);
    client_send(client, "+OK\r\n", 5);
}

/* last: the connection is closed next, nothing may come behind the text. */
static void
send_error(struct client *client, struct str text, bool last)
{
    struct buf line;

    buf_init(&line, 0);
    if (!client_is_closed(client) && proto_error_line(&line, text)) {
        if (last)
            (void)outq_append_last(client->outq, client->worker->loop, line.data, line.len);
        else
            (void)outq_append(client->outq, client->worker->loop, line.data, line.len);
    }
    buf_release(&line);
    if (client_tracing(client))
        trace_out(client, "-ERR", text);
}

void
client_error(struct client *client, enum proto_error error)
{
    send_error(client, str_of(proto_error_text(error)), false);
}

/* A client may repeat its mistake as fast as it can send: one line in a while counts the rest. */
static void
log_violation(struct client *client, struct str text)
{
    int64_t now_ms = loop_now_ms(client->worker->loop);

    if (client->violation_logged_ms != 0 &&
        now_ms - client->violation_logged_ms < VIOLATION_LOG_MS) {
        client->violations_left_out++;
        return;
    }
    if (client->violations_left_out > 0)
        client_err(client, "%.*s (%llu more not shown)", (int)text.len, text.data,
                   (unsigned long long)client->violations_left_out);
    else
        client_err(client, "%.*s", (int)text.len, text.data);
    client->violation_logged_ms = now_ms;
    client->violations_left_out = 0;
}

void
client_violation(struct client *client, enum proto_violation violation, struct str subject,
                 struct str queue)
{
    struct buf text;

    buf_init(&text, 0);
    if (proto_violation(&text, violation, subject, queue)) {
        log_violation(client, (struct str) { text.data, text.len });
        send_error(client, (struct str) { text.data, text.len }, false);
    }
    buf_release(&text);
}

void
client_sub_revoked(struct client *client, const struct subscription *sub)
{
    struct str sid = subscription_sid(sub);
    struct buf text;

    buf_init(&text, 0);
    if (proto_violation(&text, PROTO_VIOLATION_SUBSCRIPTION, subscription_subject(sub),
                        subscription_queue(sub)) &&
        buf_printf(&text, " (sid \"%.*s\")", (int)sid.len, sid.data)) {
        client_err(client, "%.*s", (int)text.len, text.data);
        send_error(client, (struct str) { text.data, text.len }, false);
    }
    buf_release(&text);
}

/* The end of every client, however it came. */
static void
finish(struct client *client, enum close_reason reason)
{
    client->state = CLIENT_CLOSED;
    client->reason = reason;
    client->conn = NULL;
    list_remove(&client->link);
    client_dbg(client, "Client connection closed: %s", close_reason_text(reason));
    client_drop_subs(client);
    connect_kept_release(&client->connect);
    loop_note_freed(client->worker->loop, CLIENT_BYTES);
    server_client_gone(client->worker->server);
    client_unref(client);
}

static void
on_end(void *peer, enum conn_end end)
{
    struct client *client = peer;
    static const enum close_reason reasons[] = {
        [CONN_END_PEER] = CLOSE_CLIENT_CLOSED,     [CONN_END_READ] = CLOSE_READ_ERROR,
        [CONN_END_WRITE] = CLOSE_WRITE_ERROR,      [CONN_END_PENDING] = CLOSE_SLOW_PENDING,
        [CONN_END_DEADLINE] = CLOSE_SLOW_DEADLINE, [CONN_END_NOMEM] = CLOSE_INTERNAL,
        [CONN_END_TLS] = CLOSE_TLS_HANDSHAKE
    };

    if (end == CONN_END_LOCAL)
        return; /* client_close() goes on */
    if (end == CONN_END_PENDING || end == CONN_END_DEADLINE) {
        stat_add(&client->worker->stats.slow_consumers, 1);
        client_log_write(client, LOG_LEVEL_INF, "Slow Consumer Detected: %s",
                         end == CONN_END_PENDING ? "MaxPending Exceeded"
                                                 : "WriteDeadline Exceeded");
    }
    if (end == CONN_END_TLS)
        client_log_refusal(client, "TLS handshake error: ", conn_tls_failure(client->conn));
    finish(client, reasons[end]);
}

void
client_close(struct client *client, enum close_reason reason)
{
    struct conn *conn = client->conn;
    /* our last words must arrive, whatever the peer still sends; nobody waits for a shutdown */
    bool linger = reason != CLOSE_CLIENT_CLOSED && !client->worker->closing;

    if (client_is_closed(client))
        return;
    client->state = CLIENT_CLOSED;
    conn_close(conn, linger);
    finish(client, reason);
}

void
client_reject(struct client *client, enum proto_error error, enum close_reason reason)
{
    send_error(client, str_of(proto_error_text(error)), true);
    client_close(client, reason);
}

/* The one timer: for the next ping, or before it for the end of the credentials. */
static void
arm(struct client *client)
{
    int64_t ping_ms = client->ping_due_ms - loop_now_ms(client->worker->loop);
    int64_t expire_ms = rights_expire_in_ms(&client->rights);

    if (ping_ms < 0)
        ping_ms = 0;
    conn_set_timer(client->conn, expire_ms >= 0 && expire_ms < ping_ms ? expire_ms : ping_ms);
}

static void
ping_after(struct client *client, int64_t ms)
{
    client->ping_due_ms = loop_now_ms(client->worker->loop) + ms;
    arm(client);
}

void
client_set_ping(struct client *client)
{
    ping_after(client, client->worker->config->ping_interval_ms);
}

void
client_set_first_ping(struct client *client)
{
    int64_t ms = FIRST_PING_MS + random_below(&client->worker->random, FIRST_PING_SPAN);
    int64_t interval = client->worker->config->ping_interval_ms;

    ping_after(client, ms < interval ? ms : interval);
}

static void
send_ping(struct client *client)
{
    client->rtt_start_ns = clock_mono_ns();
    client->pings_out++;
    if (client_tracing(client))
        trace_out(client, "PING", STR_NULL);
    client_send(client, "PING\r\n", 6);
}

static void
ping_due(struct client *client)
{
    const struct server_config *config = client->worker->config;
    int64_t quiet_ms = loop_now_ms(client->worker->loop) - client->last_in_ms;
    bool need_rtt = client->rtt_ns == 0 ||
                    (clock_mono_ns() - client->rtt_start_ns) / CLOCK_NS_PER_MS > RTT_MEASURE_MS;

    if (quiet_ms < config->ping_interval_ms && !need_rtt) {
        client_dbg(client, "Delaying PING due to remote client data or ping %lldms ago",
                   (long long)quiet_ms);
        ping_after(client, config->ping_interval_ms - quiet_ms);
        return;
    }
    if (client->pings_out + 1 > (unsigned)config->options->ping_max) {
        client_dbg(client, "Stale Client Connection - Closing");
        stat_add(&client->worker->stats.stale, 1);
        client_reject(client, PROTO_ERR_STALE, CLOSE_STALE);
        return;
    }
    send_ping(client);
    client_set_ping(client);
}

static void
on_timer(void *peer)
{
    struct client *client = peer;

    if (client->state == CLIENT_NEW && client->worker->config->auth_required) {
        client_log_refusal(client, "Authentication Timeout - ", "no CONNECT came in time");
        client_reject(client, PROTO_ERR_AUTH_TIMEOUT, CLOSE_AUTH_TIMEOUT);
    } else if (client->state == CLIENT_CHECKING) {
        return;
    } else if (rights_expire_in_ms(&client->rights) == 0) {
        client_err(client, "User Authentication Expired");
        client_reject(client, PROTO_ERR_AUTH_EXPIRED, CLOSE_AUTH_EXPIRED);
    } else if (loop_now_ms(client->worker->loop) >= client->ping_due_ms) {
        ping_due(client);
    } else {
        arm(client);
    }
}

void
client_ping(struct client *client)
{
    if (client_tracing(client))
        trace_out(client, "PONG", STR_NULL);
    client_send(client, "PONG\r\n", 6);
    if (client->first_pong_sent || !client->connected)
        return;
    client->first_pong_sent = true;
    if (client->connect.protocol >= 1)
        client_send_info(client, INFO_AFTER_PONG);
}

void
client_pong(struct client *client)
{
    client->pings_out = 0;
    if (client->rtt_start_ns != 0) {
        client->rtt_ns = clock_mono_ns() - client->rtt_start_ns;
        if (client->rtt_ns == 0)
            client->rtt_ns = 1;
    }
}

static const struct conn_handler client_handler = { client_on_data, on_timer, client_on_tls,
                                                    on_end };

static void
init_state(struct client *client, const struct server_config *config)
{
    client->state = config->auth_required ? CLIENT_NEW : CLIENT_OPEN;
    connect_kept_init(&client->connect);
    atomic_init(&client->echo, client->connect.echo);
    atomic_init(&client->headers, false);
    client->limits.control_line_max = (size_t)config->options->max_control_line;
    client->limits.payload_max = (size_t)config->options->max_payload;
    client->last_in_ms = loop_now_ms(client->worker->loop);
    if (auth_policy_wants_nonce(config->policy))
        nkey_nonce_make(client->nonce);
}

/* Only what a CONNECT needs is read before the login. */
static void
open_conn(struct client *client, int fd)
{
    const struct server_config *config = client->worker->config;
    struct conn_options options = config->conn;

    options.read_max = client->state == CLIENT_NEW ? client->limits.control_line_max + READ_MAX_NEW
                                                   : LOOP_READ_BYTES;
    client->conn = conn_new(client->worker->loop, fd, &options, &client_handler, client);
    if (client->conn != NULL)
        client->outq = outq_ref(conn_outq(client->conn));
}

void
client_start(struct worker *worker, int fd, const struct endpoint *remote, uint64_t cid,
             bool over_limit)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        server_drop_connection(worker->server, fd);
        return;
    }
    client->owner.unref = unref_owner;
    atomic_init(&client->refs, 1);
    client->worker = worker;
    client->account = worker->server->global;
    client->cid = cid;
    client->remote = *remote;
    init_state(client, worker->config);
    open_conn(client, fd);
    if (client->conn == NULL) {
        connect_kept_release(&client->connect);
        free(client);
        server_client_gone(worker->server);
        return;
    }
    list_push_back(&worker->clients, &client->link);
    client_welcome(client, over_limit);
}

void
client_recheck(struct client *client)
{
    const struct server_config *config = client->worker->config;
    struct auth_identity *identity;

    client->limits.control_line_max = (size_t)config->options->max_control_line;
    client->limits.payload_max = (size_t)config->options->max_payload;
    conn_set_options(client->conn, &config->conn);
    if (!client_is_pinned(client)) {
        client_close(client, CLOSE_TLS_HANDSHAKE);
        return;
    }
    if (!config->auth_required && client->state == CLIENT_NEW) {
        client->state = CLIENT_OPEN;
        conn_trust(client->conn);
        client_set_ping(client);
    }
    if (client->state != CLIENT_OPEN)
        return;
    identity = auth_recheck(client->worker->server->auth, config->policy, &client->pass);
    if (identity == NULL) {
        client_err(client, "authentication error - its credentials are no longer accepted");
        client_reject(client, PROTO_ERR_AUTH_VIOLATION, CLOSE_AUTH_FAILURE);
        return;
    }
    if (rights_set(&client->rights, identity)) {
        client_review_subs(client);
        arm(client);
    }
}

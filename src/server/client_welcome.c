/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens before the first byte of the protocol is taken from a client:
 *
 *   no tls                INFO ──────────────────────────────────────────> READY
 *   tls                   INFO ──> handshake ────────────────────────────> READY
 *   allow_non_tls         INFO ──> handshake, if the client begins one ──> READY
 *   handshake_first true           handshake ──> INFO inside it ─────────> READY
 *   ... auto, a time      the client begins within it: as true; else as without
 *
 * READY starts the clock for CONNECT, or the pings. All of TLS is the connection's (net/conn.h);
 * here is the order alone.
 */
#include "proto/info.h"
#include "server/client.h"
#include "server/server.h"
#include "server/trace.h"
#include "tls/session.h"

void
client_send_info(struct client *client, enum info_occasion occasion)
{
    const struct greeting *greeting = client->worker->greeting;
    bool first = occasion == INFO_AT_ACCEPT;
    bool inside = first && conn_session(client->conn) != NULL && greeting->prefix_inside.len > 0;
    const struct buf *prefix = inside ? &greeting->prefix_inside : &greeting->prefix;
    struct info_client self = {
        .id = client->cid,
        .ip = client->remote.ip,
        .nonce = first && client->nonce[0] != '\0' ? client->nonce : NULL,
        .account = occasion == INFO_AFTER_PONG ? client->account->name : NULL,
        .ldm = !first && greeting->lame_duck && !client->told_ldm,
    };
    struct buf line;

    buf_init(&line, 0);
    if (info_line(&line, prefix, &self))
        client_send(client, line.data, line.len);
    buf_release(&line);
    client->informed = true;
    client->told_ldm = client->told_ldm || self.ldm;
}

void
client_announce(struct client *client)
{
    if (!client->first_pong_sent || client->connect.protocol < 1)
        return;
    client_send_info(client, INFO_OF_CHANGE);
    conn_flush(client->conn); /* as in get_ready() */
}

static void
get_ready(struct client *client)
{
    if (!client->informed)
        client_send_info(client, INFO_AT_ACCEPT);
    if (client->state == CLIENT_NEW)
        conn_set_timer(client->conn, client->worker->config->auth_timeout_ms);
    else
        client_set_ping(client);
    conn_flush(client->conn); /* of 2,000 that come at once each would hold a chunk until all did */
    conn_resume(client->conn);
}

static void
start_tls(struct client *client, enum conn_tls_when when, int64_t look_ms)
{
    const struct server_config *config = client->worker->config;
    struct conn_tls how = { .context = config->tls,
                            .when = when,
                            .look_ms = look_ms,
                            .timeout_ms = config->tls_timeout_ms };

    conn_start_tls(client->conn, &how);
}

/* INFO first. */
static void
go_on_in_clear(struct client *client)
{
    const struct server_config *config = client->worker->config;

    client_send_info(client, INFO_AT_ACCEPT);
    if (config->tls == NULL)
        get_ready(client);
    else if (config->options->allow_non_tls)
        start_tls(client, CONN_TLS_IF_HELLO, config->tls_timeout_ms);
    else
        start_tls(client, CONN_TLS_AT_ONCE, 0);
}

bool
client_is_pinned(struct client *client)
{
    const struct tls_context *context = client->worker->config->tls;
    const struct tls_session *session = conn_session(client->conn);

    if (session == NULL || context == NULL || tls_session_pin_is_right(session, context))
        return true;
    client_err(client, "certificate not pinned");
    return false;
}

static void
secured(struct client *client)
{
    const struct tls_session *session = conn_session(client->conn);

    client_dbg(client, "TLS handshake complete");
    client_dbg(client, "TLS version %s, cipher suite %s", tls_session_version(session),
               tls_session_cipher(session));
    if (client_is_pinned(client)) /* a reload may have come since it began */
        get_ready(client);
    else
        client_close(client, CLOSE_TLS_HANDSHAKE);
}

void
client_on_tls(void *peer, enum conn_tls_event event)
{
    struct client *client = peer;
    const struct server_config *config = client->worker->config;

    switch (event) {
    case CONN_TLS_BEGINS:
        if (server_may_handshake(client->worker->server,
                                 config->options->tls.connection_rate_limit))
            client_dbg(client, "Starting TLS client connection handshake");
        else
            client_reject(client, PROTO_ERR_THROTTLED, CLOSE_MAX_CONNECTIONS);
        break;
    case CONN_TLS_DONE:
        secured(client);
        break;
    case CONN_TLS_CLEAR:
        if (client->informed)
            get_ready(client);
        else
            go_on_in_clear(client);
        break;
    }
}

static void
say_too_many(struct client *client)
{
    client_err(client, "maximum connections exceeded");
    client_reject(client, PROTO_ERR_MAX_CONNECTIONS, CLOSE_MAX_CONNECTIONS);
}

void
client_welcome(struct client *client, bool over_limit)
{
    const struct server_config *config = client->worker->config;
    enum tls_first first =
        config->tls == NULL ? TLS_FIRST_OFF : config->options->tls.handshake_first;

    client_dbg(client, "Client connection created");
    if (first == TLS_FIRST_OFF && (client->worker->closing || over_limit))
        client_send_info(client, INFO_AT_ACCEPT);
    if (client->worker->closing)
        client_close(client, CLOSE_SHUTDOWN);
    else if (over_limit)
        say_too_many(client);
    else if (first == TLS_FIRST_ON)
        start_tls(client, CONN_TLS_AT_ONCE, 0);
    else if (first == TLS_FIRST_AUTO)
        start_tls(client, CONN_TLS_IF_ANY, config->tls_first_ms);
    else
        go_on_in_clear(client);
}

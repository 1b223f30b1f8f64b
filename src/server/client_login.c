/* SPDX-License-Identifier: Apache-2.0
 *
 * CONNECT: parse, ask auth, and either go on at once or wait for the pool's verdict. While it
 * waits the connection is not read, so it holds no more than what came with its CONNECT.
 */
#include <stdlib.h>

#include "server/client.h"
#include "server/server.h"
#include "server/trace.h"
#include "tls/session.h"

/* Carries a verdict from the pool to the client's loop. */
struct login {
    struct mail mail;
    struct pending_login pending; /* while the answer is out */
    struct client *client;        /* counted */
    struct server_config *config; /* the one that was asked; counted */
    struct auth_result result;
};

void
client_log_refusal(struct client *client, const char *what, const char *cause)
{
    uint64_t left_out;

    if (!auth_may_log(client->worker->server->auth, client->remote.ip, &left_out))
        return;
    if (left_out > 0)
        client_err(client, "%s%s (%llu more from this address not shown)", what, cause,
                   (unsigned long long)left_out);
    else
        client_err(client, "%s%s", what, cause);
}

static void
refuse(struct client *client, const struct auth_result *result)
{
    if (result->verdict == AUTH_BUSY) {
        client_log_refusal(client, "Authentication Timeout - ", auth_cause_text(result->cause));
        client_reject(client, PROTO_ERR_AUTH_TIMEOUT, CLOSE_AUTH_TIMEOUT);
    } else {
        client_log_refusal(client, "authentication error - ", auth_cause_text(result->cause));
        client_reject(client, PROTO_ERR_AUTH_VIOLATION, CLOSE_AUTH_FAILURE);
    }
}

/* Can the wishes of an accepted CONNECT be met? As in the reference, asked after the login. */
static bool
can_serve(struct client *client, bool headers)
{
    if (client->connect.protocol != 0 && client->connect.protocol != 1) {
        client_reject(client, PROTO_ERR_BAD_PROTOCOL, CLOSE_BAD_PROTOCOL);
        return false;
    }
    if (client->connect.no_responders && !headers) {
        client_reject(client, PROTO_ERR_NO_RESPONDERS_NEEDS_HEADERS, CLOSE_NO_RESPONDERS);
        return false;
    }
    return true;
}

/* The options of an accepted CONNECT begin to hold. */
static void
enter(struct client *client)
{
    const struct server_config *config = client->worker->config;
    bool headers = client->connect.headers && !config->options->no_header_support;

    if (!can_serve(client, headers))
        return;
    client->state = CLIENT_OPEN;
    client->connected = true;
    client->limits.headers = headers;
    atomic_store_explicit(&client->headers, headers, memory_order_relaxed);
    atomic_store_explicit(&client->echo, client->connect.echo, memory_order_relaxed);
    conn_trust(client->conn);
    client_set_first_ping(client);
    client_ok(client);
}

/* The client's rights own the identity from here on. */
static void
take_pass(struct client *client, struct auth_result *result)
{
    (void)rights_set(&client->rights, result->pass.identity);
    result->pass.identity = NULL;
    client->pass = result->pass;
}

/* Takes the identity out of result. */
static void
decide(struct client *client, struct auth_result *result)
{
    if (result->verdict != AUTH_OK) {
        refuse(client, result);
        return;
    }
    take_pass(client, result);
    enter(client);
}

static void
login_free(struct login *login)
{
    list_remove(&login->pending.link);
    auth_identity_unref(login->result.pass.identity);
    server_config_unref(login->config);
    client_unref(login->client);
    free(login);
}

/* The rules changed while the check ran: what it proved must hold under the new ones. */
static void
judge_again(struct login *login)
{
    struct worker *worker = login->client->worker;
    struct auth_pass *pass = &login->result.pass;
    struct auth_identity *identity =
        auth_recheck(worker->server->auth, worker->config->policy, pass);

    auth_identity_unref(pass->identity);
    pass->identity = identity;
    if (identity == NULL) {
        login->result.verdict = AUTH_REFUSED;
        login->result.cause = AUTH_CAUSE_CHANGED;
    }
}

static void
deliver_login(struct mail *mail)
{
    struct login *login = (struct login *)(void *)mail;
    struct client *client = login->client;

    if (client->state != CLIENT_CHECKING) { /* it left */
        login_free(login);
        return;
    }
    if (login->result.verdict == AUTH_OK && login->config != client->worker->config)
        judge_again(login);
    decide(client, &login->result);
    if (!client_is_closed(client))
        conn_resume(client->conn);
    login_free(login);
}

static void
drop_login(struct pending_login *pending)
{
    login_free(LIST_ENTRY(pending, struct login, pending));
}

/* On a thread of the pool. */
static void
login_done(void *context, uint64_t id, const struct auth_result *result)
{
    struct login *login = context;

    (void)id;
    login->result = *result;
    loop_post(login->client->worker->loop, &login->mail);
}

static void
log_names(struct client *client, const struct tls_identity *certificate)
{
    static const char *const kinds[] = { [TLS_NAME_EMAIL] = "email",
                                         [TLS_NAME_DNS] = "DNS",
                                         [TLS_NAME_URI] = "URI",
                                         [TLS_NAME_DN] = "DN",
                                         [TLS_NAME_SUBJECT] = "subject" };

    for (size_t i = 0; i < tls_identity_count(certificate); i++) {
        struct tls_name name = tls_identity_at(certificate, i);

        client_dbg(client, "Certificate has the %s \"%.*s\"", kinds[name.kind], (int)name.text.len,
                   name.text.data);
    }
}

/* The names that may be those of a user; NULL: none are wanted, or there are none. */
static struct tls_identity *
read_certificate(struct client *client)
{
    const struct tls_session *session = conn_session(client->conn);
    struct tls_identity *certificate = NULL;

    if (session != NULL && auth_policy_wants_certificate(client->worker->config->policy))
        certificate = tls_session_identity(session);
    if (certificate != NULL && log_enabled(client_log(client), LOG_LEVEL_DBG))
        log_names(client, certificate);
    return certificate;
}

static void
ask(struct client *client, const struct connect_info *info)
{
    struct worker *worker = client->worker;
    struct auth_request request = { .auth_token = info->auth_token,
                                    .user = info->user,
                                    .pass = info->pass,
                                    .nkey = info->nkey,
                                    .sig = info->sig,
                                    .nonce = str_of(client->nonce),
                                    .account = info->account.len > 0 || info->new_account,
                                    .connection_type = CONNECTION_STANDARD,
                                    .address = client->remote.ip };
    struct login *login = calloc(1, sizeof(*login));
    struct tls_identity *certificate;
    struct auth_result result;
    enum auth_verdict verdict;

    if (login == NULL) {
        client_close(client, CLOSE_INTERNAL);
        return;
    }
    login->mail.deliver = deliver_login;
    login->pending.drop = drop_login;
    list_push_back(&worker->logins, &login->pending.link);
    login->client = client_ref(client);
    login->config = server_config_ref(worker->config);
    certificate = read_certificate(client);
    request.certificate = certificate;
    verdict = auth_check(worker->server->auth, worker->config->policy, &request, &result,
                         login_done, login, client->cid);
    tls_identity_free(certificate);
    if (verdict == AUTH_PENDING) {
        client->state = CLIENT_CHECKING;
        conn_pause(client->conn);
        return;
    }
    login_free(login);
    decide(client, &result);
}

/* As the reference does: with the options that hold before a CONNECT. */
bool
client_enter_without_connect(struct client *client)
{
    struct auth_result result;

    if (!auth_no_auth_user(client->worker->server->auth, client->worker->config->policy,
                           CONNECTION_STANDARD, &result))
        return false;
    client->state = CLIENT_OPEN;
    take_pass(client, &result);
    conn_trust(client->conn);
    client_set_ping(client);
    return true;
}

/* info holds what was kept of an earlier CONNECT. false: the client was closed. */
static bool
read_connect(struct client *client, struct str json, struct connect_info *info)
{
    struct errmsg why;

    if (connect_info_parse(info, json, &why) != ERR_OK) {
        client_err(client, "%s", why.text);
        client_close(client, CLOSE_PROTOCOL_VIOLATION);
        return false;
    }
    if (!connect_keep(&client->connect, info)) {
        client_close(client, CLOSE_INTERNAL);
        return false;
    }
    if (client_tracing(client))
        trace_connect(client, info);
    return true;
}

void
client_connect(struct client *client, struct str json)
{
    struct connect_info info;

    conn_set_timer(client->conn, -1); /* as in the reference, the clock stops with CONNECT */
    if (client->connected)
        client_drop_subs(client); /* [>=2.14] a second CONNECT starts anew */
    if (!connect_recall(&info, &client->connect)) {
        client_close(client, CLOSE_INTERNAL);
        return;
    }
    if (read_connect(client, json, &info))
        ask(client, &info);
    connect_info_release(&info); /* wipes the credentials */
}

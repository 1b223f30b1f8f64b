/* SPDX-License-Identifier: Apache-2.0
 *
 * CONNECT of a server that dialled us. A token comes in auth_token or, as Go nodes send what stands
 * in nats-route://TOKEN@host, as a user without a password (AUTH.md 3).
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/route.h"
#include "proto/errors.h"
#include "server/server.h"

/* Carries a verdict from the pool to the route's loop. */
struct login {
    struct mail mail;
    struct pending_login pending; /* while the answer is out */
    struct route *route;          /* counted */
    struct terms *terms;          /* those that were asked; counted */
    struct auth_result result;
};

void
route_log_refusal(struct route *route, const char *what, const char *cause)
{
    uint64_t left_out;

    if (!auth_may_log(route->server->auth, route->remote.ip, &left_out))
        return;
    if (left_out > 0)
        route_err(route, "%s - %s (%llu more from this address not shown)", what, cause,
                  (unsigned long long)left_out);
    else
        route_err(route, "%s - %s", what, cause);
}

static void
refuse(struct route *route, const struct auth_result *result)
{
    const char *cause = auth_cause_text(result->cause);

    if (result->verdict == AUTH_BUSY) {
        route_log_refusal(route, "Authentication Timeout", cause);
        route_reject(route, proto_error_text(PROTO_ERR_AUTH_TIMEOUT), "Authentication Timeout");
    } else {
        route_log_refusal(route, "authentication error", cause);
        route_reject(route, proto_error_text(PROTO_ERR_AUTH_VIOLATION), "Authentication Failure");
    }
}

static void
decide(struct route *route, struct auth_result *result)
{
    if (result->verdict != AUTH_OK) {
        refuse(route, result);
        return;
    }
    auth_identity_unref(route->pass.identity);
    route->pass = result->pass;
    result->pass.identity = NULL;
    route->connected = true;
    route->state = ROUTE_STATE_NEW;
    route_expect(route);
    route->events->connected(route->events->arg, route->rid, route->said_cluster,
                             route->said_dynamic);
}

static void
login_free(struct login *login)
{
    list_remove(&login->pending.link);
    auth_identity_unref(login->result.pass.identity);
    terms_unref(login->terms);
    route_unref(login->route);
    free(login);
}

static void
drop_login(struct pending_login *pending)
{
    login_free(LIST_ENTRY(pending, struct login, pending));
}

bool
route_is_welcome(const struct route *route)
{
    struct auth_identity *identity;

    if (route->dialled || !route->terms->auth_required)
        return true;
    if (!route->connected)
        return !route->informed; /* the verdict is still to come */
    identity = auth_recheck(route->server->auth, route->terms->policy, &route->pass);
    auth_identity_unref(identity);
    return identity != NULL;
}

/* The terms may have changed while the check ran: what it proved must hold under the new ones. */
static void
deliver_login(struct mail *mail)
{
    struct login *login = LIST_ENTRY(mail, struct login, mail);
    struct route *route = login->route;

    if (route->state == ROUTE_STATE_CHECKING) {
        decide(route, &login->result);
        if (!route_is_closed(route) && login->terms != route->terms && !route_is_welcome(route))
            route_reject(route, proto_error_text(PROTO_ERR_AUTH_VIOLATION),
                         "Authentication Failure");
        if (!route_is_closed(route))
            conn_resume(route->conn);
    }
    login_free(login);
}

/* On a thread of the pool. */
static void
login_done(void *context, uint64_t id, const struct auth_result *result)
{
    struct login *login = context;

    (void)id;
    login->result = *result;
    loop_post(login->route->worker->loop, &login->mail);
}

static void
ask(struct route *route, const struct route_connect *connect)
{
    bool pass = connect->pass != NULL && connect->pass[0] != '\0';
    bool token_as_user = connect->auth_token == NULL && !pass;
    const char *token = token_as_user ? connect->user : connect->auth_token;
    struct auth_request request = { .auth_token = str_of(token),
                                    .user = str_of(connect->user),
                                    .pass = str_of(connect->pass),
                                    .connection_type = CONNECTION_STANDARD,
                                    .address = route->remote.ip };
    struct login *login = calloc(1, sizeof(*login));
    struct auth_result result;

    if (login == NULL) {
        route_close(route, "Internal Client");
        return;
    }
    login->mail.deliver = deliver_login;
    login->pending.drop = drop_login;
    list_push_back(&route->worker->logins, &login->pending.link);
    login->route = route_ref(route);
    login->terms = terms_ref(route->terms);
    if (auth_check(route->server->auth, route->terms->policy, &request, &result, login_done, login,
                   route->rid) == AUTH_PENDING) {
        route->state = ROUTE_STATE_CHECKING;
        conn_pause(route->conn);
        return;
    }
    login_free(login);
    decide(route, &result);
}

/* Somebody else's: false, the route was closed. */
static bool
is_for_routes(struct route *route, const struct route_connect *connect)
{
    struct buf text = BUF_INIT;

    if (connect->lang != NULL && connect->lang[0] != '\0') {
        route_err(route, "attempted to connect to route port");
        route_reject(route, "attempted to connect to route port", "Incorrect Port");
    } else if (connect->gateway != NULL && connect->gateway[0] != '\0') {
        (void)buf_append_str(&text, "Rejecting connection from gateway ");
        (void)proto_quote(&text, str_of(connect->gateway));
        (void)buf_append_str(&text, " on the Route port");
        route_err(route, "%s", buf_cstr(&text));
        route_reject(route, buf_cstr(&text), "Wrong Gateway");
    }
    buf_release(&text);
    return !route_is_closed(route);
}

void
route_connect(struct route *route, struct str json)
{
    struct route_connect connect;
    struct errmsg why;

    conn_set_timer(route->conn, -1); /* as for clients, the clock stops with CONNECT */
    if (route_connect_parse(&connect, json, &why) != ERR_OK) {
        route_err(route, "%s", why.text);
        route_close(route, "Protocol Violation");
        return;
    }
    if (is_for_routes(route, &connect)) {
        /* the name is judged by the mesh, after whoever comes has shown that it may come */
        free(route->said_cluster);
        route->said_cluster = connect.cluster;
        route->said_dynamic = connect.cluster_dynamic;
        connect.cluster = NULL;
        ask(route, &connect);
    }
    route_connect_release(&connect);
}

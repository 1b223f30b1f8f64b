/* SPDX-License-Identifier: Apache-2.0
 *
 * What the main thread wants of a route: letters to its loop.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/route.h"
#include "proto/errors.h"
#include "server/interest.h"
#include "server/server.h"

#define FIRST_PING_MS   1000 /* plus up to a fifth (PROTOCOL.md 3.9) */
#define FIRST_PING_SPAN 200

enum order_kind { ORDER_REGISTER, ORDER_SPARE, ORDER_CLOSE, ORDER_SEND, ORDER_TERMS };

struct order {
    struct mail mail;
    enum order_kind kind;
    struct route *route; /* counted */
    struct terms *terms; /* TERMS; counted */
    const char *reason;  /* CLOSE */
    bool has_text;       /* CLOSE: there is an error */
    size_t len;          /* of text */
    char text[];
};

static void
join(struct route *route)
{
    if (route->state == ROUTE_STATE_REGISTERED)
        return;
    route->state = ROUTE_STATE_REGISTERED;
    route->peer.offered = permissions_ref(route->terms->offered);
    interest_join(route->server->interest, &route->peer);
    route->telling = true;
    route_tell_more(route);
    route_set_ping(route,
                   FIRST_PING_MS + (int64_t)random_below(&route->worker->random, FIRST_PING_SPAN));
    route_dbg(route, "Registering remote route \"%s\"", route->remote_id);
    route_arm(route);
    conn_trust(route->conn);
    conn_pause(route->conn); /* what a spare one left untaken is offered by the next line */
    conn_resume(route->conn);
}

/* It is read, so that its end is noticed, but what comes is not taken. */
static void
become_spare(struct route *route)
{
    assert(route->state == ROUTE_STATE_KNOWN);
    route->state = ROUTE_STATE_SPARE;
    route_dbg(route, "Detected duplicate remote route \"%s\"", route->remote_id);
    conn_resume(route->conn);
}

static void
take_terms(struct route *route, struct terms *terms)
{
    terms_unref(route->terms);
    route->terms = terms_ref(terms);
    route->limits.control_line_max = terms->control_line_max;
    conn_set_options(route->conn, &terms->conn);
    if (!route_is_trusted(route)) {
        route_close(route, "TLS Handshake Failure");
    } else if (!route_is_welcome(route)) {
        route_err(route, "authentication error - its credentials are no longer accepted");
        route_reject(route, proto_error_text(PROTO_ERR_AUTH_VIOLATION), "Authentication Failure");
    } else if (route->greeted) {
        route_send(route, terms->info.data, terms->info.len);
    }
}

static void
obey(struct route *route, const struct order *order)
{
    switch (order->kind) {
    case ORDER_REGISTER:
        join(route);
        break;
    case ORDER_SPARE:
        become_spare(route);
        break;
    case ORDER_CLOSE:
        if (order->has_text) {
            route_err(route, "%s", order->text);
            route_reject(route, order->text, order->reason);
        } else {
            route_close(route, order->reason);
        }
        break;
    case ORDER_SEND:
        if (route->informed)
            route_send(route, order->text, order->len);
        break;
    case ORDER_TERMS:
        take_terms(route, order->terms);
        break;
    }
}

static void
deliver_order(struct mail *mail)
{
    struct order *order = LIST_ENTRY(mail, struct order, mail);

    if (!route_is_closed(order->route))
        obey(order->route, order);
    route_unref(order->route);
    terms_unref(order->terms);
    free(order);
}

static void
give(struct route *route, const struct order *order, const char *text)
{
    struct order *copy = xmalloc(sizeof(*copy) + order->len + 1);

    *copy = *order;
    copy->mail.deliver = deliver_order;
    copy->route = route_ref(route);
    if (text != NULL)
        memcpy(copy->text, text, order->len);
    copy->text[order->len] = '\0';
    loop_post(route->worker->loop, &copy->mail);
}

void
route_order_register(struct route *route)
{
    give(route, &(struct order) { .kind = ORDER_REGISTER }, NULL);
}

void
route_order_spare(struct route *route)
{
    give(route, &(struct order) { .kind = ORDER_SPARE }, NULL);
}

void
route_order_close(struct route *route, const char *error, const char *reason)
{
    struct order order = { .kind = ORDER_CLOSE,
                           .reason = reason,
                           .has_text = error != NULL,
                           .len = error == NULL ? 0 : strlen(error) };

    give(route, &order, error);
}

void
route_order_send(struct route *route, const char *line, size_t len)
{
    give(route, &(struct order) { .kind = ORDER_SEND, .len = len }, line);
}

void
route_order_terms(struct route *route, struct terms *terms)
{
    give(route, &(struct order) { .kind = ORDER_TERMS, .terms = terms_ref(terms) }, NULL);
}

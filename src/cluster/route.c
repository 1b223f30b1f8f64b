/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of a route: start, timers, the end. One timer serves all: until the peer is known it
 * is the time that it has for that, afterwards the next ping, or the next part of the interest that
 * it is told.
 */
#include "cluster/route.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/errors.h"
#include "server/interest.h"
#include "server/server.h"
#include "tls/session.h"

#define IDENTIFY_MS      5000 /* that a peer has for its INFO where nobody must log in */
#define TELL_MS          1    /* between two parts of the interest */
#define TELL_PENDING_MAX (4 * 1024 * 1024) /* bytes: the peer is to catch up first */
#define READ_MAX_NEW     16384             /* bytes that a stranger may send at once */
#define LINE_MAX_BYTES   8192

struct log *
route_log(const struct route *route)
{
    return route->server->log;
}

void
route_log_write(const struct route *route, enum log_level level, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_write(route_log(route), level, "%s:%u - rid:%llu - %s", route->remote.ip,
              route->remote.port, (unsigned long long)route->rid, text);
}

struct route *
route_ref(struct route *route)
{
    atomic_fetch_add_explicit(&route->refs, 1, memory_order_relaxed);
    return route;
}

void
route_unref(struct route *route)
{
    if (atomic_fetch_sub_explicit(&route->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(route->conn == NULL && route->subs.count == 0);
    outq_unref(route->peer.outq);
    permissions_unref(route->peer.offered);
    permissions_unref(route->peer.took);
    permissions_unref(route->exports);
    terms_unref(route->terms);
    auth_identity_unref(route->pass.identity);
    free(route->said_cluster);
    cluster_secret_free(&route->connect);
    free(route->server_name);
    free(route->remote_id);
    free(route->remote_name);
    free(route);
}

void
route_heard(struct route *route)
{
    atomic_fetch_sub_explicit(&route->unheard, 1, memory_order_relaxed);
}

static void
unref_owner(struct sub_owner *owner)
{
    route_unref((struct route *)(void *)owner);
}

void
route_send(struct route *route, const void *data, size_t len)
{
    if (!route_is_closed(route))
        (void)outq_append(route->peer.outq, route->worker->loop, data, len);
}

static struct account *
account_of(void *arg, struct str name)
{
    return server_account(arg, name);
}

/* A part of the interest for each letter to itself, so that others of the loop have their turns: of
 * a million subscriptions all would take half a second. */
static void
forget_interest(struct mail *mail)
{
    struct route *route = LIST_ENTRY(mail, struct route, mail);
    struct loop *loop = route->worker->loop;
    size_t count;

    do {
        count = remote_subs_clear_some(&route->subs, account_of, route->server);
        loop_note_freed(loop, count * REMOTE_SUB_BYTES);
    } while (route->subs.count > 0 && route->worker->closing);
    if (route->subs.count > 0)
        loop_post(loop, mail);
    else
        route_unref(route);
}

/* The end of every route, however it came. */
static void
finish(struct route *route, const char *reason)
{
    if (route->state == ROUTE_STATE_REGISTERED)
        interest_leave(route->server->interest, &route->peer);
    atomic_store_explicit(&route->peer.gone, true, memory_order_relaxed);
    route->state = ROUTE_STATE_CLOSED;
    route->conn = NULL;
    list_remove(&route->guest.link);
    if (route->remote_name != NULL)
        route_log_write(route, LOG_LEVEL_INF, "Router connection closed: %s - Remote: %s", reason,
                        route->remote_name);
    else
        route_log_write(route, LOG_LEVEL_INF, "Router connection closed: %s", reason);
    route->events->closed(route->events->arg, route->rid);
    route->mail.deliver = forget_interest;
    forget_interest(&route->mail);
}

void
route_close(struct route *route, const char *reason)
{
    struct conn *conn = route->conn;

    if (route_is_closed(route))
        return;
    route->conn = NULL;
    conn_close(conn, true); /* what it was told last tells it whether to dial again */
    finish(route, reason);
}

void
route_reject(struct route *route, const char *text, const char *reason)
{
    struct buf line;

    buf_init(&line, 0);
    if (!route_is_closed(route) && proto_error_line(&line, str_of(text)))
        (void)outq_append_last(route->peer.outq, route->worker->loop, line.data, line.len);
    buf_release(&line);
    route_close(route, reason);
}

static void
on_end(void *peer, enum conn_end end)
{
    static const char *const reasons[] = { [CONN_END_PEER] = "Client Closed",
                                           [CONN_END_READ] = "Read Error",
                                           [CONN_END_WRITE] = "Write Error",
                                           [CONN_END_PENDING] = "Slow Consumer (Pending Bytes)",
                                           [CONN_END_DEADLINE] = "Slow Consumer (Write Deadline)",
                                           [CONN_END_NOMEM] = "Internal Client",
                                           [CONN_END_TLS] = "TLS Handshake Failure" };
    struct route *route = peer;

    if (end == CONN_END_LOCAL)
        return; /* route_close() goes on */
    if (end == CONN_END_PENDING || end == CONN_END_DEADLINE) {
        stat_add(&route->worker->stats.slow_consumers, 1);
        route_log_write(route, LOG_LEVEL_INF, "Slow Consumer Detected: %s",
                        end == CONN_END_PENDING ? "MaxPending Exceeded" : "WriteDeadline Exceeded");
    }
    if (end == CONN_END_TLS ||
        (end == CONN_END_READ && !route->informed && conn_tls_failure(route->conn) != NULL))
        route_err(route, "TLS route handshake error: %s", conn_tls_failure(route->conn));
    finish(route, reasons[end]);
}

static int64_t
next_due_ms(const struct route *route, int64_t now_ms)
{
    if (route->identify_due_ms >= 0)
        return route->identify_due_ms;
    return route->telling ? now_ms + TELL_MS : route->ping_due_ms;
}

void
route_arm(struct route *route)
{
    int64_t now_ms = loop_now_ms(route->worker->loop), due_ms = next_due_ms(route, now_ms);

    conn_set_timer(route->conn, due_ms < now_ms ? 0 : due_ms - now_ms);
}

void
route_expect(struct route *route)
{
    bool login = route->terms->auth_required && !route->connected;

    route->identify_due_ms =
        loop_now_ms(route->worker->loop) + (login ? route->terms->auth_timeout_ms : IDENTIFY_MS);
    route_arm(route);
}

void
route_set_ping(struct route *route, int64_t ms)
{
    if (ms > route->terms->ping_interval_ms)
        ms = route->terms->ping_interval_ms;
    route->ping_due_ms = loop_now_ms(route->worker->loop) + ms;
}

static void
ping_due(struct route *route)
{
    if (route->pings_out + 1 > route->terms->ping_max) {
        route_dbg(route, "Stale Client Connection - Closing");
        stat_add(&route->worker->stats.stale, 1);
        route_reject(route, proto_error_text(PROTO_ERR_STALE), "Stale Connection");
        return;
    }
    route->pings_out++;
    route->rtt_start_ns = clock_mono_ns();
    route_send(route, "PING\r\n", 6);
    route_set_ping(route, route->terms->ping_interval_ms);
}

void
route_tell_more(struct route *route)
{
    if (outq_pending(route->peer.outq) < TELL_PENDING_MAX)
        route->telling =
            interest_tell_more(route->server->interest, &route->peer, route->worker->loop);
}

static void
identify_timeout(struct route *route)
{
    if (route->terms->auth_required && !route->connected) {
        route_log_refusal(route, "Authentication Timeout", "no CONNECT came in time");
        route_reject(route, proto_error_text(PROTO_ERR_AUTH_TIMEOUT), "Authentication Timeout");
    } else {
        route_log_refusal(route, "Authentication Timeout", "no INFO came in time");
        route_close(route, "Authentication Timeout");
    }
}

static void
on_timer(void *peer)
{
    struct route *route = peer;
    int64_t now_ms = loop_now_ms(route->worker->loop);

    if (route->state == ROUTE_STATE_CHECKING)
        return;
    if (route->identify_due_ms >= 0) {
        if (now_ms >= route->identify_due_ms) {
            identify_timeout(route);
            return;
        }
    } else {
        if (route->telling)
            route_tell_more(route);
        if (now_ms >= route->ping_due_ms)
            ping_due(route);
    }
    if (!route_is_closed(route))
        route_arm(route);
}

/* The first bytes in each direction: who dials says CONNECT and INFO, the other INFO alone; nobody
 * waits for the other. */
static void
greet(struct route *route)
{
    const struct terms *terms = route->terms;

    if (route->connect != NULL) {
        (void)outq_append_secret(route->peer.outq, route->worker->loop, route->connect,
                                 strlen(route->connect));
        cluster_secret_free(&route->connect);
    }
    route_send(route, terms->info.data, terms->info.len);
    route->greeted = true;
    route_expect(route);
    conn_flush(route->conn);
    conn_resume(route->conn);
}

/* verify_cert_and_check_known_urls: who dials us shows a name of one of our routes. */
static bool
is_known(const struct route *route, const struct tls_session *session)
{
    struct tls_identity *identity;
    bool known;

    if (route->dialled || route->terms->known_names.count == 0)
        return true;
    identity = tls_session_identity(session);
    known = identity != NULL && terms_know(route->terms, identity);
    tls_identity_free(identity);
    return known;
}

bool
route_is_trusted(const struct route *route)
{
    const struct cluster_tls *tls = &route->terms->tls;
    const struct tls_context *context = route->dialled ? tls->dialling : tls->accepting;
    const struct tls_session *session = conn_session(route->conn);
    const char *why = NULL;

    if (context == NULL || session == NULL)
        return true;
    if (!tls_session_pin_is_right(session, context))
        why = "certificate not pinned";
    else if (!is_known(route, session))
        why = "the certificate has no name of a known route";
    if (why != NULL)
        route_err(route, "TLS route handshake error: %s", why);
    return why == NULL;
}

static void
on_tls(void *peer, enum conn_tls_event event)
{
    struct route *route = peer;

    if (event == CONN_TLS_BEGINS) {
        route_dbg(route, "Starting TLS route %s handshake", route->dialled ? "client" : "server");
    } else if (event == CONN_TLS_DONE) {
        route_dbg(route, "TLS handshake complete");
        if (route_is_trusted(route))
            greet(route);
        else
            route_close(route, "TLS Handshake Failure");
    }
}

static const struct conn_handler route_handler = { route_on_data, on_timer, on_tls, on_end };

/* Nothing came of it. */
static void
abandon(struct route *route, const char *reason)
{
    route->state = ROUTE_STATE_CLOSED;
    route_err(route, "Router connection closed: %s", reason);
    route->events->closed(route->events->arg, route->rid);
    route_unref(route);
}

static void
begin(struct route *route)
{
    const struct terms *terms = route->terms;
    struct conn_tls how = { .context = route->dialled ? terms->tls.dialling : terms->tls.accepting,
                            .when = CONN_TLS_AT_ONCE,
                            .timeout_ms = terms->tls_timeout_ms,
                            .dialling = route->dialled,
                            .server_name = route->server_name };

    route_log_write(route, LOG_LEVEL_INF, "Route connection created");
    if (how.context == NULL)
        greet(route);
    else
        conn_start_tls(route->conn, &how);
}

static void
deliver_start(struct mail *mail)
{
    struct route *route = LIST_ENTRY(mail, struct route, mail);
    struct conn_options options = route->terms->conn;

    options.read_max = READ_MAX_NEW;
    if (route->worker->closing) {
        close(route->fd);
        abandon(route, "Server Shutdown");
        return;
    }
    route->conn = conn_new(route->worker->loop, route->fd, &options, &route_handler, route);
    if (route->conn == NULL) {
        abandon(route, "Internal Client");
        return;
    }
    route->peer.outq = outq_ref(conn_outq(route->conn));
    list_push_back(&route->worker->guests, &route->guest.link);
    begin(route);
}

static void
close_guest(struct worker_guest *guest)
{
    route_close(LIST_ENTRY(guest, struct route, guest), "Server Shutdown");
}

static void
reconfigured_guest(struct worker_guest *guest)
{
    (void)guest; /* the cluster's own terms follow: route_order_terms() */
}

struct route *
route_new(int fd, const struct route_plan *plan)
{
    struct route *route = xcalloc(1, sizeof(*route));

    route->peer.owner.unref = unref_owner;
    list_init(&route->peer.link);
    list_init(&route->guest.link);
    route->guest.close = close_guest;
    route->guest.reconfigured = reconfigured_guest;
    atomic_init(&route->refs, 2); /* the caller's and the loop's */
    route->server = plan->server;
    route->worker = plan->worker;
    route->events = plan->events;
    route->rid = plan->rid;
    route->remote = plan->remote;
    route->dialled = plan->connect != NULL;
    route->connected = route->dialled;
    route->fd = fd;
    route->terms = terms_ref(plan->terms);
    route->connect = plan->connect;
    route->server_name = plan->server_name == NULL ? NULL : xstrdup(plan->server_name);
    route->limits = (struct route_limits) { plan->terms->control_line_max, SIZE_MAX, false };
    route->start_ns = clock_wall_ns();
    route->mail.deliver = deliver_start;
    loop_post(route->worker->loop, &route->mail);
    return route;
}

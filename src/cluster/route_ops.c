/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to operations on a route, and what each verb does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/route.h"
#include "proto/errors.h"
#include "proto/subject.h"
#include "server/interest.h"
#include "server/routed.h"
#include "server/server.h"

#define TURN_DELIVERIES 20000   /* after so many others of the loop get their turn: some ms */
#define UNHEARD_MAX     16      /* INFO on their way to the main thread */
#define SPARE_BYTES     1048576 /* that a spare one may send before it is not read any further */

static void
parse_failed(struct route *route, enum parse_result result)
{
    switch (result) {
    case PARSE_UNKNOWN_OP:
        route_err(route, "Router parser ERROR: unknown protocol operation");
        route_reject(route, proto_error_text(PROTO_ERR_UNKNOWN_OP), "Protocol Violation");
        break;
    case PARSE_LINE_TOO_LONG:
        route_err(route, "maximum control line exceeded");
        route_reject(route, proto_error_text(PROTO_ERR_CONTROL_LINE),
                     "Maximum Control Line Exceeded");
        break;
    default:
        route_err(route, "Router parser ERROR: malformed arguments");
        route_close(route, "Protocol Violation");
    }
}

static struct account *
find_account(struct route *route, struct str name)
{
    struct account *account = server_account(route->server, name);

    if (account == NULL)
        route_dbg(route, "Unknown account \"%.*s\": ignored", (int)name.len, name.data);
    return account;
}

/* May a peer announce this? */
static bool
is_accepted(struct route *route, const struct route_op *op)
{
    if (!subject_valid(op->subject)) {
        route_dbg(route, "Invalid subject \"%.*s\": ignored", (int)op->subject.len,
                  op->subject.data);
        return false;
    }
    if (permissions_may_subscribe(route->terms->accepted, op->subject, op->queue) !=
        SUBSCRIBE_REFUSED)
        return true;
    route_dbg(route, "Can not export \"%.*s\", ignoring remote subscription request",
              (int)op->subject.len, op->subject.data);
    return false;
}

/* account NULL: unknown. A peer without lnocu withdraws what it announced on behalf of a leaf
 * without saying which: so all leaves are one. */
static struct remote_key
key_of(struct route *route, const struct route_op *op)
{
    bool leaf = op->origin.data != NULL;
    struct str origin = leaf && !route->limits.origin_in_unsub ? STR_LIT("") : op->origin;

    return (struct remote_key) { find_account(route, op->account), origin, op->subject, op->queue };
}

static void
remote_sub(struct route *route, const struct route_op *op)
{
    struct remote_key key = key_of(route, op);

    if (key.account == NULL || !is_accepted(route, op))
        return;
    if (!remote_subs_set(&route->subs, &key, &route_ref(route)->peer.owner, op->weight))
        route_close(route, "Internal Client");
}

static void
remote_unsub(struct route *route, const struct route_op *op)
{
    struct remote_key key = key_of(route, op);

    if (key.account != NULL && remote_subs_remove(&route->subs, &key))
        loop_note_freed(route->worker->loop, REMOTE_SUB_BYTES);
}

/* $SYS.SERVER.<id>.SHUTDOWN: the peer goes and will not come back by itself. */
static bool
says_that_it_ends(const struct route *route, const struct route_op *op)
{
    static const struct str before = { "$SYS.SERVER.", 12 }, after = { ".SHUTDOWN", 9 };
    size_t id_len = strlen(route->remote_id);
    const char *subject = op->subject.data;

    return op->subject.len == before.len + id_len + after.len && str_starts(op->subject, before) &&
           memcmp(subject + before.len, route->remote_id, id_len) == 0 &&
           memcmp(subject + before.len + id_len, after.data, after.len) == 0;
}

static void
message(struct route *route, const struct route_op *op)
{
    struct account *account = server_account(route->server, op->account);

    route->in_msgs++;
    route->in_bytes += op->payload.len;
    if (account == route->server->system && !route->ending && says_that_it_ends(route, op)) {
        route->ending = true; /* once: the main thread's mailbox is not the peer's to fill */
        route->events->ending(route->events->arg, route->rid);
    }
    if (account != NULL)
        routed_message(route->worker, route->conn, account, op);
}

static bool
are_subjects(char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!subject_valid(str_of(texts[i])))
            return false;
    return true;
}

/* NULL: everything, or nothing that makes sense; it ignores what it does not take. */
static struct permissions *
read_exports(const struct route_info *info)
{
    const struct route_permissions *said = &info->export_;
    struct permissions_options options = { .publish = { said->allow_count > 0,
                                                        { said->allow, said->allow_count },
                                                        { said->deny, said->deny_count } } };

    if (!said->present || !are_subjects(said->allow, said->allow_count) ||
        !are_subjects(said->deny, said->deny_count))
        return NULL;
    return permissions_new(&options);
}

/* The first one of the connection: who is it? Nothing that follows it is taken before the mesh has
 * said what becomes of the connection. */
static void
introduce(struct route *route, struct route_info *info)
{
    if (info->server_id == NULL || info->server_id[0] == '\0') {
        route_err(route, "INFO without a server_id");
        route_close(route, "Protocol Violation");
        return;
    }
    route->remote_id = xstrdup(info->server_id);
    if (info->server_name != NULL)
        route->remote_name = xstrdup(info->server_name);
    route->exports = read_exports(info);
    route->peer.headers = info->headers;
    route->limits.origin_in_unsub = info->lnocu;
    route->informed = true;
    route->identify_due_ms = -1;
    conn_set_timer(route->conn, -1);
    route->state = ROUTE_STATE_KNOWN;
    conn_pause(route->conn);
}

/* Interest that it takes now and did not before is told again. */
static void
take_exports(struct route *route, const struct route_info *info)
{
    struct permissions *exports;

    if (strcmp(info->server_id, route->remote_id) != 0)
        return; /* gossip */
    exports = read_exports(info);
    if (route->state == ROUTE_STATE_REGISTERED && !permissions_equal(exports, route->exports)) {
        interest_tell_again(&route->peer, route->exports);
        route->telling = true;
        route_arm(route);
    } else {
        permissions_unref(route->exports);
    }
    route->exports = exports;
}

static void
take_info(struct route *route, struct str json)
{
    struct route_info info;
    struct errmsg why;

    if (route_info_parse(&info, json, &why) != ERR_OK) {
        route_err(route, "Error unmarshalling INFO from route: %s", why.text);
        route_close(route, "Protocol Violation");
        return;
    }
    if (info.route_account != NULL) {
        struct buf text = BUF_INIT;

        (void)buf_printf(&text,
                         "Not possible to have a dedicated route for account \"%s\" between those "
                         "servers",
                         info.route_account);
        route_reject(route, buf_cstr(&text), "Client Closed");
        buf_release(&text);
    } else if (!route->informed) {
        introduce(route, &info);
    } else if (info.server_id != NULL) {
        take_exports(route, &info);
    }
    if (route_is_closed(route) || info.server_id == NULL) {
        route_info_release(&info);
        return;
    }
    atomic_fetch_add_explicit(&route->unheard, 1, memory_order_relaxed);
    if (!route->events->informed(route->events->arg, route->rid, &info))
        route_heard(route);
}

static void
pong(struct route *route)
{
    route->pings_out = 0;
    if (route->rtt_start_ns != 0)
        route->rtt_ns = clock_mono_ns() - route->rtt_start_ns;
}

static void
handle(struct route *route, const struct route_op *op)
{
    if (op->kind != ROUTE_MSG)
        routed_deliver(route->worker);
    switch (op->kind) {
    case ROUTE_CONNECT:
        route_connect(route, op->args);
        break;
    case ROUTE_INFO:
        take_info(route, op->args);
        break;
    case ROUTE_PING:
        route_send(route, "PONG\r\n", 6);
        break;
    case ROUTE_PONG:
        pong(route);
        break;
    case ROUTE_ERR:
        route_err(route, "Route Error %.*s", (int)op->args.len, op->args.data);
        route_close(route, "Parse Error");
        break;
    case ROUTE_SUB:
        remote_sub(route, op);
        break;
    case ROUTE_UNSUB:
        remote_unsub(route, op);
        break;
    case ROUTE_MSG:
        message(route, op);
        break;
    case ROUTE_OK:
    case ROUTE_IGNORED:
        break;
    }
}

/* CONNECT comes once, before INFO: the verdict on it is where a route begins. Interest and messages
 * count only from a peer that is registered. */
static bool
may_come(const struct route *route, const struct route_op *op)
{
    switch (op->kind) {
    case ROUTE_SUB:
    case ROUTE_UNSUB:
    case ROUTE_MSG:
    case ROUTE_IGNORED:
        return route->state == ROUTE_STATE_REGISTERED;
    case ROUTE_CONNECT:
        return !route->connected && !route->informed; /* who dialled is connected */
    case ROUTE_INFO:
        return route->connected || !route->terms->auth_required;
    default:
        return true;
    }
}

/* Before the login only CONNECT may come; its first letter decides. */
static bool
is_stranger(const struct route *route, const char *data)
{
    return route->terms->auth_required && !route->connected && data[0] != 'C' && data[0] != 'c';
}

/* The line as it came, but for CONNECT, which holds the token. */
static void
trace(const struct route *route, const struct route_op *op, const char *line)
{
    int verb_len = 0;

    while ((unsigned char)line[verb_len] > ' ' && line[verb_len] != '{')
        verb_len++;
    if (op->kind == ROUTE_CONNECT || op->args.len == 0)
        route_log_write(route, LOG_LEVEL_TRC, "<<- [%.*s]", verb_len, line);
    else
        route_log_write(route, LOG_LEVEL_TRC, "<<- [%.*s %.*s]", verb_len, line, (int)op->args.len,
                        op->args.data);
}

/* One operation; *used is 0 when it is not complete. */
static void
take_op(struct route *route, char *data, size_t len, size_t *used, size_t *need)
{
    enum parse_result result;
    struct route_op op;

    *used = 0;
    if (is_stranger(route, data)) {
        route_log_refusal(route, "authentication error", "no CONNECT was sent");
        route_reject(route, proto_error_text(PROTO_ERR_AUTH_VIOLATION), "Authentication Failure");
        return;
    }
    result = parse_route_op(&route->limits, data, len, &op, used);
    if (result == PARSE_MORE) {
        *need = *used;
        *used = 0;
        return;
    }
    if (result != PARSE_OP || !may_come(route, &op)) {
        routed_deliver(route->worker);
        parse_failed(route, result == PARSE_OP ? PARSE_UNKNOWN_OP : result);
        return;
    }
    if (log_enabled(route_log(route), LOG_LEVEL_TRC))
        trace(route, &op, data);
    handle(route, &op);
    if (op.kind == ROUTE_CONNECT)
        mem_wipe(data, *used); /* it held the token */
}

/* It has had its turn, or the main thread does not keep up with what it says of servers. */
static bool
must_wait(const struct route *route)
{
    return route->worker->turn >= TURN_DELIVERIES ||
           atomic_load_explicit(&route->unheard, memory_order_relaxed) >= UNHEARD_MAX;
}

static bool
takes_ops(const struct route *route)
{
    return route->state == ROUTE_STATE_NEW || route->state == ROUTE_STATE_REGISTERED;
}

/* As for clients, see client_ops.c. */
static size_t
look_ahead(const struct route *route, const char *data, size_t len)
{
    struct str subjects[SUBLIST_EXPECTED_MAX];
    size_t count = 0, at = 0, used;
    struct route_op op;

    while (count < SUBLIST_EXPECTED_MAX && at < len &&
           parse_route_op(&route->limits, data + at, len - at, &op, &used) == PARSE_OP &&
           op.kind == ROUTE_MSG) {
        subjects[count++] = op.subject;
        at += used;
    }
    sublist_expect(route->server->global->subs, subjects, count);
    return at;
}

size_t
route_on_data(void *peer, char *data, size_t len, size_t *need)
{
    struct route *route = route_ref(peer);
    size_t at = 0, used = 1, ahead = 0;

    route->worker->turn = 0;
    route->last_in_ms = loop_now_ms(route->worker->loop);
    if (route->state == ROUTE_STATE_SPARE && len > SPARE_BYTES)
        conn_pause(route->conn);
    while (at < len && used > 0 && takes_ops(route)) {
        if (must_wait(route)) {
            conn_yield(route->conn);
            break;
        }
        if (route->worker->scattered && at >= ahead && route->state == ROUTE_STATE_REGISTERED)
            ahead = at + look_ahead(route, data + at, len - at);
        take_op(route, data + at, len - at, &used, need);
        at += used;
    }
    routed_deliver(route->worker);
    if (route_is_closed(route) && !route->informed)
        mem_wipe(data, len); /* may hold a token */
    route_unref(route);
    return at < len ? at : len;
}

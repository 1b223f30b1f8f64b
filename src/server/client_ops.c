/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to operations: the loop around the parser, and what each verb does.
 */
#include "base/mem.h"
#include "proto/info.h"
#include "proto/subject.h"
#include "server/client.h"
#include "server/publish.h"
#include "server/trace.h"

#define TURN_DELIVERIES 20000 /* after so many others of the loop get their turn: some ms */

static void
parse_failed(struct client *client, enum parse_result result)
{
    switch (result) {
    case PARSE_UNKNOWN_OP:
        client_err(client, "Client parser ERROR: unknown protocol operation");
        client_reject(client, PROTO_ERR_UNKNOWN_OP, CLOSE_PROTOCOL_VIOLATION);
        break;
    case PARSE_LINE_TOO_LONG:
        client_err(client, "maximum control line exceeded");
        client_reject(client, PROTO_ERR_CONTROL_LINE, CLOSE_CONTROL_LINE);
        break;
    case PARSE_PAYLOAD_TOO_LARGE:
        client_err(client, "maximum payload exceeded");
        client_reject(client, PROTO_ERR_MAX_PAYLOAD, CLOSE_MAX_PAYLOAD);
        break;
    case PARSE_HEADERS_OFF:
        client_err(client, "message headers not supported, or their size over the total");
        client_close(client, CLOSE_PROTOCOL_VIOLATION);
        break;
    default:
        client_err(client, "Client parser ERROR: malformed arguments");
        client_close(client, CLOSE_PROTOCOL_VIOLATION);
    }
}

static void
client_info(struct client *client, const struct op *op)
{
    if (!info_check(op->args)) {
        client_err(client, "INFO with malformed JSON");
        client_close(client, CLOSE_PROTOCOL_VIOLATION);
    }
}

static void
handle(struct client *client, const struct op *op)
{
    if (op->kind != OP_PUB && op->kind != OP_HPUB)
        client_deliver(client);
    switch (op->kind) {
    case OP_PUB:
    case OP_HPUB:
        client_publish(client, op);
        break;
    case OP_SUB:
        client_sub(client, op);
        break;
    case OP_UNSUB:
        client_unsub(client, op);
        break;
    case OP_PING:
        client_ping(client);
        break;
    case OP_PONG:
        client_pong(client);
        break;
    case OP_CONNECT:
        client_connect(client, op->args);
        break;
    case OP_INFO:
        client_info(client, op);
        break;
    case OP_OK:
        break;
    case OP_ERR:
        client_err(client, "Client Error %.*s", (int)op->args.len, op->args.data);
        client_close(client, CLOSE_PARSE_ERROR);
        break;
    }
}

/* Before the login only CONNECT may come; its first letter decides (PROTOCOL.md 1.1). */
static bool
allowed_before_login(const char *data)
{
    return data[0] == 'C' || data[0] == 'c';
}

/* Where no message has the subject of one before it, the processor would wait for memory in each:
 * told of some at once it waits once. Returns for how many bytes that was. */
static size_t
look_ahead(struct client *client, const char *data, size_t len)
{
    struct str subjects[SUBLIST_EXPECTED_MAX];
    size_t count = 0, at = 0, used;
    struct op op;

    while (count < SUBLIST_EXPECTED_MAX && at < len &&
           parse_op(&client->limits, data + at, len - at, &op, &used) == PARSE_OP &&
           (op.kind == OP_PUB || op.kind == OP_HPUB)) {
        subjects[count++] = op.subject;
        at += used;
    }
    sublist_expect(client->account->subs, subjects, count);
    return at;
}

size_t
client_on_data(void *peer, char *data, size_t len, size_t *need)
{
    struct client *client = client_ref(peer);
    bool tracing = client_tracing(client);
    size_t at = 0, op_at = 0, ahead = 0;

    client->worker->turn = 0;
    client->last_in_ms = loop_now_ms(client->worker->loop);
    while (at < len && client->state != CLIENT_CLOSED && client->state != CLIENT_CHECKING) {
        enum parse_result result;
        struct op op;
        size_t used;

        if (client->worker->turn >= TURN_DELIVERIES) {
            conn_yield(client->conn);
            break;
        }
        op_at = at;
        if (client->worker->scattered && at >= ahead && client->state == CLIENT_OPEN)
            ahead = at + look_ahead(client, data + at, len - at);
        if (client->state == CLIENT_NEW && !allowed_before_login(data + at) &&
            !client_enter_without_connect(client)) {
            client_log_refusal(client, "authentication error - ", "no CONNECT was sent");
            client_reject(client, PROTO_ERR_AUTH_VIOLATION, CLOSE_AUTH_FAILURE);
            break;
        }
        result = parse_op(&client->limits, data + at, len - at, &op, &used);
        if (result == PARSE_MORE) {
            *need = used;
            break;
        }
        if (result != PARSE_OP) {
            client_deliver(client);
            parse_failed(client, result);
            break;
        }
        at += used;
        if (tracing)
            trace_in(client, &op);
        handle(client, &op);
        if (op.kind == OP_CONNECT)
            mem_wipe(data + at - used, used); /* it held the token */
    }
    client_deliver(client);
    if (client_is_closed(client))
        mem_wipe(data + op_at, len - op_at); /* may hold a token; what came before may be shared */
    client_unref(client);
    return at;
}

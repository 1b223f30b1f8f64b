/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/server.h"

#define LINE_MAX_BYTES 8192 /* a control line and some payload */

struct log *
client_log(const struct client *client)
{
    return client->worker->server->log;
}

/* "v1.0:py:name", without the parts that the client did not tell */
static size_t
put_agent(const struct client *client, char *out, size_t size)
{
    struct str version = connect_kept_version(&client->connect);
    struct str lang = connect_kept_lang(&client->connect);
    struct str name = connect_kept_name(&client->connect);
    int len;

    if (!client->connected || version.len + lang.len + name.len == 0)
        return 0;
    len = snprintf(out, size, " - \"%s%.*s%s%.*s%s%.*s\"", version.len > 0 ? "v" : "",
                   (int)version.len, version.data, lang.len > 0 ? ":" : "", (int)lang.len,
                   lang.data, name.len > 0 ? ":" : "", (int)name.len, name.data);
    return len < 0 ? 0 : (size_t)len >= size ? size - 1 : (size_t)len;
}

/* "$G/sensors": the account, and behind it the user or the token's name. */
static void
put_account(const struct client *client, char *out, size_t size)
{
    const struct auth_identity *identity = client->rights.identity;

    out[0] = '\0';
    if (identity == NULL)
        return;
    if (identity->anonymous)
        (void)snprintf(out, size, " - \"%s\"", client->account->name);
    else
        (void)snprintf(out, size, " - \"%s/%s\"", client->account->name,
                       identity->name != NULL ? identity->name : "token");
}

void
client_log_write(struct client *client, enum log_level level, const char *format, ...)
{
    char agent[300], text[LINE_MAX_BYTES];
    char who[160];
    va_list args;

    agent[put_agent(client, agent, sizeof(agent))] = '\0';
    put_account(client, who, sizeof(who));
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_write(client_log(client), level, "%s:%u - cid:%llu%s%s - %s", client->remote.ip,
              client->remote.port, (unsigned long long)client->cid, agent, who, text);
}

static void
trace_payload(struct client *client, const struct op *op)
{
    int64_t most = client->worker->config->options->max_traced_msg_len;
    size_t len = op->payload.len;
    bool cut;

    if (client->worker->config->options->trace_headers)
        len = op->header_len;
    cut = most > 0 && len > (size_t)most;
    if (len == 0)
        return;
    if (cut)
        len = (size_t)most;
    client_log_write(client, LOG_LEVEL_TRC, "<<- MSG_PAYLOAD: [\"%.*s%s\"]", (int)len,
                     op->payload.data, cut ? "..." : "");
}

void
trace_in(struct client *client, const struct op *op)
{
    static const char *const verbs[] = {
        [OP_CONNECT] = "CONNECT", [OP_PUB] = "PUB",   [OP_HPUB] = "HPUB", [OP_SUB] = "SUB",
        [OP_UNSUB] = "UNSUB",     [OP_PING] = "PING", [OP_PONG] = "PONG", [OP_INFO] = "INFO",
        [OP_OK] = "+OK",          [OP_ERR] = "-ERR"
    };

    if (op->kind == OP_CONNECT)
        return; /* trace_connect() once it is parsed */
    if (op->args.len > 0 && op->kind != OP_PING && op->kind != OP_PONG)
        client_log_write(client, LOG_LEVEL_TRC, "<<- [%s %.*s]", verbs[op->kind], (int)op->args.len,
                         op->args.data);
    else
        client_log_write(client, LOG_LEVEL_TRC, "<<- [%s]", verbs[op->kind]);
    if (op->kind == OP_PUB || op->kind == OP_HPUB)
        trace_payload(client, op);
}

void
trace_connect(struct client *client, const struct connect_info *info)
{
    char fields[1024];

    connect_info_describe(info, fields, sizeof(fields));
    client_log_write(client, LOG_LEVEL_TRC, "<<- [CONNECT %s]", fields);
}

void
trace_out(struct client *client, const char *verb, struct str args)
{
    if (args.len > 0)
        client_log_write(client, LOG_LEVEL_TRC, "->> [%s %.*s]", verb, (int)args.len, args.data);
    else
        client_log_write(client, LOG_LEVEL_TRC, "->> [%s]", verb);
}

void
trace_delivery(const struct client *to, const struct message *message, const char *head,
               size_t head_len, bool headers)
{
    size_t len = encode_line_len(message, head_len, headers);
    char *line = malloc(len + ENCODE_SLACK);

    if (line == NULL)
        return;
    (void)encode_line(message, head, head_len, headers, line);
    log_write(client_log(to), LOG_LEVEL_TRC, "%s:%u - cid:%llu - ->> [%.*s]", to->remote.ip,
              to->remote.port, (unsigned long long)to->cid, (int)len - 2, line);
    free(line);
}

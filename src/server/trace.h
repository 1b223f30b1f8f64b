/* SPDX-License-Identifier: Apache-2.0
 *
 * trace - log lines about one client, in the reference's form
 *
 *   127.0.0.1:41130 - cid:14 - "v0.1:c:eco" - "$G/token" - text
 *
 * Secrets  CONNECT is traced as its parsed, non-secret fields; nothing of it is logged as text.
 */
#ifndef TESSERA_SERVER_TRACE_H
#define TESSERA_SERVER_TRACE_H

#include "base/log.h"
#include "proto/encode.h"
#include "proto/parser.h"
#include "server/client.h"

struct log *client_log(const struct client *client);

void client_log_write(struct client *client, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define client_dbg(client, ...)                                                                    \
    do {                                                                                           \
        if (log_enabled(client_log(client), LOG_LEVEL_DBG))                                        \
            client_log_write(client, LOG_LEVEL_DBG, __VA_ARGS__);                                  \
    } while (0)
#define client_err(client, ...) client_log_write(client, LOG_LEVEL_ERR, __VA_ARGS__)

static inline bool
client_tracing(const struct client *client)
{
    return log_enabled(client_log(client), LOG_LEVEL_TRC);
}

/* What came in, what goes out; call only while client_tracing(). */
void trace_in(struct client *client, const struct op *op);
void trace_connect(struct client *client, const struct connect_info *info);
void trace_out(struct client *client, const char *verb, struct str args);
/* A delivery, from the publisher's loop: names the receiver only by what never changes. */
void trace_delivery(const struct client *to, const struct message *message, const char *head,
                    size_t head_len, bool headers);

#endif

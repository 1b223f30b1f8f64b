/* SPDX-License-Identifier: Apache-2.0
 *
 * info - the INFO line that a server sends to a client (PROTOCOL.md 1.6)
 *
 * The part that is the same for all clients is made once (info_prefix); a connection only
 * adds its id and address: a connect storm pays a copy, no JSON work. Fields come in the
 * reference's order, except that those of one client are last.
 *
 * Threads  any.
 * Fails    for want of memory, and info_prefix also when a text is not UTF-8; out is then
 *          as it was.
 */
#ifndef TESSERA_PROTO_INFO_H
#define TESSERA_PROTO_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct info {
    const char *server_id, *server_name, *version, *go, *git_commit; /* git_commit may be NULL */
    const char *host;
    int port;
    bool headers, auth_required, tls_required, tls_verify, tls_available, jetstream;
    int64_t max_payload;
    const char *cluster;             /* NULL: none */
    const char *const *connect_urls; /* NULL, or NULL-terminated */
};

/* Appends "INFO {...," without the fields of one client and without the closing brace. */
bool info_prefix(struct buf *out, const struct info *info);

/* What differs from client to client. Its texts are printed as they are: addresses, base64 and
 * account names of the configuration need no escaping. */
struct info_client {
    uint64_t id;
    const char *ip;
    const char *nonce;   /* NULL: none */
    const char *account; /* NULL; or the INFO that follows the first PONG names it [>=2.12] */
    bool ldm;            /* the server entered lame duck mode; said once */
};

/* Appends one client's line: prefix, the client's fields, "} \r\n". */
bool info_line(struct buf *out, const struct buf *prefix, const struct info_client *client);

/* Is this what a client's INFO may carry: one JSON object? Bad UTF-8 is refused, where the
 * reference replaces it (docs/differences.md). */
bool info_check(struct str json);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * route_info - the JSON of INFO and CONNECT between servers (PROTOCOL.md 3.2)
 *
 * Read as jobject.h says: unknown keys are ignored, a wrong type is an error. Written in the
 * reference's order of fields; what is false, 0 or absent is left out where the reference does.
 *
 * Bounds   a text has at most ROUTE_TEXT_MAX bytes and no NUL, a list at most ROUTE_LIST_MAX
 *          texts: beyond them reading fails, so that no permission is lost silently. What numbers
 *          may be is the caller's business, and so is what texts may say.
 * Owns     a struct its strings, CONNECT's secrets among them: release wipes and frees them.
 *          Read with malloc(), so what the caller puts in must be from malloc(), too, if it is
 *          to be released.
 * Threads  any.
 */
#ifndef TESSERA_PROTO_ROUTE_INFO_H
#define TESSERA_PROTO_ROUTE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define ROUTE_TEXT_MAX 4096
#define ROUTE_LIST_MAX 4096

/* Subjects that interest is offered for (import) or accepted for (export). */
struct route_permissions {
    bool present;
    char **allow, **deny;
    size_t allow_count, deny_count;
};

/* Texts are NULL when absent, numbers 0. */
struct route_info {
    char *server_id, *server_name, *version, *git_commit, *go, *host;
    char *ip; /* nats-route://host:port/ */
    char *nonce, *cluster, *domain, *compression, *gateway;
    char *route_account, *route_acc_add_reqid;
    char **connect_urls; /* of that server's clients */
    size_t connect_url_count;
    struct route_permissions import_, export_;
    int64_t max_payload, route_pool_size, route_pool_idx;
    int proto; /* 2: account-aware */
    int port, gossip_mode;
    bool headers, auth_required, tls_required, tls_verify, jetstream, cluster_dynamic, ldm;
    bool lnoc, lnocu, ln;
    bool has_pool_size; /* read: route_pool_size is not 0, the peer pools; never written */
};

/* *out need not be initialised. ERR_INVALID, ERR_LIMIT, ERR_NOMEM: there is nothing to release.
 * The text of why never quotes the input. */
enum err route_info_parse(struct route_info *out, struct str json, struct errmsg *why);
void route_info_release(struct route_info *info);
/* {...}, without CRLF; the caller frees it. NULL: out of memory. */
char *route_info_json(const struct route_info *info);

struct route_connect {
    char *user, *pass, *auth_token; /* secret */
    char *name, *cluster;           /* name: the server_id */
    char *gateway, *lang;           /* neither belongs on a route */
    bool echo, verbose, pedantic, tls_required, headers, cluster_dynamic, lnoc, lnocu, ln;
};

/* As route_info_parse(). The JSON text is the caller's to wipe. */
enum err route_connect_parse(struct route_connect *out, struct str json, struct errmsg *why);
void route_connect_release(struct route_connect *connect);
/* The caller wipes and frees it: mem_wipe_free(). */
char *route_connect_json(const struct route_connect *connect);

#endif

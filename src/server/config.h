/* SPDX-License-Identifier: Apache-2.0
 *
 * config - what the server runs by now: options, who may enter, and what derives from both
 *
 * Owns     the options, a reference on the policy, one on the TLS context; counted and immutable.
 * Threads  any. A reload makes a new one; each worker swaps its reference when told by mail,
 *          so the hot path reads it without a lock.
 */
#ifndef TESSERA_SERVER_CONFIG_H
#define TESSERA_SERVER_CONFIG_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "conf/options.h"
#include "net/conn.h"
#include "proto/parser.h"
#include "tls/context.h"

struct server_config {
    atomic_uint refs;
    struct options *options;
    struct auth_policy *policy;
    bool auth_required;      /* somebody must log in; INFO says it unless no_auth_user is set */
    struct tls_context *tls; /* NULL: clients speak in clear */
    int64_t tls_timeout_ms, tls_first_ms;
    struct conn_options conn;
    int64_t auth_timeout_ms, ping_interval_ms;
};

/* Takes over options and the caller's references on policy and tls (NULL: none). */
struct server_config *server_config_new(struct options *options, struct auth_policy *policy,
                                        struct tls_context *tls);
struct server_config *server_config_ref(struct server_config *config);
void server_config_unref(struct server_config *config); /* NULL is allowed */

#endif

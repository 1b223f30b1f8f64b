/* SPDX-License-Identifier: Apache-2.0
 *
 * terms - on which terms other servers are met: who may join, what we say of ourselves, timers
 *
 * Owns     references on the policy and the TLS contexts, copies of the rest; counted, immutable.
 * Threads  any. The main thread makes new ones when the configuration, the cluster's name or our
 *          client URLs change; connections that are made afterwards are made on those, the others
 *          are told.
 */
#ifndef TESSERA_CLUSTER_TERMS_H
#define TESSERA_CLUSTER_TERMS_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/permissions.h"
#include "base/buf.h"
#include "base/text_list.h"
#include "conf/cluster_options.h"
#include "conf/options.h"
#include "net/conn.h"
#include "server/tls_setup.h"
#include "tls/identity.h"

struct terms {
    atomic_uint refs;
    struct auth_policy *policy;
    bool auth_required;
    struct cluster_tls tls;       /* both NULL: in clear */
    struct text_list known_names; /* that certificates of who dials must have one of; empty: any */
    struct permissions *offered, *accepted; /* interest: import, export; NULL: all */
    struct buf info;                        /* "INFO {...}\r\n" */
    struct conn_options conn;
    size_t control_line_max;
    int64_t tls_timeout_ms, auth_timeout_ms, ping_interval_ms;
    unsigned ping_max;
};

/* What INFO says beside the options. */
struct terms_facts {
    const char *server_id, *server_name, *cluster;
    bool cluster_dynamic, lame_duck;
    uint16_t port;                   /* of the listener for routes */
    const char *const *connect_urls; /* our own, of clients; NULL-terminated */
};

/* Takes over the caller's references on policy and what tls holds. */
struct terms *terms_new(const struct options *options, const struct terms_facts *facts,
                        struct auth_policy *policy, const struct cluster_tls *tls);
struct terms *terms_ref(struct terms *terms);
/* Is one of the certificate's DNS names among the known ones? Its first label may be '*'. */
bool terms_know(const struct terms *terms, const struct tls_identity *identity);
void terms_unref(struct terms *terms); /* NULL is allowed */

#endif

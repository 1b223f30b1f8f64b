/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_reader - cluster {} and its flags to struct cluster_options
 *
 * Options of plain types are set by their rows (option_value.h), tls and authorization have the
 * readers that clients' have; here is the rest. First the file, cluster_read_end(), then the
 * flags, cluster_read_flags_end(), then the check.
 *
 * Owns     places; cluster_reader_release() frees them.
 * Threads  one at a time.
 * Fails    by diagnostics, in which no secret is shown.
 */
#ifndef TESSERA_CONF_CLUSTER_READER_H
#define TESSERA_CONF_CLUSTER_READER_H

#include "conf/auth_reader.h"
#include "conf/route_url.h"
#include "conf/tls_reader.h"

/* Where a route stands: in the order of cluster_options.routes. */
struct route_place {
    struct conf_pos pos;    /* of the item, or the flag */
    struct conf_pos origin; /* of its text */
    struct conf_file *file; /* that holds its credentials; NULL: none does */
};

struct cluster_reader {
    struct options *options;
    struct diags *diags;
    struct auth_reader auth;
    struct tls_reader tls;
    struct conf_pos pos;        /* of "cluster", or the flag; file NULL: there is none */
    struct conf_pos routes_pos; /* of "routes", or the flag; file NULL: there is none */

    /* private */
    bool routes_by_flag;
    bool turned_off; /* --cluster "" */
    struct route_place *places;
    const struct conf_entry *accounts;
    struct listen_url listen; /* of --cluster */
    struct flag_setting login[2];
};

void cluster_reader_init(struct cluster_reader *cluster, struct options *options,
                         const struct conf_host *host, struct conf_tree *tree, struct diags *diags);
void cluster_reader_release(struct cluster_reader *cluster);

/* authorization: required, without a map. false: it is not that. */
bool cluster_read_demand(struct cluster_reader *cluster, const struct conf_entry *entry);
void cluster_read_routes(struct cluster_reader *cluster, const struct conf_entry *entry);
void cluster_read_permissions(struct cluster_reader *cluster, const struct conf_entry *entry);
void cluster_read_accounts(struct cluster_reader *cluster, const struct conf_entry *entry);
void cluster_read_compression(struct cluster_reader *cluster, const struct conf_entry *entry);
void cluster_read_end(struct cluster_reader *cluster);

void cluster_read_listen_flag(struct cluster_reader *cluster, const struct flag_setting *flag);
void cluster_read_routes_flag(struct cluster_reader *cluster, const struct flag_setting *flag);
void cluster_read_flags_end(struct cluster_reader *cluster);

/* cluster_checks.c: what holds between the options, and what the operator should know. Finds out
 * what to dial with, and whether there is a cluster at all. */
void cluster_reader_check(struct cluster_reader *cluster);

#endif

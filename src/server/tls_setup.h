/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_setup - from the tls {} of clients or of the cluster to TLS contexts: at a start, at each
 * reload, for -t
 *
 * Fails    the text begins with where in the configuration the fault is.
 * Cost     reads the files that the options name.
 */
#ifndef TESSERA_SERVER_TLS_SETUP_H
#define TESSERA_SERVER_TLS_SETUP_H

#include "conf/diag.h"
#include "conf/tls_options.h"
#include "tls/context.h"

/* *out: a reference for the caller; NULL if the options want no TLS. */
enum err tls_setup(struct tls_context **out, const struct tls_options *options, struct errmsg *why);

/* Of routes either end may dial: one context to accept with, one to dial with. Both or none. */
struct cluster_tls {
    struct tls_context *accepting, *dialling;
};

enum err tls_setup_cluster(struct cluster_tls *out, const struct tls_options *options,
                           struct errmsg *why);
/* Gives the references back; all zero is allowed. */
void cluster_tls_release(struct cluster_tls *tls);

/* The same without a context: what would fail, and warnings about certificates that nobody will
 * trust by their dates or, of a cluster, at one of a route's ends. */
void tls_setup_check(const struct tls_options *options, struct diags *diags);
void tls_setup_check_cluster(const struct tls_options *options, struct diags *diags);

#endif

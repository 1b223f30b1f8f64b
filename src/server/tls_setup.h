/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_setup - from the options of clients to a TLS context: at a start, at each reload, for -t
 *
 * Fails    the text begins with where in the configuration the fault is.
 * Cost     reads the files that the options name.
 */
#ifndef TESSERA_SERVER_TLS_SETUP_H
#define TESSERA_SERVER_TLS_SETUP_H

#include "conf/diag.h"
#include "conf/options.h"
#include "tls/context.h"

/* *out: a reference for the caller; NULL if the options want no TLS. */
enum err tls_setup(struct tls_context **out, const struct options *options, struct errmsg *why);

/* The same without a context: what would fail, and warnings about certificates that nobody will
 * trust by their dates. */
void tls_setup_check(const struct options *options, struct diags *diags);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * load - from flags and configuration file to checked options
 *
 *   defaults <- file <- flags, then the checks; every finding goes to the diagnostics
 *
 * Owns     the caller gets the options and frees them with options_free().
 * Threads  the main thread: it reads files and the environment.
 * Fails    NULL, with at least one DIAG_ERROR added. Warnings alone do not fail.
 */
#ifndef TESSERA_CONF_LOAD_H
#define TESSERA_CONF_LOAD_H

#include "conf/diag.h"
#include "conf/flags.h"
#include "conf/options.h"
#include "conf/parser.h"

/* At start, for -t, and again with the same flags at each reload. */
struct options *options_load(const struct flags *flags, struct diags *diags);

/* The same with files and environment of the caller's; host->secrecy is not used. */
struct options *options_load_from(const struct flags *flags, const struct conf_host *host,
                                  struct diags *diags);

#endif

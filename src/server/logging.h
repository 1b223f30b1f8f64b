/* SPDX-License-Identifier: Apache-2.0
 *
 * logging - the log as the options want it, and what the configuration's checks had to say
 */
#ifndef TESSERA_SERVER_LOGGING_H
#define TESSERA_SERVER_LOGGING_H

#include "base/log.h"
#include "conf/diag.h"
#include "conf/options.h"

enum err logging_open(struct log *log, const struct options *options, struct errmsg *why);

/* Warnings and notes, a line each; errors were told before. */
void log_diags(struct log *log, const struct diags *diags);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * precheck - what a start would stumble over, found before it is made
 *
 * The checks of conf/ look at the options alone; these ask the machine: can the files be
 * written, is the host known, what does a bcrypt check cost here, do certificates and keys fit. -t,
 * a start and a reload run them; nothing is created.
 */
#ifndef TESSERA_SERVER_PRECHECK_H
#define TESSERA_SERVER_PRECHECK_H

#include "conf/diag.h"
#include "conf/options.h"

/* Cost: some ms where a hash is configured. */
void server_precheck(const struct options *options, struct diags *diags);

#endif

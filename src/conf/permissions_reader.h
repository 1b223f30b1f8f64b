/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions_reader - permissions: { publish, subscribe, allow_responses }
 *
 * Owns     the caller gets the result.
 * Threads  one at a time.
 * Fails    by diagnostics; the result then holds what could be read.
 */
#ifndef TESSERA_CONF_PERMISSIONS_READER_H
#define TESSERA_CONF_PERMISSIONS_READER_H

#include "conf/auth_options.h"
#include "conf/value.h"

/* entry NULL gives NULL. */
struct permissions_options *permissions_read(const struct conf_entry *entry, struct diags *diags);

#endif

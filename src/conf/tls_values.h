/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_values - the fields of a tls {} block whose types are their own
 *
 * Owns     nothing; what is read is added to the options.
 * Threads  one at a time.
 * Fails    by diagnostics, which show nothing that came out of a variable.
 */
#ifndef TESSERA_CONF_TLS_VALUES_H
#define TESSERA_CONF_TLS_VALUES_H

#include "conf/diag.h"
#include "conf/tls_options.h"
#include "conf/value.h"

/* The first of an array that must not be empty; NULL: reported. */
const struct conf_value *tls_first_item(const struct conf_entry *entry, struct diags *diags);

/* cipher_suites and curve_preferences; noun is "cipher" or "curve preference". */
void tls_read_names(const struct conf_entry *entry, struct tls_name_list *list, const char *noun,
                    bool (*is_known)(struct str name), struct diags *diags);
void tls_read_pins(const struct conf_entry *entry, struct tls_options *options,
                   struct diags *diags);
void tls_read_version(const struct conf_entry *entry, struct tls_options *options,
                      struct diags *diags);
void tls_read_first(const struct conf_entry *entry, struct tls_options *options,
                    struct diags *diags);

#endif

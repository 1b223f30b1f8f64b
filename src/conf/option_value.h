/* SPDX-License-Identifier: Apache-2.0
 *
 * option_value - the field of one option: set it from text, compare it, print it
 *
 * base is the struct that has the field: a struct tls_options if row->in_tls, or the options.
 *
 * Owns     strings in struct options; a string that is replaced is wiped first.
 * Threads  one at a time.
 */
#ifndef TESSERA_CONF_OPTION_VALUE_H
#define TESSERA_CONF_OPTION_VALUE_H

#include "base/buf.h"
#include "conf/option_table.h"
#include "conf/value.h"

/* Sets the field from a value of a file. false: reported, nothing was set. */
bool option_set_value(void *base, const struct option_row *row, const struct conf_entry *entry,
                      struct diags *diags);

/* Is text what Go's flag package takes for such an option? NULL: yes, else why not. */
const char *option_refuses(const struct option_row *row, const char *text);
/* Sets the field from a flag's text that option_refuses() had nothing against; pos names the
 * flag. false: reported, nothing was set. */
bool option_set_flag(void *base, const struct option_row *row, const char *text,
                     struct conf_pos pos, struct diags *diags);

void option_set_default(void *base, const struct option_row *row);
/* Does the field hold what asks for the default? */
bool option_is_zero(const void *base, const struct option_row *row);

bool option_equal(const struct options *a, const struct options *b, const struct option_row *row);
/* Appends the value as text; of secrets only whether they are set. */
void option_format(const struct options *options, const struct option_row *row, struct buf *out);
void option_release(struct options *options, const struct option_row *row);

#endif

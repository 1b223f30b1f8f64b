/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_fields - the maps inside of authorization {}, by the rows of the option table
 *
 * Owns     nothing: what it gives out lives in the tree.
 * Threads  one at a time.
 * Fails    by diagnostics, which never show the text of a secret or of a variable.
 */
#ifndef TESSERA_CONF_AUTH_FIELDS_H
#define TESSERA_CONF_AUTH_FIELDS_H

#include "conf/option_table.h"
#include "conf/value.h"

struct auth_fields {
    const struct conf_entry *at[AUTH_PART_COUNT]; /* NULL: not there */
};

/* The entries of map by the rows of section; unknown ones and second ones are reported. */
void auth_fields_collect(struct auth_fields *out, const char *section, const struct conf_value *map,
                         struct diags *diags);

/* Exactly what was written, even if it looks like a number. false: reported. */
bool auth_field_text(const struct conf_entry *entry, struct str *out, struct diags *diags);
/* What must be text: a number or true would be a mistake. NULL data: it is none. */
struct str auth_value_word(const struct conf_value *value);

/* A string or an array of them: steps through the values, from NULL on. */
const struct conf_value *auth_next_value(const struct conf_value *all,
                                         const struct conf_value *last);

/* A value that could not be read: that was said already. */
bool auth_value_is_lost(const struct conf_value *value);

/* How much of a text a diagnostic shows: the precision for %.*s. */
int auth_shown_len(struct str text);

#endif

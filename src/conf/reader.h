/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - from the tree of a configuration file to options, by the option table
 *
 * Threads  one at a time.
 */
#ifndef TESSERA_CONF_READER_H
#define TESSERA_CONF_READER_H

#include "conf/checks.h"
#include "conf/option_table.h"
#include "conf/parser.h"

struct reader {
    struct options *options;
    struct option_source *sources; /* one per row of the table, zeroed at first */
    struct diags *diags;
    struct conf_pos token_origin; /* where the token's text stands; file NULL: not in a file */
};

void reader_read(struct reader *reader, const struct conf_tree *tree);

/* Runs the row's own check on the field that was just set; true: nothing against it. */
bool reader_check(struct reader *reader, const struct option_row *row, struct conf_pos pos);
struct option_source *reader_source(struct reader *reader, const struct option_row *row);

/* Of the keys of this program: conf_host.secrecy. */
enum conf_secrecy reader_secrecy(struct str key);

#endif

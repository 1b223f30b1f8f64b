/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - from the tree of a configuration file to options, by the option table
 *
 * Threads  one at a time.
 */
#ifndef TESSERA_CONF_READER_H
#define TESSERA_CONF_READER_H

#include "conf/auth_reader.h"
#include "conf/checks.h"
#include "conf/cluster_reader.h"
#include "conf/option_table.h"
#include "conf/parser.h"
#include "conf/tls_reader.h"

struct reader {
    struct options *options;
    struct option_source *sources; /* one per row of the table, zeroed at first */
    struct diags *diags;
    struct auth_reader auth;
    struct tls_reader tls;
    struct cluster_reader cluster;
};

void reader_read(struct reader *reader, const struct conf_tree *tree);

/* Runs the row's own check on the field that was just set; true: nothing against it. */
bool reader_check(struct reader *reader, const struct option_row *row, struct conf_pos pos);
struct option_source *reader_source(struct reader *reader, const struct option_row *row);

/* What stands in a file but is no option of section, is none yet, or is there twice. */
void reader_report_unknown(const char *section, const struct conf_entry *entry,
                           struct diags *diags);
void reader_report_unsupported(const struct conf_entry *entry, const struct option_row *row,
                               struct diags *diags);
/* An error: who may connect must not depend on which of two lines comes last. */
void reader_report_second(const struct conf_entry *entry, struct conf_pos first,
                          struct diags *diags);

/* Of the keys of this program: conf_host.secrecy. */
enum conf_secrecy reader_secrecy(struct str key);

#endif

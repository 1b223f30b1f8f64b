/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_reader - a tls {} block and its flags to struct tls_options
 *
 * The same for every section that may have such a block: each has a reader of its own. The block
 * first, then the flags (of clients only), which replace what they name and leave the rest of the
 * block in force, then the check.
 *
 * Owns     nothing.
 * Threads  one at a time.
 * Fails    by diagnostics. No file that is named is opened here.
 */
#ifndef TESSERA_CONF_TLS_READER_H
#define TESSERA_CONF_TLS_READER_H

#include "conf/diag.h"
#include "conf/flags.h"
#include "conf/options.h"
#include "conf/value.h"

/* Whose block it is: that decides what its options mean, or whether they mean anything. */
enum tls_owner {
    TLS_OF_CLIENTS, /* only they dial */
    TLS_OF_ROUTES,  /* either side dials, and each verifies the other */
};

struct tls_reader {
    struct tls_options *options; /* initialised */
    struct diags *diags;
    enum tls_owner owner;

    const struct flag_setting *flags[TLS_FIELD_COUNT]; /* NULL: not given */

    /* private */
    bool names_certs; /* well or not */
};

/* entry: "tls" and its map. */
void tls_read_block(struct tls_reader *tls, const struct conf_entry *entry);
void tls_read_flags(struct tls_reader *tls);

/* tls_checks.c: what holds between the fields, and what the operator should know. Sets verify if
 * the owner or another field implies it. */
void tls_reader_check(struct tls_reader *tls);
/* What holds between the block of clients and other options. */
void tls_check_clients(const struct options *options, struct conf_pos allow_non_tls,
                       struct diags *diags);

#endif

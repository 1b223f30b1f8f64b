/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_reader - authorization {} and its flags to struct auth_options
 *
 * The reader puts down which values and flags there are; auth_read_file() makes entries of the
 * file's, auth_read_flags() lets those of the flags take their place.
 *
 * Owns     defaults and places; auth_reader_release() frees them.
 * Threads  one at a time.
 * Fails    by diagnostics, in which no secret is shown.
 */
#ifndef TESSERA_CONF_AUTH_READER_H
#define TESSERA_CONF_AUTH_READER_H

#include "conf/auth_fields.h"
#include "conf/flags.h"
#include "conf/options.h"
#include "conf/parser.h"

/* Where an entry stands: in the order of auth_options.entries. */
struct auth_place {
    struct conf_pos pos;     /* of the key, the item of an array, or the flag */
    struct conf_pos secret;  /* of its key, or the flag */
    struct conf_pos origin;  /* of its text; file NULL: not in a file */
    struct conf_file *file;  /* that holds the secret, configuration or not; NULL: none */
    bool in_token_file;      /* file holds nothing else */
    struct conf_pos expires; /* of its key */
};

/* Who is to show what the block says. */
enum auth_owner { AUTH_OF_CLIENTS, AUTH_OF_ROUTES };

struct auth_reader {
    enum auth_owner owner;
    struct auth_options *options;
    struct diags *diags;
    const struct conf_host *host;
    struct conf_tree *tree;

    struct conf_pos block_pos; /* of "authorization"; file NULL: there is none */
    struct auth_fields block;
    struct conf_pos no_auth_user_pos;
    const struct flag_setting *flags[AUTH_PART_COUNT]; /* NULL: not given */

    /* private */
    struct permissions_options *defaults;
    struct auth_place *places;
};

void auth_read_file(struct auth_reader *auth);
void auth_read_flags(struct auth_reader *auth);
void auth_reader_release(struct auth_reader *auth);

/* Is this part set, by a value or a flag, and where? */
bool auth_part_set(const struct auth_reader *auth, enum auth_part part);
struct conf_pos auth_part_pos(const struct auth_reader *auth, enum auth_part part);

/* Is any way to enter set, well or not? */
bool auth_any_set(const struct auth_reader *auth);

/* auth_checks.c: what holds between the entries, and what the operator should know. clear_host
 * is what the server listens on for those who speak in clear; NULL: nobody may. */
void auth_reader_check(struct auth_reader *auth, const char *clear_host);

/* If others may read file, says so, once for each file; pos is where its secret is named, and own
 * is whether that is the file itself. file NULL: none. */
void auth_check_file(struct conf_file *file, struct conf_pos pos, bool own, struct diags *diags);

#endif

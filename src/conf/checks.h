/* SPDX-License-Identifier: Apache-2.0
 *
 * checks - what the options must be beyond their type and range
 *
 * Threads  any; nothing is kept.
 * Secrets  no text of a diagnostic holds any part of a token or hash.
 */
#ifndef TESSERA_CONF_CHECKS_H
#define TESSERA_CONF_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/diag.h"
#include "conf/options.h"

enum token_form {
    TOKEN_PLAIN,
    TOKEN_BCRYPT,     /* $2[abxy]$NN$ and 53 characters, cost 04 to 31 */
    TOKEN_BAD_BCRYPT, /* begins like a hash, but is none */
    TOKEN_BAD_COST,
};

enum token_form token_form(const char *token);

/* Why no CONNECT can carry it, as "holds..." or "is..."; NULL: one can. */
const char *secret_unsendable(const char *secret);
/* May this be a token or password (noun says which)? false: reported. */
bool check_secret(const char *noun, const char *secret, struct conf_pos pos, struct diags *diags);

/* A name without blanks (NULL: none), "server name" and the like; false: reported. */
bool check_no_blanks(const char *noun, const char *name, struct conf_pos pos, struct diags *diags);
/* "host" or "host:port"; NULL: nothing was said. */
void check_host_port(const char *option, const char *text, struct conf_pos pos,
                     struct diags *diags);

/* One option each; of type option_check_fn, named by the option table. */
void check_server_name(const struct options *options, struct conf_pos pos, struct diags *diags);
void check_client_advertise(const struct options *options, struct conf_pos pos,
                            struct diags *diags);
void check_max_connections(const struct options *options, struct conf_pos pos, struct diags *diags);
void check_max_payload(const struct options *options, struct conf_pos pos, struct diags *diags);
void check_lame_duck_duration(const struct options *options, struct conf_pos pos,
                              struct diags *diags);
void check_lame_duck_grace_period(const struct options *options, struct conf_pos pos,
                                  struct diags *diags);
/* cluster_checks.c */
void check_cluster_name(const struct options *options, struct conf_pos pos, struct diags *diags);
void check_cluster_advertise(const struct options *options, struct conf_pos pos,
                             struct diags *diags);
void check_cluster_ping_interval(const struct options *options, struct conf_pos pos,
                                 struct diags *diags);
void check_cluster_write_timeout(const struct options *options, struct conf_pos pos,
                                 struct diags *diags);
void check_cluster_pool_size(const struct options *options, struct conf_pos pos,
                             struct diags *diags);

/* Where each option was set last: by row of the option table. */
struct option_source {
    struct conf_pos pos; /* of the key, or the flag */
    bool in_file;        /* the file set it, even if a flag did so again */
    bool by_flag;
    bool valid; /* and the field holds it */
};

/* What holds between options, once all are set. */
void check_options(const struct options *options, const struct option_source *sources,
                   struct diags *diags);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * cli - the `nats` program: global flags, the table of commands, and who runs
 *
 * A new command is one file with its flags and its run(), and one row in the table of cli.c
 * (or in its group's).
 */
#ifndef TESSERA_CLI_CLI_H
#define TESSERA_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/args.h"

struct cli_globals {
    char *server; /* a list of URLs */
    char *user, *password, *token;
    char *tlscert, *tlskey, *tlsca; /* files */
    char *inbox_prefix;
    char *connection_name;
    int64_t timeout_ns;
    bool tlsfirst, trace, no_context;
    bool help, version;
};

extern const struct args_flag cli_global_flags[];

extern const struct args_command cli_publish;
extern const struct args_command cli_subscribe;
extern const struct args_command cli_passwd;

/* The program, from argv to the exit status. */
int cli_main(int argc, char **argv);

#endif

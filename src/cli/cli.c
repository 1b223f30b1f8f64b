/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/console.h"

#define GLOBAL(field) .offset = offsetof(struct cli_globals, field)

const struct args_flag cli_global_flags[] = {
    { "help", 'h', ARGS_SWITCH, GLOBAL(help), .help = "Show context-sensitive help" },
    { "version", 0, ARGS_SWITCH, GLOBAL(version), .help = "Show application version" },
    { "server", 's', ARGS_STRING, GLOBAL(server), .traits = ARGS_URLS, .env = "NATS_URL",
      .placeholder = "URL", .help = "NATS server urls" },
    { "user", 0, ARGS_STRING, GLOBAL(user), .traits = ARGS_SECRET, .env = "NATS_USER",
      .help = "Username or Token" },
    { "password", 0, ARGS_STRING, GLOBAL(password), .traits = ARGS_SECRET, .env = "NATS_PASSWORD",
      .help = "Password" },
    { "token", 0, ARGS_STRING, GLOBAL(token), .traits = ARGS_SECRET, .env = "NATS_TOKEN",
      .help = "Token" },
    { "tlscert", 0, ARGS_STRING, GLOBAL(tlscert), .env = "NATS_CERT", .placeholder = "FILE",
      .help = "TLS public certificate" },
    { "tlskey", 0, ARGS_STRING, GLOBAL(tlskey), .env = "NATS_KEY", .placeholder = "FILE",
      .help = "TLS private key" },
    { "tlsca", 0, ARGS_STRING, GLOBAL(tlsca), .env = "NATS_CA", .placeholder = "FILE",
      .help = "TLS certificate authority chain" },
    { "tlsfirst", 0, ARGS_SWITCH, GLOBAL(tlsfirst),
      .help = "Perform TLS handshake before expecting the server greeting" },
    { "tls-first", 0, ARGS_SWITCH, GLOBAL(tlsfirst), .traits = ARGS_HIDDEN },
    { "timeout", 0, ARGS_DURATION, GLOBAL(timeout_ns), .fallback = "5s", .env = "NATS_TIMEOUT",
      .placeholder = "DURATION", .help = "Time to wait on responses from NATS (5s)" },
    { "inbox-prefix", 0, ARGS_STRING, GLOBAL(inbox_prefix), .placeholder = "PREFIX",
      .help = "Custom inbox prefix to use for inboxes" },
    { "connection-name", 0, ARGS_STRING, GLOBAL(connection_name),
      .fallback = "NATS CLI Version " TESSERA_VERSION, .placeholder = "NAME",
      .help = "Nickname to use for the underlying NATS Connection" },
    { "trace", 0, ARGS_SWITCH, GLOBAL(trace), .help = "Trace API interactions" },
    { "no-context", 0, ARGS_SWITCH, GLOBAL(no_context), .help = "Disable the selected context" },
    { "context", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_CONTEXT" },
    { "creds", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_CREDS" },
    { "nkey", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_NKEY" },
    { "jwt", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_JWT" },
    { "seed", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_SEED" },
    { "socks-proxy", 0, ARGS_REFUSED(ARGS_STRING), .env = "NATS_SOCKS_PROXY" },
    { "js-api-prefix", 0, ARGS_REFUSED(ARGS_STRING) },
    { "js-event-prefix", 0, ARGS_REFUSED(ARGS_STRING) },
    { "js-domain", 0, ARGS_REFUSED(ARGS_STRING) },
    { "colors", 0, ARGS_REFUSED(ARGS_STRING) },
    { 0 },
};

static int run_help(const struct cli_globals *globals, const void *options);

struct help_options {
    struct args_list command;
};

static const struct args_command help_command = {
    .name = "help",
    .help = "Show help",
    .arguments =
        (const struct args_argument[]) {
            { "command", false, ARGS_LIST, offsetof(struct help_options, command),
              "Show help on command" },
            { 0 },
        },
    .options_size = sizeof(struct help_options),
    .run = run_help,
};

static const struct args_command server_group = {
    .name = "server",
    .aliases = { "srv", "sys" },
    .help = "Server information",
    .subcommands = (const struct args_command *const[]) { &cli_passwd, NULL },
};

static const struct args_app app = {
    .name = "nats",
    .help = "NATS Utility",
    .globals = cli_global_flags,
    .globals_size = sizeof(struct cli_globals),
    .help_offset = offsetof(struct cli_globals, help),
    .commands =
        (const struct args_command *const[]) {
            &help_command,
            &cli_publish,
            &server_group,
            &cli_subscribe,
            NULL,
        },
};

/* `nats help server passwd` is `nats server passwd --help`. */
static int
run_help(const struct cli_globals *globals, const void *options)
{
    const struct help_options *o = options;
    const struct args_command *const *commands = app.commands;
    struct args args = { .app = &app };

    (void)globals;
    for (size_t i = 0; i < o->command.count; i++) {
        const struct args_command *found =
            commands == NULL ? NULL : args_find(commands, o->command.items[i]);

        if (found == NULL || args.depth == ARGS_DEPTH_MAX)
            return console_error("expected command but got \"%s\", try --help",
                                 o->command.items[i]);
        args.path[args.depth++] = found;
        commands = found->subcommands;
    }
    args_help(&args, stdout);
    return 0;
}

int
cli_main(int argc, char **argv)
{
    const struct cli_globals *globals;
    const struct args_command *command;
    struct errmsg why;
    struct args args;
    int status = 0;

    /* A reader that went away is a result of write(), not the end of the program. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (args_parse(&args, &app, argc, argv, &why) != ERR_OK)
        status = console_error("%s, try --help", why.text);
    globals = args.globals;
    command = args_selected(&args);
    if (status == 0 && globals->version)
        (void)puts(TESSERA_VERSION " (Tessera, compatible with NATS " TESSERA_NATS_VERSION ")");
    else if (status == 0 && (globals->help || command == NULL))
        args_help(&args, stdout);
    else if (status == 0)
        status = command->run(globals, args.options);
    args_release(&args);
    return status;
}

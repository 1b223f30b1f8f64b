/* SPDX-License-Identifier: Apache-2.0
 *
 * nats-server: wires the parts together, nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "conf/load.h"
#include "main/signal_command.h"
#include "server/logging.h"
#include "server/precheck.h"
#include "server/server.h"
#include "tls/key_memory.h"

/* What the checks found, as "nats-server: FILE:LINE:COL: text"; only errors unless all. */
static void
print_diags(const struct diags *diags, bool all)
{
    for (size_t i = 0; i < diags->count; i++) {
        struct buf line = BUF_INIT;

        if (diags->list[i].severity != DIAG_ERROR && !all)
            continue;
        diag_format(&diags->list[i], &line);
        fprintf(stderr, "nats-server: %s\n", buf_cstr(&line));
        buf_release(&line);
    }
}

static int
serve(const struct flags *flags, struct options *options, const struct diags *diags)
{
    struct server *server = NULL;
    struct cluster *cluster = cluster_new();
    struct log *log = log_new();
    struct errmsg why;
    enum err err = logging_open(log, options, &why);

    if (err != ERR_OK)
        options_free(options);
    else
        err = server_new(&server, log, flags, options, diags, cluster_hooks(cluster), &why);
    if (err != ERR_OK) {
        log_ftl(log, "%s", why.text);
        cluster_free(cluster);
        log_free(log);
        return EXIT_FAILURE;
    }
    server_run(server);
    server_free(server);
    cluster_free(cluster);
    log_inf(log, "Server Exiting..");
    log_free(log);
    return EXIT_SUCCESS;
}

/* NULL: something is wrong with the options, or with what they name on this machine. */
static struct options *
load(const struct flags *flags, struct diags *diags)
{
    struct options *options = options_load(flags, diags);

    if (options == NULL)
        return NULL;
    server_precheck(options, diags);
    if (diags->errors == 0)
        return options;
    options_free(options);
    return NULL;
}

static int
run(const struct flags *flags, bool test_only)
{
    struct diags diags = { 0 };
    struct options *options = load(flags, &diags);
    int status = EXIT_FAILURE;

    if (options == NULL) {
        print_diags(&diags, test_only);
    } else if (test_only) {
        print_diags(&diags, true);
        fprintf(stderr, "nats-server: configuration file %s is valid (%s)\n", options->config_file,
                options->config_digest);
        options_free(options);
        status = EXIT_SUCCESS;
    } else {
        status = serve(flags, options, &diags);
    }
    diags_release(&diags);
    return status;
}

static int
refuse_flags(const struct flags *flags)
{
    if (flags->show_usage) {
        fprintf(stderr, "%s\n", flags->error);
        flags_usage(stderr);
    } else {
        fprintf(stderr, "nats-server: %s\n", flags->error);
    }
    return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct flags flags = { 0 };
    enum flags_outcome outcome = flags_parse(&flags, argc, argv);
    int status = EXIT_SUCCESS;

    flags_hide_secrets(argc, argv);
    if (!key_memory_install()) {
        fputs("nats-server: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    hash_init();
    mem_tune();
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of the write */
    switch (outcome) {
    case FLAGS_HELP:
        flags_usage(stdout);
        break;
    case FLAGS_HELP_TLS:
        flags_usage_tls(stdout);
        break;
    case FLAGS_VERSION:
        puts(FLAGS_VERSION_TEXT);
        break;
    case FLAGS_ERROR:
        status = refuse_flags(&flags);
        break;
    case FLAGS_SIGNAL:
        status = signal_command(flags.signal);
        break;
    case FLAGS_TEST:
    case FLAGS_RUN:
        status = run(&flags, outcome == FLAGS_TEST);
        break;
    }
    flags_free(&flags);
    return status;
}

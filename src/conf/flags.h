/* SPDX-License-Identifier: Apache-2.0
 *
 * flags - the command line of nats-server, by the rules of Go's flag package
 *
 * One dash or two, "-f v" or "-f=v", switches as "-f" or "-f=false"; a flag with a value takes
 * the next argument whatever it looks like; "--" or the first bare word ends the flags.
 *
 * Owns     copies of all values; flags_free() wipes them.
 * Threads  one at a time; read-only after flags_parse().
 */
#ifndef TESSERA_CONF_FLAGS_H
#define TESSERA_CONF_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define FLAGS_VERSION_TEXT "nats-server: v" TESSERA_NATS_VERSION " (tessera " TESSERA_VERSION ")"

struct option_row;

enum flags_outcome {
    FLAGS_RUN,
    FLAGS_TEST,   /* -t: load, report, exit */
    FLAGS_SIGNAL, /* --signal: send it, exit */
    FLAGS_HELP,
    FLAGS_HELP_TLS,
    FLAGS_VERSION,
    FLAGS_ERROR, /* print error, then the usage if show_usage; exit 1 */
};

struct flag_setting {
    const struct option_row *row;
    char *name;  /* "--auth", "-p": for diagnostics */
    char *value; /* "true" for a bare switch */
};

struct flags {
    char *config_file; /* NULL: none */
    char *signal;      /* of --signal: "reload", "stop=123"; NULL: not given */
    struct flag_setting *settings;
    size_t count;
    char *error;     /* FLAGS_ERROR only; without the "nats-server: " prefix */
    bool show_usage; /* the error is one of spelling: no prefix, the usage below */
};

/* flags is zeroed. Values are not judged here beyond their type: options_load() does that. */
enum flags_outcome flags_parse(struct flags *flags, int argc, char **argv);
void flags_free(struct flags *flags);

/* Overwrites the values of secret flags (--auth, --pass) in argv with '*', so that ps(1) does
 * not show them. After flags_parse(). */
void flags_hide_secrets(int argc, char **argv);

/* The text of --help, made from the option table. */
void flags_usage(FILE *out);
/* The text of --help_tls: an example, and the names of cipher suites and curves. */
void flags_usage_tls(FILE *out);

#endif

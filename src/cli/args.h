/* SPDX-License-Identifier: Apache-2.0
 *
 * args - commands, flags and arguments as tables, and the parser that fills their values
 *
 * The rules are the reference CLI's: global flags anywhere, a command's own flags after its
 * name, `--flag=v`, `--flag v`, `-fv`, `-f v`, `-abc` for switches, `--no-flag` where the row
 * allows it, `--` ends the flags, a flag wins over its environment variable, and that over
 * the row's default.
 *
 * Owns     every value, as a copy; args_release() wipes and frees them all.
 * Secrets  the values of ARGS_SECRET and ARGS_URLS rows are overwritten in argv as they are
 *          read, so that a process list shows them no longer than it must.
 * Threads  one, at the start of the program.
 */
#ifndef TESSERA_CLI_ARGS_H
#define TESSERA_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum args_type {
    ARGS_SWITCH,   /* bool, set by naming it */
    ARGS_BOOL,     /* bool, with a --no- form */
    ARGS_STRING,   /* char *; NULL when not given */
    ARGS_LIST,     /* struct args_list; may be repeated */
    ARGS_INT,      /* int64_t */
    ARGS_UINT,     /* int64_t, never negative */
    ARGS_DURATION, /* int64_t, nanoseconds */
    ARGS_CHOICE,   /* char *, one of the words of choices */
};

enum args_traits {
    ARGS_SECRET = 1 << 0,      /* overwritten in argv */
    ARGS_URLS = 1 << 1,        /* the user information of URLs is overwritten in argv */
    ARGS_HIDDEN = 1 << 2,      /* not in --help */
    ARGS_UNSUPPORTED = 1 << 3, /* known to the reference CLI; refused by name here */
};

/* The middle of the row of a flag that is refused by name. */
#define ARGS_REFUSED(type_) .type = (type_), .traits = ARGS_UNSUPPORTED

struct args_list {
    char **items;
    size_t count;
};

/* A table of flags ends with a row without a name. */
struct args_flag {
    const char *name; /* without dashes */
    char letter;      /* 0: no short form */
    enum args_type type;
    unsigned traits;
    size_t offset;           /* of the value in the options; unused by ARGS_UNSUPPORTED */
    const char *fallback;    /* the default, as it would be typed; NULL: none */
    const char *env;         /* NULL: none */
    const char *placeholder; /* NULL: the name in capitals */
    const char *choices;     /* ARGS_CHOICE: words joined by ',' */
    const char *help;
};

/* A table of arguments ends with a row without a name; a list can only be the last row. */
struct args_argument {
    const char *name;
    bool required;
    enum args_type type; /* ARGS_STRING or ARGS_LIST */
    size_t offset;
    const char *help;
};

struct cli_globals;

#define ARGS_ALIASES_MAX 4

/* Either a group of subcommands, or a command with options and run(). */
struct args_command {
    const char *name;
    const char *aliases[ARGS_ALIASES_MAX];
    const char *help;    /* one line */
    const char *details; /* shown by the command's own --help; NULL: none */
    const struct args_command *const *subcommands; /* ends with NULL */
    const struct args_flag *flags;                 /* NULL: none */
    const struct args_argument *arguments;         /* NULL: none */
    size_t options_size;                           /* of the struct that the offsets point into */
    int (*run)(const struct cli_globals *globals, const void *options); /* the exit status */
};

struct args_app {
    const char *name, *help;
    const struct args_flag *globals;
    size_t globals_size;
    size_t help_offset;                         /* of the bool of --help in the globals */
    const struct args_command *const *commands; /* ends with NULL */
};

#define ARGS_DEPTH_MAX 3

struct args {
    const struct args_app *app;
    const struct args_command *path[ARGS_DEPTH_MAX]; /* the command and its parents */
    size_t depth;                                    /* 0: no command was named */
    void *globals;
    void *options; /* NULL unless the last of path has run() */
};

/* Fills args, also when it fails: args_release() is always due. Without --help a group without
 * its subcommand and a missing required argument are errors too. */
enum err args_parse(struct args *args, const struct args_app *app, int argc, char **argv,
                    struct errmsg *why);
void args_release(struct args *args);

/* The command that was named, or NULL. */
const struct args_command *args_selected(const struct args *args);

/* NULL when there is none of that name or alias. */
const struct args_command *args_find(const struct args_command *const *commands, const char *name);

/* Prints what --help shows for args->path. */
void args_help(const struct args *args, FILE *out);

#endif

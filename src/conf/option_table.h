/* SPDX-License-Identifier: Apache-2.0
 *
 * option_table - one row per option, whether it is set by the file, by a flag or by both
 *
 * Reading files, flags, defaults, checks, --help, the reload difference, the config digest
 * and the man page all go by these rows. Options of the reference server that are not
 * supported yet are rows too: they are refused by name rather than ignored.
 */
#ifndef TESSERA_CONF_OPTION_TABLE_H
#define TESSERA_CONF_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "conf/diag.h"
#include "conf/options.h"

enum option_type {
    OPTION_STRING,   /* char *; NULL when empty */
    OPTION_INT,      /* int64_t; k, kb... as suffix in a file */
    OPTION_BOOL,     /* bool */
    OPTION_DURATION, /* int64_t, ns; a plain number is seconds and earns a warning */
    OPTION_SECONDS,  /* int64_t, ns; a number of seconds or a duration */
    OPTION_AUTH,     /* a part of options.auth, which auth_reader.h makes of all parts together */
    OPTION_TLS,      /* struct tls_options, which tls_reader.h makes of a map */
    OPTION_ROUTES,   /* the routes of struct cluster_options, which cluster_reader.h makes */
    OPTION_PERMISSIONS, /* struct permissions_options *, of cluster_reader.h, too */
    /* without a field in struct options */
    OPTION_LISTEN,   /* sets host and port */
    OPTION_SECTION,  /* a map with options of its own */
    OPTION_TLS_PART, /* what tls_reader.h reads of that map by ways of its own */
    OPTION_ACCOUNTS,
    OPTION_COMPRESSION, /* cluster_reader.h looks whether they are right */
    OPTION_ACTION,      /* a flag that sets no single option */
    OPTION_UNSUPPORTED,
};

enum option_reload {
    OPTION_LIVE,    /* a reload applies it */
    OPTION_RESTART, /* only a restart does */
};

enum option_action {
    ACTION_NONE,
    ACTION_CONFIG,
    ACTION_TEST,
    ACTION_SIGNAL,
    ACTION_HELP,
    ACTION_HELP_TLS,
    ACTION_VERSION,
    ACTION_TRACE_VERBOSE,
    ACTION_DEBUG_TRACE,
    ACTION_DEBUG_TRACE_VERBOSE,
    ACTION_IGNORE, /* accepted for compatibility, with a warning */
};

/* What an OPTION_AUTH row is about; a part may have a row in several sections. */
enum auth_part {
    PART_NAME,
    PART_TOKEN,
    PART_TOKEN_FILE,
    PART_USER,
    PART_PASSWORD,
    PART_NKEY,
    PART_TOKENS,
    PART_USERS,
    PART_PERMISSIONS,
    PART_CONNECTION_TYPES,
    PART_EXPIRES,
    PART_PUBLISH,
    PART_SUBSCRIBE,
    PART_RESPONSES,
    PART_ALLOW,
    PART_DENY,
    PART_MAX,
    AUTH_PART_COUNT
};

enum option_group {
    GROUP_SERVER,
    GROUP_LOGGING,
    GROUP_JETSTREAM,
    GROUP_AUTHORIZATION,
    GROUP_TLS,
    GROUP_CLUSTER,
    GROUP_PROFILING,
    GROUP_COMMON,
    GROUP_COUNT
};

/* Looks at the one option that was just set, from a file or a flag (pos says where). */
typedef void option_check_fn(const struct options *options, struct conf_pos pos,
                             struct diags *diags);

struct option_row {
    /* "" top level, "authorization", and inside of that "tokens", "users" (one entry of the
     * array), "permissions", "publish" (a map in place of subjects), "allow_responses"; "tls", and
     * inside of that "certs" (one entry of the array); "cluster", and inside of that "cluster
     * authorization"; NULL: no file can set it */
    const char *section;
    const char *names; /* separated by blanks, the first is the name; NULL: a flag only */
    enum option_type type;
    bool secret;          /* the value is never shown */
    bool zero_is_default; /* 0 asks for the default */
    bool in_tls;          /* the field is one of a struct tls_options, not of struct options */
    size_t offset;        /* of the field in its struct */
    const char *initial;  /* the default as text; NULL: empty, 0, false */
    int64_t min, max;     /* OPTION_INT: as they are, durations: ns; both 0: any */
    option_check_fn *check;
    enum option_reload reload;

    /* only OPTION_AUTH */
    enum auth_part part;
    unsigned kinds; /* bits 1 << enum auth_kind: of the entries this row stands for; 0: none */

    enum tls_field field; /* only OPTION_TLS and in_tls */

    const char *inner;   /* only OPTION_SECTION: the section that its map is */
    const char *refusal; /* only OPTION_UNSUPPORTED: in place of "not supported yet" */

    const char *flags; /* separated by blanks, without dashes; NULL: none */
    const char *arg;   /* "<host>"; NULL: the flag is a switch */
    enum option_action action;
    enum option_group group;
    const char *help;
};

/* The table and its length. */
const struct option_row *option_rows(size_t *count);

/* NULL: there is none. Names in files ignore case, flags do not. */
const struct option_row *option_by_name(const char *section, struct str name);
const struct option_row *option_by_flag(struct str flag);
/* In whatever section: the first. */
const struct option_row *option_anywhere(struct str name);

/* Steps through names or flags: the next word of *list, or a str without data. */
struct str option_next_word(const char **list);
/* The first of its names or, if it has none, of its flags. */
struct str option_name(const struct option_row *row);
/* Has it a field in struct options? */
bool option_has_field(const struct option_row *row);

typedef void option_row_fn(void *context, const struct option_row *row);
/* Calls fn for each row, in the order of the documentation. */
void options_each(option_row_fn *fn, void *context);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * parser - configuration text to a tree of values
 *
 * Owns     conf_parse() fills a struct conf_tree that conf_tree_release() wipes and frees.
 * Threads  any, one tree each.
 * Fails    by diagnostics; the tree then holds what could be read, so that the rest can be
 *          checked as well.
 * Secrets  what is shown of the text is decided by conf_host.secrecy: nothing of the value of
 *          a key that is not public, nor of what may be the rest of such a value.
 * Pure     files and the environment are reached through the struct conf_host only.
 */
#ifndef TESSERA_CONF_PARSER_H
#define TESSERA_CONF_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/value.h"

#define CONF_DEPTH_MAX         100 /* maps and arrays in each other, variables in variables */
#define CONF_INCLUDE_DEPTH_MAX 16
#define CONF_FILES_MAX         256 /* in one configuration, the same one counted each time */
#define CONF_PARSE_ERRORS_MAX  20  /* then the rest is not read */

struct conf_file {
    const char *path;
    struct str text;
    bool regular;  /* not a pipe or the like: mode means something */
    uint32_t mode; /* permission bits */
    bool reported; /* that others may read the secrets in it */
    struct conf_file *next;
};

enum conf_secrecy {
    CONF_UNKNOWN, /* no option: perhaps a variable that holds a secret */
    CONF_PUBLIC,
    CONF_SECRET,
};

struct conf_host {
    void *context;
    /* Fills all of file but path and next, the text from arena. */
    enum err (*read_file)(void *context, const char *path, struct arena *arena,
                          struct conf_file *file, struct errmsg *why);
    /* NULL: not set. Borrowed until the next call. */
    const char *(*get_env)(void *context, const char *name);
    enum conf_secrecy (*secrecy)(struct str key);
};

struct conf_tree {
    struct arena arena;
    struct conf_entry *entries;
    struct conf_file *files; /* the newest first */
};

/* tree is zeroed. A path that cannot be read is an error without a position:
 * "open PATH: no such file or directory". */
void conf_parse(struct conf_tree *tree, const struct conf_host *host, const char *path,
                struct diags *diags);
void conf_tree_release(struct conf_tree *tree);

/* The file that a value's origin names, or NULL. */
struct conf_file *conf_tree_file(const struct conf_tree *tree, const char *path);

#endif

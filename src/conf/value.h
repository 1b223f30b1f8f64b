/* SPDX-License-Identifier: Apache-2.0
 *
 * value - the tree that a configuration file becomes
 *
 * Owns     nothing: everything lives in the arena of the struct conf_tree.
 * Threads  built by one thread, read-only afterwards except conf_entry.used.
 *
 * A value that came by a variable shares its children with the one it names, so the tree is
 * really a graph without cycles: walk only into what an option asks for.
 */
#ifndef TESSERA_CONF_VALUE_H
#define TESSERA_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "conf/arena.h"
#include "conf/diag.h"

enum conf_type {
    CONF_STRING,
    CONF_INT,
    CONF_FLOAT,
    CONF_BOOL,
    CONF_DATE,
    CONF_MAP,
    CONF_ARRAY,
    CONF_BAD, /* fit for a string option only; problem says why */
};

struct conf_value {
    enum conf_type type;
    struct conf_pos pos;    /* where it is used: the variable's place, if it came by one */
    struct conf_pos origin; /* where its text stands; file NULL: in the environment */
    /* The text for a string option: exactly what was written, escapes resolved. Absent for
     * maps and arrays of a file. */
    struct str text;
    bool quoted;       /* "..", '..' or a block: a string whatever it looks like */
    bool via_variable; /* diagnostics must not show text */
    bool overflow;     /* CONF_INT beyond 64 bits: integer is not set */
    union {
        int64_t integer;
        double real;
        bool boolean;
        const char *problem;        /* CONF_BAD; static, or in the arena; shows no value */
        struct conf_entry *entries; /* CONF_MAP, in file order */
        struct conf_value *items;   /* CONF_ARRAY */
    };
    struct conf_value *next; /* in an array */
};

struct conf_entry {
    struct str key;
    struct conf_pos pos; /* of the key */
    bool used;           /* a variable referred to it: it need not be an option */
    bool hidden;         /* key may be the rest of an unquoted secret: do not show it */
    struct conf_value *value;
    struct conf_entry *next;
};

/* "a string", "a map": for diagnostics. */
const char *conf_type_name(enum conf_type type);

/* What an unquoted word means: sets type and the matching member. Never fails: what is
 * nothing else is a string. */
void conf_classify(struct str word, struct conf_value *out);

/* -?digits with an optional suffix (k m g t p e: powers of 1000; kb ki kib...: of 1024). */
bool conf_parse_int(struct str word, int64_t *out, bool *overflow);

/* "$2$" or "$2" letter "$": meant as a bcrypt hash, also when it is a wrong one. */
bool conf_is_hash_like(struct str word);

/* YYYY-MM-DDThh:mm:ssZ, to seconds since 1970; false: not of this form, or no such time. */
bool conf_parse_date(struct str word, int64_t *out_seconds);

/* true/false, on/off, yes/no in any case. */
bool conf_parse_bool(struct str word, bool *out);

#endif

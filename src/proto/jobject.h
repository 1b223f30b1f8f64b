/* SPDX-License-Identifier: Apache-2.0
 *
 * jobject - a JSON object into a struct and back, by a table of its keys
 *
 * Keys are matched without regard to ASCII case, the last duplicate wins, whatever its case;
 * unknown keys are ignored. null is as if the key were absent. A wrong type (of an earlier
 * duplicate, too), trailing bytes or anything that is no JSON object is an error. Bytes that are
 * no UTF-8 inside a string become U+FFFD. All as in the reference; differences are
 * (docs/differences.md): null in place of the object, a key that only Unicode's case folding
 * equals, numbers beyond 64 bits and bad UTF-8 inside the arrays and objects of unknown keys are
 * errors here and not there, or are ignored here and not there.
 *
 * Owns     strings that are read belong to the struct; jobject_release() wipes and frees them.
 *          No other copy of one stays behind in memory.
 * Threads  any.
 */
#ifndef TESSERA_PROTO_JOBJECT_H
#define TESSERA_PROTO_JOBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* What the struct has for a key. */
enum jfield_type {
    JFIELD_BOOL,    /* bool */
    JFIELD_INT,     /* int; a number that does not fit is of the wrong type */
    JFIELD_INTEGER, /* int64_t */
    JFIELD_STRING,  /* struct str: data NULL when absent; any byte, NUL included; a NUL follows */
    JFIELD_TEXT,    /* char *: NULL when absent; a NUL inside is an error */
    JFIELD_LIST,    /* char ** and, at count_offset, size_t: an array of such texts */
    JFIELD_OBJECT,  /* a struct that starts with bool present; duplicates are merged */
};

struct jfield {
    struct str key; /* a NUL follows */
    enum jfield_type type;
    bool secret; /* for those who show fields */
    bool always; /* written also when false, 0, absent or "" (an absent text: as "") */
    size_t offset, count_offset;
    const struct jobject *object; /* JFIELD_OBJECT */
};

/* The start of a row: {JFIELD(info, port, INT), .always = true}. */
#define JFIELD_AS(name, of, member, kind)                                                          \
    .key = { name, sizeof(name) - 1 }, .type = JFIELD_##kind, .offset = offsetof(struct of, member)
#define JFIELD(of, member, kind) JFIELD_AS(#member, of, member, kind)

struct jobject {
    const char *what; /* in texts of errors: CONNECT */
    const struct jfield *fields;
    size_t count;
    size_t text_max; /* bytes of a text; 0: no limit but the whole's */
    size_t list_max; /* texts of a list */
};

/* Reads json over what *to holds: keys that are absent keep their value.
 * ERR_INVALID; ERR_LIMIT: a text or a list is too long; ERR_NOMEM. Then a part may have been
 * read. The text of why never quotes the input. */
enum err jobject_read(const struct jobject *object, void *to, struct str json, struct errmsg *why);

/* {...} with fields in the order of the table; those that are false, 0, absent or "" only if
 * always. The caller frees it, and wipes it if it has secrets; NULL: out of memory. */
char *jobject_text(const struct jobject *object, const void *from);

/* Leaves strings and lists absent. */
void jobject_release(const struct jobject *object, void *of);

#endif

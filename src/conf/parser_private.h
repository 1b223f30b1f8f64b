/* SPDX-License-Identifier: Apache-2.0
 *
 * What parser.c (the grammar), variable.c and include.c share.
 */
#ifndef TESSERA_CONF_PARSER_PRIVATE_H
#define TESSERA_CONF_PARSER_PRIVATE_H

#include "conf/lexer.h"
#include "conf/parser.h"

/* The entries of one map so far; where variables are looked for, innermost first. A file
 * that is included starts a chain of its own. */
struct scope {
    struct conf_entry *first, **tail;
    struct scope *outer;
    uint32_t bare_line; /* where an unquoted, not public value ended; 0: none */
};

/* A text being read: a file, or a variable's value out of the environment. */
struct source {
    struct lexer lexer;
    const char *path;
    bool stopped; /* nothing sensible can be read behind the last error */
    struct source *outer;
    /* only for a variable */
    const char *env_name;  /* NULL: a file */
    struct conf_pos place; /* where the variable stands: the position of all that is in it */
    const char *problem;   /* the first error in it, without any of its text */
};

struct parser {
    struct conf_tree *tree;
    const struct conf_host *host;
    struct diags *diags;
    struct source *source;
    unsigned depth, files, errors;
    bool gave_up; /* on all of it */
};

/* Which key a value belongs to: what decides how much of it may be shown. */
struct subject {
    const struct conf_entry *entry;
    struct scope *scope;
};

static inline struct conf_pos
parser_pos(const struct parser *p)
{
    return p->source->env_name != NULL ? p->source->place : lexer_pos(&p->source->lexer);
}

void scope_init(struct scope *scope, struct scope *outer);
void scope_append(struct scope *scope, struct conf_entry *entry);

/* May the text around entry's value be shown? */
bool parser_may_show(const struct parser *p, const struct conf_entry *entry);

/* "Parse error on line N: 'TEXT'; hint" (hint may be NULL), or the problem of the variable
 * that is being read. */
void parser_error(struct parser *p, struct conf_pos pos, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Any other error in the text. */
void parser_complain(struct parser *p, struct conf_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reports what the lexer met while it read entry's value, which begins at pos. Nothing for
 * LEXER_OK. */
void parser_lexer_failed(struct parser *p, enum lexer_error err, const struct conf_entry *entry,
                         struct conf_pos pos);

void parser_read_file(struct parser *p, const struct conf_file *file, struct scope *scope);
struct conf_value *parser_read_value(struct parser *p, const struct subject *subject);
/* Nothing but blanks, newlines and comments is left. */
bool parser_at_end(struct parser *p);

/* include.c: behind the keyword; false: there is no path to be read. */
bool parser_include(struct parser *p, struct scope *scope);
enum err parser_open(struct parser *p, const char *path, struct conf_file **out,
                     struct errmsg *why);

/* variable.c: never NULL; an error is reported and gives a CONF_BAD without a problem. */
struct conf_value *parser_variable(struct parser *p, const struct subject *subject, struct str name,
                                   struct conf_pos pos);

#endif

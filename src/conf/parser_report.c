/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parser says about a text, and how much of the text it may show.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/parser_private.h"

bool
parser_may_show(const struct parser *p, const struct conf_entry *entry)
{
    return p->source->env_name == NULL && !entry->hidden &&
           p->host->secrecy(entry->key) == CONF_PUBLIC;
}

/* In a variable only the first problem is kept: the caller words it. */
static void __attribute__((format(printf, 4, 0)))
report(struct parser *p, struct conf_pos pos, const char *before, const char *format, va_list args,
       const char *after)
{
    char text[ERRMSG_MAX];

    (void)vsnprintf(text, sizeof(text), format, args);
    if (p->source->env_name == NULL) {
        diag_error(p->diags, pos, "%s%s%s", before, text, after);
        p->errors++;
    } else if (p->source->problem == NULL) {
        p->source->problem = arena_copy(&p->tree->arena, text, strlen(text));
    }
}

void
parser_error(struct parser *p, struct conf_pos pos, const char *hint, const char *format, ...)
{
    char before[48], after[128];
    va_list args;

    (void)snprintf(before, sizeof(before), "Parse error on line %u: '", pos.line);
    (void)snprintf(after, sizeof(after), "'%s%s", hint == NULL ? "" : "; ",
                   hint == NULL ? "" : hint);
    va_start(args, format);
    report(p, pos, before, format, args, after);
    va_end(args);
}

void
parser_complain(struct parser *p, struct conf_pos pos, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(p, pos, "", format, args, "");
    va_end(args);
}

void
parser_lexer_failed(struct parser *p, enum lexer_error err, const struct conf_entry *entry,
                    struct conf_pos pos)
{
    static const char allowed[] = "Only the following escape characters are allowed: "
                                  "\\xXX, \\t, \\n, \\r, \\\", \\\\.";
    int byte = lexer_peek(&p->source->lexer);

    switch (err) {
    case LEXER_OK:
        return;
    case LEXER_EOF_IN_STRING:
        parser_error(p, pos, "the string that begins here does not end", "Unexpected EOF.");
        p->source->stopped = true;
        return;
    case LEXER_EOF_IN_BLOCK:
        parser_error(p, pos, "a block ends with a ) alone on its line",
                     "Unexpected EOF processing block.");
        p->source->stopped = true;
        return;
    case LEXER_BAD_ESCAPE:
        if (byte > ' ' && byte < 0x7f && parser_may_show(p, entry) &&
            pos.line == p->source->lexer.line)
            parser_error(p, parser_pos(p), NULL, "Invalid escape character '%c'. %s", byte,
                         allowed);
        else
            parser_error(p, parser_pos(p), NULL, "Invalid escape character. %s", allowed);
        p->source->stopped = pos.line != p->source->lexer.line;
        return;
    case LEXER_QUOTE:
        parser_error(p, parser_pos(p), "put the whole value in double quotes",
                     "Unexpected quote in a value without quotes");
        return;
    }
}

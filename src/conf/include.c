/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf/parser_private.h"

enum err
parser_open(struct parser *p, const char *path, struct conf_file **out, struct errmsg *why)
{
    struct conf_file *file = arena_alloc(&p->tree->arena, sizeof(*file));
    enum err err = p->host->read_file(p->host->context, path, &p->tree->arena, file, why);

    if (err != ERR_OK)
        return err;
    p->files++;
    file->path = path;
    file->next = p->tree->files;
    p->tree->files = file;
    *out = file;
    return ERR_OK;
}

/* Relative to the folder of the file that includes it. */
static const char *
resolve(struct parser *p, struct str name)
{
    const char *from = p->source->path;
    const char *slash = strrchr(from, '/');
    int folder_len = slash == NULL ? 0 : (int)(slash + 1 - from);

    if (name.data[0] == '/')
        folder_len = 0;
    return arena_printf(&p->tree->arena, "%.*s%.*s", folder_len, from, (int)name.len, name.data);
}

/* What stands in the way of one more file; NULL: nothing. */
static const char *
obstacle(const struct parser *p, const char *path)
{
    unsigned depth = 0;

    for (const struct source *source = p->source; source != NULL; source = source->outer) {
        if (strcmp(source->path, path) == 0)
            return "it includes itself";
        depth++;
    }
    if (depth > CONF_INCLUDE_DEPTH_MAX)
        return "too many files include each other";
    return p->files >= CONF_FILES_MAX ? "too many files are included" : NULL;
}

static void
include_file(struct parser *p, struct conf_pos pos, struct str name, struct scope *scope)
{
    const char *path = resolve(p, name), *why_not = obstacle(p, path);
    struct conf_file *file = NULL;
    struct scope inner;
    struct errmsg why;

    if (why_not != NULL || parser_open(p, path, &file, &why) != ERR_OK) {
        parser_complain(p, pos, "error parsing include file '%s', %s", path,
                        why_not != NULL ? why_not : why.text);
        return;
    }
    scope_init(&inner, NULL);
    parser_read_file(p, file, &inner);
    if (inner.first != NULL) {
        *scope->tail = inner.first;
        scope->tail = inner.tail;
    }
}

static bool
read_name(struct parser *p, struct conf_pos pos, struct str *out)
{
    struct lexer *lexer = &p->source->lexer;
    enum lexer_error err;

    if (lexer_peek(lexer) == LEXER_EOF || lexer_at_newline(lexer)) {
        parser_error(p, pos, NULL, "Expected include value but found new line");
        lexer_skip_space(lexer); /* the next line is the path, most likely */
    } else if (lexer_peek(lexer) == '[' || lexer_peek(lexer) == '{')
        parser_error(p, pos, NULL, "Expected include value but found start of %s",
                     lexer_peek(lexer) == '[' ? "an array" : "a map");
    else {
        if (lexer_accept(lexer, '"'))
            err = lexer_quoted(lexer, '"', true, out);
        else if (lexer_accept(lexer, '\''))
            err = lexer_quoted(lexer, '\'', false, out);
        else
            err = lexer_bare(lexer, out);
        if (err == LEXER_OK && out->len > 0 && memchr(out->data, '\0', out->len) == NULL)
            return true;
        parser_error(p, pos, NULL, "Expected the path of a file to include");
    }
    return false;
}

bool
parser_include(struct parser *p, struct scope *scope)
{
    struct conf_pos pos;
    struct str name;

    lexer_skip_blanks(&p->source->lexer);
    pos = parser_pos(p);
    if (p->source->env_name != NULL)
        parser_error(p, pos, NULL, "include inside a variable");
    else if (read_name(p, pos, &name)) {
        include_file(p, pos, name, scope);
        return true;
    }
    return false;
}

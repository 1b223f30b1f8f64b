/* SPDX-License-Identifier: Apache-2.0
 *
 * $NAME is looked for among the keys read so far, in the enclosing maps from the inside out,
 * then in the environment. A value from the environment has two faces: a string option gets
 * its text untouched (a token must not change because it looks like a number or holds a
 * comma), every other option what the text means when read as configuration.
 */
#include <string.h>

#include "conf/parser_private.h"

#define NAME_SHOWN_MAX 64 /* bytes */

/* "for 'NAME' " or nothing where NAME may be a secret written without quotes. */
static const char *
shown_name(const struct parser *p, const struct subject *subject, struct str name)
{
    if (!parser_may_show(p, subject->entry))
        return "";
    return arena_printf(&p->tree->arena, "for '%.*s' ",
                        (int)(name.len < NAME_SHOWN_MAX ? name.len : NAME_SHOWN_MAX), name.data);
}

static struct conf_entry *
find_key(const struct scope *scope, struct str name)
{
    struct conf_entry *found = NULL;

    for (; scope != NULL && found == NULL; scope = scope->outer)
        for (struct conf_entry *entry = scope->first; entry != NULL; entry = entry->next)
            if (str_eq(entry->key, name))
                found = entry;
    return found;
}

static const char *
find_env(const struct parser *p, const char *name)
{
    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return NULL;
    return p->host->get_env(p->host->context, name);
}

/* One pair of quotes around the whole is the shell's or the unit file's, not the value's. */
static struct str
unquoted(struct str text)
{
    if (text.len >= 2 && (text.data[0] == '"' || text.data[0] == '\'') &&
        text.data[0] == text.data[text.len - 1])
        return (struct str) { text.data + 1, text.len - 2 };
    return text;
}

static bool
is_cycle(const struct parser *p, const char *name)
{
    for (const struct source *source = p->source; source != NULL; source = source->outer)
        if (source->env_name != NULL && strcmp(source->env_name, name) == 0)
            return true;
    return false;
}

/* What text means; on failure NULL and the problem in source. */
static struct conf_value *
read_env(struct parser *p, const struct subject *subject, struct source *source, struct str text)
{
    struct conf_value *value = NULL;

    lexer_init(&source->lexer, &p->tree->arena, source->path, text);
    if (is_cycle(p, source->env_name)) {
        source->problem = "the variable refers to itself";
        return NULL;
    }
    p->source = source;
    p->depth++;
    if (p->depth > CONF_DEPTH_MAX) {
        source->problem = "too many variables refer to each other";
    } else {
        lexer_skip_blanks(&source->lexer);
        value = parser_read_value(p, subject);
        if (value != NULL && source->problem == NULL && !parser_at_end(p))
            source->problem = "there is more text behind the value";
    }
    p->depth--;
    p->source = source->outer;
    return source->problem == NULL ? value : NULL;
}

static struct conf_value *
from_env(struct parser *p, const struct subject *subject, const char *name, const char *text,
         struct conf_pos pos)
{
    struct arena *arena = &p->tree->arena;
    struct conf_value *value = arena_alloc(arena, sizeof(*value)), *meaning;
    struct source source = {
        .path = p->source->path, .outer = p->source, .env_name = name, .place = pos
    };
    struct str copy = { arena_copy(arena, text, strlen(text)), strlen(text) };

    meaning = read_env(p, subject, &source, copy);
    if (meaning != NULL) {
        *value = *meaning;
    } else {
        value->type = CONF_BAD;
        value->problem =
            arena_printf(arena, "variable reference %son line %u could not be parsed: %s",
                         shown_name(p, subject, str_of(name)), pos.line,
                         source.problem != NULL ? source.problem : "no value");
    }
    value->text = unquoted(copy);
    value->origin = (struct conf_pos) { 0 };
    return value;
}

struct conf_value *
parser_variable(struct parser *p, const struct subject *subject, struct str name,
                struct conf_pos pos)
{
    struct arena *arena = &p->tree->arena;
    const char *name_text = arena_copy(arena, name.data, name.len), *env;
    struct conf_entry *entry = p->source->env_name == NULL ? find_key(subject->scope, name) : NULL;
    struct conf_value *value;

    if (entry != NULL) {
        entry->used = true;
        value = arena_alloc(arena, sizeof(*value));
        *value = *entry->value;
    } else if ((env = find_env(p, name_text)) != NULL) {
        value = from_env(p, subject, name_text, env, pos);
    } else {
        parser_complain(
            p, pos, "variable reference %son line %u can not be found%s",
            shown_name(p, subject, name), pos.line,
            parser_may_show(p, subject->entry) ? "" : "; a value that begins with $ needs quotes");
        value = arena_alloc(arena, sizeof(*value));
        value->type = CONF_BAD;
    }
    value->pos = pos;
    value->via_variable = true;
    value->next = NULL;
    return value;
}

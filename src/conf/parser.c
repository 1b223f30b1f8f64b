/* SPDX-License-Identifier: Apache-2.0
 *
 * Recursive descent, one function per construct, at most CONF_DEPTH_MAX deep.
 *
 * After an error the rest of the line is skipped, up to a brace that closes the construct,
 * and reading goes on, so that one run shows all mistakes. Where quotes are out of step (a
 * string over several lines with text behind it, an end of file inside one) nothing that
 * follows can be trusted to be what it looks like, so the file is left alone.
 */
#include "conf/parser.h"

#include <string.h>

#include "conf/parser_private.h"

enum container {
    IN_FILE,
    IN_MAP,
    IN_ARRAY,
};

static const char *const end_texts[] = {
    [IN_FILE] = "Expected a top-level value to end with a new line, comment or EOF",
    [IN_MAP] = "Expected a map value terminator \",\" or a map terminator \"}\"",
    [IN_ARRAY] = "Expected an array value terminator \",\" or an array terminator \"]\"",
};

void
scope_init(struct scope *scope, struct scope *outer)
{
    *scope = (struct scope) { .outer = outer };
    scope->tail = &scope->first;
}

void
scope_append(struct scope *scope, struct conf_entry *entry)
{
    *scope->tail = entry;
    scope->tail = &entry->next;
}

static struct lexer *
cursor(struct parser *p)
{
    return &p->source->lexer;
}

/* Is there no point in reading on? */
static bool
is_done(const struct parser *p)
{
    return p->source->stopped || p->gave_up || p->source->problem != NULL ||
           p->errors >= CONF_PARSE_ERRORS_MAX;
}

static void
recover(struct parser *p, enum container in)
{
    struct lexer *lexer = cursor(p);

    while (lexer_peek(lexer) != LEXER_EOF && !lexer_at_newline(lexer) &&
           !(in == IN_MAP && lexer_peek(lexer) == '}') &&
           !(in == IN_ARRAY && lexer_peek(lexer) == ']'))
        lexer_next(lexer);
}

static void
skip_filler(struct parser *p)
{
    do
        lexer_skip_space(cursor(p));
    while (lexer_skip_comment(cursor(p)));
}

bool
parser_at_end(struct parser *p)
{
    skip_filler(p);
    return lexer_peek(cursor(p)) == LEXER_EOF;
}

static bool
enter(struct parser *p, struct conf_pos pos)
{
    if (++p->depth <= CONF_DEPTH_MAX)
        return true;
    parser_complain(p, pos, "maps and arrays nest deeper than %d", CONF_DEPTH_MAX);
    p->gave_up = p->source->env_name == NULL;
    return false;
}

static struct conf_value *
new_value(struct parser *p, enum conf_type type, struct conf_pos pos)
{
    struct conf_value *value = arena_alloc(&p->tree->arena, sizeof(*value));

    value->type = type;
    value->pos = value->origin = pos;
    return value;
}

/* Behind a value: what must follow one. */
static void
read_end(struct parser *p, enum container in, const struct conf_entry *entry,
         const struct conf_value *value)
{
    struct lexer *lexer = cursor(p);
    int byte;

    lexer_skip_blanks(lexer);
    (void)lexer_skip_comment(lexer);
    byte = lexer_peek(lexer);
    if (byte == LEXER_EOF || lexer_at_newline(lexer) || (byte == '}' && in != IN_ARRAY) ||
        (byte == ']' && in == IN_ARRAY))
        return;
    if (lexer_accept(lexer, ',') || (in != IN_ARRAY && lexer_accept(lexer, ';')))
        return;
    if (byte > ' ' && byte < 0x7f && parser_may_show(p, entry) && !value->quoted)
        parser_error(p, parser_pos(p), NULL, "%s, but got '%c' instead.", end_texts[in], byte);
    else
        parser_error(p, parser_pos(p), NULL, "%s.", end_texts[in]);
    if (value->quoted && value->origin.line != lexer->line)
        p->source->stopped = true;
    recover(p, in);
}

static struct conf_value *
read_bare(struct parser *p, const struct subject *subject, struct conf_pos pos)
{
    const char *from = cursor(p)->text + cursor(p)->at;
    struct str word = STR_NULL;
    enum lexer_error err = lexer_bare(cursor(p), &word);
    struct conf_value *value;

    if (err != LEXER_OK) {
        parser_lexer_failed(p, err, subject->entry, pos);
        return NULL;
    }
    if (word.data == from && word.data[0] == '$' && !conf_is_hash_like(word))
        return parser_variable(p, subject, (struct str) { word.data + 1, word.len - 1 }, pos);
    value = new_value(p, CONF_STRING, pos);
    value->text = word;
    if (word.data == from) /* with an escape in it, it is a string */
        conf_classify(word, value);
    return value;
}

static struct conf_value *
read_quoted(struct parser *p, const struct subject *subject, struct conf_pos pos)
{
    struct conf_value *value = new_value(p, CONF_STRING, pos);
    struct lexer *lexer = cursor(p);
    enum lexer_error err;

    value->quoted = true;
    if (lexer_accept(lexer, '('))
        err = lexer_block(lexer, &value->text);
    else if (lexer_accept(lexer, '"'))
        err = lexer_quoted(lexer, '"', true, &value->text);
    else {
        lexer_next(lexer);
        err = lexer_quoted(lexer, '\'', false, &value->text);
    }
    parser_lexer_failed(p, err, subject->entry, pos);
    return err == LEXER_OK ? value : NULL;
}

/* Behind a value in an array; true when another may follow. */
static bool
read_comma(struct parser *p, const struct subject *subject, const struct conf_value *value)
{
    if (value == NULL)
        recover(p, IN_ARRAY);
    else
        read_end(p, IN_ARRAY, subject->entry, value);
    skip_filler(p);
    return lexer_peek(cursor(p)) != ']';
}

static struct conf_value *
read_array(struct parser *p, const struct subject *subject, struct conf_pos pos)
{
    struct conf_value *array = new_value(p, CONF_ARRAY, pos), **tail = &array->items, *item;
    struct lexer *lexer = cursor(p);
    bool more = enter(p, pos);

    lexer_next(lexer);
    skip_filler(p);
    more = more && lexer_peek(lexer) != ']';
    while (more && !is_done(p)) {
        if (lexer_peek(lexer) == LEXER_EOF) {
            parser_error(p, pos, "the [ that stands here is not closed",
                         "Unexpected EOF processing array.");
            p->source->stopped = true;
            break;
        }
        if (lexer_peek(lexer) == ',') {
            parser_error(p, parser_pos(p), NULL, "Unexpected array value terminator ','.");
            lexer_next(lexer);
            item = NULL;
        } else {
            item = parser_read_value(p, subject);
        }
        if (item != NULL) {
            *tail = item;
            tail = &item->next;
        }
        more = read_comma(p, subject, item);
    }
    (void)lexer_accept(lexer, ']');
    p->depth--;
    return array;
}

static void read_entries(struct parser *p, struct scope *scope, enum container in,
                         struct conf_pos open);

static struct conf_value *
read_map(struct parser *p, const struct subject *subject, struct conf_pos pos)
{
    struct conf_value *map = new_value(p, CONF_MAP, pos);
    struct scope scope;

    lexer_next(cursor(p));
    scope_init(&scope, subject->scope);
    if (enter(p, pos))
        read_entries(p, &scope, IN_MAP, pos);
    p->depth--;
    if (scope.bare_line == cursor(p)->line) /* the } may belong to its last value */
        subject->scope->bare_line = scope.bare_line;
    map->entries = scope.first;
    return map;
}

struct conf_value *
parser_read_value(struct parser *p, const struct subject *subject)
{
    struct lexer *lexer = cursor(p);
    struct conf_pos pos = parser_pos(p);
    int byte = lexer_peek(lexer);

    switch (byte) {
    case LEXER_EOF:
        parser_error(p, pos, "a value is missing", "Unexpected EOF.");
        return NULL;
    case '\n':
    case '\r':
        parser_error(p, pos, NULL, "Expected value but found new line");
        lexer_skip_space(lexer); /* the next line is the value, most likely: no key to show */
        return NULL;
    case ',':
        parser_error(p, pos, NULL, "Unexpected map value terminator \",\".");
        return NULL;
    case ';':
    case '}':
    case ']':
        parser_error(p, pos, NULL, "Expected value but found '%c'", byte);
        return NULL;
    case '{':
        return read_map(p, subject, pos);
    case '[':
        return read_array(p, subject, pos);
    case '(':
    case '"':
    case '\'':
        return read_quoted(p, subject, pos);
    default:
        return read_bare(p, subject, pos);
    }
}

static bool
read_key(struct parser *p, struct str *key, bool *bare)
{
    struct lexer *lexer = cursor(p);
    struct conf_pos pos = parser_pos(p);
    int byte = lexer_peek(lexer);

    *bare = byte != '"' && byte != '\'';
    if (!*bare) {
        lexer_next(lexer);
        if (lexer_quoted(lexer, (char)byte, false, key) == LEXER_OK &&
            memchr(key->data, '\n', key->len) == NULL)
            return true;
        parser_error(p, pos, "the key that begins here does not end on its line",
                     "Unexpected EOF.");
        p->source->stopped = true;
        return false;
    }
    *key = byte == ']' ? STR_NULL : lexer_bare_key(lexer);
    if (key->len > 0)
        return true;
    if (byte == '=' || byte == ':')
        parser_error(p, pos, NULL, "Unexpected key separator '%c'", byte);
    else
        parser_error(p, pos, NULL, "Expected a key but found '%c'", byte);
    return false;
}

/* The value behind a key; NULL was reported. */
static struct conf_value *
read_entry_value(struct parser *p, const struct subject *subject, enum container in)
{
    struct lexer *lexer = cursor(p);

    lexer_skip_space(lexer);
    if (lexer_accept(lexer, '=') || lexer_accept(lexer, ':')) {
        if (in == IN_MAP)
            lexer_skip_space(lexer);
        else
            lexer_skip_blanks(lexer);
    }
    return parser_read_value(p, subject);
}

/* What stands behind value on its line may belong to it: remember the line. */
static void
note_risk(struct parser *p, const struct subject *subject, const struct conf_value *value)
{
    bool scalar = value->type != CONF_MAP && value->type != CONF_ARRAY;
    uint32_t line = cursor(p)->line;

    if (value->quoted ? value->origin.line != line
                      : scalar && p->host->secrecy(subject->entry->key) != CONF_PUBLIC)
        subject->scope->bare_line = line;
}

static void
read_entry(struct parser *p, struct scope *scope, enum container in)
{
    struct conf_entry *entry = arena_alloc(&p->tree->arena, sizeof(*entry));
    struct subject subject = { entry, scope };
    struct conf_value none = { .type = CONF_STRING };
    bool bare;

    entry->pos = parser_pos(p);
    entry->hidden = scope->bare_line == cursor(p)->line;
    if (!read_key(p, &entry->key, &bare)) {
        recover(p, in);
        return;
    }
    if (bare && str_eq_nocase(entry->key, STR_LIT("include")) && lexer_at_blank(cursor(p))) {
        if (parser_include(p, scope))
            read_end(p, in, entry, &none);
        else
            recover(p, in);
        return;
    }
    entry->value = read_entry_value(p, &subject, in);
    if (entry->value == NULL) {
        recover(p, in);
        return;
    }
    scope_append(scope, entry);
    note_risk(p, &subject, entry->value);
    read_end(p, in, entry, entry->value);
}

/* A } at the top level: accepted as the last thing in a file. */
static void
read_stray_brace(struct parser *p)
{
    struct conf_pos pos = parser_pos(p);

    lexer_next(cursor(p));
    if (!parser_at_end(p))
        parser_error(p, pos, "there is no { for it", "Unexpected map end '}'.");
}

/* The whole of a file in braces, as JSON has it: still the top level. */
static void
read_wrapper(struct parser *p, struct scope *scope)
{
    struct conf_pos pos = parser_pos(p);

    lexer_next(cursor(p));
    if (enter(p, pos))
        read_entries(p, scope, IN_MAP, pos);
    p->depth--;
}

/* Up to and with the } in a map, to the end in a file. */
static void
read_entries(struct parser *p, struct scope *scope, enum container in, struct conf_pos open)
{
    struct lexer *lexer = cursor(p);

    while (!is_done(p)) {
        do
            skip_filler(p);
        while (lexer_accept(lexer, ',') || lexer_accept(lexer, ';'));
        if (lexer_peek(lexer) == LEXER_EOF) {
            if (in == IN_MAP) {
                parser_error(p, open, "the { that stands here is not closed",
                             "Unexpected EOF processing map.");
                p->source->stopped = true;
            }
            return;
        }
        if (in == IN_MAP && lexer_accept(lexer, '}'))
            return;
        if (lexer_peek(lexer) == '}')
            read_stray_brace(p);
        else if (in == IN_FILE && lexer_peek(lexer) == '{')
            read_wrapper(p, scope);
        else
            read_entry(p, scope, in);
    }
}

void
parser_read_file(struct parser *p, const struct conf_file *file, struct scope *scope)
{
    struct source source = { .path = file->path, .outer = p->source };
    struct str text = file->text, mark = STR_LIT("\xef\xbb\xbf");

    if (str_starts(text, mark)) /* some editors mark UTF-8 so */
        text = (struct str) { text.data + mark.len, text.len - mark.len };
    lexer_init(&source.lexer, &p->tree->arena, file->path, text);
    p->source = &source;
    read_entries(p, scope, IN_FILE, (struct conf_pos) { 0 });
    p->source = source.outer;
}

void
conf_parse(struct conf_tree *tree, const struct conf_host *host, const char *path,
           struct diags *diags)
{
    struct parser p = { .tree = tree, .host = host, .diags = diags };
    struct conf_pos nowhere = { 0 };
    struct conf_file *file;
    struct errmsg why;
    struct scope scope;

    scope_init(&scope, NULL);
    path = arena_copy(&tree->arena, path, strlen(path));
    if (parser_open(&p, path, &file, &why) != ERR_OK) {
        diag_error(diags, nowhere, "%s", why.text);
        return;
    }
    parser_read_file(&p, file, &scope);
    tree->entries = scope.first;
    if (p.errors >= CONF_PARSE_ERRORS_MAX)
        diag_error(diags, nowhere, "too many errors: the rest of %s is not read", path);
}

void
conf_tree_release(struct conf_tree *tree)
{
    arena_release(&tree->arena);
    *tree = (struct conf_tree) { 0 };
}

struct conf_file *
conf_tree_file(const struct conf_tree *tree, const char *path)
{
    struct conf_file *file = tree->files;

    while (file != NULL && (path == NULL || strcmp(file->path, path) != 0))
        file = file->next;
    return file;
}

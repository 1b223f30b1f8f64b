/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/lexer.h"

#include <assert.h>
#include <string.h>

void
lexer_init(struct lexer *lexer, struct arena *arena, const char *file, struct str text)
{
    *lexer = (struct lexer) {
        .arena = arena, .file = file, .text = text.data, .len = text.len, .line = 1
    };
}

struct conf_pos
lexer_pos(const struct lexer *lexer)
{
    return (struct conf_pos) { lexer->file, lexer->line,
                               (uint32_t)(lexer->at - lexer->line_start) + 1 };
}

int
lexer_peek(const struct lexer *lexer)
{
    return lexer->at < lexer->len ? (unsigned char)lexer->text[lexer->at] : LEXER_EOF;
}

void
lexer_next(struct lexer *lexer)
{
    assert(lexer->at < lexer->len);
    if (lexer->text[lexer->at++] == '\n') {
        lexer->line++;
        lexer->line_start = lexer->at;
    }
}

bool
lexer_accept(struct lexer *lexer, char byte)
{
    if (lexer_peek(lexer) != (unsigned char)byte)
        return false;
    lexer_next(lexer);
    return true;
}

bool
lexer_at_newline(const struct lexer *lexer)
{
    int byte = lexer_peek(lexer);

    return byte == '\n' || byte == '\r';
}

bool
lexer_at_blank(const struct lexer *lexer)
{
    int byte = lexer_peek(lexer);

    return byte == ' ' || byte == '\t' || byte == LEXER_EOF;
}

void
lexer_skip_blanks(struct lexer *lexer)
{
    while (lexer_peek(lexer) != LEXER_EOF && lexer_at_blank(lexer))
        lexer_next(lexer);
}

void
lexer_skip_space(struct lexer *lexer)
{
    while (lexer_peek(lexer) != LEXER_EOF && (lexer_at_blank(lexer) || lexer_at_newline(lexer)))
        lexer_next(lexer);
}

void
lexer_skip_line(struct lexer *lexer)
{
    while (lexer_peek(lexer) != LEXER_EOF && !lexer_at_newline(lexer))
        lexer_next(lexer);
}

bool
lexer_skip_comment(struct lexer *lexer)
{
    bool slashes = lexer->len - lexer->at >= 2 && memcmp(lexer->text + lexer->at, "//", 2) == 0;

    if (!slashes && lexer_peek(lexer) != '#')
        return false;
    lexer_skip_line(lexer);
    return true;
}

static struct str
slice(const struct lexer *lexer, size_t from, size_t to)
{
    return (struct str) { lexer->text + from, to - from };
}

/* NUL is a byte like any other here: strchr() would find it in every set. */
static bool
at_one_of(const struct lexer *lexer, const char *set)
{
    int byte = lexer_peek(lexer);

    return byte > 0 && strchr(set, byte) != NULL;
}

struct str
lexer_bare_key(struct lexer *lexer)
{
    size_t from = lexer->at;

    while (!lexer_at_blank(lexer) && !lexer_at_newline(lexer) && !at_one_of(lexer, "=:{},;"))
        lexer_next(lexer);
    return slice(lexer, from, lexer->at);
}

/* Behind a backslash. Steps over the escape only when it is a good one. */
static enum lexer_error
read_escape(struct lexer *lexer, char *out)
{
    static const char names[] = "tnr\"\\", bytes[] = "\t\n\r\"\\";
    int byte = lexer_peek(lexer);
    const char *name = byte > 0 ? strchr(names, byte) : NULL;

    if (byte == LEXER_EOF)
        return LEXER_EOF_IN_STRING;
    if (name != NULL) {
        *out = bytes[name - names];
    } else {
        int high = -1, low = -1;

        if (byte == 'x' && lexer->len - lexer->at > 2) {
            high = str_hex_digit(lexer->text[lexer->at + 1]);
            low = str_hex_digit(lexer->text[lexer->at + 2]);
        }
        if (high < 0 || low < 0)
            return LEXER_BAD_ESCAPE;
        lexer->at += 2; /* two hex digits: no newline is skipped */
        *out = (char)(high * 16 + low);
    }
    lexer_next(lexer);
    return LEXER_OK;
}

typedef bool at_end_fn(const struct lexer *lexer);

static bool
at_double_quote(const struct lexer *lexer)
{
    return lexer_peek(lexer) == '"';
}

static bool
at_bare_end(const struct lexer *lexer)
{
    return lexer_at_blank(lexer) || lexer_at_newline(lexer) || at_one_of(lexer, ",;]}'");
}

/* From offset from to to, which was read once and has good escapes only. */
static struct str
decode(const struct lexer *lexer, size_t from, size_t to)
{
    struct lexer again = { .text = lexer->text, .len = to, .at = from };
    char *copy = arena_alloc(lexer->arena, to - from);
    size_t len = 0;

    while (again.at < to) {
        char byte = again.text[again.at];

        lexer_next(&again);
        if (byte == '\\')
            (void)read_escape(&again, &byte);
        copy[len++] = byte;
    }
    return (struct str) { copy, len };
}

/* Up to the end or EOF; a copy is made only when there is an escape. */
static enum lexer_error
read_escaped(struct lexer *lexer, at_end_fn *at_end, struct str *out)
{
    size_t from = lexer->at;
    bool escapes = false;

    while (lexer_peek(lexer) != LEXER_EOF && !at_end(lexer)) {
        enum lexer_error err = LEXER_OK;
        char byte;

        if (lexer_accept(lexer, '\\')) {
            escapes = true;
            err = read_escape(lexer, &byte);
        } else {
            lexer_next(lexer);
        }
        if (err != LEXER_OK)
            return err;
    }
    *out = escapes ? decode(lexer, from, lexer->at) : slice(lexer, from, lexer->at);
    return LEXER_OK;
}

enum lexer_error
lexer_quoted(struct lexer *lexer, char quote, bool escapes, struct str *out)
{
    size_t from = lexer->at;

    assert(!escapes || quote == '"');
    if (escapes) {
        enum lexer_error err = read_escaped(lexer, at_double_quote, out);

        if (err != LEXER_OK)
            return err;
    } else {
        while (lexer_peek(lexer) != LEXER_EOF && lexer_peek(lexer) != quote)
            lexer_next(lexer);
        *out = slice(lexer, from, lexer->at);
    }
    return lexer_accept(lexer, quote) ? LEXER_OK : LEXER_EOF_IN_STRING;
}

enum lexer_error
lexer_block(struct lexer *lexer, struct str *out)
{
    size_t from = lexer->at;

    for (; lexer_peek(lexer) != LEXER_EOF; lexer_next(lexer)) {
        size_t at = lexer->at;

        if (lexer_peek(lexer) != ')' || at == from || lexer->text[at - 1] != '\n')
            continue;
        lexer_next(lexer);
        if (lexer_peek(lexer) == LEXER_EOF || lexer_at_newline(lexer)) {
            *out = slice(lexer, from, at);
            return LEXER_OK;
        }
    }
    return LEXER_EOF_IN_BLOCK;
}

enum lexer_error
lexer_bare(struct lexer *lexer, struct str *out)
{
    enum lexer_error err = read_escaped(lexer, at_bare_end, out);

    if (err == LEXER_OK && lexer_peek(lexer) == '\'')
        return LEXER_QUOTE;
    return err;
}

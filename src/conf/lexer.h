/* SPDX-License-Identifier: Apache-2.0
 *
 * lexer - a cursor over the text of one configuration file
 *
 * What a byte means depends on where it stands (`a:b` is a key and a value, but also a whole
 * value), so the parser asks for what may come next instead of getting a stream of tokens.
 *
 * Owns     nothing: the text, the arena and the file name belong to the caller.
 * Fails    by lexer_error: the cursor then stands where the reading stopped.
 */
#ifndef TESSERA_CONF_LEXER_H
#define TESSERA_CONF_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "conf/arena.h"
#include "conf/diag.h"

#define LEXER_EOF (-1)

struct lexer {
    struct arena *arena; /* for texts with escapes */
    const char *file;
    const char *text;
    size_t len, at;
    uint32_t line;     /* of the byte at at */
    size_t line_start; /* offset of its first byte */
};

enum lexer_error {
    LEXER_OK,
    LEXER_EOF_IN_STRING,
    LEXER_EOF_IN_BLOCK,
    LEXER_BAD_ESCAPE, /* the cursor is on the byte behind the backslash */
    LEXER_QUOTE,      /* a ' inside a bare word */
};

void lexer_init(struct lexer *lexer, struct arena *arena, const char *file, struct str text);

struct conf_pos lexer_pos(const struct lexer *lexer);

/* The byte under the cursor, 0..255, or LEXER_EOF. */
int lexer_peek(const struct lexer *lexer);
void lexer_next(struct lexer *lexer);
/* Steps over byte if it is the next one. */
bool lexer_accept(struct lexer *lexer, char byte);

/* Blanks are space and tab; newlines are LF and CR. */
bool lexer_at_newline(const struct lexer *lexer);
/* EOF counts as a blank here: nothing can follow. */
bool lexer_at_blank(const struct lexer *lexer);
void lexer_skip_blanks(struct lexer *lexer);
/* Blanks and newlines. */
void lexer_skip_space(struct lexer *lexer);
/* Steps over one comment, up to its newline; false when there is none. */
bool lexer_skip_comment(struct lexer *lexer);
void lexer_skip_line(struct lexer *lexer);

/* An unquoted key: up to a blank, newline, '=' or ':', and what can only be punctuation. */
struct str lexer_bare_key(struct lexer *lexer);
/* Behind the opening quote; no escapes when quote is '. The closing quote is consumed. */
enum lexer_error lexer_quoted(struct lexer *lexer, char quote, bool escapes, struct str *out);
/* Behind the '(': raw up to a ')' on a line of its own, which is consumed. */
enum lexer_error lexer_block(struct lexer *lexer, struct str *out);
/* A bare value: up to a blank, newline or one of , ; ] }. */
enum lexer_error lexer_bare(struct lexer *lexer, struct str *out);

#endif

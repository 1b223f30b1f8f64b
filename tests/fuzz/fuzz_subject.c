/* SPDX-License-Identifier: Apache-2.0
 *
 * Pattern and literal, parted by the first LF. The rules must agree with each other, and the
 * matcher with a second, recursive one.
 */
#include <assert.h>

#include "proto/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Recursion over bytes instead of tokens; the pattern is valid, the literal has no empty token. */
static bool
matches_bytes(struct str pattern, struct str literal)
{
    const char *dot = memchr(pattern.data, '.', pattern.len);
    const char *literal_dot = memchr(literal.data, '.', literal.len);
    size_t want = dot == NULL ? pattern.len : (size_t)(dot - pattern.data);
    size_t have = literal_dot == NULL ? literal.len : (size_t)(literal_dot - literal.data);

    if (pattern.len == 1 && pattern.data[0] == '>')
        return true;
    if (!(want == 1 && pattern.data[0] == '*') &&
        !(want == have && memcmp(pattern.data, literal.data, want) == 0))
        return false;
    if (dot == NULL || literal_dot == NULL)
        return dot == NULL && literal_dot == NULL;
    return matches_bytes((struct str) { dot + 1, pattern.len - want - 1 },
                         (struct str) { literal_dot + 1, literal.len - have - 1 });
}

static void
check_rules(struct str subject)
{
    struct str rest = subject, token;
    size_t count = 0, bytes = 0;

    while (subject_next_token(&rest, &token)) {
        assert(memchr(token.data, '.', token.len) == NULL);
        count++;
        bytes += token.len;
    }
    assert(count == subject_token_count(subject) && count > 0);
    assert(bytes + count - 1 == subject.len);
    if (subject_valid_literal(subject)) {
        assert(subject_valid(subject) && !subject_has_wildcard(subject));
        assert(subject_matches(subject, subject));
        assert(subject_matches(STR_LIT(">"), subject));
    }
    assert(!(subject_valid(subject) && subject_has_empty_token(subject)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    const char *lf = memchr(text, '\n', size);
    struct str pattern, literal;

    pattern = (struct str) { text, lf == NULL ? size : (size_t)(lf - text) };
    literal = lf == NULL ? STR_LIT("") : (struct str) { lf + 1, size - pattern.len - 1 };
    check_rules(pattern);
    check_rules(literal);
    if (!subject_valid(pattern))
        return 0;
    assert(subject_matches(pattern, literal) ==
           (!subject_has_empty_token(literal) && matches_bytes(pattern, literal)));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Most is a walk over tokens. The walk's rest has data NULL once the last token is
 * taken, so that "a." ends in an empty token and "a" does not.
 */
#include "proto/subject.h"

static bool
is_token(struct str token, char byte)
{
    return token.len == 1 && token.data[0] == byte;
}

static bool
is_wildcard(struct str token)
{
    return is_token(token, '*') || is_token(token, '>');
}

bool
subject_valid(struct str subject)
{
    size_t start = 0; /* of the token */

    for (size_t i = 0; i < subject.len; i++) {
        char c = subject.data[i];

        if (str_is_space(c))
            return false;
        if (c != '.')
            continue;
        if (i == start || (i == start + 1 && subject.data[start] == '>'))
            return false;
        start = i + 1;
    }
    return start < subject.len;
}

bool
subject_valid_literal(struct str subject)
{
    return subject_valid(subject) && !subject_has_wildcard(subject);
}

bool
subject_has_wildcard(struct str subject)
{
    struct str token;

    while (subject_next_token(&subject, &token)) {
        if (is_wildcard(token))
            return true;
    }
    return false;
}

bool
subject_has_empty_token(struct str subject)
{
    struct str token;

    if (subject.data == NULL)
        return true;
    while (subject_next_token(&subject, &token)) {
        if (token.len == 0)
            return true;
    }
    return false;
}

size_t
subject_token_count(struct str subject)
{
    size_t count = 0;

    for (struct str token; subject_next_token(&subject, &token);)
        count++;
    return count;
}

bool
subject_matches(struct str pattern, struct str literal)
{
    struct str want, have;

    if (subject_has_empty_token(literal))
        return false;
    while (subject_next_token(&pattern, &want)) {
        if (!subject_next_token(&literal, &have))
            return false;
        if (is_token(want, '>') && pattern.data == NULL)
            return true;
        if (!is_token(want, '*') && !str_eq(want, have))
            return false;
    }
    return literal.data == NULL;
}

bool
subject_next_token(struct str *rest, struct str *token)
{
    const char *dot;

    if (rest->data == NULL)
        return false;
    dot = memchr(rest->data, '.', rest->len);
    *token = (struct str) { rest->data, dot == NULL ? rest->len : (size_t)(dot - rest->data) };
    *rest = dot == NULL ? STR_NULL : (struct str) { dot + 1, rest->len - token->len - 1 };
    return true;
}

/* The prefix alone is an ordinary subject, as in the reference. */
static bool
goes_on(struct str subject, struct str prefix)
{
    return subject.len > prefix.len && str_starts(subject, prefix);
}

bool
subject_is_reserved(struct str subject, bool system_account)
{
    return goes_on(subject, STR_LIT("_GR_.")) ||
           (!system_account && goes_on(subject, STR_LIT("$NRG.")));
}

bool
subject_is_reserved_reply(struct str reply)
{
    return str_starts(reply, STR_LIT("_R_.")) || goes_on(reply, STR_LIT("$JS.ACK.")) ||
           goes_on(reply, STR_LIT("_GR_."));
}

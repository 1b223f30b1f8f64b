/* SPDX-License-Identifier: Apache-2.0
 *
 * subject - the rules for subjects, wildcards and queue groups (PROTOCOL.md 1.8)
 *
 * A subject is tokens joined by '.'; a token is a non-empty run of bytes without
 * blank, CR, LF or '.'. '*' alone stands for one token, '>' alone and last for one or more.
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_PROTO_SUBJECT_H
#define TESSERA_PROTO_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* May this be subscribed to? No empty token, '>' only as the last token. */
bool subject_valid(struct str subject);

/* May this be published to in pedantic mode? Valid, and no token that is exactly '*' or '>'. */
bool subject_valid_literal(struct str subject);

/* Has a token that is exactly '*' or '>'? The subject need not be valid. */
bool subject_has_wildcard(struct str subject);

/* Has an empty token (or is empty)? Such a published subject matches nothing. */
bool subject_has_empty_token(struct str subject);

/* 1 for an empty subject: its one token is empty. */
size_t subject_token_count(struct str subject);

/* Does the literal subject match the pattern? In a published subject '*' and '>' are text; one
 * with an empty token matches nothing. A '>' inside of a pattern, which makes it invalid, stands
 * for itself only. */
bool subject_matches(struct str pattern, struct str literal);

/* Takes the next token off *rest; false when there is none left. Start with *rest = subject. */
bool subject_next_token(struct str *rest, struct str *token);

/* What clients may not publish to, or name as a reply: prefixes that servers use among
 * themselves (PROTOCOL.md 1.5). $NRG. is allowed in the system account. */
bool subject_is_reserved(struct str subject, bool system_account);
bool subject_is_reserved_reply(struct str reply);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * errors - every -ERR text of the client protocol, in one table (PROTOCOL.md 1.5)
 *
 * X(name, text, closes): closes says whether the connection ends after it.
 *
 * Threads  any.
 * Fails    what appends to a buffer: false for want of memory, or when the buffer's maximum
 *          is reached; then a part may have been written.
 */
#ifndef TESSERA_PROTO_ERRORS_H
#define TESSERA_PROTO_ERRORS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define PROTO_ERRORS(X)                                                                            \
    X(UNKNOWN_OP, "Unknown Protocol Operation", true)                                              \
    X(CONTROL_LINE, "maximum control line exceeded", true)                                         \
    X(MAX_PAYLOAD, "Maximum Payload Violation", true)                                              \
    X(AUTH_VIOLATION, "Authorization Violation", true)                                             \
    X(AUTH_TIMEOUT, "Authentication Timeout", true)                                                \
    X(AUTH_EXPIRED, "User Authentication Expired", true)                                           \
    X(MAX_CONNECTIONS, "maximum connections exceeded", true)                                       \
    X(THROTTLED, "Connection throttling is active. Please try again later.", true)                 \
    X(MAX_SUBSCRIPTIONS, "maximum subscriptions exceeded", false)                                  \
    X(INVALID_SUBJECT, "Invalid Subject", false)                                                   \
    X(INVALID_PUBLISH_SUBJECT, "Invalid Publish Subject", false)                                   \
    X(BAD_PROTOCOL, "invalid client protocol", true)                                               \
    X(NO_RESPONDERS_NEEDS_HEADERS, "no responders requires headers support", true)                 \
    X(STALE, "Stale Connection", true)

enum proto_error {
#define X(name, text, closes) PROTO_ERR_##name,
    PROTO_ERRORS(X)
#undef X
        PROTO_ERR_COUNT
};

const char *proto_error_text(enum proto_error error);
bool proto_error_closes(enum proto_error error);

/* The texts that name a subject, Go-quoted; none closes.
 * X(name, text before the subject, text after it) */
#define PROTO_VIOLATIONS(X)                                                                        \
    X(PUBLISH, "Permissions Violation for Publish to ", "")                                        \
    X(REPLY, "Permissions Violation for Publish with Reply of ", "")                               \
    X(SUBSCRIPTION, "Permissions Violation for Subscription to ", "")                              \
    X(TOO_MANY_TOKENS, "Permissions Violation for Subscription to ", ", too many tokens")

enum proto_violation {
#define X(name, before, after) PROTO_VIOLATION_##name,
    PROTO_VIOLATIONS(X)
#undef X
        PROTO_VIOLATION_COUNT
};

/* Appends the text. queue: named too unless its data is NULL; only with SUBSCRIPTION. */
bool proto_violation(struct buf *out, enum proto_violation violation, struct str subject,
                     struct str queue);

/* Appends the line that carries a text: -ERR 'text' CRLF. */
bool proto_error_line(struct buf *out, struct str text);

/* Appends text in double quotes as Go's %q does: quotes, backslashes, control bytes, bad
 * UTF-8 and invisible characters are escaped, so that no peer can forge a line with it. */
bool proto_quote(struct buf *out, struct str text);

#endif

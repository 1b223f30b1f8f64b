/* SPDX-License-Identifier: Apache-2.0
 *
 * parser - one operation of the client protocol out of a run of bytes
 *
 * Pure: no allocation, no state, any thread. The caller keeps unfinished bytes and calls
 * again with more behind them; however the input is cut, the sequence of results is the
 * same. An operation's fields point into the caller's bytes.
 *
 * Errors are found as early as the reference finds them: a verb that cannot become one any
 * more, a control line that passed the limit and a payload size over the limit are reported
 * before the line, or the payload, is complete (PROTOCOL.md 1.2 to 1.5).
 *
 * On purpose stricter than the reference (docs/differences.md):
 *   - blanks before the arguments, and bytes behind PING, PONG and +OK, count against
 *     control_line_max: a peer cannot make the caller keep them without end;
 *   - a CR inside the arguments, or a LF as their first byte, is malformed, where the
 *     reference takes it for a part of the subject and sends it on;
 *   - HMSG is refused at its second byte, like the other verbs of servers.
 *
 * Cost     one pass for the line's end, one over its arguments; a payload is not touched.
 */
#ifndef TESSERA_PROTO_PARSER_H
#define TESSERA_PROTO_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum op_kind {
    OP_CONNECT, /* args: the JSON text */
    OP_PUB,     /* subject, reply, payload */
    OP_HPUB,    /* the same; the first header_len bytes of payload are the header block */
    OP_SUB,     /* subject, queue, sid */
    OP_UNSUB,   /* sid, max */
    OP_PING,
    OP_PONG,
    OP_INFO, /* args: the JSON text; a client's is checked (info_check) and ignored */
    OP_OK,   /* ignored */
    OP_ERR,  /* args: the text; closes */
};

/* Fields that the kind does not name are zero. */
struct op {
    enum op_kind kind;
    struct str args; /* everything behind the verb, blanks trimmed, as written */
    struct str subject;
    struct str reply; /* data NULL: none */
    struct str queue; /* data NULL: none */
    struct str sid;
    struct str payload; /* headers included, CRLF not */
    size_t header_len;  /* HPUB only */
    uint64_t max;       /* UNSUB: 0 is "now", also for an invalid number */
};

struct parse_limits {
    size_t control_line_max; /* bytes of the arguments, trailing blanks counted, CRLF not */
    size_t payload_max;      /* bytes, headers included; SIZE_MAX: unlimited */
    bool headers;            /* HPUB allowed: the client said headers:true and we support them */
};

enum parse_result {
    PARSE_OP,                /* *op is filled; *used bytes belong to it */
    PARSE_MORE,              /* incomplete; *used is a lower bound of the bytes the whole needs,
                              * greater than len: with a known payload size, the exact total */
    PARSE_UNKNOWN_OP,        /* -ERR 'Unknown Protocol Operation', close */
    PARSE_LINE_TOO_LONG,     /* -ERR 'maximum control line exceeded', close */
    PARSE_PAYLOAD_TOO_LARGE, /* -ERR 'Maximum Payload Violation', close */
    PARSE_MALFORMED,         /* wrong argument count or bad number: close without -ERR */
    PARSE_HEADERS_OFF,       /* HPUB not allowed, or header size over total: close without -ERR */
};

/* Looks at data[0..len), len > 0. Empty lines are not operations: they are unknown ones.
 * *op and *used mean something only where enum parse_result says so. */
enum parse_result parse_op(const struct parse_limits *limits, const char *data, size_t len,
                           struct op *op, size_t *used);

#endif

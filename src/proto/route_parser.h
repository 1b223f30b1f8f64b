/* SPDX-License-Identifier: Apache-2.0
 *
 * route_parser - one operation of the route protocol out of a run of bytes (PROTOCOL.md 3.6)
 *
 * Pure: no allocation, no state, any thread. The contract is parse_op()'s of parser.h: the
 * caller keeps unfinished bytes and calls again with more behind them; however the input is cut,
 * the sequence of results is the same, and errors are found as early as they can be. An
 * operation's fields point into the caller's bytes. Subjects, accounts and names are not judged
 * here: they are what stands between blanks.
 *
 * On purpose stricter than the reference: what parser.h names, and
 *   - UNSUB and HPUB, which no server sends, are unknown at the byte that tells them apart;
 *   - a queue's weight is a number, where the reference takes anything;
 *   - a CR between arguments is malformed, where the reference takes it for a blank.
 *
 * Cost     one pass over the line of a message with single blanks; otherwise one for the line's
 *          end and one over its arguments. A payload is not touched.
 */
#ifndef TESSERA_PROTO_ROUTE_PARSER_H
#define TESSERA_PROTO_ROUTE_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/parser.h"

enum route_op_kind {
    ROUTE_CONNECT, /* args: the JSON text */
    ROUTE_INFO,    /* the same */
    ROUTE_PING,
    ROUTE_PONG,
    ROUTE_OK,
    ROUTE_ERR,     /* args: the text */
    ROUTE_SUB,     /* RS+ LS+: origin, account, subject, queue, weight */
    ROUTE_UNSUB,   /* RS- LS-: origin, account, subject, queue */
    ROUTE_MSG,     /* RMSG HMSG LMSG: origin, account, subject, reply, queues, payload */
    ROUTE_IGNORED, /* A+ A-; PUB and SUB with a client's arguments, PUB with its payload */
};

/* Fields that the kind does not name are zero. */
struct route_op {
    enum route_op_kind kind;
    struct str args;   /* everything behind the verb, blanks trimmed, as written */
    struct str origin; /* the leaf cluster of LS+ LS- LMSG; data NULL: none; empty: LS- without */
    struct str account, subject;
    struct str reply;   /* data NULL: none */
    struct str queue;   /* data NULL: plain interest */
    struct str queues;  /* the names as they stand on the line; data NULL: none */
    uint32_t weight;    /* of ROUTE_SUB with a queue: as sent, at most 9 digits; 0 is allowed */
    struct str payload; /* headers included; CRLF stands behind it */
    size_t header_len;  /* HMSG, LMSG: the first bytes of payload are the header block */
};

struct route_limits {
    size_t control_line_max; /* bytes, as in struct parse_limits */
    size_t payload_max;      /* bytes, headers included; SIZE_MAX: unlimited */
    bool origin_in_unsub;    /* the peer said lnocu: its LS- names the origin */
};

/* Looks at data[0..len), len > 0. Empty lines are unknown operations. *op and *used mean
 * something only where enum parse_result says so. PARSE_HEADERS_OFF: header size over total. */
enum parse_result parse_route_op(const struct route_limits *limits, const char *data, size_t len,
                                 struct route_op *op, size_t *used);

/* Takes the first name off *queues; data NULL: there are no more. */
struct str route_next_queue(struct str *queues);

#endif

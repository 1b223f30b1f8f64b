/* SPDX-License-Identifier: Apache-2.0
 *
 * route_lines - interest and messages as lines for another server (PROTOCOL.md 3.5 to 3.7)
 *
 * A message is a struct message of encode.h, and is written as encode.h writes it for clients:
 * what is the same for all messages of a subject to one peer, the head, is written once; a
 * delivery is head, reply and queues, tail, and the payload with its CRLF (encode_body()).
 *
 *   HMSG $G orders.eu + _INBOX.x q1 q2 12 128\r\nNATS/1.0...\r\n
 *   `------head-----' `-----------' `---' `-tail-'
 *                       reply      queues
 *
 * Names, subjects and replies are written as they are: the caller knows that they have no blanks.
 *
 * Threads  any.
 * Fails    what appends to a buffer, for want of memory or room; nothing is written then.
 */
#ifndef TESSERA_PROTO_ROUTE_LINES_H
#define TESSERA_PROTO_ROUTE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "proto/encode.h"

/* Appends RS+ account subject [queue weight] CRLF; queue's data NULL: plain interest, whose
 * weight is not written. */
bool route_sub_line(struct buf *out, struct str account, struct str subject, struct str queue,
                    uint32_t weight);
/* Appends RS- account subject [queue] CRLF. */
bool route_unsub_line(struct buf *out, struct str account, struct str subject, struct str queue);

/* Bytes that route_head() needs; the head itself is ENCODE_HEAD_STEP shorter. */
size_t route_head_room(struct str account, struct str subject);
/* Writes the head and returns its length. */
size_t route_head(struct str account, struct str subject, char *out);

/* Bytes that route_msg_line() will write. queues: the names of the queue groups that the draw
 * gave to this peer, each followed by a blank; may be empty. with_headers: the peer takes HMSG;
 * one that does not gets RMSG with the headers cut off. */
size_t route_msg_line_len(const struct message *message, size_t head_len, struct str queues,
                          bool with_headers);
/* Writes the control line, CRLF included, and returns its end. out has room for the line and
 * ENCODE_SLACK more; head comes from route_head(). */
char *route_msg_line(const struct message *message, const char *head, size_t head_len,
                     struct str queues, bool with_headers, char *out);

#endif

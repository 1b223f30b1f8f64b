/* SPDX-License-Identifier: Apache-2.0
 *
 * encode - a publish as MSG and HMSG for its receivers
 *
 * What a message looks like to everybody is worked out once; what is the same for all messages of
 * a subject to one receiver, the head, is written once for that receiver. A delivery is three
 * copies: head, tail, payload with its CRLF.
 *
 *   HMSG orders.eu 17 _INBOX.x 12 128\r\nNATS/1.0...\r\n
 *   `------head-----' `-reply' `-tail-'  `-body----'
 *
 * Pure: fixed memory, any thread.
 */
#ifndef TESSERA_PROTO_ENCODE_H
#define TESSERA_PROTO_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define ENCODE_TAIL_MAX  48 /* two sizes, a blank, CRLF; whole steps */
#define ENCODE_HEAD_STEP 32 /* a head is copied in steps of so many bytes */
#define ENCODE_TAIL_STEP 16
/* Bytes behind a line that encode_line() may write to. */
#define ENCODE_SLACK ENCODE_HEAD_STEP

/* Borrows reply and payload for as long as it is used. */
struct message {
    struct str reply;   /* data NULL: none */
    struct str payload; /* CRLF stands behind it; its first header_len bytes are the headers */
    size_t header_len;
    size_t rest_len; /* of the line behind the head: reply and tail */
    size_t tail_len;
    char tail[ENCODE_TAIL_MAX]; /* for a receiver that takes headers */
};

void message_init(struct message *message, struct str reply, struct str payload, size_t header_len);

/* Bytes that encode_head() needs; the head itself is ENCODE_HEAD_STEP shorter. */
size_t encode_head_room(struct str subject, struct str sid);
/* Writes the head, the form with H, and returns its length. */
size_t encode_head(struct str subject, struct str sid, char *out);

/* encode_line_len() for a receiver that gets the message without the headers it has. */
size_t encode_cut_line_len(const struct message *message, size_t head_len);

/* Bytes that encode_line() will write. with_headers: the receiver takes HMSG; one that does not
 * gets MSG with the headers cut off. */
static inline size_t
encode_line_len(const struct message *message, size_t head_len, bool with_headers)
{
    if (message->header_len == 0)
        return head_len - 1 + message->rest_len; /* no H */
    return with_headers ? head_len + message->rest_len : encode_cut_line_len(message, head_len);
}

/* Writes the control line, CRLF included, and returns its end. out has room for the line and
 * ENCODE_SLACK more; head comes from encode_head(). */
char *encode_line(const struct message *message, const char *head, size_t head_len,
                  bool with_headers, char *out);

/* The bytes that follow the line; the final CRLF stands behind them. */
static inline struct str
encode_body(const struct message *message, bool with_headers)
{
    size_t cut = with_headers ? 0 : message->header_len;

    return (struct str) { message->payload.data + cut, message->payload.len - cut };
}

#endif

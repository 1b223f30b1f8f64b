/* SPDX-License-Identifier: Apache-2.0
 *
 * put - the pieces of a line; private to encode.c and route_lines.c
 *
 * Lines are short, and a call of memcpy for a few bytes costs more than the bytes. So head and
 * tail, whose memory is ours, are copied in whole steps that may write behind the line; the next
 * piece overwrites that.
 *
 * Pure: fixed memory, any thread.
 */
#ifndef TESSERA_PROTO_PUT_H
#define TESSERA_PROTO_PUT_H

#include <string.h>

#include "proto/encode.h"

static inline char *
put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    return at + text.len;
}

/* Writes up to step - 1 bytes behind the text. */
static inline char *
put_in_steps(char *at, const char *text, size_t len, size_t step)
{
    for (size_t done = 0; done < len; done += step)
        memcpy(at + done, text + done, step);
    return at + len;
}

/* Writes the sizes and CRLF and returns their length; in encode.c. */
size_t encode_tail(char *out, size_t header_len, size_t size);

/* The tail. Without its headers the message has another size. */
static inline char *
put_sizes(char *at, const struct message *message, bool with_headers)
{
    if (!with_headers && message->header_len > 0)
        return at + encode_tail(at, 0, message->payload.len - message->header_len);
    return put_in_steps(at, message->tail, message->tail_len, ENCODE_TAIL_STEP);
}

#endif

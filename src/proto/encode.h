/* SPDX-License-Identifier: Apache-2.0
 *
 * encode - MSG and HMSG lines for one publish and many subscriptions
 *
 * What is the same for all receivers is written once per publish; a receiver costs three
 * copies: prefix, sid, suffix.
 *
 *   MSG orders.eu 17 _INBOX.x 128\r\n
 *   `---prefix---'sid`---suffix-----'
 *
 * Pure: fixed memory, any thread.
 */
#ifndef TESSERA_PROTO_ENCODE_H
#define TESSERA_PROTO_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define ENCODE_SIZES_MAX 44 /* two sizes, blanks, CRLF */

/* Borrows subject, reply and payload for as long as it is used. */
struct encoder {
    struct str subject, reply, payload;
    size_t header_len;
    char msg_tail[ENCODE_SIZES_MAX];  /* " size\r\n" of MSG */
    char hmsg_tail[ENCODE_SIZES_MAX]; /* " hdr total\r\n" of HMSG */
    size_t msg_tail_len, hmsg_tail_len;
};

/* payload holds the headers in its first header_len bytes. */
void encoder_init(struct encoder *enc, struct str subject, struct str reply, struct str payload,
                  size_t header_len);

/* Bytes that encoder_line() will write for this sid. with_headers: the receiver takes HMSG;
 * one that does not gets MSG with the block cut off. */
size_t encoder_line_len(const struct encoder *enc, size_t sid_len, bool with_headers);

/* Writes the control line, CRLF included, into out, which has room; returns its length. */
size_t encoder_line(const struct encoder *enc, struct str sid, bool with_headers, char *out);

/* The bytes that follow the line, the final CRLF not among them. */
struct str encoder_body(const struct encoder *enc, bool with_headers);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines are short, and a call of memcpy for a few bytes costs more than the bytes. So head and
 * tail, whose memory is ours, are copied in whole steps that may write behind the line; the next
 * piece overwrites that. Headers of no length make a MSG, as in the reference.
 */
#include "proto/encode.h"

#include <assert.h>

#define HMSG_VERB STR_LIT("HMSG ")

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

static size_t
put_tail(char *out, size_t header_len, size_t size)
{
    char *at = out;

    if (header_len > 0) {
        at += str_put_u64(at, header_len);
        *at++ = ' ';
    }
    at += str_put_u64(at, size);
    return (size_t)(put(at, STR_LIT("\r\n")) - out);
}

void
message_init(struct message *message, struct str reply, struct str payload, size_t header_len)
{
    assert(header_len <= payload.len);
    message->reply = reply;
    message->payload = payload;
    message->header_len = header_len;
    message->tail_len = put_tail(message->tail, header_len, payload.len);
    message->rest_len = message->tail_len + (reply.data == NULL ? 0 : reply.len + 1);
}

size_t
encode_head_room(struct str subject, struct str sid)
{
    return HMSG_VERB.len + subject.len + 1 + sid.len + 1 + ENCODE_HEAD_STEP;
}

size_t
encode_head(struct str subject, struct str sid, char *out)
{
    char *at = put(put(out, HMSG_VERB), subject);

    *at++ = ' ';
    at = put(at, sid);
    *at++ = ' ';
    return (size_t)(at - out);
}

/* Without its headers the message has another size. */
static inline bool
is_cut(const struct message *message, bool with_headers)
{
    return !with_headers && message->header_len > 0;
}

size_t
encode_cut_line_len(const struct message *message, size_t head_len)
{
    char tail[ENCODE_TAIL_MAX];
    size_t tail_len = put_tail(tail, 0, message->payload.len - message->header_len);

    return head_len - 1 + message->rest_len - message->tail_len + tail_len;
}

char *
encode_line(const struct message *message, const char *head, size_t head_len, bool with_headers,
            char *out)
{
    size_t skip = !(with_headers && message->header_len > 0); /* the H */
    char *at = put_in_steps(out, head + skip, head_len - skip, ENCODE_HEAD_STEP);

    if (message->reply.data != NULL) {
        at = put(at, message->reply);
        *at++ = ' ';
    }
    if (is_cut(message, with_headers))
        return at + put_tail(at, 0, message->payload.len - message->header_len);
    return put_in_steps(at, message->tail, message->tail_len, ENCODE_TAIL_STEP);
}

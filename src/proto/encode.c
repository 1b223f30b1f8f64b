/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers of no length make a MSG, as in the reference.
 */
#include "proto/encode.h"

#include <assert.h>

#include "proto/put.h"

#define HMSG_VERB STR_LIT("HMSG ")

size_t
encode_tail(char *out, size_t header_len, size_t size)
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
    message->tail_len = encode_tail(message->tail, header_len, payload.len);
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

size_t
encode_cut_line_len(const struct message *message, size_t head_len)
{
    char tail[ENCODE_TAIL_MAX];
    size_t tail_len = encode_tail(tail, 0, message->payload.len - message->header_len);

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
    return put_sizes(at, message, with_headers);
}

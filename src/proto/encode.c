/* SPDX-License-Identifier: Apache-2.0
 *
 * Only the sizes are worked out per publish, as the tails; subject and reply are copied from
 * where the publisher's bytes are. A block of no headers makes a MSG, as in the reference.
 */
#include "proto/encode.h"

#include <assert.h>

#define MSG_VERB  STR_LIT("MSG ")
#define HMSG_VERB STR_LIT("HMSG ")

static inline char *
put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    return at + text.len;
}

static size_t
put_size(char *at, size_t size)
{
    *at = ' ';
    return 1 + str_put_u64(at + 1, size);
}

static size_t
end_tail(char *tail, size_t len)
{
    put(tail + len, STR_LIT("\r\n"));
    return len + 2;
}

static inline bool
is_hmsg(const struct encoder *enc, bool with_headers)
{
    return with_headers && enc->header_len > 0;
}

void
encoder_init(struct encoder *enc, struct str subject, struct str reply, struct str payload,
             size_t header_len)
{
    size_t len;

    assert(header_len <= payload.len);
    enc->subject = subject;
    enc->reply = reply;
    enc->payload = payload;
    enc->header_len = header_len;
    len = put_size(enc->msg_tail, payload.len - header_len);
    enc->msg_tail_len = end_tail(enc->msg_tail, len);
    enc->hmsg_tail_len = 0;
    if (header_len == 0)
        return;
    len = put_size(enc->hmsg_tail, header_len);
    len += put_size(enc->hmsg_tail + len, payload.len);
    enc->hmsg_tail_len = end_tail(enc->hmsg_tail, len);
}

size_t
encoder_line_len(const struct encoder *enc, size_t sid_len, bool with_headers)
{
    size_t verb_and_tail = is_hmsg(enc, with_headers) ? HMSG_VERB.len + enc->hmsg_tail_len
                                                      : MSG_VERB.len + enc->msg_tail_len;
    size_t reply = enc->reply.data == NULL ? 0 : 1 + enc->reply.len;

    return verb_and_tail + enc->subject.len + 1 + sid_len + reply;
}

size_t
encoder_line(const struct encoder *enc, struct str sid, bool with_headers, char *out)
{
    bool hmsg = is_hmsg(enc, with_headers);
    char *at = put(out, hmsg ? HMSG_VERB : MSG_VERB);

    at = put(at, enc->subject);
    *at++ = ' ';
    at = put(at, sid);
    if (enc->reply.data != NULL) {
        *at++ = ' ';
        at = put(at, enc->reply);
    }
    at = put(at, hmsg ? (struct str) { enc->hmsg_tail, enc->hmsg_tail_len }
                      : (struct str) { enc->msg_tail, enc->msg_tail_len });
    return (size_t)(at - out);
}

struct str
encoder_body(const struct encoder *enc, bool with_headers)
{
    size_t cut = with_headers ? 0 : enc->header_len;

    if (cut == 0)
        return enc->payload;
    return (struct str) { enc->payload.data + cut, enc->payload.len - cut };
}

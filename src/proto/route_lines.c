/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/route_lines.h"

#include "proto/put.h"

#define VERB_LEN   5  /* of "RMSG " and "HMSG ", which differ in their first letter */
#define WEIGHT_MAX 10 /* most digits of a weight */

/* Appends verb account subject [queue] and what follows. */
static bool
interest_line(struct buf *out, struct str verb, struct str account, struct str subject,
              struct str queue, struct str rest)
{
    char *start, *at;

    if (!buf_reserve(out, verb.len + account.len + 1 + subject.len + 1 + queue.len + rest.len))
        return false;
    start = out->data + out->len;
    at = put(put(start, verb), account);
    *at++ = ' ';
    at = put(at, subject);
    if (queue.data != NULL) {
        *at++ = ' ';
        at = put(at, queue);
    }
    at = put(at, rest);
    buf_commit(out, (size_t)(at - start));
    return true;
}

bool
route_sub_line(struct buf *out, struct str account, struct str subject, struct str queue,
               uint32_t weight)
{
    char rest[1 + WEIGHT_MAX + 2], *at = rest;

    if (queue.data != NULL) {
        *at++ = ' ';
        at += str_put_u64(at, weight);
    }
    at = put(at, STR_LIT("\r\n"));
    return interest_line(out, STR_LIT("RS+ "), account, subject, queue,
                         (struct str) { rest, (size_t)(at - rest) });
}

bool
route_unsub_line(struct buf *out, struct str account, struct str subject, struct str queue)
{
    return interest_line(out, STR_LIT("RS- "), account, subject, queue, STR_LIT("\r\n"));
}

size_t
route_head_room(struct str account, struct str subject)
{
    return VERB_LEN + account.len + 1 + subject.len + 1 + ENCODE_HEAD_STEP;
}

size_t
route_head(struct str account, struct str subject, char *out)
{
    char *at = put(put(out, STR_LIT("RMSG ")), account);

    *at++ = ' ';
    at = put(at, subject);
    *at++ = ' ';
    return (size_t)(at - out);
}

size_t
route_msg_line_len(const struct message *message, size_t head_len, struct str queues,
                   bool with_headers)
{
    bool cut = !with_headers && message->header_len > 0;
    /* a client's line without headers has one letter less than its head, this one has not */
    size_t len = cut ? encode_cut_line_len(message, head_len + 1) : head_len + message->rest_len;

    return len + (queues.len == 0 ? 0 : 2 + queues.len);
}

char *
route_msg_line(const struct message *message, const char *head, size_t head_len, struct str queues,
               bool with_headers, char *out)
{
    char *at = put_in_steps(out, head, head_len, ENCODE_HEAD_STEP);

    if (with_headers && message->header_len > 0)
        *out = 'H';
    if (queues.len > 0) {
        *at++ = message->reply.data == NULL ? '|' : '+';
        *at++ = ' ';
    }
    if (message->reply.data != NULL) {
        at = put(at, message->reply);
        *at++ = ' ';
    }
    at = put(at, queues);
    return put_sizes(at, message, with_headers);
}

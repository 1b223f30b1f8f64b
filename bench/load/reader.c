/* SPDX-License-Identifier: Apache-2.0
 *
 * A generator must cost less than the server it measures. Messages of one subject have equal lines,
 * so the last line is kept and compared; only a different one is parsed. A message counts when its
 * last byte is there.
 */
#include "reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CRLF_LEN 2

void
reader_init(struct reader *reader, uint64_t payload_len)
{
    reader->messages = reader->bytes = reader->pongs = reader->oks = reader->infos = 0;
    reader->payload_len = payload_len;
    reader->error[0] = '\0';
    reader->on_message = NULL;
    reader->context = NULL;
    reader->head_len = 0;
    reader->skip = reader->last_payload_len = 0;
    reader->last_len = reader->kept_len = 0;
}

size_t
reader_restore(struct reader *reader, char *end)
{
    size_t len = reader->kept_len;

    memcpy(end - len, reader->kept, len);
    reader->kept_len = 0;
    reader->bytes -= len; /* reader_take() counts them again */
    return len;
}

static enum err
strange(struct str line, struct errmsg *why)
{
    return err_set(why, ERR_INVALID, "the server sent: %.*s",
                   (int)(line.len < 200 ? line.len : 200), line.data);
}

/* line is a whole MSG line with CR LF. The length is its last word. */
static enum err
take_msg_line(struct reader *reader, struct str line, struct errmsg *why)
{
    const char *end = line.data + line.len - CRLF_LEN, *digits = end;

    while (digits > line.data && digits[-1] != ' ')
        digits--;
    if (!str_to_u64((struct str) { digits, (size_t)(end - digits) }, INT32_MAX,
                    &reader->last_payload_len))
        return strange(line, why);
    if (reader->payload_len != UINT64_MAX && reader->last_payload_len != reader->payload_len)
        return err_set(why, ERR_INVALID, "a payload has %" PRIu64 " bytes instead of %" PRIu64,
                       reader->last_payload_len, reader->payload_len);
    memcpy(reader->last, line.data, line.len);
    reader->last_len = line.len;
    return ERR_OK;
}

static enum err
take_other_line(struct reader *reader, struct str line, struct errmsg *why)
{
    reader->bytes -= line.len;
    if (str_starts(line, STR_LIT("PONG\r")))
        reader->pongs++;
    else if (str_starts(line, STR_LIT("+OK\r")))
        reader->oks++;
    else if (str_starts(line, STR_LIT("INFO ")))
        reader->infos++;
    else if (str_starts(line, STR_LIT("-ERR ")))
        (void)snprintf(reader->error, sizeof(reader->error), "%.*s", (int)(line.len - CRLF_LEN),
                       line.data);
    else if (!str_starts(line, STR_LIT("PING\r")))
        return strange(line, why); /* PINGs go unanswered: a run is over before the third */
    return ERR_OK;
}

static enum err
finish_message(struct reader *reader, char last_byte, struct errmsg *why)
{
    reader->messages++;
    if (last_byte != '\n')
        return err_set(why, ERR_INVALID, "a payload does not end in CR LF");
    if (reader->on_message == NULL)
        return ERR_OK;
    return reader->on_message(reader->context,
                              (struct str) { reader->last, reader->last_len - CRLF_LEN },
                              (struct str) { reader->head, reader->head_len }, why);
}

static bool
is_last_again(const struct reader *reader, const char *at, const char *end)
{
    return reader->last_len > 0 && (size_t)(end - at) >= reader->last_len &&
           memcmp(at, reader->last, reader->last_len) == 0;
}

/* Complete messages whose line is the last one again. Returns where they end. */
static const char *
take_equal(struct reader *reader, const char *at, const char *end)
{
    size_t unit = reader->last_len + reader->last_payload_len + CRLF_LEN;

    while ((size_t)(end - at) >= unit && is_last_again(reader, at, end) && at[unit - 1] == '\n') {
        reader->messages++;
        at += unit;
    }
    return at;
}

/* Takes a line and, of a message, the head; what is then to be skipped is in reader->skip. *at
 * stays where it is when not all of that is there. */
static enum err
take_line(struct reader *reader, const char **at, const char *end, struct errmsg *why)
{
    const char *lf;
    struct str line = { *at, reader->last_len };
    enum err err;

    if (!is_last_again(reader, *at, end)) {
        lf = memchr(*at, '\n', (size_t)(end - *at));
        if (lf == NULL)
            return ERR_OK;
        line.len = (size_t)(lf - *at) + 1;
        if (line.len < CRLF_LEN || line.len > READER_LINE_MAX)
            return strange(line, why);
        if (!str_starts(line, STR_LIT("MSG "))) {
            *at += line.len;
            return take_other_line(reader, line, why);
        }
        err = take_msg_line(reader, line, why);
        if (err != ERR_OK)
            return err;
    }
    if ((size_t)(end - *at) < line.len + reader->head_len)
        return ERR_OK;
    memcpy(reader->head, *at + line.len, reader->head_len);
    *at += line.len;
    reader->skip = reader->last_payload_len + CRLF_LEN;
    return ERR_OK;
}

static enum err
keep(struct reader *reader, const char *at, const char *end, struct errmsg *why)
{
    size_t len = (size_t)(end - at);

    if (len > READER_KEEP_MAX)
        return err_set(why, ERR_INVALID, "the server sent a line without an end");
    memcpy(reader->kept, at, len);
    reader->kept_len = len;
    return ERR_OK;
}

enum err
reader_take(struct reader *reader, const char *data, size_t len, struct errmsg *why)
{
    const char *at = data, *end = data + len;
    enum err err = ERR_OK;

    assert(reader->kept_len == 0);
    reader->bytes += len;
    while (at < end) {
        const char *before = at;

        if (reader->skip > 0) {
            size_t there = (size_t)(end - at);

            at += there < reader->skip ? there : reader->skip;
            reader->skip -= (size_t)(at - before);
            if (reader->skip == 0)
                err = finish_message(reader, at[-1], why);
        } else {
            if (reader->on_message == NULL)
                at = take_equal(reader, at, end);
            err = take_line(reader, &at, end, why);
            if (err == ERR_OK && at == before)
                return keep(reader, at, end, why);
        }
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

uint64_t
reader_skippable(const struct reader *reader)
{
    return reader->skip > CRLF_LEN ? reader->skip - CRLF_LEN : 0;
}

void
reader_skipped(struct reader *reader, uint64_t len)
{
    assert(len <= reader_skippable(reader));
    reader->skip -= len;
    reader->bytes += len;
}

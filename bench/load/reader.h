/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - cuts what a server sends into lines and payloads, and counts; payloads are skipped
 *
 * Owns     what it keeps of an unfinished line; nothing on the heap.
 * Threads  one at a time.
 * Cost     one memcmp() of a short line per message while the lines are equal.
 */
#ifndef TESSERA_BENCH_LOAD_READER_H
#define TESSERA_BENCH_LOAD_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define READER_LINE_MAX 4096 /* bytes; INFO is the longest line that comes */
#define READER_HEAD_MAX 16   /* of a payload, what a message_fn may see */
#define READER_KEEP_MAX (READER_LINE_MAX + READER_HEAD_MAX)
#define READER_ERR_MAX  80 /* bytes of an -ERR line that are kept, the NUL included */

/* A message has come to its end. line has no CR LF; head is the payload's beginning. */
typedef enum err reader_message_fn(void *context, struct str line, struct str head,
                                   struct errmsg *why);

struct reader {
    uint64_t messages, bytes; /* complete messages; what came but for other lines than MSG */
    uint64_t pongs, oks, infos;
    uint64_t last_payload_len;  /* of the last MSG line; 0: none has come */
    uint64_t payload_len;       /* every message must have it; UINT64_MAX: any */
    char error[READER_ERR_MAX]; /* the last -ERR line; "": none */

    reader_message_fn *on_message; /* NULL: none; head_len bytes of each payload are kept for it */
    void *context;
    size_t head_len; /* at most READER_HEAD_MAX, and no payload may be shorter */

    /* private */
    uint64_t skip;   /* bytes of a payload and its CR LF that are still to come */
    size_t last_len; /* of last, CR LF included; 0: no MSG has come */
    size_t kept_len;
    char last[READER_LINE_MAX]; /* the last MSG line */
    char head[READER_HEAD_MAX]; /* of the payload that is being skipped */
    char kept[READER_KEEP_MAX]; /* what an unfinished line has so far */
};

void reader_init(struct reader *reader, uint64_t payload_len);

/* Copies what is kept to just before end, where READER_KEEP_MAX bytes are free, and forgets it.
 * Returns how much that is: reader_take() then gets these bytes with those that follow. */
size_t reader_restore(struct reader *reader, char *end);

/* ERR_INVALID: no server may send that, or on_message failed. An -ERR is noted only. */
enum err reader_take(struct reader *reader, const char *data, size_t len, struct errmsg *why);

/* How many bytes to come are of no interest, so that they need not be read; reader_skipped() then
 * says how many of them were thrown away. */
uint64_t reader_skippable(const struct reader *reader);
void reader_skipped(struct reader *reader, uint64_t len);

#endif

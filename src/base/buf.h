/* SPDX-License-Identifier: Apache-2.0
 *
 * buf - a growing run of bytes with a stated maximum
 *
 * Owns     its memory; buf_release() gives it back and leaves an empty buffer.
 * Threads  none of its own: one thread at a time.
 * Fails    for want of memory, or when the result would pass max; then nothing changed.
 */
#ifndef TESSERA_BASE_BUF_H
#define TESSERA_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* bytes allowed; 0: no limit */
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        NULL, 0, 0, 0                                                                              \
    }

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);

/* Makes room for more bytes behind len. */
bool buf_reserve(struct buf *buf, size_t more);
/* Says that len bytes were written into the room that buf_reserve() made. */
void buf_commit(struct buf *buf, size_t len);
/* Drops the first len bytes. */
void buf_consume(struct buf *buf, size_t len);

bool buf_append(struct buf *buf, const void *data, size_t len);
bool buf_append_str(struct buf *buf, const char *text);
bool buf_append_char(struct buf *buf, char byte);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes as a NUL-terminated string, owned by buf until it changes; "" for want of memory. */
const char *buf_cstr(struct buf *buf);

#endif

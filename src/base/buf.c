/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_SMALLEST 64 /* bytes of the first allocation */

void
buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf)BUF_INIT;
    buf->max = max;
}

void
buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

bool
buf_reserve(struct buf *buf, size_t more)
{
    size_t want, cap = buf->cap;
    char *data;

    if (more > SIZE_MAX / 2 - buf->len)
        return false;
    want = buf->len + more;
    if (buf->max != 0 && want > buf->max)
        return false;
    if (want <= cap)
        return true;
    if (cap < BUF_SMALLEST)
        cap = BUF_SMALLEST;
    while (cap < want)
        cap *= 2;
    data = realloc(buf->data, cap);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

void
buf_commit(struct buf *buf, size_t len)
{
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

void
buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len -= len;
    if (buf->len > 0)
        memmove(buf->data, buf->data + len, buf->len);
}

bool
buf_append(struct buf *buf, const void *data, size_t len)
{
    if (!buf_reserve(buf, len))
        return false;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

bool
buf_append_str(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

bool
buf_append_char(struct buf *buf, char byte)
{
    return buf_append(buf, &byte, 1);
}

bool
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !buf_reserve(buf, (size_t)len + 1))
        return false;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

const char *
buf_cstr(struct buf *buf)
{
    if (!buf_reserve(buf, 1))
        return "";
    buf->data[buf->len] = '\0';
    return buf->data;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define TRIM_THRESHOLD                                                                             \
    (4 * 1024 * 1024) /* with less, large messages fault pages in anew each time */
#define MMAP_THRESHOLD (4 * 1024 * 1024) /* a message of the default limit is below it */

static void *
checked(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *
xmalloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size));
}

void *
xcalloc(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size));
}

void *
xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size == 0 ? 1 : size));
}

char *
xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *
xmemdup0(const void *data, size_t len)
{
    char *copy = xmalloc(len + 1);

    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *
xasprintf(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    return checked(len < 0 ? NULL : text);
}

void
mem_wipe(void *data, size_t len)
{
    if (len > 0)
        explicit_bzero(data, len);
}

/* Left alone, the C library raises both after the first large block that is freed, and keeps up to
 * 64 MB on top of each thread's heap, which malloc_trim() does not touch. */
void
mem_tune(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
#endif
}

void
mem_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void
mem_wipe_free(char **text)
{
    if (*text != NULL)
        mem_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

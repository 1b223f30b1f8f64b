/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks in a list, the newest first; only the newest has room left. A request that is
 * larger than a block gets one of its own size.
 */
#include "conf/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_BYTES 4096
#define ALIGNMENT   _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

void
arena_release(struct arena *arena)
{
    struct arena_block *block;

    while ((block = arena->blocks) != NULL) {
        arena->blocks = block->next;
        mem_wipe(block->data, block->used);
        free(block);
    }
}

static struct arena_block *
arena_grow(struct arena *arena, size_t size)
{
    struct arena_block *block;

    if (size < BLOCK_BYTES)
        size = BLOCK_BYTES;
    block = xcalloc(1, sizeof(*block) + size);
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    void *memory;

    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (block == NULL || block->size - block->used < size)
        block = arena_grow(arena, size);
    memory = block->data + block->used;
    block->used += size;
    return memory;
}

char *
arena_copy(struct arena *arena, const char *data, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

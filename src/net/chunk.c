/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chunk.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SMALL      (4096 - sizeof(struct chunk) - 16) /* a page with malloc's header */
#define CHUNK_LARGE      (65536 - sizeof(struct chunk) - 16)
#define CHUNK_TINY       192 /* a control line; not pooled */
#define POOL_SMALL_COUNT 256 /* kept per loop: 1 MB */
#define POOL_LARGE_COUNT 32  /* kept per loop: 2 MB */

struct block *
block_new(size_t cap)
{
    struct block *block = malloc(sizeof(*block) + cap);

    if (block == NULL)
        return NULL;
    atomic_init(&block->refs, 1);
    block->cap = cap;
    return block;
}

struct block *
block_ref(struct block *block)
{
    atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    return block;
}

void
block_unref(struct block *block)
{
    /* acq_rel: the last holder sees every other holder's reads finished */
    if (block != NULL && atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1)
        free(block);
}

static void
free_all(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

void
chunk_pool_release(struct chunk_pool *pool)
{
    free_all(pool->small);
    free_all(pool->large);
    *pool = (struct chunk_pool) { 0 };
}

static struct chunk *
pool_take(struct chunk **head, unsigned *count)
{
    struct chunk *chunk = *head;

    if (chunk != NULL) {
        *head = chunk->next;
        (*count)--;
    }
    return chunk;
}

static struct chunk *
chunk_new(size_t cap)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + cap);

    if (chunk != NULL)
        chunk->cap = cap;
    return chunk;
}

struct chunk *
chunk_get(struct chunk_pool *pool, size_t need, size_t want, enum chunk_use use)
{
    struct chunk *chunk;

    if (use == CHUNK_BETWEEN) {
        chunk = chunk_new(need < CHUNK_TINY ? CHUNK_TINY : need);
    } else if (need <= CHUNK_SMALL && want <= CHUNK_SMALL && use == CHUNK_FIRST) {
        chunk = pool_take(&pool->small, &pool->small_count);
        if (chunk == NULL)
            chunk = chunk_new(CHUNK_SMALL);
    } else if (need <= CHUNK_LARGE) {
        chunk = pool_take(&pool->large, &pool->large_count);
        if (chunk == NULL)
            chunk = chunk_new(CHUNK_LARGE);
    } else {
        chunk = chunk_new(need);
    }
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->data = chunk->own;
    chunk->sent = chunk->len = 0;
    chunk->block = NULL;
    return chunk;
}

struct chunk *
chunk_get_ref(struct block *block, const char *data, size_t len)
{
    struct chunk *chunk = malloc(sizeof(*chunk));

    if (chunk == NULL)
        return NULL;
    *chunk = (struct chunk) { .data = (char *)(uintptr_t)data, .len = len };
    chunk->block = block_ref(block);
    return chunk;
}

static void
pool_give(struct chunk **head, unsigned *count, unsigned max, struct chunk *chunk)
{
    if (*count >= max) {
        free(chunk);
        return;
    }
    chunk->next = *head;
    *head = chunk;
    (*count)++;
}

void
chunk_put(struct chunk_pool *pool, struct chunk *chunk)
{
    block_unref(chunk->block);
    if (chunk->cap == CHUNK_SMALL)
        pool_give(&pool->small, &pool->small_count, POOL_SMALL_COUNT, chunk);
    else if (chunk->cap == CHUNK_LARGE)
        pool_give(&pool->large, &pool->large_count, POOL_LARGE_COUNT, chunk);
    else
        free(chunk);
}

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

size_t
block_unref(struct block *block)
{
    size_t bytes;

    /* acq_rel: the last holder sees every other holder's reads finished */
    if (block == NULL || atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) != 1)
        return 0;
    bytes = sizeof(*block) + block->cap;
    free(block);
    return bytes;
}

static void
chunk_free(struct chunk_pool *pool, struct chunk *chunk)
{
    pool->freed += sizeof(*chunk) + chunk->cap;
    free(chunk);
}

static struct chunk *
stack_take(struct chunk_stack *stack)
{
    struct chunk *chunk = stack->head;

    if (chunk != NULL) {
        stack->head = chunk->next;
        stack->count--;
        if (stack->count < stack->unused)
            stack->unused = stack->count;
    }
    return chunk;
}

static void
stack_age(struct chunk_pool *pool, struct chunk_stack *stack)
{
    for (unsigned left = stack->unused; left > 0; left--)
        chunk_free(pool, stack_take(stack));
    stack->unused = stack->count;
}

void
chunk_pool_age(struct chunk_pool *pool)
{
    stack_age(pool, &pool->small);
    stack_age(pool, &pool->large);
}

void
chunk_pool_release(struct chunk_pool *pool)
{
    chunk_pool_age(pool); /* the second time none was needed since the first */
    chunk_pool_age(pool);
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
        chunk = stack_take(&pool->small);
        if (chunk == NULL)
            chunk = chunk_new(CHUNK_SMALL);
    } else if (need <= CHUNK_LARGE) {
        chunk = stack_take(&pool->large);
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
stack_give(struct chunk_pool *pool, struct chunk_stack *stack, unsigned max, struct chunk *chunk)
{
    if (stack->count >= max) {
        chunk_free(pool, chunk);
        return;
    }
    chunk->next = stack->head;
    stack->head = chunk;
    stack->count++;
}

void
chunk_put(struct chunk_pool *pool, struct chunk *chunk)
{
    pool->freed += block_unref(chunk->block);
    if (chunk->cap == CHUNK_SMALL)
        stack_give(pool, &pool->small, POOL_SMALL_COUNT, chunk);
    else if (chunk->cap == CHUNK_LARGE)
        stack_give(pool, &pool->large, POOL_LARGE_COUNT, chunk);
    else
        chunk_free(pool, chunk);
}

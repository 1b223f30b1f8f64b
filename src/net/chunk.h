/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk - the memory of outbound queues, and counted blocks for large payloads
 *
 * A queue is a chain of chunks. Most hold bytes that were copied in; one may instead point
 * into a counted block that several queues share. Plain chunks come in two sizes from a pool
 * per loop: an idle connection holds none. A chunk may return to another loop's pool than it
 * came from. Of what a pool holds, what was not needed for a second goes back (loop.c asks).
 *
 * Threads  a pool belongs to its loop's thread; a block's count is atomic.
 */
#ifndef TESSERA_NET_CHUNK_H
#define TESSERA_NET_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Counted bytes; immutable once shared. */
struct block {
    atomic_uint refs;
    size_t cap;
    char data[];
};

struct block *block_new(size_t cap); /* one reference for the caller; NULL: out of memory */
struct block *block_ref(struct block *block);
/* NULL is allowed. Returns the bytes that went back to the allocator: 0 while others hold it. */
size_t block_unref(struct block *block);

struct chunk {
    struct chunk *next;
    char *data;          /* own bytes, or a place in block */
    size_t sent, len;    /* data[sent .. len) waits to be written */
    size_t cap;          /* 0: a reference, nothing can be appended */
    struct block *block; /* held by a reference chunk */
    char own[];
};

/* Spare chunks of one size. */
struct chunk_stack {
    struct chunk *head;
    unsigned count;
    unsigned unused; /* the least that count was since chunk_pool_age() */
};

struct chunk_pool {
    struct chunk_stack small, large;
    size_t freed; /* bytes that went back to the allocator; whoever looks sets it to 0 */
};

static inline bool
chunk_pool_is_empty(const struct chunk_pool *pool)
{
    return pool->small.count == 0 && pool->large.count == 0;
}

/* Frees the chunks that nobody needed since the last call. */
void chunk_pool_age(struct chunk_pool *pool);
void chunk_pool_release(struct chunk_pool *pool);

/* What a chunk is needed for: the first of an idle queue is small, so that a lone reply does
 * not take 64 KB; a line between two references is not pooled and hardly larger than itself. */
enum chunk_use { CHUNK_FIRST, CHUNK_NEXT, CHUNK_BETWEEN };

/* A chunk with room for at least need bytes, and of a size that suits want of them; NULL: out of
 * memory. */
struct chunk *chunk_get(struct chunk_pool *pool, size_t need, size_t want, enum chunk_use use);
/* A chunk that points at data inside block; takes a reference. */
struct chunk *chunk_get_ref(struct block *block, const char *data, size_t len);
void chunk_put(struct chunk_pool *pool, struct chunk *chunk);

#endif

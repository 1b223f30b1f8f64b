/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's own secure heap does not do: it has a fixed size, refuses when it is full, holds the
 * ephemeral key of each connection for its life, and not the copies of an RSA key's primes that
 * signing keeps. So its hooks for all memory are used, which have no argument: hence the state of
 * the process here, as it is the library's.
 *
 * Pieces are powers of two with their class in front; those that were freed are taken first.
 */
#include "tls/key_memory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

#define REGION_BYTES (4 * 1024 * 1024) /* a key takes some 20 KB; pages count when used */
#define CLASS_FIRST  5                 /* 32 bytes with what is in front */
#define CLASS_COUNT  12                /* up to 64 KB */

struct piece {
    size_t class;       /* see size_of() */
    struct piece *next; /* of those that are free */
};

static struct {
    pthread_mutex_t lock;
    char *start; /* NULL: not installed */
    /* under lock */
    size_t used;
    struct piece *spare[CLASS_COUNT];
} region = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local bool secret_now;

static size_t
size_of(size_t class)
{
    return (size_t)1 << (CLASS_FIRST + class);
}

bool
key_memory_holds(const void *memory)
{
    return (uintptr_t)memory - (uintptr_t)region.start < REGION_BYTES && region.start != NULL;
}

static struct piece *
take_locked(size_t class)
{
    struct piece *piece = region.spare[class];

    if (piece != NULL) {
        region.spare[class] = piece->next;
    } else if (size_of(class) <= REGION_BYTES - region.used) {
        piece = (struct piece *)(void *)(region.start + region.used);
        region.used += size_of(class);
        piece->class = class;
    }
    return piece;
}

/* NULL: too large, or no room. */
static void *
take(size_t size)
{
    struct piece *piece;
    size_t class = 0;

    while (class < CLASS_COUNT && size_of(class) - sizeof(*piece) < size)
        class ++;
    if (class == CLASS_COUNT)
        return NULL;
    pthread_mutex_lock(&region.lock);
    piece = take_locked(class);
    pthread_mutex_unlock(&region.lock);
    return piece == NULL ? NULL : piece + 1;
}

static size_t
room_of(const void *memory)
{
    return size_of(((const struct piece *)memory - 1)->class) - sizeof(struct piece);
}

static void
give_back(void *memory)
{
    struct piece *piece = (struct piece *)memory - 1;

    mem_wipe(memory, room_of(memory));
    pthread_mutex_lock(&region.lock);
    piece->next = region.spare[piece->class];
    region.spare[piece->class] = piece;
    pthread_mutex_unlock(&region.lock);
}

/* --- OpenSSL's hooks --- */

static void *
allocate(size_t size, const char *file, int line)
{
    void *memory = secret_now ? take(size) : NULL;

    (void)file, (void)line;
    return memory != NULL ? memory : malloc(size);
}

static void
release(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    if (key_memory_holds(memory))
        give_back(memory);
    else
        free(memory);
}

static void *
reallocate(void *memory, size_t size, const char *file, int line)
{
    void *moved;

    if (!key_memory_holds(memory) && !(memory == NULL && secret_now))
        return realloc(memory, size);
    if (memory != NULL && size == 0) {
        release(memory, file, line);
        return NULL;
    }
    if (memory != NULL && size <= room_of(memory))
        return memory;
    moved = take(size);
    if (moved == NULL)
        moved = malloc(size);
    if (moved != NULL && memory != NULL) {
        memcpy(moved, memory, room_of(memory));
        release(memory, file, line);
    }
    return moved;
}

/* --- the contract --- */

bool
key_memory_install(void)
{
    assert(region.start == NULL);
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        return false;
    region.start = secret_alloc(REGION_BYTES);
    return region.start != NULL;
}

void
key_memory_begin(void)
{
    assert(!secret_now);
    secret_now = region.start != NULL;
}

void
key_memory_end(void)
{
    secret_now = false;
}

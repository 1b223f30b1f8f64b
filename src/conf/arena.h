/* SPDX-License-Identifier: Apache-2.0
 *
 * arena - memory for things that die together: the texts and values of one configuration
 *
 * Owns     all it handed out; arena_release() wipes it (tokens live here) and frees it.
 * Threads  one at a time.
 * Fails    never: a configuration is sized by the operator (mem.h).
 */
#ifndef TESSERA_CONF_ARENA_H
#define TESSERA_CONF_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* private */
};

/* A zeroed struct arena is empty and ready. */
void arena_release(struct arena *arena);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it. */
char *arena_copy(struct arena *arena, const char *data, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

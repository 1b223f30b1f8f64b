/* SPDX-License-Identifier: Apache-2.0
 *
 * vec - scratch array that keeps its memory from one use to the next (private to sublist)
 */
#ifndef TESSERA_SUBLIST_VEC_H
#define TESSERA_SUBLIST_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC_FIRST      16    /* elements */
#define VEC_KEPT_BYTES 65536 /* more than this is not kept for the next use */

struct vec {
    void *data;
    size_t len, cap; /* elements */
};

static inline bool
vec_grow(struct vec *vec, size_t size)
{
    size_t cap = vec->cap == 0 ? VEC_FIRST : vec->cap * 2;
    void *data = realloc(vec->data, cap * size);

    if (data == NULL)
        return false;
    vec->data = data;
    vec->cap = cap;
    return true;
}

/* Room for one more element of size bytes at the end; NULL: out of memory. */
static inline void *
vec_add(struct vec *vec, size_t size)
{
    if (vec->len == vec->cap && !vec_grow(vec, size))
        return NULL;
    return (char *)vec->data + vec->len++ * size;
}

static inline void
vec_release(struct vec *vec)
{
    free(vec->data);
    *vec = (struct vec) { NULL, 0, 0 };
}

static inline void
vec_clear(struct vec *vec, size_t size)
{
    vec->len = 0;
    if (vec->cap * size > VEC_KEPT_BYTES)
        vec_release(vec);
}

#endif

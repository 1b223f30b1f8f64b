/* SPDX-License-Identifier: Apache-2.0
 *
 * deadlines - moments, of which the earliest is wanted
 *
 * A pairing heap whose links lie in the deadlines themselves: nothing allocates, nothing fails.
 * A uv_timer_t does the same in 152 bytes; of these a loop has one, for the earliest.
 *
 * Threads  none of its own.
 * Cost     setting is O(1), taking the earliest or any other O(log n) on average.
 */
#ifndef TESSERA_NET_DEADLINES_H
#define TESSERA_NET_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: not set. */
struct deadline {
    struct deadline *child, *next; /* next: the sibling behind it */
    struct deadline *prev;         /* the sibling before it, or the parent */
    int64_t due_ms;                /* never 0 while it is set */
};

struct deadlines {
    struct deadline *first; /* NULL: none is set. The earliest. */
};

static inline bool
deadline_is_set(const struct deadline *deadline)
{
    return deadline->due_ms != 0;
}

/* due_ms > 0; it is not set. */
void deadlines_add(struct deadlines *deadlines, struct deadline *deadline, int64_t due_ms);
/* It is set. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * secret - memory for tokens and keys: on pages of its own, left out of core dumps where the
 * system can, wiped before it is given back
 *
 * It is not locked into RAM: RLIMIT_MEMLOCK is small and shared by the whole process, and a
 * server that fails for want of it helps nobody. Encrypt the swap instead.
 *
 * Threads  any.
 * Cost     a system call or two and whole pages: for few and long-lived things.
 */
#ifndef TESSERA_AUTH_SECRET_H
#define TESSERA_AUTH_SECRET_H

#include <stddef.h>

/* Zeroed; NULL: out of memory. */
void *secret_alloc(size_t size);
/* Wipes and frees. size as it was allocated; NULL is allowed. */
void secret_free(void *memory, size_t size);

#endif

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
#ifndef TESSERA_BASE_SECRET_H
#define TESSERA_BASE_SECRET_H

#include <stddef.h>

/* Zeroed; NULL: out of memory. */
void *secret_alloc(size_t size);
/* Wipes and frees. size as it was allocated; NULL is allowed. */
void secret_free(void *memory, size_t size);

/* A counted piece for many small secrets that come together and go one by one. */
struct vault;

/* One reference for the caller. NULL: out of memory. */
struct vault *vault_new(size_t size);
struct vault *vault_ref(struct vault *vault);
void vault_unref(struct vault *vault); /* NULL is allowed */
/* Copies text into vault, with a NUL; one thread at a time. There must be room. Whoever is done
 * with the copy wipes it. */
char *vault_put(struct vault *vault, const char *text, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * mem - allocation for start-up and configuration, and wiping
 *
 * The x functions print one line and end the process when memory is out: use them
 * for what the operator sizes. What a peer sizes goes through malloc and is checked.
 */
#ifndef TESSERA_BASE_MEM_H
#define TESSERA_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
/* Copies len bytes and adds a NUL. */
char *xmemdup0(const void *data, size_t len);
/* Like asprintf, but never fails. The caller frees the result. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Overwrites len bytes so that the compiler cannot leave it out. NULL is allowed with 0. */
void mem_wipe(void *data, size_t len);

/* At the start of a process whose threads allocate much and free it again: what lies on top of
 * any thread's heap goes back soon. */
void mem_tune(void);

/* Gives the free pages of the heap back to the system, as far as the C library can: some ms with
 * 100 MB, in which other threads may have to wait for memory. */
void mem_trim(void);

/* Wipes a NUL-terminated string, frees it and sets the pointer to NULL. */
void mem_wipe_free(char **text);

#endif

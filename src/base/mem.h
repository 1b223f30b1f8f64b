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

/* Wipes a NUL-terminated string, frees it and sets the pointer to NULL. */
void mem_wipe_free(char **text);

#endif

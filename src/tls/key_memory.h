/* SPDX-License-Identifier: Apache-2.0
 *
 * key_memory - private keys of OpenSSL on pages that no core file gets
 *
 * What OpenSSL allocates on a thread between key_memory_begin() and key_memory_end() comes from a
 * region of its own, is wiped when it is freed, and may be freed by any thread. Where the region
 * has no room, or is not installed (tests, the CLI), it is ordinary memory, wiped all the same by
 * OpenSSL where that knows of a secret.
 *
 * Threads  install: once, before the first call of OpenSSL. The rest: any.
 * Cost     of all other memory of OpenSSL: a comparison.
 */
#ifndef TESSERA_TLS_KEY_MEMORY_H
#define TESSERA_TLS_KEY_MEMORY_H

#include <stdbool.h>

/* false: OpenSSL has memory already, or there is none for the region. */
bool key_memory_install(void);

/* They do not nest. */
void key_memory_begin(void);
void key_memory_end(void);

/* For tests: is this a piece of the region? */
bool key_memory_holds(const void *memory);

#endif

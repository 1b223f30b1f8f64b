/* SPDX-License-Identifier: Apache-2.0
 *
 * hash - keyed hash of bytes that an attacker may choose (subjects, sids, names)
 *
 * The key is drawn once per process, before the first hash (hash_init() in main), and
 * never changes: collisions cannot be prepared outside.
 */
#ifndef TESSERA_BASE_HASH_H
#define TESSERA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

void hash_init(void);
uint64_t hash_bytes(const void *data, size_t len);

#endif

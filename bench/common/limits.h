/* SPDX-License-Identifier: Apache-2.0
 *
 * limits - what this process may have of the system
 */
#ifndef TESSERA_BENCH_COMMON_LIMITS_H
#define TESSERA_BENCH_COMMON_LIMITS_H

/* As many descriptors as it may have: the connections of a big run are more than a shell's usual
 * limit. */
void limits_raise_descriptors(void);

#endif

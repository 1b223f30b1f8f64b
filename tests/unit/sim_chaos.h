/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_chaos - clusters of random shape that live through random faults; all from the seed
 */
#ifndef TESSERA_TESTS_SIM_CHAOS_H
#define TESSERA_TESTS_SIM_CHAOS_H

#include "sim.h"

struct chaos {
    struct sim *sim;
    uint32_t faults;  /* how many; 0 for every third seed */
    uint32_t span_ms; /* in which they happen */
};

/* Adds two to seven nodes, some of them Go nodes, which start in the first seconds; then makes up
 * the faults. */
void chaos_build(struct chaos *chaos);
/* Runs through the span and ten seconds more, heals every cut and starts who is down. */
void chaos_run(struct chaos *chaos);
/* Must these two be connected when it has been quiet for a while? */
bool chaos_must_connect(const struct chaos *chaos, const struct sim_node *a,
                        const struct sim_node *b);

#endif

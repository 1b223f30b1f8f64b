/* SPDX-License-Identifier: Apache-2.0
 *
 * draw - which member of a queue group gets a message? (PROTOCOL.md 1.8, 3.7)
 *
 * Each local member is drawn as often as any other, a remote one as often as its weight says: it
 * stands for so many members there. Those on behalf of leafnodes are drawn if there is nobody
 * else. The server where a message enters the cluster draws, once.
 *
 * Threads  any; random belongs to the caller's.
 * Cost     without remote members: one random number. With them also a pass over those.
 */
#ifndef TESSERA_SUBLIST_DRAW_H
#define TESSERA_SUBLIST_DRAW_H

#include "base/random.h"
#include "sublist/sublist.h"

/* The index of a member of group; group->count: nobody can be drawn. remote: they take part. */
uint32_t draw_member(const struct match *match, const struct match_group *group, bool remote,
                     struct random *random);

#endif

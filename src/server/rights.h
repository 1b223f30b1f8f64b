/* SPDX-License-Identifier: Apache-2.0
 *
 * rights - what one client may do: its identity's permissions and what goes with them
 *
 * Owns     references on the identity in force and on earlier ones whose permissions another
 *          loop may still be reading; the caches.
 * Threads  the client's loop, but for rights_may_receive() and rights_note_reply(), which
 *          deliveries call from any: they read pointers that stay valid as long as the client.
 * Cost     a client without permissions: one load. A publish with them: one hash and one
 *          comparison, once its subject was asked for.
 */
#ifndef TESSERA_SERVER_RIGHTS_H
#define TESSERA_SERVER_RIGHTS_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/permissions.h"
#include "auth/publish_cache.h"
#include "auth/responses.h"

struct rights {
    struct auth_identity *identity; /* NULL before the login */
    struct retired *retired;        /* what was in force earlier, until the client is freed */
    struct publish_cache published;
    /* any loop may read these */
    _Atomic(struct permissions *) permissions; /* NULL: everything */
    _Atomic(struct responses *) responses;     /* NULL: allow_responses is off */
};

/* Takes over the reference. Also for a second login and after a reload; true when what is
 * permitted may have changed. */
bool rights_set(struct rights *rights, struct auth_identity *identity);
/* When no other loop can reach the client any more. */
void rights_release(struct rights *rights);

bool rights_may_publish(struct rights *rights, struct str subject, int64_t now_ms);

/* No publish needs to be asked for. */
static inline bool
rights_all_publishes(const struct rights *rights)
{
    return atomic_load_explicit(&rights->permissions, memory_order_relaxed) == NULL;
}

static inline enum subscribe_verdict
rights_may_subscribe(struct rights *rights, struct str subject, struct str queue)
{
    return permissions_may_subscribe(
        atomic_load_explicit(&rights->permissions, memory_order_acquire), subject, queue);
}

/* A delivery to a subscription that is SUB_FILTERED. */
bool rights_may_receive(struct rights *rights, struct str subject, struct str queue);
/* A message with a reply subject was delivered to the client. */
void rights_note_reply(struct rights *rights, struct str reply, int64_t now_ms);

/* The end of life of what let the client in: ms from now, 0: it is over, -1: never. */
int64_t rights_expire_in_ms(const struct rights *rights);

#endif

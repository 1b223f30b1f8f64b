/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_cache - one connection's last verdicts of permissions_may_publish()
 *
 * Owns     a reference on the permissions it holds verdicts of, and about 8 KB from the first
 *          question on that needs them: none for clients that may publish to everything.
 * Threads  its connection's.
 * Fails    never: what cannot be remembered is computed.
 * Cost     a hit is one hash and one comparison of the subject.
 */
#ifndef TESSERA_AUTH_PUBLISH_CACHE_H
#define TESSERA_AUTH_PUBLISH_CACHE_H

#include "auth/permissions.h"

#define PUBLISH_CACHE_ENTRIES     64  /* a power of two */
#define PUBLISH_CACHE_SUBJECT_MAX 118 /* bytes; longer ones are computed each time */

struct publish_cache {
    /* private */
    struct permissions *permissions;
    struct publish_verdict *verdicts;
};

#define PUBLISH_CACHE_INIT                                                                         \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* The same as permissions_may_publish(). Other permissions than last time empty the cache. */
bool publish_cache_ask(struct publish_cache *cache, struct permissions *permissions,
                       struct str subject);
/* Leaves an empty cache. */
void publish_cache_release(struct publish_cache *cache);

#endif

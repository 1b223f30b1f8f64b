/* SPDX-License-Identifier: Apache-2.0
 *
 * A table in which each subject has one place, chosen by its hash; a newcomer takes the place. The
 * subject itself is compared, as a verdict for another one would be a hole. The reference on the
 * permissions keeps their address from being used again for others.
 */
#include "auth/publish_cache.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "base/hash.h"

struct publish_verdict {
    uint64_t hash;
    unsigned char len; /* 0: free; the empty subject is never stored */
    bool allowed;
    char subject[PUBLISH_CACHE_SUBJECT_MAX];
};

static_assert(PUBLISH_CACHE_SUBJECT_MAX <= UCHAR_MAX, "fits len");
static_assert(sizeof(struct publish_verdict) == 128, "two cache lines");
static_assert((PUBLISH_CACHE_ENTRIES & (PUBLISH_CACHE_ENTRIES - 1)) == 0, "a mask");

static bool
is_of(const struct publish_verdict *verdict, uint64_t hash, struct str subject)
{
    return verdict->hash == hash &&
           str_eq((struct str) { verdict->subject, verdict->len }, subject);
}

/* false: no memory. */
static bool
make_room(struct publish_cache *cache, struct permissions *permissions)
{
    if (cache->permissions == permissions)
        return true;
    publish_cache_release(cache);
    cache->verdicts = calloc(PUBLISH_CACHE_ENTRIES, sizeof(*cache->verdicts));
    if (cache->verdicts == NULL)
        return false;
    cache->permissions = permissions_ref(permissions);
    return true;
}

bool
publish_cache_ask(struct publish_cache *cache, struct permissions *permissions, struct str subject)
{
    struct publish_verdict *verdict;
    uint64_t hash;

    if (!permissions_restrict_publish(permissions))
        return true;
    if (subject.len == 0 || subject.len > PUBLISH_CACHE_SUBJECT_MAX ||
        !make_room(cache, permissions))
        return permissions_may_publish(permissions, subject);
    hash = hash_bytes(subject.data, subject.len);
    verdict = &cache->verdicts[hash & (PUBLISH_CACHE_ENTRIES - 1)];
    if (!is_of(verdict, hash, subject)) {
        verdict->hash = hash;
        verdict->len = (unsigned char)subject.len;
        memcpy(verdict->subject, subject.data, subject.len);
        verdict->allowed = permissions_may_publish(permissions, subject);
    }
    return verdict->allowed;
}

void
publish_cache_release(struct publish_cache *cache)
{
    permissions_unref(cache->permissions);
    free(cache->verdicts);
    *cache = (struct publish_cache)PUBLISH_CACHE_INIT;
}

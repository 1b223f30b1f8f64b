/* SPDX-License-Identifier: Apache-2.0
 *
 * Another loop may be using the permissions while a reload replaces them. They are not guarded
 * by a lock, since every filtered delivery would take it; instead the client keeps what it
 * replaced until it is freed itself. A reload that changes nothing for a client adds nothing.
 */
#include "server/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_identity(const struct auth_identity *a, const struct auth_identity *b)
{
    return a->kind == b->kind && a->anonymous == b->anonymous && same_text(a->name, b->name) &&
           a->expires_ns == b->expires_ns && permissions_equal(a->permissions, b->permissions);
}

struct retired {
    struct retired *next;
    struct auth_identity *identity;
    struct responses *responses;
};

static void
retire(struct rights *rights)
{
    struct retired *old;

    if (rights->identity == NULL)
        return;
    old = xcalloc(1, sizeof(*old));
    old->next = rights->retired;
    old->identity = rights->identity;
    old->responses = atomic_load_explicit(&rights->responses, memory_order_relaxed);
    rights->retired = old;
}

static struct responses *
make_responses(const struct permissions *permissions)
{
    int64_t max, expires_ns;

    if (!permissions_responses(permissions, &max, &expires_ns))
        return NULL;
    return responses_new(max, expires_ns);
}

bool
rights_set(struct rights *rights, struct auth_identity *identity)
{
    if (rights->identity != NULL && same_identity(rights->identity, identity)) {
        auth_identity_unref(identity);
        return false;
    }
    retire(rights);
    rights->identity = identity;
    atomic_store_explicit(&rights->permissions, identity->permissions, memory_order_release);
    atomic_store_explicit(&rights->responses, make_responses(identity->permissions),
                          memory_order_release);
    return true;
}

void
rights_release(struct rights *rights)
{
    retire(rights);
    while (rights->retired != NULL) {
        struct retired *old = rights->retired;

        rights->retired = old->next;
        auth_identity_unref(old->identity);
        responses_free(old->responses);
        free(old);
    }
    publish_cache_release(&rights->published);
}

bool
rights_may_publish(struct rights *rights, struct str subject, int64_t now_ms)
{
    struct permissions *permissions =
        atomic_load_explicit(&rights->permissions, memory_order_relaxed);
    struct responses *responses;

    if (permissions == NULL || publish_cache_ask(&rights->published, permissions, subject))
        return true;
    responses = atomic_load_explicit(&rights->responses, memory_order_relaxed);
    return responses != NULL && responses_take(responses, subject, now_ms);
}

bool
rights_may_receive(struct rights *rights, struct str subject, struct str queue)
{
    return permissions_may_deliver(atomic_load_explicit(&rights->permissions, memory_order_acquire),
                                   subject, queue);
}

void
rights_note_reply(struct rights *rights, struct str reply, int64_t now_ms)
{
    struct responses *responses = atomic_load_explicit(&rights->responses, memory_order_acquire);
    struct permissions *permissions;

    if (responses == NULL)
        return;
    permissions = atomic_load_explicit(&rights->permissions, memory_order_acquire);
    if (!permissions_may_publish(permissions, reply))
        responses_note(responses, reply, now_ms);
}

int64_t
rights_expire_in_ms(const struct rights *rights)
{
    int64_t left_ns;

    if (rights->identity == NULL || rights->identity->expires_ns == 0)
        return -1;
    left_ns = rights->identity->expires_ns - clock_wall_ns();
    return left_ns <= 0 ? 0 : left_ns / CLOCK_NS_PER_MS + 1;
}

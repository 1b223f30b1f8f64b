/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions - what a client may publish and subscribe to (PROTOCOL.md 1.12)
 *
 * Compiled once per entry of the configuration, then shared by all its clients.
 *
 * Owns     copies of its patterns; counted and immutable.
 * Threads  any.
 * Cost     a check is a binary search in the literals of its lists and a walk over their
 *          wildcards; publishers go through auth/publish_cache.h.
 */
#ifndef TESSERA_AUTH_PERMISSIONS_H
#define TESSERA_AUTH_PERMISSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "conf/auth_options.h"

struct permissions;

/* One reference for the caller; out of memory ends the process: sized by the operator. The
 * entries were checked: valid subjects, a queue (wildcards allowed) only under subscribe. */
struct permissions *permissions_new(const struct permissions_options *options);
struct permissions *permissions_ref(struct permissions *permissions); /* NULL gives NULL */
void permissions_unref(struct permissions *permissions);              /* NULL is allowed */

/* Permissions NULL means everything in all of these. */

/* '*' and '>' in the subject are text, as for every published subject. The rules alone: what
 * they refuse, auth/responses.h may still let pass. */
bool permissions_may_publish(const struct permissions *permissions, struct str subject);
/* Is there any subject that permissions_may_publish() refuses? */
bool permissions_restrict_publish(const struct permissions *permissions);

enum subscribe_verdict {
    SUBSCRIBE_REFUSED,
    SUBSCRIBE_ALLOWED,
    SUBSCRIBE_FILTERED, /* a wildcard that overlaps a deny: ask permissions_may_deliver() */
};

/* subject is valid; queue.data NULL: a plain subscription.
 *
 * allow  all of the subscription must lie within one entry. For a queue subscription, entries
 *        "subject queue" that cover its subject decide alone if there are any, else those
 *        without a queue; a plain one needs an entry without a queue.
 * deny   an entry without a queue speaks of all subscriptions, one with a queue of that group. */
enum subscribe_verdict permissions_may_subscribe(const struct permissions *permissions,
                                                 struct str subject, struct str queue);

/* May a message on this literal subject reach a filtered subscription (of that queue)? */
bool permissions_may_deliver(const struct permissions *permissions, struct str subject,
                             struct str queue);

/* allow_responses: how often, and for how long, a received reply subject may be published to
 * that the rules would refuse. false: it is off. Negative numbers: unlimited. */
bool permissions_responses(const struct permissions *permissions, int64_t *max,
                           int64_t *expires_ns);

/* The same rules, in whatever order they were written? */
bool permissions_equal(const struct permissions *a, const struct permissions *b);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * responses - reply subjects that a client with allow_responses may still answer to
 *
 * Noted when a message with a reply, one that the client's rules refuse to publish to, is
 * delivered to it; taken when the client publishes what its rules refuse.
 *
 * Owns     copies of the subjects: at most RESPONSES_MAX of them and RESPONSES_BYTES_MAX bytes,
 *          the oldest forgotten first. A requester can thus only push out what came before, at
 *          the price of a message delivered each.
 * Threads  any may note and take, under a lock of its own; new and free exclude all others.
 * Fails    without memory a subject is not noted: the answer is refused.
 */
#ifndef TESSERA_AUTH_RESPONSES_H
#define TESSERA_AUTH_RESPONSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define RESPONSES_MAX       4096
#define RESPONSES_BYTES_MAX (1024 * 1024) /* of subjects */

struct responses;

/* As permissions_responses() says: negative is unlimited. NULL: out of memory. */
struct responses *responses_new(int64_t max, int64_t expires_ns);
void responses_free(struct responses *responses); /* NULL is allowed */

/* A subject that is noted already starts anew. now_ms never goes back by much: any clock that
 * all callers share, a loop's cached time is good enough. */
void responses_note(struct responses *responses, struct str subject, int64_t now_ms);
/* true: it may be published to now, and that is counted. */
bool responses_take(struct responses *responses, struct str subject, int64_t now_ms);

#endif

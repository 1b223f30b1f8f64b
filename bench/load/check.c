/* SPDX-License-Identifier: Apache-2.0
 *
 * next[subscription][slot] is the lowest sequence that may come now, slot being the number of the
 * publisher among those of the subject. Rows are as wide as the subject with most publishers needs.
 * For queue groups, seen[subject][group][slot] has a bit per sequence.
 *
 * No message passes that was not expected, and none passes twice: when as many have passed as were
 * expected, each of them has.
 */
#include "check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PUBLISHER_DIGITS 5
#define SEQUENCE_DIGITS  10

static_assert(PUBLISHER_DIGITS + 1 + SEQUENCE_DIGITS == STAMP_LEN, "the parts make the whole");

struct check {
    const struct plan *plan;
    uint64_t width;  /* slots of a row */
    uint64_t *next;  /* by subscription and slot */
    uint64_t bitmap; /* 64-bit words of one; 0: no queue groups */
    uint64_t *seen;  /* bitmaps by subject, group, slot */
};

static void
put_digits(char *out, size_t digits, uint64_t number)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

void
stamp_put(char *out, const struct stamp *stamp)
{
    put_digits(out, PUBLISHER_DIGITS, stamp->publisher);
    out[PUBLISHER_DIGITS] = '.';
    put_digits(out + PUBLISHER_DIGITS + 1, SEQUENCE_DIGITS, stamp->sequence);
}

bool
stamp_get(const char *data, struct stamp *out)
{
    const char *sequence = data + PUBLISHER_DIGITS + 1;

    return data[PUBLISHER_DIGITS] == '.' &&
           str_to_u64((struct str) { data, PUBLISHER_DIGITS }, UINT64_MAX, &out->publisher) &&
           str_to_u64((struct str) { sequence, SEQUENCE_DIGITS }, UINT64_MAX, &out->sequence);
}

struct check *
check_new(const struct plan *plan)
{
    struct check *check = xcalloc(1, sizeof(*check));

    check->plan = plan;
    check->width = plan_publishers_of(plan, 0);
    check->next = xcalloc(plan_subscriptions(plan) * check->width, sizeof(*check->next));
    if (plan->queue > 0) {
        check->bitmap = plan_messages_to(plan, 0, plan_subject(plan, 0, 0)) / 64 + 1;
        check->seen = xcalloc(plan->subjects * plan->queue * check->width * check->bitmap,
                              sizeof(*check->seen));
    }
    return check;
}

void
check_free(struct check *check)
{
    if (check == NULL)
        return;
    free(check->next);
    free(check->seen);
    free(check);
}

/* false: the group had it already. */
static bool
see(struct check *check, uint64_t subscription, uint64_t slot, uint64_t sequence)
{
    const struct plan *plan = check->plan;
    uint64_t subject = subscription / plan->subscribers;
    uint64_t group = subscription % plan->subscribers % plan->queue;
    uint64_t row = (subject * plan->queue + group) * check->width + slot;
    uint64_t *word = &check->seen[row * check->bitmap + sequence / 64];
    uint64_t bit = UINT64_C(1) << (sequence % 64);
    bool is_new = (*word & bit) == 0;

    *word |= bit;
    return is_new;
}

/* Was such a message published to that subject? */
static bool
is_published(const struct plan *plan, uint64_t subject, const struct stamp *stamp)
{
    return stamp->publisher < plan->publishers &&
           (plan->publishers == 1 || stamp->publisher % plan->subjects == subject) &&
           stamp->sequence < plan_messages_to(plan, stamp->publisher, subject);
}

enum err
check_message(struct check *check, uint64_t subscription, const struct stamp *stamp,
              struct errmsg *why)
{
    const struct plan *plan = check->plan;
    uint64_t subject = subscription / plan->subscribers;
    uint64_t slot = plan->publishers > 1 ? stamp->publisher / plan->subjects : 0;
    uint64_t *next = &check->next[subscription * check->width + slot];
    const char *fault = NULL;

    if (!is_published(plan, subject, stamp))
        fault = "was never published to that subject";
    else if (plan->queue > 0 && !see(check, subscription, slot, stamp->sequence))
        fault = "came twice";
    else if (stamp->sequence < *next)
        fault = "came twice or too late";
    else if (plan->queue == 0 && stamp->sequence > *next)
        fault = "came too early or others were lost";
    if (fault != NULL)
        return err_set(why, ERR_INVALID,
                       "subscription %" PRIu64 " of b.%" PRIu64 ": message %" PRIu64
                       " of publisher %" PRIu64 " %s; %" PRIu64 " was next",
                       subscription % plan->subscribers, subject, stamp->sequence, stamp->publisher,
                       fault, *next);
    *next = stamp->sequence + 1;
    return ERR_OK;
}

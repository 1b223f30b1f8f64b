/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of rules is one sorted array: literals first, so that a binary search finds the only
 * one that can cover a literal subject (several if they differ in their queue), then wildcards,
 * which are walked.
 *
 *      | a.b | a.b q1 | c || a.* | d.> q* |
 *        0              2   literals        count
 *
 * Patterns meet subjects in three ways:
 *
 *      covers     everything the subscription matches, the pattern matches: allow
 *      matches    the subject, its wildcards taken as text, is matched (proto/subject.h): published
 *                 subjects, and deny. It is a little wider than covers ("foo.*" matches "foo.>"),
 *                 so that a subscription is refused as whole where the reference refuses it
 *      overlaps   some subject is matched by both: the subscription must be filtered
 *
 * The reference also allows by "matches": there SUB foo.> passes an allow of foo.*, and receives
 * foo.a.b. Here an allow must cover.
 */
#include "auth/permissions.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/subject.h"

struct pattern {
    char *text;
    struct str subject, queue; /* parts of text; queue.data NULL: none */
};

struct rules {
    struct pattern *items;
    size_t literals, count;
};

struct permissions {
    atomic_uint refs;
    bool has_publish_allow, has_subscribe_allow;
    struct rules publish_allow, publish_deny, subscribe_allow, subscribe_deny;
    bool allow_responses;
    int64_t responses_max, responses_expires_ns;
};

typedef bool relation(struct str pattern, struct str subject);

static bool
is_token(struct str token, char byte)
{
    return token.len == 1 && token.data[0] == byte;
}

/* Also asked of queue names, where a token may be empty. */
static bool
covers(struct str pattern, struct str subject)
{
    struct str want, have;

    while (subject_next_token(&pattern, &want)) {
        if (!subject_next_token(&subject, &have))
            return false;
        if (is_token(want, '>') && pattern.data == NULL)
            return true;
        if (is_token(want, '*') ? is_token(have, '>') : !str_eq(want, have))
            return false;
    }
    return subject.data == NULL;
}

static bool
overlaps(struct str a, struct str b)
{
    struct str in_a, in_b;

    while (subject_next_token(&a, &in_a)) {
        if (!subject_next_token(&b, &in_b))
            return false;
        if (is_token(in_a, '>') || is_token(in_b, '>'))
            return true;
        if (!is_token(in_a, '*') && !is_token(in_b, '*') && !str_eq(in_a, in_b))
            return false;
    }
    return b.data == NULL;
}

static int
compare_str(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* No queue sorts before every queue: queues are not empty. */
static int
compare_patterns(const void *left, const void *right)
{
    const struct pattern *a = left, *b = right;
    bool a_wild = subject_has_wildcard(a->subject), b_wild = subject_has_wildcard(b->subject);
    int order;

    if (a_wild != b_wild)
        return a_wild ? 1 : -1;
    order = compare_str(a->subject, b->subject);
    return order != 0 ? order : compare_str(a->queue, b->queue);
}

static struct pattern
pattern_of(const char *item)
{
    struct pattern pattern = { .text = xstrdup(item), .queue = STR_NULL };
    size_t len = strcspn(pattern.text, " \t");

    pattern.subject = (struct str) { pattern.text, len };
    if (pattern.text[len] != '\0')
        pattern.queue = str_of(pattern.text + len + strspn(pattern.text + len, " \t"));
    assert(subject_valid(pattern.subject));
    assert(pattern.queue.data == NULL ||
           (pattern.queue.len > 0 && strpbrk(pattern.queue.data, " \t") == NULL));
    return pattern;
}

static void
rules_init(struct rules *rules, const struct subject_list *list)
{
    *rules = (struct rules) { .items = xcalloc(list->count + 1, sizeof(*rules->items)) };
    for (size_t i = 0; i < list->count; i++)
        rules->items[rules->count++] = pattern_of(list->items[i]);
    qsort(rules->items, rules->count, sizeof(*rules->items), compare_patterns);
    while (rules->literals < rules->count &&
           !subject_has_wildcard(rules->items[rules->literals].subject))
        rules->literals++;
}

static void
rules_release(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        free(rules->items[i].text);
    free(rules->items);
}

static bool
rules_equal(const struct rules *a, const struct rules *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (compare_patterns(&a->items[i], &b->items[i]) != 0)
            return false;
    }
    return true;
}

static bool
names_no_queue(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].queue.data != NULL)
            return false;
    }
    return true;
}

/* The first literal that is not before subject. */
static size_t
rules_find(const struct rules *rules, struct str subject)
{
    size_t low = 0, high = rules->literals;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_str(rules->items[middle].subject, subject) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The pattern at *at or the next one that stands in the relation to subject, NULL: none; *at is
 * then behind it. Start with rules_find(). Literals stand in covers and matches to their equal. */
static const struct pattern *
rules_next(const struct rules *rules, struct str subject, relation *related, size_t *at)
{
    if (*at < rules->literals) {
        if (str_eq(rules->items[*at].subject, subject))
            return &rules->items[(*at)++];
        *at = rules->literals;
    }
    while (*at < rules->count) {
        const struct pattern *pattern = &rules->items[(*at)++];

        if (related(pattern->subject, subject))
            return pattern;
    }
    return NULL;
}

static bool
speaks_of(const struct pattern *pattern, struct str queue)
{
    return pattern->queue.data == NULL || (queue.data != NULL && covers(pattern->queue, queue));
}

static bool
rules_match(const struct rules *rules, struct str subject, struct str queue)
{
    const struct pattern *pattern;
    size_t at = rules_find(rules, subject);

    while ((pattern = rules_next(rules, subject, subject_matches, &at)) != NULL) {
        if (speaks_of(pattern, queue))
            return true;
    }
    return false;
}

static bool
rules_allow(const struct rules *rules, struct str subject, struct str queue)
{
    const struct pattern *pattern;
    size_t at = rules_find(rules, subject);
    bool plain = false, other_queue = false;

    while ((pattern = rules_next(rules, subject, covers, &at)) != NULL) {
        if (pattern->queue.data == NULL)
            plain = true;
        else if (speaks_of(pattern, queue))
            return true;
        else
            other_queue = queue.data != NULL;
    }
    return plain && !other_queue;
}

static bool
rules_overlap(const struct rules *rules, struct str subject, struct str queue)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (overlaps(rules->items[i].subject, subject) && speaks_of(&rules->items[i], queue))
            return true;
    }
    return false;
}

struct permissions *
permissions_new(const struct permissions_options *options)
{
    struct permissions *permissions = xcalloc(1, sizeof(*permissions));

    atomic_init(&permissions->refs, 1);
    /* Who may answer has to be asked first: without a list to publish to, nothing else is. */
    permissions->has_publish_allow = options->publish.has_allow || options->allow_responses;
    permissions->has_subscribe_allow = options->subscribe.has_allow;
    rules_init(&permissions->publish_allow, &options->publish.allow);
    rules_init(&permissions->publish_deny, &options->publish.deny);
    rules_init(&permissions->subscribe_allow, &options->subscribe.allow);
    rules_init(&permissions->subscribe_deny, &options->subscribe.deny);
    assert(names_no_queue(&permissions->publish_allow));
    assert(names_no_queue(&permissions->publish_deny));
    permissions->allow_responses = options->allow_responses;
    permissions->responses_max = options->responses_max;
    permissions->responses_expires_ns = options->responses_expires_ns;
    return permissions;
}

struct permissions *
permissions_ref(struct permissions *permissions)
{
    if (permissions != NULL)
        atomic_fetch_add_explicit(&permissions->refs, 1, memory_order_relaxed);
    return permissions;
}

void
permissions_unref(struct permissions *permissions)
{
    /* acq_rel: pairs with the other holders' unref, whose reads come before the free. */
    if (permissions == NULL ||
        atomic_fetch_sub_explicit(&permissions->refs, 1, memory_order_acq_rel) != 1)
        return;
    rules_release(&permissions->publish_allow);
    rules_release(&permissions->publish_deny);
    rules_release(&permissions->subscribe_allow);
    rules_release(&permissions->subscribe_deny);
    free(permissions);
}

bool
permissions_may_publish(const struct permissions *permissions, struct str subject)
{
    if (permissions == NULL)
        return true;
    return (!permissions->has_publish_allow ||
            rules_match(&permissions->publish_allow, subject, STR_NULL)) &&
           !rules_match(&permissions->publish_deny, subject, STR_NULL);
}

bool
permissions_restrict_publish(const struct permissions *permissions)
{
    return permissions != NULL &&
           (permissions->has_publish_allow || permissions->publish_deny.count > 0);
}

enum subscribe_verdict
permissions_may_subscribe(const struct permissions *permissions, struct str subject,
                          struct str queue)
{
    if (permissions == NULL)
        return SUBSCRIBE_ALLOWED;
    if (permissions->has_subscribe_allow &&
        !rules_allow(&permissions->subscribe_allow, subject, queue))
        return SUBSCRIBE_REFUSED;
    if (rules_match(&permissions->subscribe_deny, subject, queue))
        return SUBSCRIBE_REFUSED;
    return subject_has_wildcard(subject) &&
                   rules_overlap(&permissions->subscribe_deny, subject, queue)
               ? SUBSCRIBE_FILTERED
               : SUBSCRIBE_ALLOWED;
}

bool
permissions_may_deliver(const struct permissions *permissions, struct str subject, struct str queue)
{
    return permissions == NULL || !rules_match(&permissions->subscribe_deny, subject, queue);
}

bool
permissions_responses(const struct permissions *permissions, int64_t *max, int64_t *expires_ns)
{
    if (permissions == NULL || !permissions->allow_responses)
        return false;
    *max = permissions->responses_max;
    *expires_ns = permissions->responses_expires_ns;
    return true;
}

static bool
same_responses(const struct permissions *a, const struct permissions *b)
{
    return a->allow_responses == b->allow_responses &&
           (!a->allow_responses || (a->responses_max == b->responses_max &&
                                    a->responses_expires_ns == b->responses_expires_ns));
}

bool
permissions_equal(const struct permissions *a, const struct permissions *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->has_publish_allow == b->has_publish_allow &&
           a->has_subscribe_allow == b->has_subscribe_allow &&
           rules_equal(&a->publish_allow, &b->publish_allow) &&
           rules_equal(&a->publish_deny, &b->publish_deny) &&
           rules_equal(&a->subscribe_allow, &b->subscribe_allow) &&
           rules_equal(&a->subscribe_deny, &b->subscribe_deny) && same_responses(a, b);
}

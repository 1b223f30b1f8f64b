/* SPDX-License-Identifier: Apache-2.0
 *
 * A chained hash table over the noted subjects, and a list of them from the oldest to the
 * youngest. All live equally long, so the list is also the order in which they expire.
 *
 * In the reference a second request with the same reply subject uses up an answer instead of
 * granting one; here every request may be answered.
 */
#include "auth/responses.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"

#define BUCKETS_MIN 16 /* a power of two; doubled when there are as many subjects */

struct response {
    struct list by_age;
    struct response *next; /* in its bucket */
    uint64_t hash;
    int64_t noted_ms;
    int64_t left; /* answers; not counted down when unlimited */
    size_t len;
    char subject[];
};

struct responses {
    int64_t max, expires_ms; /* negative: unlimited */
    pthread_mutex_t lock;    /* guards all below */
    struct list by_age;
    struct response **buckets;
    size_t bucket_count, count, bytes;
};

struct responses *
responses_new(int64_t max, int64_t expires_ns)
{
    struct responses *responses = calloc(1, sizeof(*responses));

    if (responses == NULL)
        return NULL;
    responses->buckets = calloc(BUCKETS_MIN, sizeof(struct response *));
    if (responses->buckets == NULL) {
        free(responses);
        return NULL;
    }
    responses->bucket_count = BUCKETS_MIN;
    responses->max = max;
    /* Rounded up: nothing expires before its time. */
    responses->expires_ms =
        expires_ns < 0 ? -1 : expires_ns / CLOCK_NS_PER_MS + (expires_ns % CLOCK_NS_PER_MS != 0);
    list_init(&responses->by_age);
    pthread_mutex_init(&responses->lock, NULL);
    return responses;
}

/* The link that points, or would point, to the subject. */
static struct response **
find_locked(struct responses *responses, uint64_t hash, struct str subject)
{
    struct response **link = &responses->buckets[hash & (responses->bucket_count - 1)];

    while (*link != NULL && !((*link)->hash == hash &&
                              str_eq((struct str) { (*link)->subject, (*link)->len }, subject)))
        link = &(*link)->next;
    return link;
}

static void
forget_locked(struct responses *responses, struct response **link)
{
    struct response *response = *link;

    *link = response->next;
    list_remove(&response->by_age);
    responses->count--;
    responses->bytes -= response->len;
    free(response);
}

static struct response *
oldest_locked(struct responses *responses)
{
    return list_empty(&responses->by_age)
               ? NULL
               : LIST_ENTRY(responses->by_age.next, struct response, by_age);
}

static void
forget_oldest_locked(struct responses *responses)
{
    struct response *oldest = oldest_locked(responses);

    forget_locked(responses, find_locked(responses, oldest->hash,
                                         (struct str) { oldest->subject, oldest->len }));
}

static void
forget_expired_locked(struct responses *responses, int64_t now_ms)
{
    const struct response *oldest;

    while (responses->expires_ms >= 0 && (oldest = oldest_locked(responses)) != NULL &&
           now_ms - oldest->noted_ms > responses->expires_ms)
        forget_oldest_locked(responses);
}

/* Without memory the chains just grow longer. */
static void
grow_locked(struct responses *responses)
{
    size_t count = responses->bucket_count * 2;
    struct response **buckets = calloc(count, sizeof(struct response *));
    struct list *pos, *tmp;

    if (buckets == NULL)
        return;
    LIST_FOREACH_SAFE(pos, tmp, &responses->by_age)
    {
        struct response *response = LIST_ENTRY(pos, struct response, by_age);
        struct response **bucket = &buckets[response->hash & (count - 1)];

        response->next = *bucket;
        *bucket = response;
    }
    free(responses->buckets);
    responses->buckets = buckets;
    responses->bucket_count = count;
}

static void
add_locked(struct responses *responses, uint64_t hash, struct str subject, int64_t now_ms)
{
    struct response *response, **bucket;

    while (responses->count == RESPONSES_MAX ||
           responses->bytes + subject.len > RESPONSES_BYTES_MAX)
        forget_oldest_locked(responses);
    if (responses->count == responses->bucket_count)
        grow_locked(responses);
    response = malloc(sizeof(*response) + subject.len);
    if (response == NULL)
        return;
    bucket = &responses->buckets[hash & (responses->bucket_count - 1)];
    *response = (struct response) { .next = *bucket,
                                    .hash = hash,
                                    .noted_ms = now_ms,
                                    .left = responses->max,
                                    .len = subject.len };
    memcpy(response->subject, subject.data, subject.len);
    *bucket = response;
    list_push_back(&responses->by_age, &response->by_age);
    responses->count++;
    responses->bytes += subject.len;
}

void
responses_note(struct responses *responses, struct str subject, int64_t now_ms)
{
    struct response *known;
    uint64_t hash;

    if (responses->max == 0 || subject.len == 0 || subject.len > RESPONSES_BYTES_MAX)
        return;
    hash = hash_bytes(subject.data, subject.len);
    pthread_mutex_lock(&responses->lock);
    forget_expired_locked(responses, now_ms);
    known = *find_locked(responses, hash, subject);
    if (known != NULL) {
        known->left = responses->max;
        known->noted_ms = now_ms;
        list_remove(&known->by_age);
        list_push_back(&responses->by_age, &known->by_age);
    } else {
        add_locked(responses, hash, subject, now_ms);
    }
    pthread_mutex_unlock(&responses->lock);
}

bool
responses_take(struct responses *responses, struct str subject, int64_t now_ms)
{
    uint64_t hash = hash_bytes(subject.data, subject.len);
    struct response **link;
    bool taken;

    pthread_mutex_lock(&responses->lock);
    forget_expired_locked(responses, now_ms);
    link = find_locked(responses, hash, subject);
    taken = *link != NULL;
    if (taken && responses->max >= 0 && --(*link)->left <= 0)
        forget_locked(responses, link);
    pthread_mutex_unlock(&responses->lock);
    return taken;
}

void
responses_free(struct responses *responses)
{
    if (responses == NULL)
        return;
    while (responses->count > 0)
        forget_oldest_locked(responses);
    assert(responses->bytes == 0 && list_empty(&responses->by_age));
    pthread_mutex_destroy(&responses->lock);
    free(responses->buckets);
    free(responses);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * sublist_bench [SUBJECTS] [THREADS] - what filing and finding subscriptions costs
 *
 * Prints nanoseconds and millions per second of each step, and bytes per subscription. Each
 * of THREADS looks up all SUBJECTS once in scattered order (misses) through its own cache.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sublist/sublist.h"

#define SUBJECT_SIZE 32
#define HOT          1000U /* subjects that fit the cache */
#define TURNS        5000U /* rounds over them */

static struct str
subject_of(char *out, uint32_t number)
{
    static const char pattern[] = "bench.orders.0000000";
    size_t len = sizeof(pattern) - 1;

    memcpy(out, pattern, len);
    for (size_t at = len; number > 0; number /= 10)
        out[--at] = (char)('0' + number % 10);
    return (struct str) { out, len };
}

static void
report(const char *step, int64_t start_ns, double count)
{
    double ns = (double)(clock_mono_ns() - start_ns) / count;

    printf("%-28s %8.1f ns  %7.2f M/s\n", step, ns, 1e3 / ns);
}

static size_t
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void
insert_all(struct sublist *sl, struct subscription **subs, uint32_t count)
{
    size_t before = heap_bytes();
    int64_t start = clock_mono_ns();
    char subject[SUBJECT_SIZE], sid[SUBJECT_SIZE];

    for (uint32_t i = 0; i < count; i++) {
        struct str tail = subject_of(sid, i);

        subs[i] = subscription_new(NULL, subject_of(subject, i), STR_NULL,
                                   (struct str) { tail.data + tail.len - 6, 6 });
        if (subs[i] == NULL || sublist_insert(sl, subs[i]) != ERR_OK)
            abort();
    }
    report("new + insert, literal", start, count);
    printf("%-28s %8.1f bytes\n", "memory per subscription",
           (double)(heap_bytes() - before) / count);
}

struct reader {
    struct sublist *sl;
    uint32_t subjects;
};

static void *
scattered(void *arg)
{
    const struct reader *reader = arg;
    struct sublist_cache *cache = sublist_cache_new(reader->sl);
    char subject[SUBJECT_SIZE];
    uint32_t at = 0;

    for (uint32_t i = 0; i < reader->subjects; i++) {
        at = (uint32_t)((at + 618033989ULL) % reader->subjects); /* prime: visits all */
        if (sublist_cache_match(cache, subject_of(subject, at))->plain_count == 0)
            abort();
    }
    sublist_cache_free(cache);
    return NULL;
}

static void
miss_all(struct sublist *sl, uint32_t subjects, uint32_t threads)
{
    struct reader reader = { sl, subjects };
    pthread_t *ids = xcalloc(threads, sizeof(*ids));
    int64_t start = clock_mono_ns();

    for (uint32_t i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, scattered, &reader);
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    report("match, scattered (per match)", start, (double)subjects * threads);
    free(ids);
}

static void
hit_all(struct sublist *sl)
{
    struct sublist_cache *cache = sublist_cache_new(sl);
    char subjects[HOT][SUBJECT_SIZE];
    uint64_t found = 0;
    size_t len = 0;
    int64_t start;

    for (uint32_t i = 0; i < HOT; i++)
        len = subject_of(subjects[i], i).len;
    start = clock_mono_ns();
    for (uint32_t i = 0; i < HOT * TURNS; i++)
        found += sublist_cache_match(cache, (struct str) { subjects[i % HOT], len })->plain_count;
    report("match, 1000 hot subjects", start, HOT * TURNS);
    if (found == 0)
        abort();
    sublist_cache_free(cache);
}

int
main(int argc, char **argv)
{
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    uint32_t threads = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    struct subscription **subs = xcalloc(count, sizeof(struct subscription *));
    struct sublist *sl = sublist_new();
    int64_t start;

    if (sl == NULL || count < HOT)
        return 1;
    insert_all(sl, subs, count);
    hit_all(sl);
    miss_all(sl, count, threads);
    start = clock_mono_ns();
    for (uint32_t i = 0; i < count; i++) {
        sublist_remove(sl, subs[i]);
        subscription_unref(subs[i]);
    }
    report("remove + unref", start, count);
    sublist_free(sl);
    free(subs);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines make permissions, then ask them:
 *   +ENTRY    allow (publish and subscribe; with a queue, subscribe only)
 *   -ENTRY    deny, likewise
 *   SUBJECT QUEUE   one question (QUEUE may be missing)
 * Whatever the rules say, some things must hold between their answers.
 */
#include <assert.h>
#include <stdlib.h>

#include "auth/publish_cache.h"
#include "base/mem.h"
#include "proto/subject.h"

#define ENTRIES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    char *texts[ENTRIES_MAX];
    size_t text_count;
    char *items[4][ENTRIES_MAX];
    struct permissions_options options;
    struct permissions *permissions;
    struct publish_cache cache;
};

static struct str
take(struct str *rest, char end)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct str text = { rest->data, len };

    rest->data += len + (at != NULL);
    rest->len -= len + (at != NULL);
    return text;
}

static void
add(struct permission_options *options, char *text)
{
    struct subject_list *list = text[0] == '+' ? &options->allow : &options->deny;

    list->items[list->count++] = text + 1;
    options->has_allow |= text[0] == '+';
}

/* As the configuration checks it. */
static void
add_entry(struct run *run, struct str line)
{
    struct str queue = { line.data + 1, line.len - 1 };
    struct str subject = take(&queue, ' ');
    bool has_queue = subject.len + 1 < line.len;
    char *text;

    if (run->text_count == ENTRIES_MAX || memchr(line.data, '\0', line.len) != NULL ||
        !subject_valid(subject) || (has_queue && queue.len == 0) ||
        (has_queue && (memchr(queue.data, ' ', queue.len) != NULL ||
                       memchr(queue.data, '\t', queue.len) != NULL)))
        return;
    text = run->texts[run->text_count++] = xmemdup0(line.data, line.len);
    add(&run->options.subscribe, text);
    if (!has_queue)
        add(&run->options.publish, text);
}

static void
ask(struct run *run, struct str line)
{
    struct str queue = line;
    struct str subject = take(&queue, ' ');
    enum subscribe_verdict verdict;
    bool may_publish = permissions_may_publish(run->permissions, subject);

    assert(publish_cache_ask(&run->cache, run->permissions, subject) == may_publish);
    assert(publish_cache_ask(&run->cache, run->permissions, subject) == may_publish);
    if (!subject_valid(subject))
        return;
    if (queue.len == 0)
        queue = STR_NULL;
    verdict = permissions_may_subscribe(run->permissions, subject, queue);
    if (verdict != SUBSCRIBE_REFUSED)
        assert(permissions_may_deliver(run->permissions, subject, queue));
    if (!subject_has_wildcard(subject))
        assert(verdict != SUBSCRIBE_FILTERED);
    /* No queue lets in what is denied without one. */
    if (!permissions_may_deliver(run->permissions, subject, STR_NULL))
        assert(verdict == SUBSCRIBE_REFUSED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = { (const char *)data, size };
    struct run run = { .cache = PUBLISH_CACHE_INIT };
    struct str all = rest;

    run.options.publish.allow.items = run.items[0];
    run.options.publish.deny.items = run.items[1];
    run.options.subscribe.allow.items = run.items[2];
    run.options.subscribe.deny.items = run.items[3];
    while (rest.len > 0) {
        struct str line = take(&rest, '\n');

        if (line.len > 1 && (line.data[0] == '+' || line.data[0] == '-'))
            add_entry(&run, line);
    }
    run.permissions = permissions_new(&run.options);
    while (all.len > 0) {
        struct str line = take(&all, '\n');

        if (line.len > 0 && line.data[0] != '+' && line.data[0] != '-')
            ask(&run, line);
    }
    assert(permissions_equal(run.permissions, run.permissions));
    publish_cache_release(&run.cache);
    permissions_unref(run.permissions);
    for (size_t i = 0; i < run.text_count; i++)
        free(run.texts[i]);
    return 0;
}

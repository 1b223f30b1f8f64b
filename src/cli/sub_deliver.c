/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/console.h"
#include "cli/timespan.h"
#include "proto/subject.h"

#define WAITING_MAX 4096 /* requests that --match-replies remembers */
#define STAMP_MAX   64   /* bytes */

/* A request that waits for its reply. */
struct waiting {
    struct list link;
    uint64_t number;
    natsMsg *request;
};

void
sub_wake(struct subscriber *sub, atomic_bool *flag)
{
    uint64_t one = 1;

    atomic_store(flag, true);
    (void)!write(sub->wake, &one, sizeof(one));
}

static bool
is_ignored(const struct sub_options *options, const char *subject)
{
    for (size_t i = 0; i < options->ignore.count; i++) {
        if (subject_matches(str_of(options->ignore.items[i]), str_of(subject)))
            return true;
    }
    return false;
}

static void
make_stamp(const struct subscriber *sub, char out[STAMP_MAX])
{
    char text[TIMESPAN_TEXT_MAX];
    struct timespec now;
    struct tm tm;

    out[0] = '\0';
    if (sub->options->delta_time) {
        timespan_print(text, clock_mono_ns() - sub->started_ns);
        (void)snprintf(out, STAMP_MAX, " @ %s", text);
    } else if (sub->options->timestamp) {
        clock_gettime(CLOCK_REALTIME, &now);
        if (localtime_r(&now.tv_sec, &tm) == NULL ||
            strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm) == 0)
            return;
        (void)snprintf(out, STAMP_MAX, " @ %s.%06ld", text, now.tv_nsec / 1000);
    }
}

static void
show(struct subscriber *sub, uint64_t number, natsMsg *msg, natsMsg *reply)
{
    char stamp[STAMP_MAX];

    make_stamp(sub, stamp);
    sub->out.len = 0;
    sub_print(&sub->out, sub->options, number, stamp, msg, reply);
    if (!console_write((struct str) { sub->out.data, sub->out.len }))
        sub_wake(sub, &sub->done);
}

static void
forget(struct subscriber *sub, struct waiting *waiting)
{
    list_remove(&waiting->link);
    sub->waiting_count--;
    natsMsg_Destroy(waiting->request);
    free(waiting);
}

/* Keeps a request until its reply comes; the oldest make room, shown without one. */
static void
remember(struct subscriber *sub, natsMsg *request)
{
    struct waiting *waiting = malloc(sizeof(*waiting));

    if (waiting == NULL) {
        show(sub, sub->received, request, NULL);
        natsMsg_Destroy(request);
        return;
    }
    waiting->number = sub->received;
    waiting->request = request;
    list_push_back(&sub->waiting, &waiting->link);
    if (++sub->waiting_count > WAITING_MAX) {
        waiting = LIST_ENTRY(sub->waiting.next, struct waiting, link);
        show(sub, waiting->number, waiting->request, NULL);
        forget(sub, waiting);
    }
}

static bool
limit_reached(const struct subscriber *sub)
{
    return sub->options->count > 0 && sub->received >= (uint64_t)sub->options->count;
}

/* Takes the message. */
static void
handle(struct subscriber *sub, const char *subscribed, natsMsg *msg)
{
    const struct sub_options *o = sub->options;

    sub->received++;
    atomic_store(&sub->last_ns, clock_mono_ns());
    if (sub->report != NULL) {
        const char *name = o->report_subscriptions ? subscribed : natsMsg_GetSubject(msg);

        (void)sub_report_count(sub->report, name, (size_t)natsMsg_GetDataLength(msg));
    } else if (o->match_replies && natsMsg_GetReply(msg) != NULL) {
        remember(sub, msg);
        msg = NULL;
    } else {
        show(sub, sub->received, msg, NULL);
    }
    natsMsg_Destroy(msg);
    if (limit_reached(sub) && sub->waiting_count == 0)
        sub_wake(sub, &sub->done);
}

void
sub_on_message(natsConnection *nats, natsSubscription *subscription, natsMsg *msg, void *context)
{
    const struct subject *subject = context;
    struct subscriber *sub = subject->subscriber;

    (void)nats;
    (void)subscription;
    pthread_mutex_lock(&sub->lock);
    if (atomic_load(&sub->done) || limit_reached(sub) ||
        is_ignored(sub->options, natsMsg_GetSubject(msg)))
        natsMsg_Destroy(msg);
    else
        handle(sub, subject->name, msg);
    pthread_mutex_unlock(&sub->lock);
}

void
sub_on_reply(natsConnection *nats, natsSubscription *subscription, natsMsg *reply, void *context)
{
    struct subscriber *sub = ((const struct subject *)context)->subscriber;
    struct list *link, *next;

    (void)nats;
    (void)subscription;
    pthread_mutex_lock(&sub->lock);
    LIST_FOREACH_SAFE(link, next, &sub->waiting)
    {
        struct waiting *waiting = LIST_ENTRY(link, struct waiting, link);

        if (strcmp(natsMsg_GetReply(waiting->request), natsMsg_GetSubject(reply)) != 0 ||
            atomic_load(&sub->done))
            continue;
        show(sub, waiting->number, waiting->request, reply);
        forget(sub, waiting);
        break;
    }
    if (limit_reached(sub) && sub->waiting_count == 0)
        sub_wake(sub, &sub->done);
    pthread_mutex_unlock(&sub->lock);
    natsMsg_Destroy(reply);
}

void
sub_forget_waiting(struct subscriber *sub)
{
    struct list *link, *next;

    LIST_FOREACH_SAFE(link, next, &sub->waiting)
    {
        forget(sub, LIST_ENTRY(link, struct waiting, link));
    }
}

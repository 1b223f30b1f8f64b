/* SPDX-License-Identifier: Apache-2.0
 *
 * nats subscribe - shows what is published on subjects
 *
 * Three threads: one connects and subscribes, which may take as long as --timeout; libnats'
 * delivery thread prints; the main thread sleeps in poll() until something ends the command: a
 * signal (a signalfd), an error, the count or a closed connection (an eventfd), the reader of
 * stdout going away, or --wait running out. So neither a server that does not answer nor a
 * full pipe can hold up the end: after GRACE_NS the process leaves without them.
 */
#include "cli/sub.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "proto/subject.h"

#define GRACE_NS     CLOCK_NS_PER_S /* for a message that is being printed when the end comes */
#define REPORT_NS    CLOCK_NS_PER_S /* between two reports */
#define CLEAR_SCREEN "\033[2J\033[H"

/* ---- the thread that subscribes ---- */

static enum err
subscribe(struct subscriber *sub, struct subject *subject, natsMsgHandler handler,
          const char *queue, struct errmsg *why)
{
    natsConnection *nats = session_nats(sub->session);
    natsStatus status;

    if (!subject_valid(str_of(subject->name)))
        return err_set(why, ERR_INVALID, "nats: invalid subject");
    if (queue != NULL)
        status = natsConnection_QueueSubscribe(&subject->subscription, nats, subject->name, queue,
                                               handler, subject);
    else
        status =
            natsConnection_Subscribe(&subject->subscription, nats, subject->name, handler, subject);
    return status == NATS_OK ? ERR_OK : session_err(status, why);
}

/* Subscribes to all, and waits until the server has agreed. */
static enum err
subscribe_all(struct subscriber *sub, struct errmsg *why)
{
    size_t last = sub->subject_count - 1;
    enum err err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < sub->subject_count; i++) {
        bool replies = sub->options->match_replies && i == last;

        err = subscribe(sub, &sub->subjects[i], replies ? sub_on_reply : sub_on_message,
                        replies ? NULL : sub->options->queue, why);
    }
    return err == ERR_OK ? session_flush(sub->session, why) : err;
}

static char *
join(const struct args_list *list, const char *between)
{
    struct buf out = BUF_INIT;
    char *text;

    for (size_t i = 0; i < list->count; i++) {
        buf_append_str(&out, i == 0 ? "" : between);
        buf_append_str(&out, list->items[i]);
    }
    text = xmemdup0(out.data, out.len);
    buf_release(&out);
    return text;
}

static void
announce(const struct subscriber *sub)
{
    const struct sub_options *o = sub->options;
    size_t count = sub->subject_count - o->match_replies;
    struct args_list subjects = { xcalloc(count + 1, sizeof(char *)), count };
    char *names, *ignored = join(&o->ignore, ", ");

    for (size_t i = 0; i < count; i++)
        subjects.items[i] = sub->subjects[i].name;
    names = join(&subjects, ", ");
    if (o->match_replies && !o->raw && o->dump == NULL)
        console_log("Matching replies with inbox prefix %s", sub->subjects[count].name);
    if ((!o->raw && o->dump == NULL) || o->inbox)
        console_log("Subscribing on %s%s%s", names,
                    *ignored == '\0' ? "" : "\nIgnored subjects: ", ignored);
    free(subjects.items);
    free(names);
    free(ignored);
}

static void
on_closed(void *context)
{
    struct subscriber *sub = context;

    sub_wake(sub, &sub->closed);
}

static void *
begin(void *context)
{
    struct subscriber *sub = context;
    struct session_events events = { on_closed, sub };

    sub->err = session_open(&sub->session, sub->globals, &events, &sub->why);
    if (sub->err == ERR_OK) {
        announce(sub);
        sub->err = subscribe_all(sub, &sub->why);
    }
    if (sub->err == ERR_OK)
        session_log_errors(sub->session);
    atomic_store(&sub->last_ns, clock_mono_ns());
    nats_ReleaseThreadMemory();
    sub_wake(sub, &sub->begun);
    return NULL;
}

/* ---- the main thread ---- */

static void
print_report(struct subscriber *sub)
{
    pthread_mutex_lock(&sub->lock);
    sub->out.len = 0;
    buf_append_str(&sub->out, isatty(STDOUT_FILENO) ? CLEAR_SCREEN : "");
    sub_report_print(sub->report, &sub->out, (size_t)sub->options->report_top);
    if (!console_write((struct str) { sub->out.data, sub->out.len }))
        atomic_store(&sub->done, true);
    pthread_mutex_unlock(&sub->lock);
}

/* When poll() has to return by itself; INT64_MAX: never. */
static int64_t
wait_deadline(const struct subscriber *sub)
{
    if (!atomic_load(&sub->begun) || sub->options->wait_ns == 0)
        return INT64_MAX;
    return atomic_load(&sub->last_ns) + sub->options->wait_ns;
}

/* Milliseconds, rounded up, for poll(). */
static int
poll_timeout(int64_t deadline)
{
    int64_t left = deadline - clock_mono_ns();

    if (deadline == INT64_MAX)
        return -1;
    if (left <= 0)
        return 0;
    left = left / CLOCK_NS_PER_MS + 1;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

static bool
has_ended(const struct subscriber *sub)
{
    return atomic_load(&sub->begun) &&
           (sub->err != ERR_OK || atomic_load(&sub->done) || atomic_load(&sub->closed) ||
            clock_mono_ns() >= wait_deadline(sub));
}

/* Returns when the command is to end. */
static void
wait_for_end(struct subscriber *sub, int signals)
{
    int64_t report_ns = sub->report == NULL ? INT64_MAX : sub->started_ns + REPORT_NS;

    while (!has_ended(sub)) {
        struct pollfd ready[] = { { .fd = signals, .events = POLLIN },
                                  { .fd = sub->wake, .events = POLLIN },
                                  { .fd = STDOUT_FILENO, .events = 0 } }; /* POLLERR: no reader */
        int64_t deadline = wait_deadline(sub);
        uint64_t woken;
        int count = poll(ready, 3, poll_timeout(report_ns < deadline ? report_ns : deadline));

        if (count == -1 && errno != EINTR)
            return;
        if (count > 0 && (ready[0].revents != 0 || (ready[2].revents & (POLLERR | POLLHUP))))
            return;
        if (count > 0 && ready[1].revents != 0)
            (void)!read(sub->wake, &woken, sizeof(woken));
        if (clock_mono_ns() >= report_ns) {
            print_report(sub);
            report_ns += REPORT_NS;
        }
    }
}

/* Lets a message that is being printed finish, but not for ever; and does not wait for a
 * server that has not answered yet. */
static void
stop(struct subscriber *sub, pthread_t thread)
{
    int64_t until_ns = clock_wall_ns() + GRACE_NS;
    struct timespec until = { until_ns / CLOCK_NS_PER_S, until_ns % CLOCK_NS_PER_S };

    atomic_store(&sub->done, true);
    if (!atomic_load(&sub->begun) || pthread_mutex_timedlock(&sub->lock, &until) != 0) {
        pthread_detach(thread);
        _exit(0);
    }
    pthread_mutex_unlock(&sub->lock);
}

static void
on_complete(void *context)
{
    struct subscriber *sub = context;

    atomic_fetch_sub(&sub->delivering, 1);
    sub_wake(sub, &sub->done);
}

/* Ends the deliveries and waits for the last: libnats 3.4 loses the memory of a message that it
 * is about to hand over when its threads are stopped. */
static void
end_subscriptions(struct subscriber *sub)
{
    int64_t until_ns = clock_mono_ns() + GRACE_NS;
    struct pollfd ready = { .fd = sub->wake, .events = POLLIN };
    uint64_t woken;

    for (size_t i = 0; i < sub->subject_count; i++) {
        struct subject *subject = &sub->subjects[i];

        if (subject->subscription != NULL &&
            natsSubscription_SetOnCompleteCB(subject->subscription, on_complete, sub) == NATS_OK)
            atomic_fetch_add(&sub->delivering, 1);
        natsSubscription_Destroy(subject->subscription);
    }
    while (atomic_load(&sub->delivering) > 0 && poll(&ready, 1, poll_timeout(until_ns)) > 0)
        (void)!read(sub->wake, &woken, sizeof(woken));
}

/* ---- the command ---- */

static enum err
check_options(const struct sub_options *o, struct errmsg *why)
{
    if (o->subjects.count == 0 && !o->inbox)
        return err_set(why, ERR_INVALID, "subject is required");
    if (o->dump != NULL && o->inbox && strcmp(o->dump, "-") == 0)
        return err_set(why, ERR_INVALID,
                       "generating inboxes is not compatible with dumping to stdout using null "
                       "terminated strings");
    if (o->timestamp && o->delta_time)
        return err_set(why, ERR_INVALID, "timestamp and delta-time flags are mutually exclusive");
    if ((o->report_subjects || o->report_subscriptions) && o->report_top < 1)
        return err_set(why, ERR_INVALID, "subject count must be at least one");
    if (o->dump != NULL && strcmp(o->dump, "-") != 0 && mkdir(o->dump, 0700) == -1 &&
        errno != EEXIST)
        return err_sys(why, errno, "could not create %s", o->dump);
    return ERR_OK;
}

/* What will be subscribed to: the arguments or an inbox, and all inboxes for --match-replies. */
static void
name_subjects(struct subscriber *sub)
{
    const struct args_list *names = &sub->options->subjects;
    const char *prefix = sub->globals->inbox_prefix;
    natsInbox *inbox = NULL;

    prefix = prefix == NULL ? "_INBOX" : prefix;
    sub->subjects = xcalloc(names->count + 2, sizeof(*sub->subjects));
    for (size_t i = 0; i < names->count; i++)
        sub->subjects[sub->subject_count++].name = xstrdup(names->items[i]);
    if (names->count == 0 && natsInbox_Create(&inbox) == NATS_OK)
        sub->subjects[sub->subject_count++].name = xasprintf("%s%s", prefix, strchr(inbox, '.'));
    natsInbox_Destroy(inbox);
    if (sub->options->match_replies)
        sub->subjects[sub->subject_count++].name = xasprintf("%s.>", prefix);
    for (size_t i = 0; i < sub->subject_count; i++)
        sub->subjects[i].subscriber = sub;
}

/* Blocks the signals that end the command before libnats starts a thread. */
static int
open_signals(void)
{
    sigset_t ending;

    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ending, NULL);
    return signalfd(-1, &ending, SFD_CLOEXEC);
}

static int
run_subscriber(struct subscriber *sub, int signals)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, begin, sub);

    if (error != 0)
        return console_error("could not start a thread: %s", strerror(error));
    wait_for_end(sub, signals);
    stop(sub, thread);
    pthread_join(thread, NULL);
    if (sub->err == ERR_OK && atomic_load(&sub->closed)) {
        sub->err = ERR_CLOSED;
        session_get_error(sub->session, &sub->why);
    }
    end_subscriptions(sub);
    session_close(sub->session);
    return sub->err == ERR_OK ? 0 : console_error("%s", sub->why.text);
}

static int
run(const struct cli_globals *globals, const void *options)
{
    const struct sub_options *o = options;
    struct subscriber sub = { .options = o, .globals = globals, .started_ns = clock_mono_ns() };
    struct errmsg why;
    int signals, status;

    if (check_options(o, &why) != ERR_OK)
        return console_error("%s", why.text);
    signals = open_signals();
    sub.wake = eventfd(0, EFD_CLOEXEC);
    if (signals == -1 || sub.wake == -1)
        return console_error("could not open a descriptor: %s", strerror(errno));
    pthread_mutex_init(&sub.lock, NULL);
    list_init(&sub.waiting);
    if (o->report_subjects || o->report_subscriptions)
        sub.report = sub_report_new();
    name_subjects(&sub);
    status = run_subscriber(&sub, signals);
    sub_forget_waiting(&sub);
    for (size_t i = 0; i < sub.subject_count; i++)
        free(sub.subjects[i].name);
    free(sub.subjects);
    sub_report_free(sub.report);
    buf_release(&sub.out);
    pthread_mutex_destroy(&sub.lock);
    (void)close(sub.wake);
    (void)close(signals);
    return status;
}

#define OPTION(field) .offset = offsetof(struct sub_options, field)

const struct args_command cli_subscribe = {
    .name = "subscribe",
    .aliases = { "sub" },
    .help = "Generic subscription client",
    .arguments =
        (const struct args_argument[]) {
            { "subjects", false, ARGS_LIST, offsetof(struct sub_options, subjects),
              "Subjects to subscribe to" },
            { 0 },
        },
    .flags =
        (const struct args_flag[]) {
            { "queue", 0, ARGS_STRING, OPTION(queue), .help = "Subscribe to a named queue group" },
            { "raw", 'r', ARGS_SWITCH, OPTION(raw), .help = "Show the raw data received" },
            { "translate", 0, ARGS_STRING, OPTION(translate), .placeholder = "COMMAND",
              .help = "Translate the message data by running it through the given command" },
            { "match-replies", 0, ARGS_SWITCH, OPTION(match_replies),
              .help = "Match replies to requests" },
            { "inbox", 'i', ARGS_SWITCH, OPTION(inbox), .help = "Subscribes to a generated inbox" },
            { "count", 0, ARGS_UINT, OPTION(count),
              .help = "Quit after receiving this many messages" },
            { "wait", 0, ARGS_DURATION, OPTION(wait_ns), .placeholder = "DURATION",
              .help = "Quit after this amount of time without any traffic" },
            { "dump", 0, ARGS_STRING, OPTION(dump), .placeholder = "DIRECTORY",
              .help = "Dump messages to files, one each; - for NUL terminated stdout" },
            { "headers-only", 0, ARGS_SWITCH, OPTION(headers_only),
              .help = "Do not render any data, shows only headers" },
            { "subjects-only", 0, ARGS_SWITCH, OPTION(subjects_only),
              .help = "Prints only the messages' subjects" },
            { "timestamp", 't', ARGS_SWITCH, OPTION(timestamp),
              .help = "Show timestamps in output" },
            { "delta-time", 'd', ARGS_SWITCH, OPTION(delta_time),
              .help = "Show time since start in output" },
            { "ignore-subject", 'I', ARGS_LIST, OPTION(ignore), .placeholder = "SUBJECT",
              .help = "Subjects whose messages are not shown" },
            { "report-subjects", 0, ARGS_SWITCH, OPTION(report_subjects),
              .help = "Reports the subjects that receive data" },
            { "report-subscriptions", 0, ARGS_SWITCH, OPTION(report_subscriptions),
              .help = "Reports the subscriptions that receive data" },
            { "report-top", 0, ARGS_UINT, OPTION(report_top), .fallback = "10",
              .help = "Number of subjects to show in a report" },
            { "durable", 0, ARGS_REFUSED(ARGS_STRING) },
            { "ack", 0, ARGS_REFUSED(ARGS_BOOL) },
            { "start-sequence", 0, ARGS_REFUSED(ARGS_STRING) },
            { "all", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "new", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "last", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "since", 0, ARGS_REFUSED(ARGS_STRING) },
            { "last-per-subject", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "terminate-at-end", 'T', ARGS_REFUSED(ARGS_SWITCH) },
            { "stream", 0, ARGS_REFUSED(ARGS_STRING) },
            { "graph", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "direct", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { 0 },
        },
    .options_size = sizeof(struct sub_options),
    .run = run,
};

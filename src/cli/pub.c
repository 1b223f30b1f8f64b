/* SPDX-License-Identifier: Apache-2.0
 *
 * nats publish - sends a body, or what stdin holds, once or many times
 *
 * Up to CHATTY_MAX messages each get their line, printed after the server has answered a PING
 * behind the message. Longer runs flush every FLUSH_EVERY messages and print one line at the
 * end.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/session.h"
#include "cli/template.h"
#include "cli/text.h"
#include "proto/subject.h"

enum {
    CHATTY_MAX = 20,
    FLUSH_EVERY = 512,
    COUNT_UNSTATED = 32767, /* what the reference makes of --count=0 */
};

struct pub_options {
    char *subject, *body;
    char *reply;
    struct args_list headers;
    int64_t count;
    int64_t sleep_ns;
    bool force_stdin;
    char *send_on;
    bool quiet;
    bool templates;
};

struct publisher {
    const struct pub_options *options;
    struct session *session;
    struct random random;
    int64_t count;       /* copies of each body */
    uint64_t sent;       /* messages */
    uint64_t sent_bytes; /* of their bodies */
    struct buf subject, body, header;
};

/* ---- one message ---- */

static void
now_values(struct publisher *pub, struct template_values *values, int64_t number)
{
    *values = (struct template_values) { number, clock_wall_ns(), &pub->random };
}

/* Renders text into out; a template that cannot be read is sent as it is, with a warning. */
static enum err
render(struct publisher *pub, struct buf *out, struct str text, const char *what, int64_t number,
       struct errmsg *why)
{
    struct template_values values;
    struct errmsg trouble;

    out->len = 0;
    now_values(pub, &values, number);
    if (pub->options->templates) {
        if (template_render(out, text, &values, &trouble) == ERR_OK)
            return ERR_OK;
        console_log("Could not parse %s template: %s", what, trouble.text);
    }
    return buf_append(out, text.data, text.len)
               ? ERR_OK
               : err_set(why, ERR_NOMEM, "out of memory for a %s of %zu bytes", what, text.len);
}

/* Header values always may hold templates; blanks around name and value do not count. */
static enum err
add_header(struct publisher *pub, natsMsg *msg, const char *header, int64_t number,
           struct errmsg *why)
{
    const char *colon = strchr(header, ':'), *value = colon + 1, *end = header + strlen(header);
    const char *name_end = colon;
    struct template_values values;
    natsStatus status;
    enum err err;
    char *name;

    while (*header == ' ' || *header == '\t')
        header++;
    while (name_end > header && (name_end[-1] == ' ' || name_end[-1] == '\t'))
        name_end--;
    while (*value == ' ' || *value == '\t')
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    name = xmemdup0(header, (size_t)(name_end - header));
    pub->header.len = 0;
    now_values(pub, &values, number);
    err =
        template_render(&pub->header, (struct str) { value, (size_t)(end - value) }, &values, why);
    if (err == ERR_OK) {
        status = natsMsgHeader_Add(msg, name, buf_cstr(&pub->header));
        if (status != NATS_OK)
            err = session_err(status, why);
    }
    free(name);
    return err;
}

static enum err
send_msg(struct publisher *pub, natsMsg *msg, int64_t number, struct errmsg *why)
{
    const struct args_list *headers = &pub->options->headers;
    natsStatus status;

    for (size_t i = 0; i < headers->count; i++) {
        enum err err = add_header(pub, msg, headers->items[i], number, why);

        if (err != ERR_OK)
            return err;
    }
    status = natsConnection_PublishMsg(session_nats(pub->session), msg);
    return status == NATS_OK ? ERR_OK : session_err(status, why);
}

static bool
is_chatty(const struct publisher *pub)
{
    return pub->count <= CHATTY_MAX;
}

static enum err
publish_one(struct publisher *pub, struct str body, int64_t number, struct errmsg *why)
{
    const struct pub_options *o = pub->options;
    natsMsg *msg = NULL;
    natsStatus status;
    enum err err;

    err = render(pub, &pub->body, body, "body", number, why);
    if (err == ERR_OK)
        err = render(pub, &pub->subject, str_of(o->subject), "subject", number, why);
    if (err != ERR_OK)
        return err;
    if (!subject_valid((struct str) { pub->subject.data, pub->subject.len }))
        return err_set(why, ERR_INVALID, "nats: invalid subject");
    if ((int64_t)pub->body.len > natsConnection_GetMaxPayload(session_nats(pub->session)))
        return err_set(why, ERR_LIMIT, "nats: maximum payload exceeded");
    status =
        natsMsg_Create(&msg, buf_cstr(&pub->subject), o->reply, pub->body.data, (int)pub->body.len);
    err = status == NATS_OK ? send_msg(pub, msg, number, why) : session_err(status, why);
    natsMsg_Destroy(msg);
    if (err == ERR_OK && (is_chatty(pub) || pub->sent % FLUSH_EVERY == 0))
        err = session_flush(pub->session, why);
    if (err != ERR_OK)
        return err;
    pub->sent++;
    pub->sent_bytes += pub->body.len;
    if (is_chatty(pub) && !o->quiet)
        console_log("Published %zu bytes to \"%s\"", pub->body.len, buf_cstr(&pub->subject));
    return ERR_OK;
}

/* ---- many messages ---- */

static void
sleep_ns(int64_t ns)
{
    struct timespec left = { ns / CLOCK_NS_PER_S, ns % CLOCK_NS_PER_S };

    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

static enum err
publish_copies(struct publisher *pub, struct str body, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (int64_t i = 1; err == ERR_OK && i <= pub->count; i++) {
        if (i > 1 && pub->options->sleep_ns > 0)
            sleep_ns(pub->options->sleep_ns);
        err = publish_one(pub, body, i, why);
    }
    return err;
}

/* Reads no further than a body could be: a mistaken /dev/zero must not fill the memory. */
static enum err
publish_stdin(struct publisher *pub, struct errmsg *why)
{
    size_t max = (size_t)natsConnection_GetMaxPayload(session_nats(pub->session));
    struct buf input = BUF_INIT;
    ssize_t got = 1;
    enum err err = ERR_OK;

    while (err == ERR_OK && got != 0) {
        if (input.len > max || !buf_reserve(&input, 64 * 1024))
            err = err_set(why, ERR_LIMIT, "nats: maximum payload exceeded");
        else if ((got = read(STDIN_FILENO, input.data + input.len, 64 * 1024)) > 0)
            buf_commit(&input, (size_t)got);
        else if (got == -1 && errno != EINTR)
            err = err_sys(why, errno, "could not read the body from standard input");
    }
    if (err == ERR_OK)
        err = publish_copies(pub, (struct str) { input.data, input.len }, why);
    buf_release(&input);
    return err;
}

static enum err
publish_lines(struct publisher *pub, struct errmsg *why)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    enum err err = ERR_OK;

    while (err == ERR_OK && (len = getline(&line, &room, stdin)) != -1) {
        struct str body = { line, (size_t)len };

        if (body.data[body.len - 1] == '\n')
            body.len--;
        if (body.len > 0 && body.data[body.len - 1] == '\r')
            body.len--;
        err = publish_copies(pub, body, why);
    }
    if (err == ERR_OK && ferror(stdin))
        err = err_sys(why, errno, "could not read a line from standard input");
    free(line);
    return err;
}

static enum err
publish_all(struct publisher *pub, struct errmsg *why)
{
    const struct pub_options *o = pub->options;
    enum err err;

    if (o->body != NULL)
        err = publish_copies(pub, str_of(o->body), why);
    else {
        if (!o->quiet)
            console_log("Reading payload from STDIN");
        err =
            strcmp(o->send_on, "newline") == 0 ? publish_lines(pub, why) : publish_stdin(pub, why);
    }
    if (err == ERR_OK)
        err = session_flush(pub->session, why);
    return err;
}

/* ---- the command ---- */

static enum err
check_options(const struct pub_options *o, struct errmsg *why)
{
    struct buf quoted = BUF_INIT;

    for (size_t i = 0; i < o->headers.count; i++) {
        if (strchr(o->headers.items[i], ':') != NULL)
            continue;
        text_append_quoted(&quoted, str_of(o->headers.items[i]));
        (void)err_set(why, ERR_INVALID, "invalid header %s", buf_cstr(&quoted));
        buf_release(&quoted);
        return ERR_INVALID;
    }
    if (o->reply != NULL && !subject_valid(str_of(o->reply)))
        return err_set(why, ERR_INVALID, "nats: invalid reply subject");
    return ERR_OK;
}

static int
run(const struct cli_globals *globals, const void *options)
{
    const struct pub_options *o = options;
    struct publisher pub = { .options = o, .count = o->count < 1 ? COUNT_UNSTATED : o->count };
    struct session_events events = { 0 };
    struct errmsg why;
    enum err err;

    random_seed(&pub.random);
    err = check_options(o, &why);
    if (err == ERR_OK)
        err = session_open(&pub.session, globals, &events, &why);
    if (err == ERR_OK)
        err = publish_all(&pub, &why);
    if (err == ERR_OK && !is_chatty(&pub) && !o->quiet)
        console_log("Published %llu messages, %llu bytes to \"%s\"", (unsigned long long)pub.sent,
                    (unsigned long long)pub.sent_bytes, o->subject);
    session_close(pub.session);
    buf_release(&pub.subject);
    buf_release(&pub.body);
    buf_release(&pub.header);
    return err == ERR_OK ? 0 : console_error("%s", why.text);
}

#define OPTION(field) .offset = offsetof(struct pub_options, field)

const struct args_command cli_publish = {
    .name = "publish",
    .aliases = { "pub" },
    .help = "Generic data publish utility",
    .details = "Without a body it is read from standard input.\n"
               "\n"
               "Body, subject and header values may use templates to create unique messages:\n"
               "\n"
               "   nats pub test --count 10 \"Message {{Count}} @ {{Time}}\"\n"
               "   nats pub test --count 10 \"Message {{Count}}: {{ Random 10 100 }}\"\n"
               "\n"
               "   Count            the message number\n"
               "   TimeStamp        RFC3339 format current time\n"
               "   Unix             seconds since 1970 in UTC\n"
               "   UnixNano         nano seconds since 1970 in UTC\n"
               "   Time             the current time\n"
               "   ID, UUID         a unique ID\n"
               "   Random MIN MAX   random text of at least MIN and less than MAX bytes",
    .arguments =
        (const struct args_argument[]) {
            { "subject", true, ARGS_STRING, offsetof(struct pub_options, subject),
              "Subject to publish to" },
            { "body", false, ARGS_STRING, offsetof(struct pub_options, body), "Message body" },
            { 0 },
        },
    .flags =
        (const struct args_flag[]) {
            { "reply", 0, ARGS_STRING, OPTION(reply), .help = "Sets a custom reply to subject" },
            { "header", 'H', ARGS_LIST, OPTION(headers),
              .help = "Adds headers to the message using K:V format" },
            { "count", 0, ARGS_INT, OPTION(count), .fallback = "1",
              .help = "Publish multiple messages" },
            { "sleep", 0, ARGS_DURATION, OPTION(sleep_ns),
              .help = "When publishing multiple messages, sleep between publishes" },
            { "force-stdin", 0, ARGS_SWITCH, OPTION(force_stdin),
              .help = "Force reading from stdin" },
            { "send-on", 0, ARGS_CHOICE, OPTION(send_on), .fallback = "eof",
              .choices = "newline,eof",
              .help = "When to send data from stdin: 'eof' (default) or 'newline'" },
            { "quiet", 'q', ARGS_SWITCH, OPTION(quiet), .help = "Show just the output received" },
            { "templates", 0, ARGS_BOOL, OPTION(templates), .fallback = "true",
              .help = "Enables template functions in the body and subject" },
            { "atomic", 0, ARGS_REFUSED(ARGS_SWITCH) },
            { "jetstream", 'J', ARGS_REFUSED(ARGS_SWITCH) },
            { "schedule-after", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-at", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-cron", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-dest", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-every", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-source", 0, ARGS_REFUSED(ARGS_STRING) },
            { "schedule-ttl", 0, ARGS_REFUSED(ARGS_STRING) },
            { 0 },
        },
    .options_size = sizeof(struct pub_options),
    .run = run,
};

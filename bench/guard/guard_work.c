/* SPDX-License-Identifier: Apache-2.0
 *
 * guard_work [NAME STEPS] - fixed work of the pure parts, for bench/guard/run to count
 *
 * Does STEPS steps of one workload. Whoever counts takes the difference between two runs with
 * different STEPS, in which the start, the preparation and the first steps cancel out. Without
 * arguments it says what it was made with and which workloads there are.
 *
 * Deterministic: nothing here is random (the hash key is the built-in one, since hash_init() is
 * not called), nothing depends on time, and what is worked on does not lie on the stack, whose
 * place depends on the environment. Each step checks its result: a step that fails would be
 * a cheap one.
 */
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "proto/connect.h"
#include "proto/encode.h"
#include "proto/parser.h"
#include "proto/route_lines.h"
#include "proto/route_parser.h"
#include "proto/subject.h"
#include "sublist/sublist.h"

#define LITERALS     10000U /* literal subscriptions filed before; more than a cache holds */
#define HOT          64U    /* the first of these subjects are asked for again and again */
#define REGIONS      10U    /* different second tokens of the subjects */
#define WILDCARDS    1000U  /* wildcard patterns filed before, each pair with its last token */
#define RUN          16U    /* messages that follow each other with one subject */
#define SUBJECT_SIZE 32
#define LINE_SIZE    512
#define OUT_SIZE     8192

struct text {
    size_t len;
    char data[LINE_SIZE];
};

/* All that a workload works on; made once, on the heap. */
struct guard {
    struct parse_limits limits;
    struct sublist *sl;
    struct sublist_cache *cache;
    char (*subjects)[SUBJECT_SIZE]; /* LITERALS; the first HOT are the hot ones */
    struct text input[HOT];
    char head[LINE_SIZE];
    size_t head_len; /* pipeline_run: of this run's */
    char out[OUT_SIZE];
};

static void
must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "guard_work: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct str
subject_of(const struct guard *g, uint32_t number)
{
    return str_of(g->subjects[number]);
}

static void
file(struct guard *g, struct str subject)
{
    struct subscription *sub = subscription_new(NULL, subject, STR_NULL, STR_LIT("17"));

    must(sub != NULL && sublist_insert(g->sl, sub) == ERR_OK, "a subscription was not filed");
    subscription_unref(sub); /* the list keeps it */
}

/* orders.0.000000, orders.1.000001, ... */
static void
file_literals(struct guard *g)
{
    for (uint32_t i = 0; i < LITERALS; i++) {
        snprintf(g->subjects[i], SUBJECT_SIZE, "orders.%u.%06u", i % REGIONS, i);
        file(g, subject_of(g, i));
    }
}

/* Of the hot subjects, each matches three: one token, two tokens, all the rest. */
static void
file_wildcards(struct guard *g)
{
    char pattern[SUBJECT_SIZE];

    for (uint32_t i = 0; i < WILDCARDS; i++) {
        snprintf(pattern, sizeof(pattern), i % 2 == 0 ? "orders.*.%06u" : "*.*.%06u", i / 2);
        file(g, str_of(pattern));
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        snprintf(pattern, sizeof(pattern), "orders.%u.>", i);
        file(g, str_of(pattern));
    }
}

/* What clients send: each hot subject between the same two texts. */
static void
set_input(struct guard *g, const char *before, const char *behind)
{
    for (uint32_t i = 0; i < HOT; i++) {
        struct text *input = &g->input[i];
        int len = snprintf(input->data, LINE_SIZE, "%s%s%s", before, g->subjects[i], behind);

        must(len > 0 && len < LINE_SIZE, "the input is too long");
        input->len = (size_t)len;
    }
}

static void
parse(const struct guard *g, const struct text *input, size_t at, enum op_kind kind, struct op *op,
      size_t *used)
{
    enum parse_result result = parse_op(&g->limits, input->data + at, input->len - at, op, used);

    must(result == PARSE_OP && op->kind == kind, "the input was not understood");
}

static const struct match *
match_cached(struct guard *g, struct str subject, uint32_t receivers)
{
    const struct match *match = sublist_cache_match(g->cache, subject);

    must(match != NULL && match->plain_count == receivers, "the wrong subscriptions match");
    return match;
}

/* What all messages of a subject to one receiver have in common; returns its length. */
static size_t
put_head(struct guard *g, struct str subject, struct str sid)
{
    must(encode_head_room(subject, sid) <= sizeof(g->head), "the head is too long");
    return encode_head(subject, sid, g->head);
}

/* A line behind that head, and its body, as they go into the queue; returns behind them. */
static char *
put_message(const struct guard *g, size_t head_len, const struct message *message,
            bool with_headers, char *out)
{
    size_t line_len = encode_line_len(message, head_len, with_headers);
    struct str body = encode_body(message, with_headers);
    char *end = encode_line(message, g->head, head_len, with_headers, out);

    must((size_t)(end - out) == line_len, "the line has another length");
    memcpy(end, body.data, body.len + 2); /* CRLF stands behind it */
    return end + body.len + 2;
}

/* -- the workloads: what is prepared, and a step of each */

static void
prepare_parse(struct guard *g)
{
    file_literals(g);
    set_input(g, "PUB ", " 16\r\n0123456789abcdef\r\n");
}

static void
parse_pub_16(struct guard *g, uint32_t step)
{
    const struct text *input = &g->input[step % HOT];
    struct op op;
    size_t used;

    parse(g, input, 0, OP_PUB, &op, &used);
    must(used == input->len && op.payload.len == 16, "not all was parsed");
}

static void
match_hit(struct guard *g, uint32_t step)
{
    (void)match_cached(g, subject_of(g, step % HOT), 1);
}

/* In turn through more subjects than the cache holds: whatever is looked up is no longer there. */
static void
match_miss_literal(struct guard *g, uint32_t step)
{
    (void)match_cached(g, subject_of(g, step % LITERALS), 1);
}

static void
prepare_wildcards(struct guard *g)
{
    file_literals(g);
    file_wildcards(g);
}

static void
match_wildcards(struct guard *g, uint32_t step)
{
    struct match *match = sublist_match(g->sl, subject_of(g, step % HOT));

    must(match != NULL && match->plain_count == 4, "the wrong subscriptions match");
    match_unref(match);
}

static void
prepare_subscribe(struct guard *g)
{
    prepare_wildcards(g);
    set_input(g, "SUB new.", " 4711\r\nUNSUB 4711\r\n");
}

static void
subscribe_unsubscribe(struct guard *g, uint32_t step)
{
    const struct text *input = &g->input[step % HOT];
    struct subscription *sub;
    size_t used, used_too;
    struct op op;

    parse(g, input, 0, OP_SUB, &op, &used);
    must(subject_valid(op.subject), "the subject is not valid");
    sub = subscription_new(NULL, op.subject, op.queue, op.sid);
    must(sub != NULL && sublist_insert(g->sl, sub) == ERR_OK, "not subscribed");
    parse(g, input, used, OP_UNSUB, &op, &used_too);
    must(str_eq(op.sid, subscription_sid(sub)) && sublist_remove(g->sl, sub) == ERR_OK,
         "not unsubscribed");
    subscription_unref(sub);
}

static void
encode_msg(struct guard *g, uint32_t step)
{
    static const char payload[] = "0123456789abcdef\r\n";
    struct message message;

    message_init(&message, STR_NULL, (struct str) { payload, sizeof(payload) - 3 }, 0);
    (void)put_message(g, put_head(g, subject_of(g, step % HOT), STR_LIT("17")), &message, true,
                      g->out);
}

static void
prepare_pipeline(struct guard *g)
{
    file_literals(g);
    set_input(g, "PUB ",
              " _INBOX.4fJ2qR8sT1uV.17 64\r\n"
              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n");
}

static void
parse_allowed(const struct guard *g, const struct text *input, struct op *op)
{
    size_t used;

    parse(g, input, 0, OP_PUB, op, &used);
    must(!subject_is_reserved(op->subject, false) && !subject_is_reserved_reply(op->reply),
         "the subjects are not allowed");
}

/* From the publisher's bytes to those of each receiver. */
static void
pipeline(struct guard *g, uint32_t step, uint32_t receivers)
{
    const struct match *match;
    struct message message;
    char *out = g->out;
    struct op op;

    parse_allowed(g, &g->input[step % HOT], &op);
    match = match_cached(g, op.subject, receivers);
    message_init(&message, op.reply, op.payload, op.header_len);
    for (uint32_t i = 0; i < match->plain_count; i++) {
        size_t head_len = put_head(g, op.subject, subscription_sid(match->subs[i]));

        out = put_message(g, head_len, &message, true, out);
    }
}

static void
pipeline_1(struct guard *g, uint32_t step)
{
    pipeline(g, step, 1);
}

static void
prepare_pipeline_10(struct guard *g)
{
    prepare_pipeline(g);
    for (uint32_t i = 0; i < 9 * HOT; i++)
        file(g, subject_of(g, i % HOT));
}

static void
pipeline_10(struct guard *g, uint32_t step)
{
    pipeline(g, step, 10);
}

/* A message of a run with one subject and one receiver: asked for and begun once per run. */
static void
pipeline_run(struct guard *g, uint32_t step)
{
    struct message message;
    struct op op;

    parse_allowed(g, &g->input[0], &op);
    if (step % RUN == 0) {
        const struct match *match = match_cached(g, op.subject, 1);

        g->head_len = put_head(g, op.subject, subscription_sid(match->subs[0]));
    }
    message_init(&message, op.reply, op.payload, op.header_len);
    (void)put_message(g, g->head_len, &message, true, g->out);
}

static void
prepare_hpub(struct guard *g)
{
    file_literals(g);
    set_input(g, "HPUB ",
              " 35 51\r\nNATS/1.0\r\nTrace-Id: 4fJ2qR8sT1u\r\n\r\n0123456789abcdef\r\n");
}

/* For one receiver that takes headers and one that does not. */
static void
hpub(struct guard *g, uint32_t step)
{
    struct message message;
    size_t used, head_len;
    struct op op;
    char *out;

    parse(g, &g->input[step % HOT], 0, OP_HPUB, &op, &used);
    message_init(&message, op.reply, op.payload, op.header_len);
    head_len = put_head(g, op.subject, STR_LIT("17"));
    out = put_message(g, head_len, &message, true, g->out);
    head_len = put_head(g, op.subject, STR_LIT("18"));
    (void)put_message(g, head_len, &message, false, out);
}

static void
prepare_connect(struct guard *g)
{
    file_literals(g);
    set_input(g, "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"",
              "\",\"lang\":\"c\","
              "\"version\":\"3.6.1\",\"protocol\":1,\"auth_token\":\"7f3a9c51d2e84b60\","
              "\"tls_required\":false,\"echo\":true,\"headers\":true,\"no_responders\":true}"
              "\r\n");
}

static void
connect_json(struct guard *g, uint32_t step)
{
    struct connect_info info;
    struct errmsg why;
    struct op op;
    size_t used;

    parse(g, &g->input[step % HOT], 0, OP_CONNECT, &op, &used);
    connect_info_init(&info);
    must(connect_info_parse(&info, op.args, &why) == ERR_OK && info.no_responders,
         "CONNECT was not understood");
    connect_info_release(&info);
}

static void
prepare_rmsg(struct guard *g)
{
    file_literals(g);
    set_input(g, "RMSG $G ", " 16\r\n0123456789abcdef\r\n");
}

static void
prepare_rmsg_queues(struct guard *g)
{
    file_literals(g);
    set_input(g, "RMSG $G ", " | workers audit 16\r\n0123456789abcdef\r\n");
}

/* A message from another server. */
static void
parse_rmsg(struct guard *g, uint32_t step)
{
    const struct route_limits limits = { g->limits.control_line_max, g->limits.payload_max, true };
    const struct text *input = &g->input[step % HOT];
    struct route_op op;
    size_t used;

    must(parse_route_op(&limits, input->data, input->len, &op, &used) == PARSE_OP &&
             op.kind == ROUTE_MSG && used == input->len && op.payload.len == 16,
         "not all was parsed");
}

/* A message for another server: encode_msg with an account and two queue groups. */
static void
encode_rmsg(struct guard *g, uint32_t step)
{
    static const char payload[] = "0123456789abcdef\r\n";
    const struct str account = STR_LIT("$G"), queues = STR_LIT("workers audit ");
    struct str subject = subject_of(g, step % HOT);
    struct message message;
    size_t head_len;
    char *end;

    message_init(&message, STR_NULL, (struct str) { payload, sizeof(payload) - 3 }, 0);
    must(route_head_room(account, subject) <= sizeof(g->head), "the head is too long");
    head_len = route_head(account, subject, g->head);
    end = route_msg_line(&message, g->head, head_len, queues, true, g->out);
    must((size_t)(end - g->out) == route_msg_line_len(&message, head_len, queues, true),
         "the line has another length");
    memcpy(end, message.payload.data, message.payload.len + 2);
}

static const struct workload {
    const char *name;
    void (*prepare)(struct guard *g);
    void (*step)(struct guard *g, uint32_t step);
} workloads[] = {
    { "parse_pub_16", prepare_parse, parse_pub_16 },
    { "match_hit", file_literals, match_hit },
    { "match_miss_literal", file_literals, match_miss_literal },
    { "match_wildcards", prepare_wildcards, match_wildcards },
    { "subscribe_unsubscribe", prepare_subscribe, subscribe_unsubscribe },
    { "encode_msg", file_literals, encode_msg },
    { "pipeline_1", prepare_pipeline, pipeline_1 },
    { "pipeline_10", prepare_pipeline_10, pipeline_10 },
    { "pipeline_run", prepare_pipeline, pipeline_run },
    { "hpub", prepare_hpub, hpub },
    { "connect_json", prepare_connect, connect_json },
    { "parse_rmsg", prepare_rmsg, parse_rmsg },
    { "parse_rmsg_queues", prepare_rmsg_queues, parse_rmsg },
    { "encode_rmsg", file_literals, encode_rmsg },
};

static void
work(const struct workload *workload, uint32_t steps)
{
    struct guard *g = xcalloc(1, sizeof(*g));

    g->limits = (struct parse_limits) { 4096, 1048576, true };
    g->subjects = xcalloc(LITERALS, sizeof(*g->subjects));
    g->sl = sublist_new();
    must(g->sl != NULL, "out of memory");
    g->cache = sublist_cache_new(g->sl);
    must(g->cache != NULL, "out of memory");
    workload->prepare(g);
    for (uint32_t step = 0; step < steps; step++)
        workload->step(g, step);
    sublist_cache_free(g->cache);
    sublist_free(g->sl);
    free(g->subjects);
    free(g);
}

static void
describe(void)
{
    struct utsname machine;

    must(uname(&machine) == 0, "uname");
#ifdef __clang__
    printf("compiler clang %s\n", __clang_version__);
#else
    printf("compiler gcc %s\n", __VERSION__);
#endif
    printf("libc glibc %s\nmachine %s\n", gnu_get_libc_version(), machine.machine);
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
        printf("workload %s\n", workloads[i].name);
}

int
main(int argc, char **argv)
{
    if (argc == 1) {
        describe();
        return EXIT_SUCCESS;
    }
    must(argc == 3, "usage: guard_work [NAME STEPS]");
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        if (strcmp(workloads[i].name, argv[1]) == 0) {
            work(&workloads[i], (uint32_t)strtoul(argv[2], NULL, 10));
            return EXIT_SUCCESS;
        }
    }
    must(false, "no such workload");
}

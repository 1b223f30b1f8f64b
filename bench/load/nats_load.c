/* SPDX-License-Identifier: Apache-2.0
 *
 * nats_load flow|request OPTION... - messages through a NATS server, or through the bare relay
 *
 * Prints one JSON object. Each option is a row of a table: its name and where its value goes.
 */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "common/channel.h"
#include "common/limits.h"
#include "flow.h"
#include "plan.h"
#include "request.h"

#define TLS_READ_AHEAD (64 * 1024)

enum kind { FLAG, NUMBER, TEXT };

struct row {
    const char *name;
    enum kind kind;
    size_t offset; /* of the field in struct plan */
    uint64_t max;
};

#define NUMBER_ROW(name, field, max)                                                               \
    {                                                                                              \
        name, NUMBER, offsetof(struct plan, field), max                                            \
    }
#define FLAG_ROW(name, field)                                                                      \
    {                                                                                              \
        name, FLAG, offsetof(struct plan, field), 0                                                \
    }

static const struct row rows[] = {
    NUMBER_ROW("port", port, UINT16_MAX),         /* at 127.0.0.1 */
    NUMBER_ROW("pid", pid, INT32_MAX),            /* whose CPU time and memory count */
    NUMBER_ROW("far-port", far_port, UINT16_MAX), /* subscribers and responders are there */
    NUMBER_ROW("far-pid", far_pid, INT32_MAX),    /* and this counts as well */
    { "token", TEXT, offsetof(struct plan, token), 0 },
    NUMBER_ROW("deadline-s", deadline_s, 3600), /* of all of it */
    FLAG_ROW("raw", raw),                       /* the port is that of tcp_relay */
    FLAG_ROW("tls", tls),                       /* 1.3; any certificate will do */
    NUMBER_ROW("size", size, 64 << 20),         /* bytes of a payload */
    FLAG_ROW("sleep", sleep), /* request, and flow with a rate: wait instead of polling */

    /* flow */
    NUMBER_ROW("messages", messages, 10000000000), /* what a stamp can count */
    NUMBER_ROW("publishers", publishers, UINT16_MAX),
    NUMBER_ROW("subjects", subjects, 10000000),
    NUMBER_ROW("subscribers", subscribers, UINT16_MAX),         /* per subject */
    NUMBER_ROW("queue", queue, UINT16_MAX),                     /* groups per subject */
    NUMBER_ROW("sub-connections", sub_connections, UINT16_MAX), /* for all of them */
    NUMBER_ROW("rate", rate, 5000000), /* per second; an hour of it in ns fits into 64 bits */
    FLAG_ROW("check", check),
    FLAG_ROW("latency", latency),
    NUMBER_ROW("never-read", never_read, UINT16_MAX), /* further subscribers of b.0 */
    NUMBER_ROW("churn", churn, UINT16_MAX),           /* inboxes at a time */
    NUMBER_ROW("idle", idle, UINT16_MAX),             /* further connections */
    NUMBER_ROW("sub-filler", sub_filler, 10000000),   /* further subscriptions, of one */

    /* request */
    NUMBER_ROW("in-flight", in_flight, UINT16_MAX), /* of each requester */
    NUMBER_ROW("requests", requests, INT32_MAX),    /* of all */
    NUMBER_ROW("requesters", requesters, UINT16_MAX),
    NUMBER_ROW("responders", responders, UINT16_MAX), /* a queue group if there are several */
    FLAG_ROW("busy-cores", busy_cores),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool
take_value(struct plan *plan, const struct row *row, const char *text)
{
    void *field = (char *)plan + row->offset;

    switch (row->kind) {
    case FLAG:
        *(bool *)field = true;
        return true;
    case TEXT:
        *(const char **)field = text;
        return true;
    case NUMBER:
        return str_to_u64(str_of(text), row->max, field);
    }
    return false;
}

static bool
take_options(struct plan *plan, int argc, char **argv)
{
    struct option options[ROWS + 1] = { 0 };
    int index;

    for (size_t i = 0; i < ROWS; i++)
        options[i] =
            (struct option) { rows[i].name, rows[i].kind == FLAG ? no_argument : required_argument,
                              NULL, 0 };
    while (getopt_long(argc, argv, "", options, &index) == 0) {
        if (!take_value(plan, &rows[index], optarg)) {
            fprintf(stderr, "nats_load: not a valid value: %s\n", argv[optind - 1]);
            return false;
        }
    }
    return optind == argc;
}

static void
print_usage(void)
{
    fputs("usage: nats_load flow|request", stderr);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(stderr, " [--%s%s]", rows[i].name, rows[i].kind == FLAG ? "" : " VALUE");
    fputs("\n--port and --pid must be there; --far-port and --far-pid go together; there is no\n"
          "--raw with --tls or them\n",
          stderr);
}

int
main(int argc, char **argv)
{
    struct plan plan = { .deadline_s = 60,
                         .size = 128,
                         .messages = 1000000,
                         .publishers = 1,
                         .subjects = 1,
                         .subscribers = 1,
                         .in_flight = 1,
                         .requests = 10000,
                         .requesters = 1,
                         .responders = 1 };
    bool is_flow = argc > 1 && strcmp(argv[1], "flow") == 0;
    bool is_request = argc > 1 && strcmp(argv[1], "request") == 0;
    struct errmsg why;
    enum err err;

    if (!(is_flow || is_request) || !take_options(&plan, argc - 1, argv + 1) || plan.port == 0 ||
        plan.pid == 0 || (plan.raw && (plan.tls || plan.far_port != 0)) ||
        (plan.far_port == 0) != (plan.far_pid == 0)) {
        print_usage();
        return 2;
    }
    limits_raise_descriptors();
    err = plan.tls ? channel_context(&plan.tls_context, TLS_READ_AHEAD, &why) : ERR_OK;
    if (err == ERR_OK)
        err = is_flow ? flow_run(&plan, &why) : request_run(&plan, &why);
    SSL_CTX_free(plan.tls_context);
    if (err == ERR_OK)
        return 0;
    fprintf(stderr, "nats_load: %s\n", why.text);
    return 1;
}

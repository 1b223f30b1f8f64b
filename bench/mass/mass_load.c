/* SPDX-License-Identifier: Apache-2.0
 *
 * mass_load subs|idle|start OPTION... [-- ARGUMENT-OF-THE-SERVER...]
 *
 * Prints one JSON object. Options are rows of a table; bench/run gives them.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "base/str.h"
#include "common/channel.h"
#include "common/limits.h"
#include "mass/mass.h"

static const struct scenario {
    const char *name;
    enum err (*run)(const struct mass *mass, struct errmsg *why);
    bool starts_server; /* itself; else it needs a port and a pid */
} scenarios[] = {
    { "subs", mass_subs, false },
    { "idle", mass_idle, false },
    { "start", mass_start, true },
};

enum option_key {
    OPT_PORT = 1,
    OPT_PID,
    OPT_TOKEN,
    OPT_TLS,
    OPT_SERVER,
    OPT_NUMBER, /* and all above: a field of struct mass at that offset */
};

#define NUMBER(field) (OPT_NUMBER + (int)offsetof(struct mass, field))

static const struct option options[] = {
    { "port", required_argument, NULL, OPT_PORT },             /* of the server, at 127.0.0.1 */
    { "pid", required_argument, NULL, OPT_PID },               /* of the server */
    { "far-port", required_argument, NULL, NUMBER(far_port) }, /* subs: publish at this node */
    { "far-pid", required_argument, NULL, NUMBER(far_pid) },
    { "token", required_argument, NULL, OPT_TOKEN },
    { "tls", no_argument, NULL, OPT_TLS },                       /* idle */
    { "server", required_argument, NULL, OPT_SERVER },           /* start: its path */
    { "count", required_argument, NULL, NUMBER(count) },         /* subscriptions, connections */
    { "wildcards", required_argument, NULL, NUMBER(wildcards) }, /* subs: 0 or 1 */
    { "join", required_argument, NULL, NUMBER(join) },           /* subs: 0 or 1 */
    { "connections", required_argument, NULL, NUMBER(connections) }, /* subs: that subscribe */
    { "publish", required_argument, NULL, NUMBER(publish) }, /* subs: messages, 0 to leave it out */
    { "size", required_argument, NULL, NUMBER(size) },       /* subs: bytes of a message */
    { "seconds", required_argument, NULL, NUMBER(seconds) }, /* in which idleness is watched */
    { "after-s", required_argument, NULL, NUMBER(after_s) }, /* until memory is looked at again */
    { "runs", required_argument, NULL, NUMBER(runs) },       /* starts */
    { "deadline-s", required_argument, NULL, NUMBER(deadline_s) },
    { NULL, 0, NULL, 0 },
};

static bool
take_option(struct mass *mass, int key, const char *text)
{
    uint64_t number;

    if (key == OPT_TOKEN) {
        mass->plan.token = text;
        return true;
    }
    if (key == OPT_TLS)
        return mass->plan.tls != NULL || channel_context(&mass->plan.tls, 0, NULL) == ERR_OK;
    if (key == OPT_SERVER) {
        mass->server = text;
        return true;
    }
    if (key == '?' || !str_to_u64(str_of(text), key == OPT_PORT ? UINT16_MAX : INT32_MAX, &number))
        return false;
    if (key == OPT_PORT)
        mass->plan.server.sin_port = htons((uint16_t)number);
    else if (key == OPT_PID)
        mass->pid = (pid_t)number;
    else if (key >= OPT_NUMBER)
        *(unsigned *)((char *)mass + (key - OPT_NUMBER)) = (unsigned)number;
    return true;
}

/* What must be there for any measurement to mean something. */
static bool
is_complete(const struct mass *mass, const struct scenario *scenario)
{
    return (mass->plan.tls == NULL || scenario->run == mass_idle) && mass->count > 0 &&
           mass->connections > 0 && mass->seconds > 0 && mass->runs > 0 && mass->wildcards <= 1 &&
           mass->far_port <= UINT16_MAX && (mass->far_port == 0) == (mass->far_pid == 0) &&
           mass->join <= (mass->far_port != 0) &&
           (scenario->starts_server ? mass->server != NULL
                                    : mass->pid > 0 && mass->plan.server.sin_port != 0);
}

static const struct scenario *
find_scenario(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (str_eq(str_of(name), str_of(scenarios[i].name)))
            return &scenarios[i];
    }
    return NULL;
}

static int
usage(void)
{
    fputs("usage: mass_load subs|idle --port N --pid N [--count N] ...\n"
          "       mass_load start --server PATH [--runs N] ... [-- ARGUMENT...]\n",
          stderr);
    return 2;
}

int
main(int argc, char **argv)
{
    const struct scenario *scenario = argc > 1 ? find_scenario(argv[1]) : NULL;
    struct sockaddr_in loopback = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct mass mass = { .plan = { loopback, loopback, "", NULL },
                         .deadline_s = 120,
                         .count = 1,
                         .connections = 1,
                         .size = 16,
                         .seconds = 2,
                         .after_s = 5,
                         .runs = 1 };
    struct errmsg why;
    enum err err;
    int key;

    if (scenario == NULL)
        return usage();
    argc--; /* getopt takes the scenario for the name of the program */
    argv++;
    while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!take_option(&mass, key, optarg))
            return usage();
    }
    mass.arguments = argv + optind;
    mass.argument_count = (unsigned)(argc - optind);
    if (!is_complete(&mass, scenario))
        return usage();
    limits_raise_descriptors();
    err = scenario->run(&mass, &why);
    SSL_CTX_free(mass.plan.tls);
    if (err == ERR_OK)
        return 0;
    fprintf(stderr, "mass_load: %s\n", why.text);
    return 1;
}

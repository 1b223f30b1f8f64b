/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_load storm|reload OPTION... - clients that log in to a NATS server, and a bystander
 *
 * Prints one JSON object. Options are rows of a table; bench/auth/run gives them.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "common/channel.h"
#include "scenario.h"

enum option_key {
    OPT_PORT = 1,
    OPT_PID,
    OPT_TOKEN,
    OPT_TLS,
    OPT_LOG,
    OPT_CLIENTS,
    OPT_WINDOW,
    OPT_EVERY_MS,
    OPT_WRONG,
    OPT_ROUNDS,
    OPT_DEADLINE_S,
    OPT_BYSTANDER,
};

static const struct option options[] = {
    { "port", required_argument, NULL, OPT_PORT },   /* of the server, at 127.0.0.1 */
    { "pid", required_argument, NULL, OPT_PID },     /* of the server */
    { "token", required_argument, NULL, OPT_TOKEN }, /* the right one */
    { "tls", no_argument, NULL, OPT_TLS },
    { "log", required_argument, NULL, OPT_LOG },           /* of the server, for reload */
    { "clients", required_argument, NULL, OPT_CLIENTS },   /* that have the token */
    { "window", required_argument, NULL, OPT_WINDOW },     /* so many on the way; 0: all */
    { "every-ms", required_argument, NULL, OPT_EVERY_MS }, /* between two of them */
    { "wrong", required_argument, NULL, OPT_WRONG },       /* clients with wrong tokens, at once */
    { "rounds", required_argument, NULL, OPT_ROUNDS },     /* storms */
    { "deadline-s", required_argument, NULL, OPT_DEADLINE_S },
    { "bystander", no_argument, NULL, OPT_BYSTANDER },
    { NULL, 0, NULL, 0 },
};

/* Three addresses of this host: what a server counts per address stays apart. */
static struct sockaddr_in
loopback(const char *address, uint16_t port)
{
    struct sockaddr_in out = { .sin_family = AF_INET, .sin_port = htons(port) };

    (void)inet_pton(AF_INET, address, &out.sin_addr);
    return out;
}

static bool
take_number(unsigned *out, const char *text)
{
    uint64_t number;

    if (!str_to_u64(str_of(text), INT32_MAX, &number))
        return false;
    *out = (unsigned)number;
    return true;
}

static bool
take_option(struct scenario *scenario, int key, const char *text)
{
    unsigned number = 0;

    switch ((enum option_key)key) {
    case OPT_TOKEN:
        scenario->token = text;
        return true;
    case OPT_TLS:
        return scenario->tls != NULL || channel_context(&scenario->tls, 0, NULL) == ERR_OK;
    case OPT_LOG:
        scenario->log = text;
        return true;
    case OPT_BYSTANDER:
        scenario->has_bystander = true;
        return true;
    case OPT_PORT:
        if (!take_number(&number, text) || number > UINT16_MAX)
            return false;
        scenario->server.sin_port = htons((uint16_t)number);
        return true;
    case OPT_PID:
        if (!take_number(&number, text))
            return false;
        scenario->pid = (pid_t)number;
        return true;
    case OPT_CLIENTS:
        return take_number(&scenario->clients, text);
    case OPT_WINDOW:
        return take_number(&scenario->window, text);
    case OPT_EVERY_MS:
        return take_number(&scenario->every_ms, text);
    case OPT_WRONG:
        return take_number(&scenario->wrong_clients, text);
    case OPT_ROUNDS:
        return take_number(&scenario->rounds, text);
    case OPT_DEADLINE_S:
        return take_number(&scenario->deadline_s, text);
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct scenario scenario = { .server = loopback("127.0.0.1", 0),
                                 .source = loopback("127.0.0.2", 0),
                                 .wrong_source = loopback("127.0.0.3", 0),
                                 .rounds = 1,
                                 .deadline_s = 60 };
    bool is_reload = argc > 1 && strcmp(argv[1], "reload") == 0;
    bool is_storm = argc > 1 && strcmp(argv[1], "storm") == 0;
    struct errmsg why;
    enum err err;
    int key;

    while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!take_option(&scenario, key, optarg)) {
            fprintf(stderr, "auth_load: not a valid option or value: %s\n", argv[optind - 1]);
            return 2;
        }
    }
    if ((!is_storm && !is_reload) || scenario.token == NULL || scenario.pid == 0 ||
        scenario.server.sin_port == 0 || (is_reload && scenario.log == NULL)) {
        fputs("usage: auth_load storm|reload --port N --pid N --token T [--log FILE] ...\n",
              stderr);
        return 2;
    }
    err = is_storm ? scenario_storm(&scenario, &why) : scenario_reload(&scenario, &why);
    SSL_CTX_free(scenario.tls);
    if (err == ERR_OK)
        return 0;
    fprintf(stderr, "auth_load: %s\n", why.text);
    return 1;
}

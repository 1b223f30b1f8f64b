/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/load.h"
#include "proto/info.h"

/* Splits "host[:port]" (or "[v6]:port") into *host, which the caller frees, and *port. */
static void
split_advertise(const char *text, char **host, int *port)
{
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');

    if (colon == NULL || (bracket != NULL && colon < bracket)) {
        *host = xstrdup(text);
        return;
    }
    *host = xmemdup0(text, (size_t)(colon - text));
    *port = (int)strtol(colon + 1, NULL, 10); /* checked with the options */
}

static void
make_info(struct server_config *config, const char *server_id, const char *server_name, int port)
{
    const struct options *options = config->options;
    char *host = NULL;
    struct info info = { .server_id = server_id,
                         .server_name = server_name,
                         .version = TESSERA_NATS_VERSION,
                         .go = "c-tessera-" TESSERA_VERSION,
                         .headers = !options->no_header_support,
                         .auth_required =
                             config->auth_required && !auth_policy_open(config->policy),
                         .max_payload = options->max_payload };

    info.port = port;
    if (options->client_advertise != NULL)
        split_advertise(options->client_advertise, &host, &info.port);
    else
        host = xstrdup(options->host);
    info.host = host;
    if (!info_prefix(&config->info_prefix, &info))
        abort();
    free(host);
}

struct server_config *
server_config_new(struct options *options, struct auth_policy *policy, const char *server_id,
                  const char *server_name, int port)
{
    struct server_config *config = xcalloc(1, sizeof(*config));

    atomic_init(&config->refs, 1);
    config->options = options;
    config->policy = policy;
    config->auth_required = auth_policy_required(policy);
    config->conn.max_pending = (size_t)options->max_pending;
    config->conn.write_deadline_ms = options->write_deadline_ns / CLOCK_NS_PER_MS;
    config->auth_timeout_ms = options->auth_timeout_ns / CLOCK_NS_PER_MS;
    config->ping_interval_ms = options->ping_interval_ns / CLOCK_NS_PER_MS;
    make_info(config, server_id, server_name, port);
    return config;
}

struct server_config *
server_config_ref(struct server_config *config)
{
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    return config;
}

void
server_config_unref(struct server_config *config)
{
    if (config == NULL || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
        return;
    options_free(config->options);
    auth_policy_unref(config->policy);
    buf_release(&config->info_prefix);
    free(config);
}

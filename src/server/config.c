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

/* Whom INFO greets inside TLS is told that TLS is required, also where others may do without. As in
 * the reference, later INFOs are the same for all. */
static void
make_prefixes(struct server_config *config, struct info *info)
{
    const struct options *options = config->options;
    enum tls_first first = options->tls.handshake_first;

    if (config->tls != NULL) {
        info->tls_required = !options->allow_non_tls || first == TLS_FIRST_ON;
        info->tls_available = options->allow_non_tls;
        info->tls_verify = options->tls.verify;
    }
    if (!info_prefix(&config->info_prefix, info))
        abort();
    if (first == TLS_FIRST_OFF || info->tls_required)
        return;
    info->tls_required = true;
    if (!info_prefix(&config->info_prefix_inside, info))
        abort();
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
    make_prefixes(config, &info);
    free(host);
}

/* Unless the file says how long, a second longer than a handshake may take. */
static int64_t
auth_timeout_ns(const struct options *options)
{
    return options->tls.enabled && !options->auth_timeout_said
               ? options->tls.timeout_ns + CLOCK_NS_PER_S
               : options->auth_timeout_ns;
}

struct server_config *
server_config_new(struct options *options, struct auth_policy *policy, struct tls_context *tls,
                  const char *server_id, const char *server_name, int port)
{
    struct server_config *config = xcalloc(1, sizeof(*config));

    atomic_init(&config->refs, 1);
    config->options = options;
    config->policy = policy;
    config->auth_required = auth_policy_required(policy);
    config->conn.max_pending = (size_t)options->max_pending;
    config->conn.write_deadline_ms = options->write_deadline_ns / CLOCK_NS_PER_MS;
    config->tls = tls;
    config->tls_timeout_ms = options->tls.timeout_ns / CLOCK_NS_PER_MS;
    config->tls_first_ms = options->tls.handshake_first_ns / CLOCK_NS_PER_MS;
    config->auth_timeout_ms = auth_timeout_ns(options) / CLOCK_NS_PER_MS;
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
    tls_context_unref(config->tls);
    buf_release(&config->info_prefix);
    buf_release(&config->info_prefix_inside);
    free(config);
}

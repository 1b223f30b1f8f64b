/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* Unless the file says how long, a second longer than a handshake may take. */
static int64_t
auth_timeout_ns(const struct options *options)
{
    return options->tls.enabled && !options->auth_timeout_said
               ? options->tls.timeout_ns + CLOCK_NS_PER_S
               : options->auth_timeout_ns;
}

struct server_config *
server_config_new(struct options *options, struct auth_policy *policy, struct tls_context *tls)
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
    free(config);
}

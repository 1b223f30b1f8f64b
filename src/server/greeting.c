/* SPDX-License-Identifier: Apache-2.0 */
#include "server/greeting.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/info.h"
#include "server/own_urls.h"

/* Whom INFO greets inside TLS is told that TLS is required, also where others may do without. As in
 * the reference, later INFOs are the same for all. */
static void
make_prefixes(struct greeting *greeting, const struct server_config *config, struct info *info)
{
    const struct options *options = config->options;
    enum tls_first first = options->tls.handshake_first;

    if (config->tls != NULL) {
        info->tls_required = !options->allow_non_tls || first == TLS_FIRST_ON;
        info->tls_available = options->allow_non_tls;
        info->tls_verify = options->tls.verify;
    }
    if (!info_prefix(&greeting->prefix, info))
        abort();
    if (first == TLS_FIRST_OFF || info->tls_required)
        return;
    info->tls_required = true;
    if (!info_prefix(&greeting->prefix_inside, info))
        abort();
}

struct greeting *
greeting_new(const struct server_config *config, const struct greeting_facts *facts)
{
    struct greeting *greeting = xcalloc(1, sizeof(*greeting));
    const struct options *options = config->options;
    uint16_t port = facts->port;
    char *host;
    struct info info = { .server_id = facts->server_id,
                         .server_name = facts->server_name,
                         .version = TESSERA_NATS_VERSION,
                         .go = "c-tessera-" TESSERA_VERSION,
                         .headers = !options->no_header_support,
                         .auth_required =
                             config->auth_required && !auth_policy_open(config->policy),
                         .max_payload = options->max_payload,
                         .cluster = facts->cluster,
                         .connect_urls = facts->connect_urls };

    if (options->client_advertise != NULL)
        advertise_split(options->client_advertise, &host, &port);
    else
        host = xstrdup(options->host);
    info.host = host;
    info.port = port;
    atomic_init(&greeting->refs, 1);
    greeting->lame_duck = facts->lame_duck;
    make_prefixes(greeting, config, &info);
    free(host);
    return greeting;
}

struct greeting *
greeting_ref(struct greeting *greeting)
{
    atomic_fetch_add_explicit(&greeting->refs, 1, memory_order_relaxed);
    return greeting;
}

void
greeting_unref(struct greeting *greeting)
{
    if (greeting == NULL ||
        atomic_fetch_sub_explicit(&greeting->refs, 1, memory_order_acq_rel) != 1)
        return;
    buf_release(&greeting->prefix);
    buf_release(&greeting->prefix_inside);
    free(greeting);
}

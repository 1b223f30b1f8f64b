/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/terms.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/route_info.h"
#include "server/own_urls.h"

#define ROUTE_PROTO        2  /* account-aware; 3 would be message tracing */
#define CONTROL_LINE_TIMES 16 /* of a client's, as in the reference [>=2.14] */
#define PENDING_TIMES      4 /* max_pending is not for routes (PROTOCOL.md 1.9), but bounded it is */
#define PING_MS_MAX        30000

/* As hosts stand in INFO. */
static void
drop_brackets(char *host)
{
    size_t len = strlen(host);

    if (host[0] != '[' || host[len - 1] != ']')
        return;
    memmove(host, host + 1, len - 2);
    host[len - 2] = '\0';
}

static void
say_permission(struct route_permissions *out, const struct permission_options *in)
{
    out->present = in->has_allow || in->deny.count > 0;
    out->allow = in->allow.items;
    out->allow_count = in->allow.count;
    out->deny = in->deny.items;
    out->deny_count = in->deny.count;
}

/* The texts are the options' and facts', so nothing is released. */
static void
make_info(struct buf *out, const struct options *options, const struct terms_facts *facts,
          const struct terms *terms)
{
    const struct cluster_options *cluster = &options->cluster;
    struct route_info info = { .server_id = (char *)facts->server_id,
                               .server_name = (char *)facts->server_name,
                               .version = (char *)TESSERA_NATS_VERSION,
                               .proto = ROUTE_PROTO,
                               .go = (char *)"c-tessera-" TESSERA_VERSION,
                               .port = facts->port,
                               .headers = !options->no_header_support,
                               .auth_required = terms->auth_required,
                               .tls_required = cluster->tls.enabled,
                               .tls_verify = cluster->tls.enabled,
                               .max_payload = options->max_payload,
                               .cluster = (char *)facts->cluster,
                               .cluster_dynamic = facts->cluster_dynamic,
                               .connect_urls = (char **)facts->connect_urls,
                               .ldm = facts->lame_duck,
                               .lnoc = true,
                               .lnocu = true };
    char *host = NULL, *ip = NULL, *json;
    uint16_t port = facts->port;

    if (cluster->advertise != NULL) {
        advertise_split(cluster->advertise, &host, &port);
        ip = xasprintf("nats-route://%s:%u/", host, port);
        drop_brackets(host);
        info.port = port;
    } else {
        host = xstrdup(cluster->host);
    }
    info.host = host;
    info.ip = ip;
    while (facts->connect_urls != NULL && facts->connect_urls[info.connect_url_count] != NULL)
        info.connect_url_count++;
    if (cluster->permissions != NULL) {
        say_permission(&info.import_, &cluster->permissions->publish);
        say_permission(&info.export_, &cluster->permissions->subscribe);
    }
    json = route_info_json(&info);
    if (json == NULL || !buf_append_str(out, "INFO ") || !buf_append_str(out, json) ||
        !buf_append_str(out, " \r\n"))
        abort();
    free(json);
    free(host);
    free(ip);
}

/* import is what may come in of messages: the interest that we offer. */
static void
make_permissions(struct terms *terms, const struct cluster_options *cluster)
{
    struct permissions *both;

    if (cluster->permissions == NULL)
        return;
    both = permissions_new(cluster->permissions);
    terms->offered = permissions_ref(both);
    terms->accepted = both;
}

static void
make_timers(struct terms *terms, const struct options *options)
{
    const struct cluster_options *cluster = &options->cluster;
    int64_t ping_ns =
        cluster->ping_interval_ns != 0 ? cluster->ping_interval_ns : options->ping_interval_ns;
    int64_t auth_ns = cluster->auth_timeout_ns;

    if (cluster->tls.enabled && !cluster->auth_timeout_said)
        auth_ns = cluster->tls.timeout_ns + CLOCK_NS_PER_S;
    terms->auth_timeout_ms = auth_ns / CLOCK_NS_PER_MS;
    terms->tls_timeout_ms = cluster->tls.timeout_ns / CLOCK_NS_PER_MS;
    terms->ping_interval_ms = ping_ns / CLOCK_NS_PER_MS;
    if (terms->ping_interval_ms > PING_MS_MAX)
        terms->ping_interval_ms = PING_MS_MAX;
    terms->ping_max = (unsigned)(cluster->ping_max != 0 ? cluster->ping_max : options->ping_max);
}

struct terms *
terms_new(const struct options *options, const struct terms_facts *facts,
          struct auth_policy *policy, const struct cluster_tls *tls)
{
    const struct cluster_options *cluster = &options->cluster;
    struct terms *terms = xcalloc(1, sizeof(*terms));
    int64_t deadline_ns =
        cluster->write_deadline_ns != 0 ? cluster->write_deadline_ns : options->write_deadline_ns;

    atomic_init(&terms->refs, 1);
    terms->policy = policy;
    terms->auth_required = auth_policy_required(policy);
    terms->tls = *tls;
    if (cluster->tls.enabled && cluster->tls.verify_and_check)
        for (size_t i = 0; i < cluster->route_count; i++)
            text_list_add_once(&terms->known_names, cluster->routes[i].host);
    make_permissions(terms, cluster);
    make_timers(terms, options);
    terms->conn.max_pending = (size_t)options->max_pending * PENDING_TIMES;
    terms->conn.congested = (size_t)options->max_pending - (size_t)options->max_pending / 4;
    terms->conn.write_deadline_ms = deadline_ns / CLOCK_NS_PER_MS;
    terms->conn.patient = !cluster->close_on_write_timeout;
    terms->control_line_max = (size_t)options->max_control_line * CONTROL_LINE_TIMES;
    make_info(&terms->info, options, facts, terms);
    return terms;
}

struct terms *
terms_ref(struct terms *terms)
{
    atomic_fetch_add_explicit(&terms->refs, 1, memory_order_relaxed);
    return terms;
}

void
terms_unref(struct terms *terms)
{
    if (terms == NULL || atomic_fetch_sub_explicit(&terms->refs, 1, memory_order_acq_rel) != 1)
        return;
    auth_policy_unref(terms->policy);
    cluster_tls_release(&terms->tls);
    permissions_unref(terms->offered);
    permissions_unref(terms->accepted);
    text_list_release(&terms->known_names);
    buf_release(&terms->info);
    free(terms);
}

static bool
name_covers(struct str name, struct str host)
{
    const char *dot = memchr(host.data, '.', host.len);

    if (str_eq_nocase(name, host))
        return true;
    if (dot == NULL || !str_starts(name, STR_LIT("*.")))
        return false;
    return str_eq_nocase((struct str) { name.data + 1, name.len - 1 },
                         (struct str) { dot, host.len - (size_t)(dot - host.data) });
}

bool
terms_know(const struct terms *terms, const struct tls_identity *identity)
{
    for (size_t i = 0; i < tls_identity_count(identity); i++) {
        struct tls_name name = tls_identity_at(identity, i);

        for (size_t at = 0; name.kind == TLS_NAME_DNS && at < terms->known_names.count; at++)
            if (name_covers(name.text, str_of(terms->known_names.texts[at])))
                return true;
    }
    return false;
}

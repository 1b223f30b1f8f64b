/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a configuration file. The first file included is a small one, the variable
 * SECRET is set in the environment. Whatever the text is, no finding may show that secret,
 * findings come with a text and a place, and what loads holds what the checks promise.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf/checks.h"
#include "conf/load.h"
#include "conf/memory_host.h"
#include "tls/names.h"

#define SECRET "Zq7-hidden-9d1f"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool truth, const char *what, const char *seen)
{
    if (truth)
        return;
    fprintf(stderr, "%s: %s\n", what, seen);
    abort();
}

static void
check_findings(const struct diags *diags, bool text_has_secret)
{
    struct buf all = BUF_INIT;

    memory_put_diags(diags, &all);
    require(text_has_secret || strstr(buf_cstr(&all), SECRET) == NULL, "shown", buf_cstr(&all));
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->list[i];

        require(diag->text[0] != '\0', "no text", buf_cstr(&all));
        require(diag->pos.line == 0 || diag->pos.col > 0, "no column", buf_cstr(&all));
    }
    buf_release(&all);
}

static void
check_auth(const struct auth_options *auth)
{
    bool found = auth->no_auth_user == NULL;

    for (size_t i = 0; i < auth->count; i++) {
        const struct auth_entry *entry = &auth->entries[i];

        require(entry->name != NULL || (entry->kind == AUTH_TOKEN && auth->count == 1), "no name",
                "");
        require(entry->name == NULL || entry->name[0] != '\0', "empty name", "");
        require((entry->secret == NULL) == (entry->kind == AUTH_NKEY), "secret", "");
        require(entry->secret == NULL || entry->secret[0] != '\0', "empty secret", "");
        require(entry->secret == NULL || token_form(entry->secret) <= TOKEN_BCRYPT, "bad hash",
                entry->secret);
        require((entry->kind == AUTH_TOKEN) == (auth->entries[0].kind == AUTH_TOKEN), "mixture",
                "");
        found = found || (entry->kind == AUTH_USER && strcmp(entry->name, auth->no_auth_user) == 0);
    }
    require(found, "no_auth_user", auth->no_auth_user);
    require(auth_options_equal(auth, auth), "not equal to itself", "");
}

static void
check_names(const struct tls_name_list *list, bool (*is_known)(struct str name))
{
    for (size_t i = 0; i < list->count; i++)
        require(is_known(str_of(list->items[i])), "unknown name", list->items[i]);
}

static void
check_tls(const struct tls_options *tls)
{
    require(tls_options_equal(tls, tls), "tls not equal to itself", "");
    require(tls->timeout_ns > 0 && tls->connection_rate_limit >= 0, "numbers of tls", "");
    require(tls->handshake_first_ns > 0, "handshake_first", "");
    check_names(&tls->ciphers, tls_cipher_known);
    check_names(&tls->curves, tls_curve_known);
    if (!tls->enabled)
        return;
    require(tls->pair_count > 0 && tls->at[TLS_FIELD_BLOCK] != NULL, "tls without a pair", "");
    for (size_t i = 0; i < tls->pair_count; i++) {
        const struct tls_pair *pair = &tls->pairs[i];

        require(pair->cert_file[0] != '\0' && pair->key_file[0] != '\0', "no name of a file", "");
        require(pair->cert_at != NULL && pair->key_at != NULL, "no place", "");
    }
    require(tls->verify || (!tls->verify_and_map && !tls->verify_and_check), "verify", "");
}

static void
check_cluster(const struct cluster_options *cluster)
{
    struct cluster_login login = cluster_login_for(cluster, NULL);

    check_auth(&cluster->auth);
    check_tls(&cluster->tls);
    require(cluster_routes_equal(cluster, cluster), "routes not equal to themselves", "");
    require(cluster->auth.count <= 1 && cluster->auth_timeout_ns > 0, "cluster authorization", "");
    require(cluster->enabled == (cluster->port != 0) && cluster->port <= 65535, "cluster port", "");
    require(cluster->enabled || cluster->route_count == 0, "routes without a cluster", "");
    require(!cluster->auth_demanded || !cluster_is_open(cluster), "open", "");
    require(!cluster->tls.enabled || cluster->tls.verify, "routes are not verified", "");
    require(cluster->auth.count == 0 || cluster->route_count == 0 || login.user != NULL,
            "nothing to show", "");
    require(login.user == NULL ||
                token_form(login.pass != NULL ? login.pass : login.user) == TOKEN_PLAIN,
            "a hash to show", "");
    for (size_t i = 0; i < cluster->route_count; i++) {
        const struct cluster_route *route = &cluster->routes[i];

        require(route->host[0] != '\0' && route->port > 0, "address of a route", route->shown);
        require((route->user == NULL) == (strstr(route->shown, "xxxxx") == NULL), "credentials",
                route->shown);
        require(route->user != NULL || route->pass == NULL, "a password alone", route->shown);
    }
}

static void
check_loaded(const struct options *options)
{
    check_auth(&options->auth);
    check_tls(&options->tls);
    check_cluster(&options->cluster);
    require(options->port >= -1 && options->port <= 65535, "port", "");
    require(options->max_payload >= 1 && options->max_payload <= options->max_pending,
            "max_payload", "");
    require(options->auth_timeout_ns > 0 && options->ping_interval_ns > 0, "timers", "");
    require(options->host != NULL && options->config_digest != NULL, "strings", "");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct memory_pair env[] = { { "SECRET", SECRET },   { "LIST", "[1, {a: 2}]" },
                                              { "NUMBER", "8kb" },    { "LOOP", "$LOOP" },
                                              { "BROKEN", "{a: \"" }, { NULL, NULL } };
    static const struct memory_pair files[] = { { "a", "port: $NUMBER\nx: [1, $SECRET" },
                                                { "b", "include b" },
                                                { NULL, NULL } };
    struct memory memory = { { (const char *)data, size }, files, env };
    struct conf_host host = memory_host(&memory);
    const char *argv[] = { "nats-server", "-c", "nats.conf" };
    struct flags flags = { 0 };
    struct diags diags = { 0 };
    struct options *options;

    if (flags_parse(&flags, 3, (char **)(uintptr_t)argv) != FLAGS_RUN)
        abort();
    options = options_load_from(&flags, &host, &diags);
    require((options == NULL) == (diags.errors > 0), "no reason", "");
    if (options != NULL)
        check_loaded(options);
    check_findings(&diags, memmem(data, size, SECRET, sizeof(SECRET) - 1) != NULL);
    options_free(options);
    diags_release(&diags);
    flags_free(&flags);
    return 0;
}

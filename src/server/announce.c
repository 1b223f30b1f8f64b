/* SPDX-License-Identifier: Apache-2.0
 *
 * As in the reference, connect_urls is absent until a first peer told its own: what a server knows
 * of itself may be an address that only its container has, and helps nobody who has come in. A lame
 * duck takes its own URLs out, those of others stay.
 */
#include "server/announce.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/own_urls.h"
#include "server/server.h"

static void
find_own_urls(struct server *server)
{
    struct announced *announced = &server->announced;
    struct endpoint *addresses;
    size_t count;

    text_list_release(&announced->own);
    if (announced->cluster == NULL || !announced->advertise || server->lame_duck.entered)
        return;
    count = machine_addresses(&addresses);
    server_own_urls(&announced->own, server->config->options, server->port, addresses, count);
    free(addresses);
}

/* Those of others are each there once. */
static void
list_connect_urls(const struct announced *announced, struct text_list *out)
{
    if (!announced->joined)
        return;
    for (size_t i = 0; i < announced->own.count; i++)
        text_list_add(out, announced->own.texts[i]);
    for (size_t i = 0; i < announced->others.count; i++)
        if (!text_list_has(&announced->own, announced->others.texts[i]))
            text_list_add(out, announced->others.texts[i]);
}

bool
announced_renew(struct server *server)
{
    struct announced *announced = &server->announced;
    struct text_list urls = { 0 };
    struct greeting_facts facts = { .server_id = server->id,
                                    .server_name = server->name,
                                    .port = server->port,
                                    .cluster = announced->cluster,
                                    .lame_duck = server->lame_duck.entered };
    bool changed;

    find_own_urls(server);
    list_connect_urls(announced, &urls);
    changed = !text_list_equal(&urls, &announced->connect_urls);
    text_list_release(&announced->connect_urls);
    announced->connect_urls = urls;
    facts.connect_urls = text_list_texts(&urls);
    greeting_unref(server->greeting);
    server->greeting = greeting_new(server->config, &facts);
    return changed;
}

void
announced_release(struct announced *announced)
{
    free(announced->cluster);
    text_list_release(&announced->own);
    text_list_release(&announced->others);
    text_list_release(&announced->connect_urls);
}

static bool
set_cluster(struct announced *announced, const char *name)
{
    bool same = name == NULL || announced->cluster == NULL ? name == announced->cluster
                                                           : strcmp(name, announced->cluster) == 0;

    if (same)
        return false;
    free(announced->cluster);
    announced->cluster = name == NULL ? NULL : xstrdup(name);
    return true;
}

static void
set_others(struct announced *announced, const char *const *urls)
{
    text_list_release(&announced->others);
    for (; urls != NULL && *urls != NULL; urls++)
        text_list_add(&announced->others, *urls);
    text_list_sort_once(&announced->others); /* so that another order is no change */
}

void
server_set_cluster_facts(struct server *server, const char *cluster, const char *const *other_urls,
                         bool advertise)
{
    struct announced *announced = &server->announced;
    bool renamed = set_cluster(announced, cluster);
    bool changed;

    set_others(announced, advertise ? other_urls : NULL);
    announced->advertise = advertise;
    announced->joined = cluster != NULL && (announced->joined || announced->others.count > 0);
    changed = announced_renew(server);
    if (renamed || changed)
        workers_greet(server->workers, server->worker_count, server->greeting, changed);
}

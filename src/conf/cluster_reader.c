/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cluster_reader.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/option_table.h"
#include "conf/permissions_reader.h"
#include "conf/reader.h"

void
cluster_reader_init(struct cluster_reader *cluster, struct options *options,
                    const struct conf_host *host, struct conf_tree *tree, struct diags *diags)
{
    *cluster = (struct cluster_reader) {
        .options = options,
        .diags = diags,
        .auth = { .owner = AUTH_OF_ROUTES,
                  .options = &options->cluster.auth,
                  .diags = diags,
                  .host = host,
                  .tree = tree },
        .tls = { .options = &options->cluster.tls, .diags = diags, .owner = TLS_OF_ROUTES },
    };
}

void
cluster_reader_release(struct cluster_reader *cluster)
{
    auth_reader_release(&cluster->auth);
    listen_url_release(&cluster->listen);
    free(cluster->places);
    cluster->places = NULL;
}

bool
cluster_read_demand(struct cluster_reader *cluster, const struct conf_entry *entry)
{
    bool demanded = str_eq_nocase(auth_value_word(entry->value), STR_LIT("required"));

    if (demanded)
        cluster->options->cluster.auth_demanded = true;
    return demanded;
}

/* Takes what route owns. */
static void
add_route(struct cluster_reader *cluster, struct cluster_route *route,
          const struct route_place *place)
{
    struct cluster_options *options = &cluster->options->cluster;
    size_t count = options->route_count;

    for (size_t i = 0; i < count; i++) {
        if (cluster_route_equal(&options->routes[i], route)) {
            diag_warning(cluster->diags, place->pos, "duplicate route %s; it is dialled once",
                         route->shown);
            cluster_route_release(route);
            return;
        }
    }
    options->routes = xrealloc(options->routes, (count + 1) * sizeof(*options->routes));
    cluster->places = xrealloc(cluster->places, (count + 1) * sizeof(*cluster->places));
    options->routes[count] = *route;
    cluster->places[count] = *place;
    options->route_count = count + 1;
}

static void
read_route(struct cluster_reader *cluster, const struct conf_value *item)
{
    struct str text = auth_value_word(item);
    struct route_place place = { .pos = item->pos, .origin = item->origin };
    struct cluster_route route;
    struct errmsg why;

    if (auth_value_is_lost(item))
        return;
    if (text.data == NULL)
        diag_error(cluster->diags, item->pos,
                   "a route is a URL such as nats-route://host:port, not %s",
                   conf_type_name(item->type));
    else if (memchr(text.data, '\0', text.len) != NULL)
        diag_error(cluster->diags, item->pos, "the URL of a route holds a NUL byte");
    else if (route_url_parse(&route, text, &why) != ERR_OK)
        diag_error(cluster->diags, item->pos, "error parsing route url: %s",
                   item->via_variable ? "the variable holds none such as nats-route://host:port"
                                      : why.text);
    else {
        if (route.user != NULL)
            place.file = conf_tree_file(cluster->auth.tree, item->origin.file);
        add_route(cluster, &route, &place);
    }
}

void
cluster_read_routes(struct cluster_reader *cluster, const struct conf_entry *entry)
{
    const struct conf_value *list = entry->value;

    cluster->routes_pos = entry->pos;
    if (auth_value_is_lost(list))
        return;
    if (list->type != CONF_ARRAY) {
        diag_error(cluster->diags, entry->pos, "Expected routes field to be an array, got %s",
                   conf_type_name(list->type));
        return;
    }
    for (const struct conf_value *item = list->items; item != NULL; item = item->next)
        read_route(cluster, item);
}

static bool
names_queue(const struct subject_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (strchr(list->items[i], ' ') != NULL)
            return true;
    return false;
}

void
cluster_read_permissions(struct cluster_reader *cluster, const struct conf_entry *entry)
{
    struct permissions_options *read = permissions_read(entry, cluster->diags);
    struct cluster_options *options = &cluster->options->cluster;

    if (read != NULL && read->allow_responses)
        diag_error(cluster->diags, entry->pos,
                   "Cluster permissions do not support dynamic responses");
    else if (read != NULL &&
             (names_queue(&read->subscribe.allow) || names_queue(&read->subscribe.deny)))
        diag_error(cluster->diags, entry->pos,
                   "Cluster permissions are about subjects, not about queue groups");
    permissions_options_free(options->permissions);
    options->permissions = read;
}

/* Only $G and $SYS exist. */
static bool
is_account(struct str name)
{
    return str_eq(name, STR_LIT("$G")) || str_eq(name, STR_LIT("$SYS"));
}

static void
read_account(struct cluster_reader *cluster, const struct conf_value *list,
             const struct conf_value *item)
{
    struct str name = auth_value_word(item);

    if (auth_value_is_lost(item))
        return;
    if (name.data == NULL || item->via_variable) {
        diag_error(cluster->diags, item->pos, "\"accounts\" wants names of accounts, not %s",
                   item->via_variable ? "a variable" : conf_type_name(item->type));
        return;
    }
    if (!is_account(name))
        diag_error(cluster->diags, item->pos, "there is no account \"%.*s\"", auth_shown_len(name),
                   name.data);
    for (const struct conf_value *other = auth_next_value(list, NULL); other != item;
         other = auth_next_value(list, other))
        if (str_eq(auth_value_word(other), name))
            diag_error(cluster->diags, item->pos,
                       "found duplicate account name \"%.*s\" in pinned accounts list",
                       auth_shown_len(name), name.data);
}

static void
read_accounts(struct cluster_reader *cluster)
{
    const struct conf_entry *entry = cluster->accounts;
    const struct conf_value *item = NULL;

    while ((item = auth_next_value(entry->value, item)) != NULL)
        read_account(cluster, entry->value, item);
    if (cluster->options->cluster.pool_size < 0)
        diag_error(cluster->diags, entry->pos,
                   "pool_size cannot be negative if pinned accounts are specified");
    diag_add(cluster->diags, DIAG_INFO, entry->pos,
             "without effect: one connection to each server carries all accounts");
}

void
cluster_read_accounts(struct cluster_reader *cluster, const struct conf_entry *entry)
{
    cluster->accounts = entry; /* pool_size may stand below */
}

/* mode: as written; a boolean's is "on" and the like. */
static void
check_compression(struct cluster_reader *cluster, const struct conf_entry *entry, struct str mode)
{
    static const char *const none[] = {
        "", "off", "no", "false", "disabled", "not supported", "not_supported", "accept"
    };
    static const char *const some[] = {
        "on",      "yes",     "true",      "enabled", "auto",
        "s2_auto", "s2_fast", "s2_better", "s2_best", "s2_uncompressed"
    };

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (str_eq_nocase(mode, str_of(none[i])))
            return;
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        if (str_eq_nocase(mode, str_of(some[i]))) {
            diag_warning(cluster->diags, entry->pos,
                         "routes are not compressed: this version cannot; off and accept say so");
            return;
        }
    }
    if (entry->value->via_variable)
        mode = STR_LIT("of a variable");
    diag_error(cluster->diags, entry->pos,
               "unsupported compression mode \"%.*s\"; there are off, accept, s2_auto, s2_fast, "
               "s2_better and s2_best",
               auth_shown_len(mode), mode.data);
}

void
cluster_read_compression(struct cluster_reader *cluster, const struct conf_entry *entry)
{
    const struct conf_value *value = entry->value;

    if (auth_value_is_lost(value))
        return;
    if (value->type == CONF_MAP) {
        for (struct conf_entry *inner = value->entries; inner != NULL; inner = inner->next) {
            if (str_eq_nocase(inner->key, STR_LIT("mode")))
                cluster_read_compression(cluster, inner);
            else if (!str_eq_nocase(inner->key, STR_LIT("rtt_thresholds")) && !inner->used)
                reader_report_unknown("compression", inner, cluster->diags);
        }
    } else if (value->text.data == NULL || value->type == CONF_INT) {
        diag_error(cluster->diags, entry->pos, "\"%.*s\" wants a mode such as off, not %s",
                   auth_shown_len(entry->key), entry->key.data, conf_type_name(value->type));
    } else {
        check_compression(cluster, entry, value->text);
    }
}

/* permissions within authorization, where they once stood. */
static void
read_old_permissions(struct cluster_reader *cluster)
{
    const struct conf_entry **place = &cluster->auth.block.at[PART_PERMISSIONS];
    const struct conf_entry *entry = *place;

    *place = NULL;
    if (entry == NULL)
        return;
    diag_warning(cluster->diags, entry->pos,
                 "invalid use of field \"authorization\": setting \"permissions\" within cluster "
                 "authorization block is deprecated; they belong into cluster");
    if (cluster->options->cluster.permissions == NULL)
        cluster_read_permissions(cluster, entry);
}

void
cluster_read_end(struct cluster_reader *cluster)
{
    read_old_permissions(cluster);
    auth_read_file(&cluster->auth);
    if (cluster->accounts != NULL)
        read_accounts(cluster);
}

static struct conf_pos
flag_pos(const struct flag_setting *flag)
{
    return (struct conf_pos) { flag->name, 0, 0 };
}

/* What the flag replaces, the operator should see. */
static void
note_override(struct cluster_reader *cluster, const char *flag, const char *what,
              struct conf_pos place)
{
    struct buf where = BUF_INIT;

    conf_pos_format(place, &where);
    diag_add(cluster->diags, DIAG_INFO, (struct conf_pos) { 0 }, "%s %s of %s", flag, what,
             buf_cstr(&where));
    buf_release(&where);
}

void
cluster_read_listen_flag(struct cluster_reader *cluster, const struct flag_setting *flag)
{
    struct cluster_options *options = &cluster->options->cluster;
    struct errmsg why;

    listen_url_release(&cluster->listen); /* of the same flag before */
    cluster->turned_off = flag->value[0] == '\0';
    if (cluster->turned_off) {
        options->port = 0;
        if (cluster->pos.line > 0)
            note_override(cluster, flag->name, "turns off the cluster", cluster->pos);
        return;
    }
    if (listen_url_parse(&cluster->listen, str_of(flag->value), &why) != ERR_OK) {
        diag_error(cluster->diags, flag_pos(flag), "%s", why.text);
        return;
    }
    options->port = cluster->listen.port;
    free(options->host);
    options->host = xstrdup(cluster->listen.host != NULL ? cluster->listen.host : "0.0.0.0");
    if (cluster->pos.file == NULL)
        cluster->pos = flag_pos(flag);
    cluster->login[0] = (struct flag_setting) { flag->row, flag->name, cluster->listen.user };
    cluster->login[1] = (struct flag_setting) { flag->row, flag->name, cluster->listen.pass };
}

void
cluster_read_routes_flag(struct cluster_reader *cluster, const struct flag_setting *flag)
{
    const char *rest = flag->value;
    struct cluster_route route;
    struct errmsg why;

    if (cluster->routes_pos.line > 0)
        note_override(cluster, flag->name, "overrides the routes", cluster->routes_pos);
    cluster_routes_release(&cluster->options->cluster);
    cluster->routes_by_flag = true;
    cluster->routes_pos = flag_pos(flag);
    while (rest != NULL && flag->value[0] != '\0') {
        struct str text = { rest, strcspn(rest, ",") };

        rest = rest[text.len] == ',' ? rest + text.len + 1 : NULL;
        if (route_url_parse(&route, text, &why) == ERR_OK)
            add_route(cluster, &route, &(struct route_place) { .pos = flag_pos(flag) });
        else
            diag_error(cluster->diags, flag_pos(flag), "error parsing route url: %s", why.text);
    }
}

void
cluster_read_flags_end(struct cluster_reader *cluster)
{
    struct auth_reader *auth = &cluster->auth;
    bool token = cluster->listen.pass == NULL;

    if (cluster->listen.user == NULL)
        return; /* unlike the reference: the file's authorization stays in force */
    if (auth_any_set(auth))
        note_override(cluster, cluster->login[0].name, "overrides the authorization",
                      auth->block_pos);
    auth->block = (struct auth_fields) { 0 };
    auth->flags[token ? PART_TOKEN : PART_USER] = &cluster->login[0];
    auth->flags[PART_PASSWORD] = token ? NULL : &cluster->login[1];
    auth_read_flags(auth);
}

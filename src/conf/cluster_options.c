/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cluster_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/str.h"

void
cluster_secret_free(char **text)
{
    if (*text != NULL)
        secret_free(*text, strlen(*text) + 1);
    *text = NULL;
}

char *
cluster_secret_copy(const char *text)
{
    char *copy;

    if (text == NULL)
        return NULL;
    copy = secret_alloc(strlen(text) + 1);
    if (copy == NULL)
        abort(); /* as xmalloc(): configuration is sized by the operator */
    return memcpy(copy, text, strlen(text) + 1);
}

void
cluster_route_release(struct cluster_route *route)
{
    cluster_secret_free(&route->user);
    cluster_secret_free(&route->pass);
    free(route->host);
    free(route->shown);
    *route = (struct cluster_route) { 0 };
}

void
cluster_routes_release(struct cluster_options *options)
{
    for (size_t i = 0; i < options->route_count; i++)
        cluster_route_release(&options->routes[i]);
    free(options->routes);
    options->routes = NULL;
    options->route_count = 0;
}

void
cluster_options_release(struct cluster_options *options)
{
    cluster_routes_release(options);
    cluster_secret_free(&options->dial_user);
    cluster_secret_free(&options->dial_pass);
    auth_options_release(&options->auth);
    permissions_options_free(options->permissions);
    tls_options_release(&options->tls);
    free(options->name);
    free(options->host);
    free(options->advertise);
    free(options->write_timeout);
    *options = (struct cluster_options) { 0 };
}

struct cluster_login
cluster_login_for(const struct cluster_options *options, const struct cluster_route *route)
{
    if (route != NULL && route->user != NULL)
        return (struct cluster_login) { route->user, route->pass };
    return (struct cluster_login) { options->dial_user, options->dial_pass };
}

bool
cluster_is_open(const struct cluster_options *options)
{
    return options->enabled && options->auth.count == 0 && !options->tls.enabled;
}

static bool
text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
cluster_route_equal(const struct cluster_route *a, const struct cluster_route *b)
{
    return strcmp(a->shown, b->shown) == 0 && text_equal(a->user, b->user) &&
           text_equal(a->pass, b->pass);
}

bool
cluster_routes_equal(const struct cluster_options *a, const struct cluster_options *b)
{
    bool same = a->route_count == b->route_count;

    for (size_t i = 0; same && i < a->route_count; i++)
        same = cluster_route_equal(&a->routes[i], &b->routes[i]);
    return same;
}

void
cluster_routes_format(const struct cluster_options *options, struct buf *out)
{
    for (size_t i = 0; i < options->route_count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : " ", options->routes[i].shown);
}

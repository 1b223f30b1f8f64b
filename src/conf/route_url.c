/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/route_url.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/checks.h"
#include "conf/value.h"
#include "proto/url_parts.h"

#define PORT_MAX 65535

/* In secret memory. what: "token", "user", "password". */
static enum err
take(char **out, struct str text, const char *what, struct errmsg *why)
{
    char *decoded = url_parts_decode(text);
    const char *fault = NULL;

    if (decoded == NULL)
        return err_set(why, ERR_INVALID, "invalid percent escape in the credentials");
    if (decoded[0] == '\0')
        fault = "is empty";
    else if (secret_unsendable(decoded) != NULL)
        fault = secret_unsendable(decoded);
    else
        *out = cluster_secret_copy(decoded);
    mem_wipe_free(&decoded);
    return fault == NULL ? ERR_OK : err_set(why, ERR_INVALID, "the %s %s", what, fault);
}

static enum err
take_login(const struct url_parts *parts, char **user, char **pass, struct errmsg *why)
{
    bool token = parts->password.data == NULL;
    enum err err;

    if (parts->user.data == NULL)
        return ERR_OK;
    err = take(user, parts->user, token ? "token" : "user", why);
    return err != ERR_OK || token ? err : take(pass, parts->password, "password", why);
}

/* It would be sent as it is. */
static enum err
check_clear(const struct cluster_route *route, struct errmsg *why)
{
    const char *secret = route->pass != NULL ? route->pass : route->user;

    if (secret == NULL || !conf_is_hash_like(str_of(secret)))
        return ERR_OK;
    return err_set(why, ERR_INVALID, "the %s is a bcrypt hash; what is sent must be in clear",
                   route->pass != NULL ? "password" : "token");
}

static bool
is_scheme(struct str scheme)
{
    for (size_t i = 0; i < scheme.len; i++)
        if (!isalnum((unsigned char)scheme.data[i]) && strchr("+-.", scheme.data[i]) == NULL)
            return false;
    return scheme.data == NULL || scheme.len > 0;
}

/* For logs; address is what it shows of host and port. */
static char *
mask(const struct url_parts *parts, struct str address)
{
    struct str scheme = parts->scheme.data == NULL ? STR_LIT("nats-route") : parts->scheme;
    bool token = parts->password.data == NULL;

    return xasprintf("%.*s://%s%.*s", (int)scheme.len, scheme.data,
                     parts->user.data == NULL ? "" : (token ? "xxxxx@" : "xxxxx:xxxxx@"),
                     (int)address.len, address.data);
}

static enum err
check_port(const struct cluster_route *route, const struct url_parts *parts, uint64_t *port,
           struct errmsg *why)
{
    if (parts->port.data == NULL || parts->port.len == 0)
        return err_set(why, ERR_INVALID, "%s has no port; expected nats-route://host:port",
                       route->shown);
    if (!str_to_u64(parts->port, PORT_MAX, port) || *port == 0)
        return err_set(why, ERR_INVALID, "the port of %s must be from 1 to %d", route->shown,
                       PORT_MAX);
    return ERR_OK;
}

enum err
route_url_parse(struct cluster_route *out, struct str text, struct errmsg *why)
{
    struct url_parts parts;
    uint64_t port = 0;
    enum err err;

    *out = (struct cluster_route) { 0 };
    if (!url_parts_split(text, &parts) || !is_scheme(parts.scheme) || parts.host.len == 0)
        return err_set(why, ERR_INVALID,
                       "expected nats-route://host:port, with reserved characters of credentials "
                       "percent-encoded");
    out->shown = mask(&parts, parts.address);
    out->host = xmemdup0(parts.host.data, parts.host.len);
    err = check_port(out, &parts, &port, why);
    if (err == ERR_OK)
        err = take_login(&parts, &out->user, &out->pass, why);
    if (err == ERR_OK)
        err = check_clear(out, why);
    out->port = (uint16_t)port;
    if (err != ERR_OK)
        cluster_route_release(out);
    return err;
}

void
listen_url_release(struct listen_url *url)
{
    free(url->host);
    cluster_secret_free(&url->user);
    cluster_secret_free(&url->pass);
    *url = (struct listen_url) { 0 };
}

enum err
listen_url_parse(struct listen_url *out, struct str text, struct errmsg *why)
{
    struct url_parts parts;
    uint64_t port = 0;
    bool good, random;
    enum err err;

    *out = (struct listen_url) { 0 };
    good = url_parts_split(text, &parts) || parts.host.len == 0;
    random = str_eq(parts.port, STR_LIT("-1"));
    if (!good || !is_scheme(parts.scheme) || (!random && !str_to_u64(parts.port, PORT_MAX, &port)))
        return err_set(why, ERR_INVALID,
                       "expected nats://host:port, with a port from -1 (any free one) to %d",
                       PORT_MAX);
    out->port = random ? -1 : (int64_t)port;
    err = take_login(&parts, &out->user, &out->pass, why);
    if (parts.host.len > 0)
        out->host = xmemdup0(parts.host.data, parts.host.len);
    if (err != ERR_OK)
        listen_url_release(out);
    return err;
}

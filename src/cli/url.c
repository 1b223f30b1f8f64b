/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/url.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/url_parts.h"

#define PORT_DEFAULT "4222"

static enum err
take_userinfo(struct url *url, const struct url_parts *parts, struct errmsg *why)
{
    bool token = parts->password.data == NULL;

    if (parts->user.data == NULL || (token && parts->user.len == 0))
        return ERR_OK;
    if (token) {
        url->token = url_parts_decode(parts->user);
        if (url->token != NULL)
            return ERR_OK;
    } else {
        url->user = url_parts_decode(parts->user);
        url->password = url_parts_decode(parts->password);
        if (url->user != NULL && url->password != NULL)
            return ERR_OK;
    }
    return err_set(why, ERR_INVALID, "invalid percent escape in the user information of a URL");
}

enum err
url_parse(struct url *url, struct str text, struct errmsg *why)
{
    struct url_parts parts;
    bool good = url_parts_split(text, &parts);
    struct str scheme = parts.scheme.data == NULL ? STR_LIT("nats") : parts.scheme;
    struct str port = parts.port.data == NULL ? STR_LIT(PORT_DEFAULT) : parts.port;
    enum err err;

    *url = (struct url) { 0 };
    if (!str_eq_nocase(scheme, STR_LIT("nats")) && !str_eq_nocase(scheme, STR_LIT("tls")))
        return err_set(why, ERR_INVALID, "unsupported URL scheme: expected nats:// or tls://");
    err = take_userinfo(url, &parts, why);
    good = good && (parts.tail.len == 0 || str_eq(parts.tail, STR_LIT("/")));
    if (err == ERR_OK && !good)
        err = err_set(why, ERR_INVALID,
                      "invalid server URL: expected nats://host:port, with reserved characters of "
                      "a token percent-encoded");
    if (err != ERR_OK) {
        url_release(url);
        return err;
    }
    url->tls = str_eq_nocase(scheme, STR_LIT("tls"));
    url->host = xmemdup0(parts.host.data, parts.host.len);
    url->port = xmemdup0(port.data, port.len);
    url->address = xasprintf("%.*s://%.*s", (int)scheme.len, scheme.data, (int)parts.address.len,
                             parts.address.data);
    return ERR_OK;
}

void
url_wipe_userinfo(struct url *url)
{
    mem_wipe_free(&url->user);
    mem_wipe_free(&url->password);
    mem_wipe_free(&url->token);
}

void
url_release(struct url *url)
{
    url_wipe_userinfo(url);
    free(url->address);
    free(url->host);
    free(url->port);
    url->address = url->host = url->port = NULL;
}

void
url_hide_userinfo(char *list)
{
    char *start = strstr(list, "://"), *end = strrchr(list, '@');

    start = start == NULL || start > end ? list : start + 3;
    if (end != NULL)
        memset(start, '*', (size_t)(end - start));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/url.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"

#define PORT_DEFAULT "4222"

static struct str
trim(struct str text)
{
    while (text.len > 0 && isspace((unsigned char)text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
        text.len--;
    return text;
}

static struct str
from(struct str text, size_t start)
{
    return (struct str) { text.data + start, text.len - start };
}

/* The bytes before "://", which are then cut from *text with it; "nats" when there are none. */
static struct str
take_scheme(struct str *text)
{
    const char *mark = memmem(text->data, text->len, "://", 3);
    struct str scheme = STR_LIT("nats");

    if (mark != NULL) {
        scheme = (struct str) { text->data, (size_t)(mark - text->data) };
        *text = from(*text, scheme.len + 3);
    }
    return scheme;
}

/* A decoded copy; NULL when an escape is malformed or stands for NUL. */
static char *
percent_decode(struct str text)
{
    char *out = xmalloc(text.len + 1), *at = out;

    for (size_t i = 0; i < text.len; i++) {
        int high, low;

        if (text.data[i] != '%') {
            *at++ = text.data[i];
            continue;
        }
        high = i + 2 < text.len ? str_hex_digit(text.data[i + 1]) : -1;
        low = i + 2 < text.len ? str_hex_digit(text.data[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            mem_wipe(out, text.len + 1);
            free(out);
            return NULL;
        }
        *at++ = (char)(high << 4 | low);
        i += 2;
    }
    *at = '\0';
    return out;
}

static enum err
parse_userinfo(struct url *url, struct str userinfo, struct errmsg *why)
{
    const char *colon = memchr(userinfo.data, ':', userinfo.len);
    struct str first = userinfo;

    if (colon == NULL) {
        url->token = percent_decode(userinfo);
        if (url->token != NULL)
            return ERR_OK;
    } else {
        first.len = (size_t)(colon - userinfo.data);
        url->user = percent_decode(first);
        url->password = percent_decode(from(userinfo, first.len + 1));
        if (url->user != NULL && url->password != NULL)
            return ERR_OK;
    }
    return err_set(why, ERR_INVALID, "invalid percent escape in the user information of a URL");
}

/* Only what a host, a port and brackets are made of: anything else was meant to be escaped. */
static bool
is_address(struct str address)
{
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.data[i];

        if (!isalnum(c) && strchr(".:-_[]%", c) == NULL && c < 0x80)
            return false;
    }
    return address.len > 0 && address.data[0] != ':';
}

/* What stands behind the host's last colon is the port, unless that colon is one of an IPv6
 * address without brackets. */
static void
split_address(struct url *url, struct str address)
{
    const char *bracket = memrchr(address.data, ']', address.len);
    const char *colon = memrchr(address.data, ':', address.len);
    struct str host = address, port = STR_LIT(PORT_DEFAULT);

    if (colon != NULL && bracket < colon &&
        (bracket != NULL || memchr(address.data, ':', address.len) == colon)) {
        host.len = (size_t)(colon - address.data);
        port = from(address, host.len + 1);
    }
    if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct str) { host.data + 1, host.len - 2 };
    url->host = xmemdup0(host.data, host.len);
    url->port = xmemdup0(port.data, port.len);
}

enum err
url_parse(struct url *url, struct str text, struct errmsg *why)
{
    struct str rest = trim(text), scheme = take_scheme(&rest);
    const char *at = memrchr(rest.data, '@', rest.len);
    enum err err = ERR_OK;

    *url = (struct url) { 0 };
    if (!str_eq_nocase(scheme, STR_LIT("nats")) && !str_eq_nocase(scheme, STR_LIT("tls")))
        return err_set(why, ERR_INVALID, "unsupported URL scheme: expected nats:// or tls://");
    if (at != NULL) {
        size_t len = (size_t)(at - rest.data);

        err = len == 0 ? ERR_OK : parse_userinfo(url, (struct str) { rest.data, len }, why);
        rest = from(rest, len + 1);
    }
    if (rest.len > 0 && rest.data[rest.len - 1] == '/')
        rest.len--;
    if (err == ERR_OK && !is_address(rest))
        err = err_set(why, ERR_INVALID,
                      "invalid server URL: expected nats://host:port, with reserved characters of "
                      "a token percent-encoded");
    if (err != ERR_OK) {
        url_release(url);
        return err;
    }
    url->tls = str_eq_nocase(scheme, STR_LIT("tls"));
    split_address(url, rest);
    url->address = xasprintf("%.*s://%.*s", (int)scheme.len, scheme.data, (int)rest.len, rest.data);
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

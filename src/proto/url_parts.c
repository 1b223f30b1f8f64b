/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/url_parts.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"

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

/* What stands before mark, which is then cut from *text with it; mark NULL gives none. */
static struct str
take_before(struct str *text, const char *mark, size_t mark_len)
{
    struct str before = { text->data, mark == NULL ? 0 : (size_t)(mark - text->data) };

    if (mark == NULL)
        return STR_NULL;
    text->data += before.len + mark_len;
    text->len -= before.len + mark_len;
    return before;
}

static const char *
find(struct str text, int byte)
{
    return text.len == 0 ? NULL : memchr(text.data, byte, text.len);
}

static const char *
find_last(struct str text, int byte)
{
    return text.len == 0 ? NULL : memrchr(text.data, byte, text.len);
}

/* Only what a host, a port and brackets are made of: anything else was meant to be escaped. */
static bool
is_address(struct str address)
{
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.data[i];

        if (c == '\0' || (!isalnum(c) && strchr(".:-_[]%", c) == NULL && c < 0x80))
            return false;
    }
    return address.len > 0 && address.data[0] != ':';
}

/* What stands behind the last colon is the port, unless that colon is one of an IPv6 address
 * without brackets. */
static void
split_address(struct url_parts *out)
{
    struct str rest = out->address;
    const char *bracket = find_last(rest, ']'), *colon = find_last(rest, ':');

    out->host = rest;
    if (colon != NULL && bracket < colon && (bracket != NULL || find(rest, ':') == colon)) {
        out->host = take_before(&rest, colon, 1);
        out->port = rest;
    }
    if (out->host.len > 1 && out->host.data[0] == '[' && out->host.data[out->host.len - 1] == ']')
        out->host = (struct str) { out->host.data + 1, out->host.len - 2 };
}

bool
url_parts_split(struct str text, struct url_parts *out)
{
    struct str rest = trim(text);
    size_t len = 0;

    *out = (struct url_parts) { 0 };
    out->scheme =
        take_before(&rest, rest.len == 0 ? NULL : memmem(rest.data, rest.len, "://", 3), 3);
    out->user = take_before(&rest, find_last(rest, '@'), 1);
    if (find(out->user, ':') != NULL) {
        out->password = out->user;
        out->user = take_before(&out->password, find(out->password, ':'), 1);
    }
    while (len < rest.len && memchr("/?#", rest.data[len], 3) == NULL)
        len++;
    out->address = (struct str) { rest.data, len };
    out->tail = (struct str) { rest.data + len, rest.len - len };
    split_address(out);
    return is_address(out->address);
}

char *
url_parts_decode(struct str text)
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

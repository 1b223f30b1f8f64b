/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses as peers write them, and those that lead back here.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cluster/mesh_private.h"

static const char scheme[] = "nats-route://";

static void
set(struct address *address, struct str host, uint64_t port)
{
    address->host[0] = '\0';
    address->port = 0;
    if (host.len == 0 || host.len > MESH_HOST_MAX || port == 0)
        return;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];

        if (c <= ' ' || c > '~' || strchr("[]@/?#\"'\\", c) != NULL) {
            address->host[0] = '\0';
            return;
        }
        address->host[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    address->host[host.len] = '\0';
    address->port = (uint16_t)port;
}

void
host_port_set(struct address *address, const char *host, uint16_t port)
{
    struct str text = str_of(host);

    if (text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
        text = (struct str) { text.data + 1, text.len - 2 };
    set(address, text, port);
}

/* [scheme://][user[:password]@]host:port[/...] */
void
url_parse(struct address *address, const char *url)
{
    const char *start = url == NULL ? "" : url;
    const char *mark = strstr(start, "://"), *end, *colon;
    uint64_t port;

    set(address, STR_NULL, 0);
    if (mark != NULL)
        start = mark + 3;
    end = start + strcspn(start, "/?#");
    mark = memrchr(start, '@', (size_t)(end - start));
    if (mark != NULL)
        start = mark + 1;
    colon = memrchr(start, ':', (size_t)(end - start));
    if (colon == NULL ||
        !str_to_u64((struct str) { colon + 1, (size_t)(end - colon - 1) }, UINT16_MAX, &port))
        return;
    if (*start == '[' && colon - start > 2 && colon[-1] == ']')
        set(address, (struct str) { start + 1, (size_t)(colon - start - 2) }, port);
    else
        set(address, (struct str) { start, (size_t)(colon - start) }, port);
}

void
url_print(const struct address *address, char out[URL_MAX])
{
    bool v6 = strchr(address->host, ':') != NULL;

    snprintf(out, URL_MAX, "%s%s%s%s:%u/", scheme, v6 ? "[" : "", address->host, v6 ? "]" : "",
             address->port);
}

bool
address_eq(const struct address *a, const struct address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool
own_has(const struct mesh *mesh, const struct address *address)
{
    for (size_t i = 0; i < mesh->own_count; i++)
        if (address_eq(&mesh->own[i], address))
            return true;
    return false;
}

void
own_add(struct mesh *mesh, const struct address *address)
{
    if (address->port != 0 && mesh->own_count < MESH_OWN_MAX && !own_has(mesh, address))
        mesh->own[mesh->own_count++] = *address;
}

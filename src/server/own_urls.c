/* SPDX-License-Identifier: Apache-2.0 */
#include "server/own_urls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
advertise_split(const char *text, char **host, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    const char *end = text + strlen(text);

    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        *port = (uint16_t)strtoul(colon + 1, NULL, 10);
        end = colon;
    }
    *host = xmemdup0(text, (size_t)(end - text));
}

bool
host_is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static socklen_t
address_len(const struct sockaddr *addr)
{
    switch (addr == NULL ? AF_UNSPEC : addr->sa_family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default:
        return 0;
    }
}

size_t
machine_addresses(struct endpoint **out)
{
    struct ifaddrs *all = NULL;
    size_t count = 0;

    *out = NULL;
    if (getifaddrs(&all) == -1)
        return 0;
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        socklen_t len = address_len(one->ifa_addr);
        struct sockaddr_storage addr = { 0 };

        if (len == 0 || (one->ifa_flags & IFF_UP) == 0)
            continue;
        memcpy(&addr, one->ifa_addr, len);
        *out = xrealloc(*out, (count + 1) * sizeof(**out));
        endpoint_from_sockaddr(&(*out)[count++], &addr);
    }
    freeifaddrs(all);
    return count;
}

static bool
is_global4(const struct in_addr *addr)
{
    uint32_t bits = ntohl(addr->s_addr);

    return bits != INADDR_ANY && bits != INADDR_BROADCAST && bits >> 24 != 127 &&
           bits >> 16 != 0xa9fe && !IN_MULTICAST(bits);
}

static bool
is_global6(const struct in6_addr *addr)
{
    return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) &&
           !IN6_IS_ADDR_LINKLOCAL(addr) && !IN6_IS_ADDR_MULTICAST(addr);
}

static bool
is_global(const char *ip, bool ipv4_only)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, ip, &v4) == 1)
        return is_global4(&v4);
    return !ipv4_only && inet_pton(AF_INET6, ip, &v6) == 1 && is_global6(&v6);
}

static void
add_url(struct text_list *out, const char *host, uint16_t port)
{
    bool bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
    char *url = xasprintf(bare_v6 ? "[%s]:%u" : "%s:%u", host, port);

    text_list_add_once(out, url);
    free(url);
}

void
server_own_urls(struct text_list *out, const struct options *options, uint16_t port,
                const struct endpoint *addresses, size_t count)
{
    char *host;

    if (options->client_advertise != NULL) {
        advertise_split(options->client_advertise, &host, &port);
        add_url(out, host, port);
        free(host);
    } else if (!host_is_any(options->host)) {
        add_url(out, options->host, port);
    } else {
        for (size_t i = 0; i < count; i++)
            if (is_global(addresses[i].ip, strcmp(options->host, "::") != 0))
                add_url(out, addresses[i].ip, port);
    }
}

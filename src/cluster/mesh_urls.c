/* SPDX-License-Identifier: Apache-2.0
 *
 * Where clients find the other servers. Each route keeps its server's list; the union is made anew
 * after a change, which is what counting references would come to, without the counts.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/mesh_private.h"

/* A copy in one block, table first. NULL: out of memory, or none. */
static char **
copy(const char *const *urls, size_t count)
{
    size_t size = count * sizeof(char *);
    char **block, *next;

    for (size_t i = 0; i < count; i++)
        size += strlen(urls[i]) + 1;
    block = count == 0 ? NULL : malloc(size);
    if (block == NULL)
        return NULL;
    next = (char *)(block + count);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(urls[i]) + 1;

        block[i] = memcpy(next, urls[i], len);
        next += len;
    }
    return block;
}

bool
link_set_urls(struct link *link, const struct mesh_info *info)
{
    size_t count =
        info->connect_url_count < MESH_URLS_MAX ? info->connect_url_count : MESH_URLS_MAX;
    char **urls = copy(info->connect_urls, count);

    if (urls == NULL && count > 0)
        return false;
    free(link->urls);
    link->urls = urls;
    link->url_count = count;
    return true;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
contributes(const struct link *link)
{
    return link->state == LINK_ROUTE && !link->ldm;
}

/* Sorted, each once. */
static size_t
merge(const struct mesh *mesh, const char **all)
{
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < mesh->link_count; i++) {
        const struct link *link = mesh->links[i];

        for (size_t j = 0; contributes(link) && j < link->url_count; j++)
            all[count++] = link->urls[j];
    }
    qsort(all, count, sizeof(*all), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(all[kept - 1], all[i]) != 0)
            all[kept++] = all[i];
    return kept;
}

static bool
is_current(const struct mesh *mesh, const char *const *urls, size_t count)
{
    bool same = count == mesh->url_count;

    for (size_t i = 0; same && i < count; i++)
        same = strcmp(urls[i], mesh->urls[i]) == 0;
    return same;
}

/* Without memory the old ones stay until the next event. */
bool
urls_refresh(struct mesh *mesh)
{
    size_t most = 1, count;
    const char **all;
    char **urls;
    bool changed;

    if (!mesh->urls_stale)
        return false;
    for (size_t i = 0; i < mesh->link_count; i++)
        most += mesh->links[i]->url_count;
    all = malloc(most * sizeof(*all));
    if (all == NULL)
        return false;
    count = merge(mesh, all);
    changed = !is_current(mesh, all, count);
    urls = changed ? copy(all, count) : NULL;
    free((void *)all);
    if (changed && urls == NULL && count > 0)
        return false;
    mesh->urls_stale = false;
    if (changed) {
        free((void *)mesh->urls);
        mesh->urls = urls;
        mesh->url_count = count;
    }
    return changed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "proto/connect.h"

enum { NAME, LANG, VERSION, ACCOUNT, STRINGS };

/* Of each string its length with the NUL that follows it, 0 when it is absent; then their bytes,
 * one behind the other. */
struct connect_strings {
    uint32_t sizes[STRINGS];
    char text[];
};

void
connect_kept_init(struct connect_kept *kept)
{
    struct connect_info info;

    *kept = (struct connect_kept) { 0 };
    connect_info_init(&info);
    (void)connect_keep(kept, &info); /* no strings: nothing can fail */
}

void
connect_kept_release(struct connect_kept *kept)
{
    free(kept->strings);
    kept->strings = NULL;
}

/* *out: NULL when all are absent. */
static bool
pack(struct connect_strings **out, const struct str *const strings[STRINGS])
{
    struct connect_strings *packed;
    size_t size = 0;
    char *to;

    *out = NULL;
    for (size_t i = 0; i < STRINGS; i++)
        size += strings[i]->data == NULL ? 0 : strings[i]->len + 1;
    if (size == 0)
        return true;
    packed = size > UINT32_MAX ? NULL : malloc(sizeof(*packed) + size);
    if (packed == NULL)
        return false;
    to = packed->text;
    for (size_t i = 0; i < STRINGS; i++) {
        packed->sizes[i] = strings[i]->data == NULL ? 0 : (uint32_t)strings[i]->len + 1;
        if (packed->sizes[i] > 0)
            memcpy(to, strings[i]->data, packed->sizes[i]);
        to += packed->sizes[i];
    }
    *out = packed;
    return true;
}

bool
connect_keep(struct connect_kept *kept, const struct connect_info *info)
{
    const struct str *const strings[] = { [NAME] = &info->name,
                                          [LANG] = &info->lang,
                                          [VERSION] = &info->version,
                                          [ACCOUNT] = &info->account };
    struct connect_strings *packed;

    if (!pack(&packed, strings))
        return false;
    free(kept->strings);
    *kept = (struct connect_kept) { .verbose = info->verbose,
                                    .pedantic = info->pedantic,
                                    .tls_required = info->tls_required,
                                    .echo = info->echo,
                                    .headers = info->headers,
                                    .no_responders = info->no_responders,
                                    .new_account = info->new_account,
                                    .protocol = info->protocol,
                                    .strings = packed };
    return true;
}

static struct str
unpack(const struct connect_kept *kept, size_t which)
{
    const struct connect_strings *packed = kept->strings;
    const char *text;

    if (packed == NULL || packed->sizes[which] == 0)
        return STR_NULL;
    text = packed->text;
    for (size_t i = 0; i < which; i++)
        text += packed->sizes[i];
    return (struct str) { text, packed->sizes[which] - 1 };
}

struct str
connect_kept_name(const struct connect_kept *kept)
{
    return unpack(kept, NAME);
}

struct str
connect_kept_lang(const struct connect_kept *kept)
{
    return unpack(kept, LANG);
}

struct str
connect_kept_version(const struct connect_kept *kept)
{
    return unpack(kept, VERSION);
}

static bool
copy(struct str *out, struct str text)
{
    char *memory;

    if (text.data == NULL)
        return true;
    memory = malloc(text.len + 1);
    if (memory == NULL)
        return false;
    memcpy(memory, text.data, text.len + 1);
    *out = (struct str) { memory, text.len };
    return true;
}

bool
connect_recall(struct connect_info *info, const struct connect_kept *kept)
{
    *info = (struct connect_info) { .verbose = kept->verbose,
                                    .pedantic = kept->pedantic,
                                    .tls_required = kept->tls_required,
                                    .echo = kept->echo,
                                    .headers = kept->headers,
                                    .no_responders = kept->no_responders,
                                    .new_account = kept->new_account,
                                    .protocol = kept->protocol };
    if (copy(&info->name, unpack(kept, NAME)) && copy(&info->lang, unpack(kept, LANG)) &&
        copy(&info->version, unpack(kept, VERSION)) && copy(&info->account, unpack(kept, ACCOUNT)))
        return true;
    connect_info_release(info);
    return false;
}

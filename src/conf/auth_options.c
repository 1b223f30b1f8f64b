/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/auth_options.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

static void
subject_list_release(struct subject_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct subject_list) { 0 };
}

static struct subject_list
subject_list_copy(const struct subject_list *list)
{
    struct subject_list copy = { xcalloc(list->count, sizeof(*copy.items)), list->count };

    for (size_t i = 0; i < list->count; i++)
        copy.items[i] = xstrdup(list->items[i]);
    return copy;
}

static bool
subject_list_equal(const struct subject_list *a, const struct subject_list *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

void
permissions_options_free(struct permissions_options *options)
{
    if (options == NULL)
        return;
    subject_list_release(&options->publish.allow);
    subject_list_release(&options->publish.deny);
    subject_list_release(&options->subscribe.allow);
    subject_list_release(&options->subscribe.deny);
    free(options);
}

struct permissions_options *
permissions_options_copy(const struct permissions_options *options)
{
    struct permissions_options *copy;

    if (options == NULL)
        return NULL;
    copy = xmalloc(sizeof(*copy));
    *copy = *options;
    copy->publish.allow = subject_list_copy(&options->publish.allow);
    copy->publish.deny = subject_list_copy(&options->publish.deny);
    copy->subscribe.allow = subject_list_copy(&options->subscribe.allow);
    copy->subscribe.deny = subject_list_copy(&options->subscribe.deny);
    return copy;
}

static bool
permission_equal(const struct permission_options *a, const struct permission_options *b)
{
    return a->has_allow == b->has_allow && subject_list_equal(&a->allow, &b->allow) &&
           subject_list_equal(&a->deny, &b->deny);
}

bool
permissions_options_equal(const struct permissions_options *a, const struct permissions_options *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return permission_equal(&a->publish, &b->publish) &&
           permission_equal(&a->subscribe, &b->subscribe) &&
           a->allow_responses == b->allow_responses && a->responses_max == b->responses_max &&
           a->responses_expires_ns == b->responses_expires_ns;
}

void
auth_entry_release(struct auth_entry *entry)
{
    free(entry->name);
    mem_wipe_free(&entry->secret);
    permissions_options_free(entry->permissions);
    *entry = (struct auth_entry) { 0 };
}

void
auth_options_release(struct auth_options *options)
{
    for (size_t i = 0; i < options->count; i++)
        auth_entry_release(&options->entries[i]);
    free(options->entries);
    free(options->no_auth_user);
    *options = (struct auth_options) { 0 };
}

static bool
text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
entry_equal(const struct auth_entry *a, const struct auth_entry *b)
{
    return a->kind == b->kind && text_equal(a->name, b->name) && text_equal(a->secret, b->secret) &&
           permissions_options_equal(a->permissions, b->permissions) &&
           a->connection_types == b->connection_types && a->expires_ns == b->expires_ns;
}

/* From *at on, the next entry of those kinds; NULL: there is none. */
static const struct auth_entry *
next_entry(const struct auth_options *options, unsigned kinds, size_t *at)
{
    while (*at < options->count) {
        const struct auth_entry *entry = &options->entries[(*at)++];

        if ((kinds & 1U << entry->kind) != 0)
            return entry;
    }
    return NULL;
}

bool
auth_options_equal_kinds(const struct auth_options *a, const struct auth_options *b, unsigned kinds)
{
    const struct auth_entry *one, *other;
    size_t i = 0, k = 0;

    do {
        one = next_entry(a, kinds, &i);
        other = next_entry(b, kinds, &k);
    } while (one != NULL && other != NULL && entry_equal(one, other));
    return one == NULL && other == NULL;
}

bool
auth_options_equal(const struct auth_options *a, const struct auth_options *b)
{
    return auth_options_equal_kinds(a, b, ~0U) && text_equal(a->no_auth_user, b->no_auth_user);
}

static void
format_list(const char *title, const struct subject_list *list, struct buf *out)
{
    buf_printf(out, " %s[", title);
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s,", list->items[i]);
    buf_append_char(out, ']');
}

void
permissions_options_format(const struct permissions_options *options, struct buf *out)
{
    const struct permission_options *publish, *subscribe;

    if (options == NULL)
        return;
    publish = &options->publish;
    subscribe = &options->subscribe;
    format_list(publish->has_allow ? "publish" : "publish all", &publish->allow, out);
    format_list("but", &publish->deny, out);
    format_list(subscribe->has_allow ? "subscribe" : "subscribe all", &subscribe->allow, out);
    format_list("but", &subscribe->deny, out);
    if (options->allow_responses)
        buf_printf(out, " responses %" PRId64 " %" PRId64, options->responses_max,
                   options->responses_expires_ns);
}

void
auth_options_format(const struct auth_options *options, unsigned kinds, struct buf *out)
{
    const struct auth_entry *entry;
    size_t at = 0;

    for (bool first = true; (entry = next_entry(options, kinds, &at)) != NULL; first = false) {
        buf_append_str(out, first ? "" : "\n");
        if (entry->name != NULL)
            buf_printf(out, "%d %s ", (int)entry->kind, entry->name);
        buf_append_str(out, entry->secret == NULL ? "" : "<set>");
        permissions_options_format(entry->permissions, out);
        if (entry->connection_types != 0)
            buf_printf(out, " types %x", entry->connection_types);
        if (entry->expires_ns != 0)
            buf_printf(out, " expires %" PRId64, entry->expires_ns);
    }
}

#define SEAL_LEN 32 /* SHA-256 */

void
auth_options_seal(struct auth_options *options, const unsigned char key[AUTH_SEAL_KEY_LEN])
{
    for (size_t i = 0; i < options->count; i++) {
        struct auth_entry *entry = &options->entries[i];
        unsigned char seal[SEAL_LEN];
        char *text;

        if (entry->secret == NULL)
            continue;
        if (HMAC(EVP_sha256(), key, AUTH_SEAL_KEY_LEN, (const unsigned char *)entry->secret,
                 strlen(entry->secret), seal, NULL) == NULL)
            abort();
        text = xcalloc(1, SEAL_LEN * 2 + 1);
        for (size_t at = 0; at < SEAL_LEN; at++)
            (void)snprintf(text + at * 2, 3, "%02x", seal[at]);
        mem_wipe_free(&entry->secret);
        entry->secret = text;
    }
}

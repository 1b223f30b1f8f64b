/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/permissions_reader.h"

#include "base/clock.h"
#include "base/mem.h"
#include "conf/auth_fields.h"
#include "conf/duration.h"
#include "proto/subject.h"

#define RESPONSES_MAX        1
#define RESPONSES_EXPIRES_NS (120 * CLOCK_NS_PER_S)

/* "subject", or with queues "subject queue", too. In *out the two are joined by one blank; the
 * caller frees it. */
static bool
parse_subject(struct str text, bool queues, char **out)
{
    const char *blank = text.len == 0 ? NULL : memchr(text.data, ' ', text.len);
    struct str subject = text, queue = STR_NULL;

    if (memchr(text.data, '\0', text.len) != NULL)
        return false;
    if (blank != NULL && queues) {
        subject.len = (size_t)(blank - text.data);
        while (*blank == ' ' && blank < text.data + text.len)
            blank++;
        queue = (struct str) { blank, text.len - (size_t)(blank - text.data) };
    }
    if (!subject_valid(subject) || (queue.data != NULL && !subject_valid(queue)))
        return false;
    *out = queue.data == NULL
               ? xmemdup0(subject.data, subject.len)
               : xasprintf("%.*s %.*s", (int)subject.len, subject.data, (int)queue.len, queue.data);
    return true;
}

static void
read_subject(const struct conf_value *value, bool queues, struct subject_list *out,
             struct diags *diags)
{
    struct str text = auth_value_word(value);
    char *subject;

    if (auth_value_is_lost(value))
        return;
    if (text.data == NULL) {
        diag_error(diags, value->pos,
                   "Expected subject permissions to be a subject, or array of subjects, got %s",
                   conf_type_name(value->type));
    } else if (parse_subject(text, queues, &subject)) {
        out->items = xrealloc(out->items, (out->count + 1) * sizeof(*out->items));
        out->items[out->count++] = subject;
    } else if (value->via_variable) {
        diag_error(diags, value->pos, "subject from a variable is not a valid subject");
    } else {
        diag_error(diags, value->pos, "subject \"%.*s\" is not a valid subject",
                   auth_shown_len(text), text.data);
    }
}

static void
read_subjects(const struct conf_value *all, bool queues, struct subject_list *out,
              struct diags *diags)
{
    const struct conf_value *value = NULL;

    while ((value = auth_next_value(all, value)) != NULL)
        read_subject(value, queues, out, diags);
}

/* Subjects, all of which are allowed, or { allow, deny }. */
static void
read_permission(const struct conf_entry *entry, bool queues, struct permission_options *out,
                struct diags *diags)
{
    struct auth_fields fields;

    if (entry == NULL)
        return;
    if (entry->value->type != CONF_MAP) {
        out->has_allow = true;
        read_subjects(entry->value, queues, &out->allow, diags);
        return;
    }
    auth_fields_collect(&fields, "publish", entry->value, diags);
    out->has_allow = fields.at[PART_ALLOW] != NULL;
    if (out->has_allow)
        read_subjects(fields.at[PART_ALLOW]->value, queues, &out->allow, diags);
    if (fields.at[PART_DENY] != NULL)
        read_subjects(fields.at[PART_DENY]->value, queues, &out->deny, diags);
}

static void
read_responses_max(const struct conf_entry *entry, int64_t *out, struct diags *diags)
{
    const struct conf_value *value = entry->value;

    if (value->type == CONF_INT && !value->overflow)
        *out = value->integer == 0 ? RESPONSES_MAX : value->integer;
    else if (!auth_value_is_lost(value))
        diag_error(diags, entry->pos, "\"%.*s\" wants a whole number", auth_shown_len(entry->key),
                   entry->key.data);
}

static void
read_responses_expires(const struct conf_entry *entry, int64_t *out, struct diags *diags)
{
    struct str text = auth_value_word(entry->value);
    int64_t ns;

    if (auth_value_is_lost(entry->value))
        return;
    if (text.data == NULL)
        diag_error(diags, entry->pos,
                   "error parsing expires, not a duration string such as \"30s\" or \"2m\"");
    else if (!duration_parse(text, &ns))
        diag_error(diags, entry->pos,
                   "error parsing expires: it wants a duration such as \"30s\" or \"2m\"");
    else
        *out = ns == 0 ? RESPONSES_EXPIRES_NS : ns;
}

/* true, false or { max, expires }. */
static void
read_responses(const struct conf_entry *entry, struct permissions_options *out, struct diags *diags)
{
    const struct conf_value *value = entry->value;
    struct auth_fields fields;

    if (auth_value_is_lost(value))
        return;
    if (value->type == CONF_BOOL) {
        out->allow_responses = value->boolean;
    } else if (value->type != CONF_MAP) {
        diag_error(diags, entry->pos,
                   "error parsing response permissions, expected a boolean or a map");
    } else {
        out->allow_responses = true;
        auth_fields_collect(&fields, "allow_responses", value, diags);
        if (fields.at[PART_MAX] != NULL)
            read_responses_max(fields.at[PART_MAX], &out->responses_max, diags);
        if (fields.at[PART_EXPIRES] != NULL)
            read_responses_expires(fields.at[PART_EXPIRES], &out->responses_expires_ns, diags);
    }
}

struct permissions_options *
permissions_read(const struct conf_entry *entry, struct diags *diags)
{
    struct permissions_options *out;
    struct auth_fields fields;

    if (entry == NULL || auth_value_is_lost(entry->value))
        return NULL;
    if (entry->value->type != CONF_MAP) {
        diag_error(diags, entry->pos, "Expected permissions to be a map/struct, got %s",
                   conf_type_name(entry->value->type));
        return NULL;
    }
    out = xcalloc(1, sizeof(*out));
    out->responses_max = RESPONSES_MAX;
    out->responses_expires_ns = RESPONSES_EXPIRES_NS;
    auth_fields_collect(&fields, "permissions", entry->value, diags);
    read_permission(fields.at[PART_PUBLISH], false, &out->publish, diags);
    read_permission(fields.at[PART_SUBSCRIBE], true, &out->subscribe, diags);
    if (fields.at[PART_RESPONSES] != NULL)
        read_responses(fields.at[PART_RESPONSES], out, diags);
    /* Who may answer what it is asked, and is told no more, may do no more. */
    if (out->allow_responses)
        out->publish.has_allow = true;
    return out;
}

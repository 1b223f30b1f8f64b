/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/auth_fields.h"

#include "conf/reader.h"
#include "conf/suggest.h"

#define SHOWN_MAX 64 /* bytes */

int
auth_shown_len(struct str text)
{
    return (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
}

bool
auth_value_is_lost(const struct conf_value *value)
{
    return value->type == CONF_BAD && value->problem == NULL;
}

/* In the words of the reference where it has its own. */
static void
report_unknown(const char *section, const struct conf_entry *entry, struct diags *diags)
{
    struct str key = entry->key, meant = suggest_option(section, key);
    int len = auth_shown_len(key);

    if (entry->hidden || strcmp(section, "tokens") == 0 || strcmp(section, "users") == 0)
        reader_report_unknown(section, entry, diags);
    else if (strcmp(section, "publish") == 0)
        diag_error(diags, entry->pos,
                   "Unknown field name \"%.*s\" parsing subject permissions, only 'allow' or "
                   "'deny' are permitted",
                   len, key.data);
    else if (meant.data != NULL)
        diag_error(diags, entry->pos,
                   "Unknown field \"%.*s\" parsing permissions; did you mean \"%.*s\"?", len,
                   key.data, (int)meant.len, meant.data);
    else
        diag_error(diags, entry->pos, "Unknown field \"%.*s\" parsing permissions", len, key.data);
}

void
auth_fields_collect(struct auth_fields *out, const char *section, const struct conf_value *map,
                    struct diags *diags)
{
    *out = (struct auth_fields) { 0 };
    for (const struct conf_entry *entry = map->entries; entry != NULL; entry = entry->next) {
        const struct option_row *row = option_by_name(section, entry->key);

        if (row == NULL) {
            if (!entry->used)
                report_unknown(section, entry, diags);
            continue;
        }
        if (row->type == OPTION_UNSUPPORTED) {
            reader_report_unsupported(entry, row, diags);
            continue;
        }
        if (out->at[row->part] != NULL)
            reader_report_second(entry, out->at[row->part]->pos, diags);
        out->at[row->part] = entry;
    }
}

bool
auth_field_text(const struct conf_entry *entry, struct str *out, struct diags *diags)
{
    const struct conf_value *value = entry->value;
    int len = auth_shown_len(entry->key);

    if (auth_value_is_lost(value))
        return false;
    if (value->text.data == NULL) {
        diag_error(diags, entry->pos, "\"%.*s\" wants a string, not %s", len, entry->key.data,
                   conf_type_name(value->type));
        return false;
    }
    if (value->text.len > 0 && memchr(value->text.data, '\0', value->text.len) != NULL) {
        diag_error(diags, entry->pos, "\"%.*s\" holds a NUL byte", len, entry->key.data);
        return false;
    }
    *out = value->text;
    return true;
}

struct str
auth_value_word(const struct conf_value *value)
{
    bool text = value->type == CONF_STRING || value->type == CONF_BAD;

    return text ? value->text : STR_NULL;
}

const struct conf_value *
auth_next_value(const struct conf_value *all, const struct conf_value *last)
{
    if (all->type != CONF_ARRAY)
        return last == NULL ? all : NULL;
    return last == NULL ? all->items : last->next;
}

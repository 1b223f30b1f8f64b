/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/reader.h"

#include "conf/option_value.h"
#include "conf/suggest.h"

/* Only what is known to be harmless is public: what is not supported may hold passwords. */
enum conf_secrecy
reader_secrecy(struct str key)
{
    const struct option_row *row = option_anywhere(key);

    if (row == NULL)
        return CONF_UNKNOWN;
    return row->secret || row->type == OPTION_UNSUPPORTED ? CONF_SECRET : CONF_PUBLIC;
}

struct option_source *
reader_source(struct reader *reader, const struct option_row *row)
{
    size_t count;

    return &reader->sources[row - option_rows(&count)];
}

bool
reader_check(struct reader *reader, const struct option_row *row, struct conf_pos pos)
{
    size_t errors = reader->diags->errors;

    if (row->check != NULL)
        row->check(reader->options, pos, reader->diags);
    return reader->diags->errors == errors;
}

static void
report_unknown(struct reader *reader, const char *section, const struct conf_entry *entry)
{
    struct str key = entry->key, meant = suggest_option(section, key);
    const struct option_row *elsewhere = option_anywhere(key);
    int len = key.len < 64 ? (int)key.len : 64;

    if (entry->hidden)
        diag_error(reader->diags, entry->pos,
                   "unknown field behind another value; if it belongs to that value, put the "
                   "whole of it in quotes");
    else if (elsewhere != NULL)
        diag_error(reader->diags, entry->pos, "unknown field \"%.*s\"; it belongs %s%s", len,
                   key.data, elsewhere->section[0] == '\0' ? "to the top level" : "into ",
                   elsewhere->section[0] == '\0' ? "" : elsewhere->section);
    else if (meant.data != NULL)
        diag_error(reader->diags, entry->pos, "unknown field \"%.*s\"; did you mean \"%.*s\"?", len,
                   key.data, (int)meant.len, meant.data);
    else
        diag_error(reader->diags, entry->pos, "unknown field \"%.*s\"", len, key.data);
}

/* Who may connect must not depend on which of two lines comes last. */
static void
report_duplicate(struct reader *reader, const struct option_row *row,
                 const struct conf_entry *entry, struct conf_pos first)
{
    struct buf where = BUF_INIT;
    int len = (int)entry->key.len;

    conf_pos_format(first, &where);
    if (row->type == OPTION_SECTION || strcmp(row->section, "authorization") == 0)
        diag_error(reader->diags, entry->pos,
                   "\"%.*s\" is already set at %s; remove one of the two", len, entry->key.data,
                   buf_cstr(&where));
    else
        diag_warning(reader->diags, entry->pos,
                     "\"%.*s\" is already set at %s; the value here is used", len, entry->key.data,
                     buf_cstr(&where));
    buf_release(&where);
}

static void
read_entry(struct reader *reader, const char *section, const struct conf_entry *entry)
{
    const struct option_row *row = option_by_name(section, entry->key);
    struct option_source *source;

    if (row == NULL) {
        if (!entry->used)
            report_unknown(reader, section, entry);
        return;
    }
    source = reader_source(reader, row);
    if (source->in_file)
        report_duplicate(reader, row, entry, source->pos);
    source->in_file = true;
    source->pos = entry->pos;
    if (row->type == OPTION_UNSUPPORTED) {
        diag_error(reader->diags, entry->pos, "\"%.*s\" is not supported yet", (int)entry->key.len,
                   entry->key.data);
        return;
    }
    source->valid = option_set_value(reader->options, row, entry, reader->diags) &&
                    reader_check(reader, row, entry->pos);
    if (row->type == OPTION_STRING && row->secret)
        reader->token_origin = entry->value->origin;
    if (row->type == OPTION_SECTION && source->valid)
        for (struct conf_entry *inner = entry->value->entries; inner != NULL; inner = inner->next)
            read_entry(reader, "authorization", inner);
}

void
reader_read(struct reader *reader, const struct conf_tree *tree)
{
    for (struct conf_entry *entry = tree->entries; entry != NULL; entry = entry->next)
        read_entry(reader, "", entry);
}

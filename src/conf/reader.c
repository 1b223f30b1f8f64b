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

/* The section a user would look for: the top level, authorization, tls or cluster. */
static const char *
home_of(struct str key)
{
    if (option_by_name("", key) != NULL)
        return "to the top level";
    if (option_by_name("authorization", key) != NULL)
        return "into authorization";
    if (option_by_name("tls", key) != NULL)
        return "into tls";
    return option_by_name("cluster", key) != NULL ? "into cluster" : NULL;
}

/* How the reference begins such a complaint. */
static const char *
unknown_prefix(const char *section)
{
    if (strcmp(section, "tls") == 0)
        return "error parsing tls config, ";
    return strcmp(section, "certs") == 0 ? "error parsing tls certs config, " : "";
}

void
reader_report_unknown(const char *section, const struct conf_entry *entry, struct diags *diags)
{
    struct str key = entry->key, meant = suggest_option(section, key);
    const char *home = home_of(key), *prefix = unknown_prefix(section);
    int len = auth_shown_len(key);

    if (entry->hidden)
        diag_error(diags, entry->pos,
                   "unknown field behind another value; if it belongs to that value, put the "
                   "whole of it in quotes");
    else if (home != NULL)
        diag_error(diags, entry->pos, "%sunknown field \"%.*s\"; it belongs %s", prefix, len,
                   key.data, home);
    else if (meant.data != NULL)
        diag_error(diags, entry->pos, "%sunknown field \"%.*s\"; did you mean \"%.*s\"?", prefix,
                   len, key.data, (int)meant.len, meant.data);
    else
        diag_error(diags, entry->pos, "%sunknown field \"%.*s\"", prefix, len, key.data);
}

void
reader_report_unsupported(const struct conf_entry *entry, const struct option_row *row,
                          struct diags *diags)
{
    if (row->refusal != NULL)
        diag_error(diags, entry->pos, "%s", row->refusal);
    else
        diag_error(diags, entry->pos, "\"%.*s\" is not supported yet", (int)entry->key.len,
                   entry->key.data);
}

static void
report_again(const struct conf_entry *entry, struct conf_pos first, enum diag_severity severity,
             struct diags *diags)
{
    struct buf where = BUF_INIT;

    conf_pos_format(first, &where);
    diag_add(diags, severity, entry->pos, "\"%.*s\" is already set at %s; %s", (int)entry->key.len,
             entry->key.data, buf_cstr(&where),
             severity == DIAG_ERROR ? "remove one of the two" : "the value here is used");
    buf_release(&where);
}

void
reader_report_second(const struct conf_entry *entry, struct conf_pos first, struct diags *diags)
{
    report_again(entry, first, DIAG_ERROR, diags);
}

static bool
is_about_entry(const struct option_row *row)
{
    return row->type == OPTION_SECTION || row->type == OPTION_TLS || row->type == OPTION_ROUTES ||
           strcmp(row->section, "authorization") == 0 ||
           strcmp(row->section, "cluster authorization") == 0 ||
           row->offset == offsetof(struct options, auth.no_auth_user);
}

static bool
is_of_cluster(const struct option_row *row)
{
    return str_starts(str_of(row->section), STR_LIT("cluster"));
}

static void read_entry(struct reader *reader, const char *section, const struct conf_entry *entry);

static void
read_section(struct reader *reader, const struct option_row *row, const struct conf_entry *entry,
             struct option_source *source)
{
    bool authorization = str_eq(option_name(row), STR_LIT("authorization"));

    if (authorization)
        (is_of_cluster(row) ? &reader->cluster.auth : &reader->auth)->block_pos = entry->pos;
    else
        reader->cluster.pos = entry->pos;
    if (authorization && is_of_cluster(row) && cluster_read_demand(&reader->cluster, entry))
        return;
    source->valid = option_set_value(reader->options, row, entry, reader->diags);
    if (source->valid)
        for (struct conf_entry *inner = entry->value->entries; inner != NULL; inner = inner->next)
            read_entry(reader, row->inner, inner);
}

/* What has readers of its own, or else is set by its row. */
static void
read_value(struct reader *reader, const struct option_row *row, const struct conf_entry *entry,
           struct option_source *source)
{
    bool cluster = is_of_cluster(row);

    switch (row->type) {
    case OPTION_UNSUPPORTED:
        reader_report_unsupported(entry, row, reader->diags);
        break;
    case OPTION_AUTH:
        (cluster ? &reader->cluster.auth : &reader->auth)->block.at[row->part] = entry;
        break;
    case OPTION_TLS:
        tls_read_block(cluster ? &reader->cluster.tls : &reader->tls, entry);
        break;
    case OPTION_SECTION:
        read_section(reader, row, entry, source);
        break;
    case OPTION_ROUTES:
        cluster_read_routes(&reader->cluster, entry);
        break;
    case OPTION_PERMISSIONS:
        cluster_read_permissions(&reader->cluster, entry);
        break;
    case OPTION_ACCOUNTS:
        cluster_read_accounts(&reader->cluster, entry);
        break;
    case OPTION_COMPRESSION:
        cluster_read_compression(&reader->cluster, entry);
        break;
    default:
        source->valid = option_set_value(reader->options, row, entry, reader->diags) &&
                        reader_check(reader, row, entry->pos);
        break;
    }
}

static void
read_entry(struct reader *reader, const char *section, const struct conf_entry *entry)
{
    const struct option_row *row = option_by_name(section, entry->key);
    struct option_source *source;

    if (row == NULL) {
        if (!entry->used)
            reader_report_unknown(section, entry, reader->diags);
        return;
    }
    source = reader_source(reader, row);
    if (source->in_file)
        report_again(entry, source->pos, is_about_entry(row) ? DIAG_ERROR : DIAG_WARNING,
                     reader->diags);
    source->in_file = true;
    source->pos = entry->pos;
    read_value(reader, row, entry, source);
}

void
reader_read(struct reader *reader, const struct conf_tree *tree)
{
    for (struct conf_entry *entry = tree->entries; entry != NULL; entry = entry->next)
        read_entry(reader, "", entry);
    reader->auth.no_auth_user_pos =
        reader_source(reader, option_by_name("", STR_LIT("no_auth_user")))->pos;
    auth_read_file(&reader->auth);
    cluster_read_end(&reader->cluster);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of plain types are set by their rows (option_value.h), those of types of their own by
 * tls_values.h; here are the files and what holds them together. Texts are the reference's
 * where it has one.
 */
#include "conf/tls_reader.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/auth_fields.h"
#include "conf/option_table.h"
#include "conf/option_value.h"
#include "conf/reader.h"
#include "conf/tls_values.h"
#include "tls/names.h"

static void
set_place(char **at, struct conf_pos pos)
{
    struct buf text = BUF_INIT;

    conf_pos_format(pos, &text);
    free(*at);
    *at = xstrdup(buf_cstr(&text));
    buf_release(&text);
}

static struct conf_pos
block_pos(const struct tls_reader *tls)
{
    return (struct conf_pos) { tls->options->at[TLS_FIELD_BLOCK], 0, 0 };
}

static void
replace_text(char **field, struct str text)
{
    free(*field);
    *field = xmemdup0(text.data, text.len);
}

static void
read_file_name(struct tls_reader *tls, const struct conf_entry *entry, char **field)
{
    struct str path;

    if (!auth_field_text(entry, &path, tls->diags))
        return;
    if (path.len > 0)
        replace_text(field, path);
    else
        diag_error(tls->diags, entry->pos, "\"%.*s\" needs the name of a file", (int)entry->key.len,
                   entry->key.data);
}

/* Takes what pair owns. */
static void
add_pair(struct tls_options *options, struct tls_pair *pair)
{
    options->pairs = xrealloc(options->pairs, (options->pair_count + 1) * sizeof(*options->pairs));
    options->pairs[options->pair_count++] = *pair;
    *pair = (struct tls_pair) { 0 };
}

static void read_map(struct tls_reader *tls, const char *section, const struct conf_value *map,
                     struct tls_pair *pair);

static void
read_certs_item(struct tls_reader *tls, const struct conf_value *item)
{
    struct tls_pair pair = { 0 };

    if (item->type != CONF_MAP) {
        if (!auth_value_is_lost(item))
            diag_error(tls->diags, item->pos,
                       "error parsing certificates config: unsupported type %s",
                       conf_type_name(item->type));
        return;
    }
    read_map(tls, "certs", item, &pair);
    if (pair.cert_at == NULL || pair.key_at == NULL)
        diag_error(tls->diags, item->pos,
                   "error parsing certificates config: both 'cert_file' and 'key_file' options "
                   "are required");
    else if (pair.cert_file != NULL && pair.key_file != NULL)
        add_pair(tls->options, &pair);
    tls_pair_release(&pair);
}

static void
read_certs(struct tls_reader *tls, const struct conf_entry *entry)
{
    const struct conf_value *item = tls_first_item(entry, tls->diags);

    tls->names_certs = true;
    for (; item != NULL; item = item->next)
        read_certs_item(tls, item);
}

/* A field whose type is one of the option table's. */
static void
read_plain(struct tls_reader *tls, const struct option_row *row, const struct conf_entry *entry)
{
    if (!option_set_value(tls->options, row, entry, tls->diags))
        return;
    if (row->zero_is_default && option_is_zero(tls->options, row))
        option_set_default(tls->options, row);
}

static void
read_field(struct tls_reader *tls, const struct option_row *row, const struct conf_entry *entry,
           struct tls_pair *pair)
{
    struct tls_options *options = tls->options;

    switch (row->field) {
    case TLS_FIELD_CERT_FILE:
        read_file_name(tls, entry, &pair->cert_file);
        break;
    case TLS_FIELD_KEY_FILE:
        read_file_name(tls, entry, &pair->key_file);
        break;
    case TLS_FIELD_CERTS:
        read_certs(tls, entry);
        break;
    case TLS_FIELD_CIPHER_SUITES:
        tls_read_names(entry, &options->ciphers, "cipher", tls_cipher_known, tls->diags);
        break;
    case TLS_FIELD_CURVE_PREFERENCES:
        tls_read_names(entry, &options->curves, "curve preference", tls_curve_known, tls->diags);
        break;
    case TLS_FIELD_MIN_VERSION:
        tls_read_version(entry, options, tls->diags);
        break;
    case TLS_FIELD_PINNED_CERTS:
        tls_read_pins(entry, options, tls->diags);
        break;
    case TLS_FIELD_HANDSHAKE_FIRST:
        tls_read_first(entry, options, tls->diags);
        break;
    default:
        read_plain(tls, row, entry);
        break;
    }
}

static char **
place_of(struct tls_reader *tls, enum tls_field field, struct tls_pair *pair)
{
    if (field == TLS_FIELD_CERT_FILE)
        return &pair->cert_at;
    return field == TLS_FIELD_KEY_FILE ? &pair->key_at : &tls->options->at[field];
}

/* The entries of the block, or of an item of certs; pair is what their files become. */
static void
read_map(struct tls_reader *tls, const char *section, const struct conf_value *map,
         struct tls_pair *pair)
{
    for (const struct conf_entry *entry = map->entries; entry != NULL; entry = entry->next) {
        const struct option_row *row = option_by_name(section, entry->key);
        char **at;

        if (row == NULL) {
            if (!entry->used)
                reader_report_unknown(section, entry, tls->diags);
            continue;
        }
        if (row->type == OPTION_UNSUPPORTED) {
            reader_report_unsupported(entry, row, tls->diags);
            continue;
        }
        at = place_of(tls, row->field, pair);
        if (*at != NULL)
            reader_report_second(entry, (struct conf_pos) { *at, 0, 0 }, tls->diags);
        set_place(at, entry->pos);
        read_field(tls, row, entry, pair);
    }
}

/* A certificate without its key or the other way round. */
static bool
is_half(const struct tls_reader *tls, const struct tls_pair *pair)
{
    if (pair->cert_at != NULL && pair->key_at != NULL)
        return false;
    diag_error(tls->diags, block_pos(tls), "missing '%s' in TLS configuration",
               pair->cert_at == NULL ? "cert_file" : "key_file");
    return true;
}

void
tls_read_block(struct tls_reader *tls, const struct conf_entry *entry)
{
    struct tls_options *options = tls->options;
    struct tls_pair pair = { 0 };

    set_place(&options->at[TLS_FIELD_BLOCK], entry->pos);
    options->enabled = true;
    if (entry->value->type != CONF_MAP) {
        if (!auth_value_is_lost(entry->value))
            diag_error(tls->diags, entry->pos, "\"%.*s\" wants a map: { ... }, not %s",
                       (int)entry->key.len, entry->key.data, conf_type_name(entry->value->type));
        tls->names_certs = true;
        return;
    }
    read_map(tls, "tls", entry->value, &pair);
    if (pair.cert_at != NULL || pair.key_at != NULL) {
        tls->names_certs = true;
        if (options->at[TLS_FIELD_CERTS] != NULL)
            diag_error(tls->diags, block_pos(tls),
                       "error parsing tls config, cannot combine 'cert_file' option with 'certs' "
                       "option");
        else if (!is_half(tls, &pair) && pair.cert_file != NULL && pair.key_file != NULL)
            add_pair(options, &pair);
    }
    tls_pair_release(&pair);
}

/* --tls=false */
static bool
is_off(const struct flag_setting *flag)
{
    return flag != NULL && strchr("1tT", flag->value[0]) == NULL;
}

static const struct flag_setting *
first_flag(const struct tls_reader *tls)
{
    for (size_t field = 0; field < TLS_FIELD_COUNT; field++)
        if (tls->flags[field] != NULL)
            return tls->flags[field];
    return NULL;
}

/* A certificate and its key by flags take the place of all that the file names. */
static void
read_pair_flags(struct tls_reader *tls)
{
    const struct flag_setting *cert = tls->flags[TLS_FIELD_CERT_FILE];
    const struct flag_setting *key = tls->flags[TLS_FIELD_KEY_FILE];
    const struct flag_setting *one = cert != NULL ? cert : key;
    struct tls_options *options = tls->options;
    struct tls_pair pair = { 0 };

    if (one == NULL)
        return;
    tls->names_certs = true;
    if (cert == NULL || key == NULL || cert->value[0] == '\0' || key->value[0] == '\0') {
        bool no_cert = cert == NULL || cert->value[0] == '\0';

        diag_error(tls->diags, ((struct conf_pos) { one->name, 0, 0 }),
                   "TLS Server %s must be present and valid: %s names it",
                   no_cert ? "certificate" : "private key", no_cert ? "--tlscert" : "--tlskey");
        return;
    }
    for (size_t i = 0; i < options->pair_count; i++)
        tls_pair_release(&options->pairs[i]);
    options->pair_count = 0;
    pair = (struct tls_pair) { xstrdup(cert->value), xstrdup(key->value), xstrdup(cert->name),
                               xstrdup(key->name) };
    add_pair(options, &pair);
}

static void
read_plain_flag(struct tls_reader *tls, enum tls_field field)
{
    const struct flag_setting *flag = tls->flags[field];
    struct conf_pos pos;

    if (flag == NULL)
        return;
    pos = (struct conf_pos) { flag->name, 0, 0 };
    set_place(&tls->options->at[field], pos);
    (void)option_set_flag(tls->options, flag->row, flag->value, pos, tls->diags);
}

void
tls_read_flags(struct tls_reader *tls)
{
    struct tls_options *options = tls->options;
    const struct flag_setting *first = first_flag(tls);

    if (first != NULL && is_off(tls->flags[TLS_FIELD_BLOCK])) {
        if (options->enabled)
            diag_add(tls->diags, DIAG_INFO, (struct conf_pos) { 0 },
                     "%s=false overrides the tls of %s", first->name, options->at[TLS_FIELD_BLOCK]);
        options->enabled = false;
    } else if (first != NULL) {
        if (!options->enabled)
            set_place(&options->at[TLS_FIELD_BLOCK], (struct conf_pos) { first->name, 0, 0 });
        options->enabled = true;
        read_pair_flags(tls);
        read_plain_flag(tls, TLS_FIELD_CA_FILE);
        read_plain_flag(tls, TLS_FIELD_VERIFY);
    }
}

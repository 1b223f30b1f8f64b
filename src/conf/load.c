/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "conf/checks.h"
#include "conf/option_table.h"
#include "conf/option_value.h"
#include "conf/os_host.h"
#include "conf/reader.h"

/* What a row's check sees must be the default until something else is set. */
static void
set_defaults(struct options *options)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (option_has_field(&rows[i]))
            option_set_default(options, &rows[i]);
}

/* Zeros become defaults, and what implies another option sets it. */
static void
settle(struct options *options)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (option_has_field(&rows[i]) && rows[i].zero_is_default &&
            option_is_zero(options, &rows[i]))
            option_set_default(options, &rows[i]);
    options->trace = options->trace || options->trace_verbose;
    options->syslog = options->syslog || options->remote_syslog != NULL;
}

static void
put_hex(const unsigned char *bytes, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", bytes[i]);
}

/* The digest is shown in logs, so no secret may reach it, where a guess could be tried against
 * it: what is hashed is a line "section.name=value" for each option as defaults and file make
 * it, in the order of the table, and for a secret only whether it is set. Comments, order and
 * spelling of the file do not change it; neither does a new token. */
static char *
make_digest(const struct options *options)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    struct buf text = BUF_INIT;
    char *result;

    for (size_t i = 0; i < count; i++) {
        struct str name = option_name(&rows[i]);

        if (!option_has_field(&rows[i]))
            continue;
        buf_printf(&text, "%s.%.*s=", rows[i].section, (int)name.len, name.data);
        option_format(options, &rows[i], &text);
        buf_append_char(&text, '\n');
    }
    if (EVP_Digest(buf_cstr(&text), text.len, digest, &digest_len, EVP_sha256(), NULL) != 1)
        abort(); /* SHA-256 without memory of a peer's size: cannot fail */
    buf_consume(&text, text.len);
    buf_append_str(&text, "sha256:");
    put_hex(digest, digest_len, &text);
    result = xstrdup(buf_cstr(&text));
    buf_release(&text);
    return result;
}

/* false: the file could not be opened. */
static bool
read_config(struct reader *reader, struct conf_tree *tree, const struct conf_host *host,
            const char *path)
{
    size_t errors = reader->diags->errors;
    struct conf_host with_secrecy = *host;

    with_secrecy.secrecy = reader_secrecy;
    conf_parse(tree, &with_secrecy, path, reader->diags);
    if (tree->files == NULL)
        return false;
    if (tree->entries == NULL && reader->diags->errors == errors)
        diag_warning(reader->diags, ((struct conf_pos) { path, 0, 0 }),
                     "config has no values or is empty");
    reader_read(reader, tree);
    reader->options->config_file = xstrdup(path);
    reader->options->config_digest = make_digest(reader->options);
    return true;
}

static void
apply_action(struct reader *reader, const struct flag_setting *setting)
{
    struct options *options = reader->options;
    enum option_action action = setting->row->action;
    struct conf_pos pos = { setting->name, 0, 0 };

    if (action == ACTION_IGNORE) {
        diag_warning(reader->diags, pos, "accepted, but without effect");
        return;
    }
    if (strchr("1tT", setting->value[0]) == NULL) /* -DV=false */
        return;
    options->debug = options->debug || action != ACTION_TRACE_VERBOSE;
    options->trace = true;
    options->trace_verbose = options->trace_verbose || action != ACTION_DEBUG_TRACE;
}

/* What says who may enter is said once. */
static void
note_auth_flag(struct reader *reader, const struct flag_setting *setting)
{
    const struct flag_setting **place = &reader->auth.flags[setting->row->part];

    if (*place != NULL)
        diag_error(reader->diags, ((struct conf_pos) { setting->name, 0, 0 }), "given twice");
    *place = setting;
}

static void
apply_flag(struct reader *reader, const struct flag_setting *setting)
{
    const struct option_row *row = setting->row;
    struct option_source *source = reader_source(reader, row);
    struct conf_pos pos = { setting->name, 0, 0 };

    if (row->type == OPTION_ACTION) {
        apply_action(reader, setting);
        return;
    }
    if (row->type == OPTION_UNSUPPORTED)
        diag_error(reader->diags, pos, "not supported yet");
    else if (row->type == OPTION_AUTH)
        note_auth_flag(reader, setting);
    else if (row->type == OPTION_TLS || row->in_tls)
        reader->tls.flags[row->field] = setting;
    else if (row->type == OPTION_LISTEN)
        cluster_read_listen_flag(&reader->cluster, setting);
    else if (row->type == OPTION_ROUTES)
        cluster_read_routes_flag(&reader->cluster, setting);
    else
        source->valid = option_set_flag(reader->options, row, setting->value, pos, reader->diags) &&
                        reader_check(reader, row, pos);
    source->by_flag = true;
    source->pos = pos;
}

static bool
may_speak_in_clear(const struct options *options)
{
    return !options->tls.enabled ||
           (options->allow_non_tls && options->tls.handshake_first != TLS_FIRST_ON);
}

/* Asked before zero becomes the default. */
static bool
says_timeout(struct reader *reader, const char *section, int64_t ns)
{
    const struct option_row *row = option_by_name(section, STR_LIT("timeout"));

    return reader_source(reader, row)->in_file && ns != 0;
}

static void
load(struct reader *reader, struct conf_tree *tree, const struct flags *flags,
     const struct conf_host *host)
{
    struct options *options = reader->options;

    set_defaults(options);
    if (flags->config_file != NULL && !read_config(reader, tree, host, flags->config_file))
        return;
    for (size_t i = 0; i < flags->count; i++)
        apply_flag(reader, &flags->settings[i]);
    options->auth_timeout_said = says_timeout(reader, "authorization", options->auth_timeout_ns);
    options->cluster.auth_timeout_said =
        says_timeout(reader, "cluster authorization", options->cluster.auth_timeout_ns);
    settle(options);
    reader->diags->strict = options->strict;
    auth_read_flags(&reader->auth);
    tls_read_flags(&reader->tls);
    cluster_read_flags_end(&reader->cluster);
    options->auth.by_certificate = options->tls.enabled && options->tls.verify_and_map;
    auth_reader_check(&reader->auth, may_speak_in_clear(options) ? options->host : NULL);
    tls_reader_check(&reader->tls);
    cluster_reader_check(&reader->cluster);
    check_options(options, reader->sources, reader->diags);
    tls_check_clients(options,
                      reader_source(reader, option_by_name("", STR_LIT("allow_non_tls")))->pos,
                      reader->diags);
}

struct options *
options_load_from(const struct flags *flags, const struct conf_host *host, struct diags *diags)
{
    struct options *options = xcalloc(1, sizeof(*options));
    struct conf_tree tree = { 0 };
    struct reader reader = {
        .options = options,
        .diags = diags,
        .auth = { .options = &options->auth, .diags = diags, .host = host, .tree = &tree },
        .tls = { .options = &options->tls, .diags = diags, .owner = TLS_OF_CLIENTS },
    };
    size_t errors = diags->errors, count;

    (void)option_rows(&count);
    reader.sources = xcalloc(count, sizeof(*reader.sources));
    cluster_reader_init(&reader.cluster, options, host, &tree, diags);
    load(&reader, &tree, flags, host);
    auth_reader_release(&reader.auth);
    cluster_reader_release(&reader.cluster);
    conf_tree_release(&tree);
    free(reader.sources);
    if (diags->errors == errors)
        return options;
    options_free(options);
    return NULL;
}

struct options *
options_load(const struct flags *flags, struct diags *diags)
{
    return options_load_from(flags, &os_host, diags);
}

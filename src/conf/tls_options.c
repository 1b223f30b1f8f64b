/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tls_options.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "conf/option_table.h"
#include "conf/option_value.h"

#define FIRST_WAIT_NS (50 * CLOCK_NS_PER_MS)

void
tls_options_init(struct tls_options *options)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    *options = (struct tls_options) { .handshake_first_ns = FIRST_WAIT_NS };
    for (size_t i = 0; i < count; i++)
        if (rows[i].in_tls)
            option_set_default(options, &rows[i]);
}

void
tls_pair_release(struct tls_pair *pair)
{
    free(pair->cert_file);
    free(pair->key_file);
    free(pair->cert_at);
    free(pair->key_at);
    *pair = (struct tls_pair) { 0 };
}

static void
release_names(struct tls_name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void
tls_options_release(struct tls_options *options)
{
    for (size_t i = 0; i < options->pair_count; i++)
        tls_pair_release(&options->pairs[i]);
    free(options->pairs);
    free(options->ca_file);
    release_names(&options->ciphers);
    release_names(&options->curves);
    free(options->pins);
    for (size_t field = 0; field < TLS_FIELD_COUNT; field++)
        free(options->at[field]);
    *options = (struct tls_options) { 0 };
}

const char *
tls_options_at(const struct tls_options *options, enum tls_field field, size_t pair)
{
    const char *at = options->at[field];

    assert(field < TLS_FIELD_COUNT);
    if (field == TLS_FIELD_CERT_FILE && pair < options->pair_count)
        at = options->pairs[pair].cert_at;
    else if (field == TLS_FIELD_KEY_FILE && pair < options->pair_count)
        at = options->pairs[pair].key_at;
    return at != NULL ? at : options->at[TLS_FIELD_BLOCK];
}

/* With its length, so that no text can look like two others. */
static void
put_text(const char *text, struct buf *out)
{
    buf_printf(out, " %zu:%s", text == NULL ? 0 : strlen(text), text == NULL ? "" : text);
}

static void
put_names(const char *title, const struct tls_name_list *list, struct buf *out)
{
    buf_printf(out, " %s", title);
    for (size_t i = 0; i < list->count; i++)
        put_text(list->items[i], out);
}

void
tls_options_format(const struct tls_options *options, struct buf *out)
{
    if (!options->enabled)
        return;
    buf_append_str(out, "certs");
    for (size_t i = 0; i < options->pair_count; i++) {
        put_text(options->pairs[i].cert_file, out);
        put_text(options->pairs[i].key_file, out);
    }
    buf_append_str(out, " ca");
    put_text(options->ca_file, out);
    buf_printf(out, " verify %d %d %d %d", options->verify, options->verify_and_map,
               options->verify_and_check, options->insecure);
    put_names("ciphers", &options->ciphers, out);
    put_names("curves", &options->curves, out);
    buf_printf(out, " allow %d version %d pins ", options->allow_insecure_ciphers,
               (int)options->min_version);
    for (size_t i = 0; i < options->pin_count * TLS_PIN_LEN; i++)
        buf_printf(out, "%02x", options->pins[i / TLS_PIN_LEN][i % TLS_PIN_LEN]);
    buf_printf(out, " timeout %" PRId64 " first %d %" PRId64 " rate %" PRId64, options->timeout_ns,
               (int)options->handshake_first, options->handshake_first_ns,
               options->connection_rate_limit);
}

bool
tls_options_equal(const struct tls_options *a, const struct tls_options *b)
{
    struct buf one = BUF_INIT, other = BUF_INIT;
    bool equal;

    tls_options_format(a, &one);
    tls_options_format(b, &other);
    equal = one.len == other.len && strcmp(buf_cstr(&one), buf_cstr(&other)) == 0;
    buf_release(&one);
    buf_release(&other);
    return equal;
}

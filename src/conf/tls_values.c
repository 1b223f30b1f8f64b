/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tls_values.h"

#include "base/clock.h"
#include "base/mem.h"
#include "conf/auth_fields.h"
#include "conf/duration.h"

#define FIRST_WAIT_MAX_NS (3600 * CLOCK_NS_PER_S)

/* What a diagnostic shows of a value. */
static struct str
shown(const struct conf_value *value)
{
    if (value->via_variable)
        return STR_LIT("(of a variable)");
    if (value->text.data == NULL)
        return str_of(conf_type_name(value->type));
    return (struct str) { value->text.data, (size_t)auth_shown_len(value->text) };
}

const struct conf_value *
tls_first_item(const struct conf_entry *entry, struct diags *diags)
{
    const struct conf_value *value = entry->value;
    int len = (int)entry->key.len;

    if (auth_value_is_lost(value))
        return NULL;
    if (value->type != CONF_ARRAY)
        diag_error(diags, entry->pos, "\"%.*s\" wants an array, not %s", len, entry->key.data,
                   conf_type_name(value->type));
    else if (value->items == NULL)
        diag_error(diags, entry->pos, "error parsing tls config, '%.*s' cannot be empty", len,
                   entry->key.data);
    else
        return value->items;
    return NULL;
}

void
tls_read_names(const struct conf_entry *entry, struct tls_name_list *list, const char *noun,
               bool (*is_known)(struct str name), struct diags *diags)
{
    const struct conf_value *item = tls_first_item(entry, diags);

    for (; item != NULL; item = item->next) {
        struct str name = auth_value_word(item), seen = shown(item);

        if (auth_value_is_lost(item))
            continue;
        if (name.data == NULL || !is_known(name)) {
            diag_error(diags, item->pos, "unrecognized %s %.*s; nats-server --help_tls lists them",
                       noun, (int)seen.len, seen.data);
        } else {
            list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
            list->items[list->count++] = xmemdup0(name.data, name.len);
        }
    }
}

/* Exactly TLS_PIN_LEN bytes in hexadecimal, upper or lower case. */
static bool
decode_pin(struct str text, unsigned char out[TLS_PIN_LEN])
{
    if (text.len != (size_t)TLS_PIN_LEN * 2)
        return false;
    for (size_t i = 0; i < TLS_PIN_LEN; i++) {
        int high = str_hex_digit(text.data[2 * i]), low = str_hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void
tls_read_pins(const struct conf_entry *entry, struct tls_options *options, struct diags *diags)
{
    const struct conf_value *item = tls_first_item(entry, diags);

    for (; item != NULL; item = item->next) {
        struct str seen = shown(item);
        unsigned char pin[TLS_PIN_LEN];

        if (auth_value_is_lost(item))
            continue;
        if (!decode_pin(item->text, pin)) {
            diag_error(diags, item->pos,
                       "error parsing tls config, 'pinned_certs' key %.*s does not look like "
                       "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo",
                       (int)seen.len, seen.data);
            continue;
        }
        options->pins = xrealloc(options->pins, (options->pin_count + 1) * sizeof(pin));
        memcpy(options->pins[options->pin_count++], pin, sizeof(pin));
    }
}

void
tls_read_version(const struct conf_entry *entry, struct tls_options *options, struct diags *diags)
{
    static const char head[] = "error parsing tls config:";
    struct str text, seen;

    if (!auth_field_text(entry, &text, diags))
        return;
    seen = shown(entry->value);
    if (str_eq(text, STR_LIT("1.2")))
        options->min_version = TLS_MIN_1_2;
    else if (str_eq(text, STR_LIT("1.3")))
        options->min_version = TLS_MIN_1_3;
    else if (str_eq(text, STR_LIT("1.0")) || str_eq(text, STR_LIT("1.1")))
        diag_error(diags, entry->pos, "%s unsupported TLS version: TLS %.*s; \"1.2\" or \"1.3\"",
                   head, (int)seen.len, seen.data);
    else
        diag_error(diags, entry->pos, "%s unknown version: %.*s; \"1.2\" or \"1.3\"", head,
                   (int)seen.len, seen.data);
}

/* true, auto, or how long to wait for a client to begin. */
static bool
parse_first(const struct conf_value *value, struct tls_options *options)
{
    static const struct {
        struct str word;
        enum tls_first first;
    } words[] = {
        { STR_LIT("true"), TLS_FIRST_ON },   { STR_LIT("on"), TLS_FIRST_ON },
        { STR_LIT("false"), TLS_FIRST_OFF }, { STR_LIT("off"), TLS_FIRST_OFF },
        { STR_LIT("auto"), TLS_FIRST_AUTO }, { STR_LIT("auto_fallback"), TLS_FIRST_AUTO },
    };
    int64_t ns;

    if (value->type == CONF_BOOL) {
        options->handshake_first = value->boolean ? TLS_FIRST_ON : TLS_FIRST_OFF;
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(value->text, words[i].word)) {
            options->handshake_first = words[i].first;
            return true;
        }
    }
    if (!duration_parse(value->text, &ns) || ns < 0 || ns > FIRST_WAIT_MAX_NS)
        return false;
    options->handshake_first = ns == 0 ? TLS_FIRST_ON : TLS_FIRST_AUTO;
    options->handshake_first_ns = ns == 0 ? options->handshake_first_ns : ns;
    return true;
}

void
tls_read_first(const struct conf_entry *entry, struct tls_options *options, struct diags *diags)
{
    const struct conf_value *value = entry->value;
    struct str seen = shown(value);
    int len = (int)entry->key.len;

    if (auth_value_is_lost(value))
        return;
    if (value->type != CONF_BOOL && value->type != CONF_STRING)
        diag_error(diags, entry->pos, "field \"%.*s\" should be a boolean or a string, got %s", len,
                   entry->key.data, conf_type_name(value->type));
    else if (!parse_first(value, options))
        diag_error(diags, entry->pos,
                   "field \"%.*s\"'s value \"%.*s\" is invalid: true, false, auto or a duration "
                   "of at most an hour",
                   len, entry->key.data, (int)seen.len, seen.data);
}

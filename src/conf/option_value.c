/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/option_value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/duration.h"

#define SHOWN_MAX 64 /* bytes of a wrong value in a diagnostic */

static int
shown_len(struct str text)
{
    return (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
}

static char **
string_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_STRING);
    return (char **)(void *)((char *)base + row->offset);
}

static int64_t *
int_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_INT || row->type == OPTION_DURATION || row->type == OPTION_SECONDS);
    return (int64_t *)(void *)((char *)base + row->offset);
}

static bool *
bool_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_BOOL);
    return (bool *)(void *)((char *)base + row->offset);
}

static struct tls_options *
tls_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_TLS);
    return (struct tls_options *)(void *)((char *)base + row->offset);
}

static struct cluster_options *
routes_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_ROUTES);
    return (struct cluster_options *)(void *)((char *)base + row->offset);
}

static struct permissions_options **
permissions_field(void *base, const struct option_row *row)
{
    assert(row->type == OPTION_PERMISSIONS);
    return (struct permissions_options **)(void *)((char *)base + row->offset);
}

static const char *
get_string(const void *base, const struct option_row *row)
{
    return *string_field((void *)(uintptr_t)base, row);
}

static int64_t
get_int(const void *base, const struct option_row *row)
{
    return *int_field((void *)(uintptr_t)base, row);
}

static bool
get_bool(const void *base, const struct option_row *row)
{
    return *bool_field((void *)(uintptr_t)base, row);
}

static const struct tls_options *
get_tls(const void *base, const struct option_row *row)
{
    return tls_field((void *)(uintptr_t)base, row);
}

static const struct auth_options *
get_auth(const void *base, const struct option_row *row)
{
    assert(row->type == OPTION_AUTH && row->kinds != 0);
    return (const struct auth_options *)(const void *)((const char *)base + row->offset);
}

static const struct cluster_options *
get_routes(const void *base, const struct option_row *row)
{
    return routes_field((void *)(uintptr_t)base, row);
}

static const struct permissions_options *
get_permissions(const void *base, const struct option_row *row)
{
    return *permissions_field((void *)(uintptr_t)base, row);
}

/* What is set and where it was said: what a diagnostic needs. */
struct target {
    const struct option_row *row;
    struct str name; /* as it was written */
    struct conf_pos pos;
    struct diags *diags;
    const struct conf_entry *entry; /* NULL: a flag */
};

static bool
may_show(const struct target *target)
{
    return !target->row->secret && (target->entry == NULL || (!target->entry->hidden &&
                                                              !target->entry->value->via_variable));
}

static bool
mismatch(const struct target *target, const char *wanted)
{
    const struct conf_value *value = target->entry->value;
    int name_len = (int)target->name.len;

    if (value->text.data != NULL && may_show(target))
        diag_error(target->diags, target->pos, "\"%.*s\" wants %s, not %s\"%.*s\"", name_len,
                   target->name.data, wanted, value->quoted ? "the quoted " : "",
                   shown_len(value->text), value->text.data);
    else
        diag_error(target->diags, target->pos, "\"%.*s\" wants %s, not %s", name_len,
                   target->name.data, wanted, conf_type_name(value->type));
    return false;
}

static bool
set_string(void *base, const struct target *target, struct str text)
{
    char **field = string_field(base, target->row);

    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        diag_error(target->diags, target->pos, "\"%.*s\" holds a NUL byte", (int)target->name.len,
                   target->name.data);
        return false;
    }
    mem_wipe_free(field);
    if (text.len > 0)
        *field = xmemdup0(text.data, text.len);
    else if (target->row->initial != NULL)
        *field = xstrdup(target->row->initial);
    return true;
}

static const char *
number_text(const struct option_row *row, int64_t number, char out[DURATION_TEXT_MAX])
{
    if (row->type != OPTION_INT)
        return duration_format(number, out);
    (void)snprintf(out, DURATION_TEXT_MAX, "%" PRId64, number);
    return out;
}

static bool
set_int(void *base, const struct target *target, int64_t number)
{
    const struct option_row *row = target->row;
    bool bounded = row->min != 0 || row->max != 0;
    char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX], seen[DURATION_TEXT_MAX];

    if (bounded && (number < row->min || number > row->max) &&
        !(number == 0 && row->zero_is_default)) {
        diag_error(target->diags, target->pos, "\"%.*s\" must be %s%s%s%s, not %s",
                   (int)target->name.len, target->name.data,
                   row->max == INT64_MAX ? "at least " : "from ", number_text(row, row->min, min),
                   row->max == INT64_MAX ? "" : " to ",
                   row->max == INT64_MAX ? "" : number_text(row, row->max, max),
                   may_show(target) ? number_text(row, number, seen) : "this value");
        return false;
    }
    *int_field(base, row) = number;
    return true;
}

static bool
out_of_range(const struct target *target)
{
    struct str text = target->entry->value->text;

    diag_error(target->diags, target->pos, "integer '%.*s' is out of the range",
               may_show(target) ? shown_len(text) : 0, text.data);
    return false;
}

/* A plain number: seconds. Behind a suffix (2m is 2,000,000) lies a mistake. */
static bool
set_seconds(void *base, const struct target *target)
{
    const struct conf_value *value = target->entry->value;
    int len = (int)target->name.len;
    int64_t ns;

    if (isalpha((unsigned char)value->text.data[value->text.len - 1]))
        return mismatch(target, "a duration, in quotes");
    if (__builtin_mul_overflow(value->integer, CLOCK_NS_PER_S, &ns))
        return out_of_range(target);
    if (target->row->type == OPTION_DURATION)
        diag_warning(target->diags, target->pos,
                     "invalid use of field \"%.*s\": %.*s should be converted to a duration, such "
                     "as \"%" PRId64 "s\"",
                     len, target->name.data, len, target->name.data,
                     target->entry->value->via_variable ? 30 : value->integer);
    return set_int(base, target, ns);
}

static bool
set_duration(void *base, const struct target *target)
{
    const struct conf_value *value = target->entry->value;
    bool seconds = target->row->type == OPTION_SECONDS;
    int64_t ns;

    if (value->type == CONF_INT)
        return value->overflow ? out_of_range(target) : set_seconds(base, target);
    if (value->type == CONF_FLOAT && seconds && value->real > -1e9 && value->real < 1e9)
        return set_int(base, target, (int64_t)(value->real * (double)CLOCK_NS_PER_S));
    if (value->type == CONF_STRING && duration_parse(value->text, &ns))
        return set_int(base, target, ns);
    return mismatch(target, seconds ? "a number of seconds or a duration such as \"2s\""
                                    : "a duration such as \"30s\" or \"2m\"");
}

/* "host:port", "[v6]:port", ":port" or "port" */
static bool
split_listen(struct str text, struct str *host, int64_t *port)
{
    const char *colon = memrchr(text.data, ':', text.len);
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text.data);
    struct str digits = { text.data + host_len + (colon != NULL),
                          text.len - host_len - (colon != NULL) };
    bool overflow = false;

    *host = (struct str) { text.data, host_len };
    if (host->len >= 2 && host->data[0] == '[' && host->data[host->len - 1] == ']')
        *host = (struct str) { host->data + 1, host->len - 2 };
    else if (memchr(host->data, ':', host->len) != NULL)
        return false; /* IPv6 needs its brackets */
    return digits.len > 0 && !isalpha((unsigned char)digits.data[digits.len - 1]) &&
           conf_parse_int(digits, port, &overflow) && !overflow;
}

static bool
set_listen(void *base, const struct target *target)
{
    const struct conf_value *value = target->entry->value;
    struct target host_target = *target, port_target = *target;
    struct str host;
    int64_t port;

    if (value->text.len == 0 || !split_listen(value->text, &host, &port))
        return mismatch(target, "\"host:port\" or a port");
    host_target.row = option_by_name(target->row->section, STR_LIT("host"));
    port_target.row = option_by_name(target->row->section, STR_LIT("port"));
    return set_int(base, &port_target, port) &&
           (host.len == 0 || set_string(base, &host_target, host));
}

bool
option_set_value(void *base, const struct option_row *row, const struct conf_entry *entry,
                 struct diags *diags)
{
    const struct conf_value *value = entry->value;
    struct target target = { row, entry->key, entry->pos, diags, entry };

    if (value->type == CONF_BAD && (value->problem == NULL || row->type != OPTION_STRING)) {
        if (value->problem != NULL && value->origin.file == NULL)
            diag_error(diags, entry->pos, "%s", value->problem);
        else if (value->problem != NULL)
            diag_error(diags, entry->pos, "Parse error on line %u: '%s'", value->origin.line,
                       value->problem);
        return false;
    }
    switch (row->type) {
    case OPTION_STRING:
        return value->text.data == NULL ? mismatch(&target, "a string")
                                        : set_string(base, &target, value->text);
    case OPTION_INT:
        if (value->type != CONF_INT)
            return mismatch(&target, "a whole number");
        return value->overflow ? out_of_range(&target) : set_int(base, &target, value->integer);
    case OPTION_BOOL:
        if (value->type != CONF_BOOL)
            return mismatch(&target, "true or false");
        *bool_field(base, row) = value->boolean;
        return true;
    case OPTION_DURATION:
    case OPTION_SECONDS:
        return set_duration(base, &target);
    case OPTION_LISTEN:
        return set_listen(base, &target);
    case OPTION_SECTION:
        return value->type == CONF_MAP || mismatch(&target, "a map: { ... }");
    case OPTION_AUTH:
    case OPTION_TLS:
    case OPTION_TLS_PART:
    case OPTION_ROUTES:
    case OPTION_PERMISSIONS:
    case OPTION_ACCOUNTS:
    case OPTION_COMPRESSION:
    case OPTION_ACTION:
    case OPTION_UNSUPPORTED:
        break;
    }
    assert(false && "a row that a file cannot set");
    return false;
}

/* Go's ParseInt with base 0: 0x10 is 16, 010 is 8. */
static const char *
parse_flag_int(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    if (!isdigit((unsigned char)*digits))
        return "parse error";
    errno = 0;
    *out = strtoll(text, &end, 0);
    if (*end != '\0')
        return "parse error";
    return errno == ERANGE ? "value out of range" : NULL;
}

/* Go's ParseBool. */
static const char *
parse_flag_bool(const char *text, bool *out)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        *out = strcmp(text, yes[i]) == 0;
        if (*out || strcmp(text, no[i]) == 0)
            return NULL;
    }
    return "parse error";
}

const char *
option_refuses(const struct option_row *row, const char *text)
{
    int64_t number;
    bool value;

    if (row->arg == NULL)
        return parse_flag_bool(text, &value);
    return row->type == OPTION_INT ? parse_flag_int(text, &number) : NULL;
}

bool
option_set_flag(void *base, const struct option_row *row, const char *text, struct conf_pos pos,
                struct diags *diags)
{
    struct target target = { row, option_name(row), pos, diags, NULL };
    int64_t number;

    switch (row->type) {
    case OPTION_STRING:
        return set_string(base, &target, str_of(text));
    case OPTION_INT:
        return parse_flag_int(text, &number) == NULL && set_int(base, &target, number);
    case OPTION_BOOL:
        return parse_flag_bool(text, bool_field(base, row)) == NULL;
    default:
        assert(false && "a row that a flag cannot set");
        return false;
    }
}

void
option_set_default(void *base, const struct option_row *row)
{
    struct str text = str_of(row->initial);
    bool overflow = false, ok = true;

    if (row->type == OPTION_TLS)
        tls_options_init(tls_field(base, row));
    if (row->initial == NULL)
        return;
    if (row->type == OPTION_STRING) {
        mem_wipe_free(string_field(base, row));
        *string_field(base, row) = xstrdup(row->initial);
    } else if (row->type == OPTION_BOOL)
        ok = conf_parse_bool(text, bool_field(base, row));
    else if (row->type == OPTION_INT)
        ok = conf_parse_int(text, int_field(base, row), &overflow);
    else
        ok = duration_parse(text, int_field(base, row));
    assert(ok && !overflow);
}

bool
option_is_zero(const void *base, const struct option_row *row)
{
    return get_int(base, row) == 0;
}

bool
option_equal(const struct options *a, const struct options *b, const struct option_row *row)
{
    switch (row->type) {
    case OPTION_STRING:
        return str_eq(str_of(get_string(a, row)), str_of(get_string(b, row)));
    case OPTION_BOOL:
        return get_bool(a, row) == get_bool(b, row);
    case OPTION_AUTH:
        return auth_options_equal_kinds(get_auth(a, row), get_auth(b, row), row->kinds);
    case OPTION_TLS:
        return tls_options_equal(get_tls(a, row), get_tls(b, row));
    case OPTION_ROUTES:
        return cluster_routes_equal(get_routes(a, row), get_routes(b, row));
    case OPTION_PERMISSIONS:
        return permissions_options_equal(get_permissions(a, row), get_permissions(b, row));
    default:
        return get_int(a, row) == get_int(b, row);
    }
}

void
option_format(const struct options *options, const struct option_row *row, struct buf *out)
{
    char number[DURATION_TEXT_MAX];
    const char *text;

    switch (row->type) {
    case OPTION_STRING:
        text = get_string(options, row);
        if (text != NULL)
            buf_append_str(out, text);
        break;
    case OPTION_BOOL:
        buf_append_str(out, get_bool(options, row) ? "true" : "false");
        break;
    case OPTION_AUTH:
        auth_options_format(get_auth(options, row), row->kinds, out);
        break;
    case OPTION_TLS:
        tls_options_format(get_tls(options, row), out);
        break;
    case OPTION_ROUTES:
        cluster_routes_format(get_routes(options, row), out);
        break;
    case OPTION_PERMISSIONS:
        permissions_options_format(get_permissions(options, row), out);
        break;
    default:
        buf_append_str(out, number_text(row, get_int(options, row), number));
        break;
    }
}

void
option_release(struct options *options, const struct option_row *row)
{
    if (row->type == OPTION_STRING)
        mem_wipe_free(string_field(options, row));
    if (row->type == OPTION_TLS)
        tls_options_release(tls_field(options, row));
}

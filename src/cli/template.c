/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar is one call per pair of braces: a name with two numbers at most, or one quoted
 * text. A table maps names to functions that append their value.
 */
#include "cli/template.h"

#include <ctype.h>
#include <time.h>

#include "base/clock.h"

#define RANDOM_MAX (64ULL * 1024 * 1024) /* bytes of one {{Random}}: above any max_payload */

struct call {
    const struct template_values *values;
    uint64_t numbers[2];
    size_t number_count;
};

/* ---- functions ---- */

static bool
append_letters(struct buf *out, struct random *random, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool ok = buf_reserve(out, len);

    for (size_t i = 0; ok && i < len; i++)
        ok = buf_append_char(out, letters[random_below(random, sizeof(letters) - 1)]);
    return ok;
}

static bool
local_time(const struct call *call, struct tm *tm)
{
    time_t now = (time_t)(call->values->now_ns / CLOCK_NS_PER_S);

    return localtime_r(&now, tm) != NULL;
}

static bool
call_count(struct buf *out, const struct call *call)
{
    return buf_printf(out, "%lld", (long long)call->values->count);
}

static bool
call_unix(struct buf *out, const struct call *call)
{
    return buf_printf(out, "%lld", (long long)(call->values->now_ns / CLOCK_NS_PER_S));
}

static bool
call_unix_nano(struct buf *out, const struct call *call)
{
    return buf_printf(out, "%lld", (long long)call->values->now_ns);
}

static bool
call_time(struct buf *out, const struct call *call)
{
    char text[16];
    struct tm tm;

    if (!local_time(call, &tm) || strftime(text, sizeof(text), "%I:%M%p", &tm) == 0)
        return false;
    return buf_append_str(out, text + (text[0] == '0'));
}

/* RFC 3339: strftime writes +0100 where +01:00 is wanted, and UTC is Z. */
static bool
call_timestamp(struct buf *out, const struct call *call)
{
    char text[32], zone[8];
    struct tm tm;

    if (!local_time(call, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0 ||
        strftime(zone, sizeof(zone), "%z", &tm) != 5)
        return false;
    if (strcmp(zone, "+0000") == 0)
        return buf_printf(out, "%sZ", text);
    return buf_printf(out, "%s%.3s:%s", text, zone, zone + 3);
}

static bool
call_id(struct buf *out, const struct call *call)
{
    return append_letters(out, call->values->random, 22);
}

static bool
call_uuid(struct buf *out, const struct call *call)
{
    uint64_t a = random_next(call->values->random), b = random_next(call->values->random);

    return buf_printf(out, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                      (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
                      (unsigned)(b >> 48 & 0x3fff) | 0x8000u,
                      (unsigned long long)(b & 0xffffffffffffULL));
}

static bool
call_random(struct buf *out, const struct call *call)
{
    uint64_t low = call->numbers[0], high = call->numbers[1];
    uint32_t spread;

    if (low > high) {
        low = call->numbers[1];
        high = call->numbers[0];
    }
    spread = (uint32_t)(high - low);
    return append_letters(out, call->values->random,
                          low + (spread == 0 ? 0 : random_below(call->values->random, spread)));
}

static const struct {
    const char *name;
    size_t numbers;
    bool (*append)(struct buf *out, const struct call *call);
} functions[] = {
    { "Count", 0, call_count },   { "Cnt", 0, call_count },
    { "Unix", 0, call_unix },     { "UnixNano", 0, call_unix_nano },
    { "Time", 0, call_time },     { "TimeStamp", 0, call_timestamp },
    { "ID", 0, call_id },         { "UUID", 0, call_uuid },
    { "Random", 2, call_random },
};

/* ---- one {{action}} ---- */

static struct str
take_word(struct str *rest)
{
    struct str word;
    size_t start = 0, end;

    while (start < rest->len && isspace((unsigned char)rest->data[start]))
        start++;
    end = start;
    while (end < rest->len && !isspace((unsigned char)rest->data[end]))
        end++;
    word = (struct str) { rest->data + start, end - start };
    *rest = (struct str) { rest->data + end, rest->len - end };
    return word;
}

static enum err
append_call(struct buf *out, struct str name, struct call *call, struct errmsg *why)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!str_eq(name, str_of(functions[i].name)))
            continue;
        if (functions[i].numbers != call->number_count)
            return err_set(why, ERR_INVALID, "wrong number of arguments for %s", functions[i].name);
        if (!functions[i].append(out, call))
            return err_set(why, ERR_NOMEM, "out of memory in %s", functions[i].name);
        return ERR_OK;
    }
    return err_set(why, ERR_NOTFOUND, "function \"%.*s\" not defined", (int)name.len, name.data);
}

static enum err
append_action(struct buf *out, struct str action, const struct template_values *values,
              struct errmsg *why)
{
    struct str rest = action, name = take_word(&rest), word;
    struct call call = { .values = values };

    if (name.len >= 2 && name.data[0] == '"' && name.data[name.len - 1] == '"') {
        if (!buf_append(out, name.data + 1, name.len - 2))
            return err_set(why, ERR_NOMEM, "out of memory");
        return ERR_OK;
    }
    if (name.len > 0 && name.data[0] == '.')
        name = (struct str) { name.data + 1, name.len - 1 };
    while ((word = take_word(&rest)).len > 0) {
        if (call.number_count == 2 ||
            !str_to_u64(word, RANDOM_MAX, &call.numbers[call.number_count++]))
            return err_set(why, ERR_INVALID, "invalid argument \"%.*s\"", (int)word.len, word.data);
    }
    return append_call(out, name, &call, why);
}

/* ---- the text around the actions ---- */

static size_t
find(struct str text, const char *mark, size_t start)
{
    const char *at = memmem(text.data + start, text.len - start, mark, 2);

    return at == NULL ? text.len : (size_t)(at - text.data);
}

static void
drop_blanks(struct buf *out, size_t floor)
{
    while (out->len > floor && isspace((unsigned char)out->data[out->len - 1]))
        out->len--;
}

/* Renders the action that starts at *at, behind "{{", and moves *at behind it. */
static enum err
render_action(struct buf *out, size_t floor, struct str text, size_t *at,
              const struct template_values *values, struct errmsg *why)
{
    size_t start = *at, end = find(text, "}}", *at);
    bool trim_right;
    enum err err;

    if (end == text.len)
        return err_set(why, ERR_INVALID, "unclosed action");
    *at = end + 2;
    if (text.data[start] == '-' && start + 1 < end &&
        isspace((unsigned char)text.data[start + 1])) {
        drop_blanks(out, floor);
        start++;
    }
    trim_right = end > start + 1 && text.data[end - 1] == '-';
    err = append_action(out, (struct str) { text.data + start, end - trim_right - start }, values,
                        why);
    while (trim_right && *at < text.len && isspace((unsigned char)text.data[*at]))
        ++*at;
    return err;
}

enum err
template_render(struct buf *out, struct str text, const struct template_values *values,
                struct errmsg *why)
{
    size_t floor = out->len, at = 0;
    enum err err = ERR_OK;

    while (err == ERR_OK && at < text.len) {
        size_t open = find(text, "{{", at);

        if (!buf_append(out, text.data + at, open - at))
            err = err_set(why, ERR_NOMEM, "out of memory");
        at = open;
        if (err == ERR_OK && at < text.len) {
            at += 2;
            err = render_action(out, floor, text, &at, values, why);
        }
    }
    if (err != ERR_OK)
        out->len = floor;
    return err;
}

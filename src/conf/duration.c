/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/duration.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

static const struct unit {
    struct str name;
    int64_t ns;
} units[] = {
    /* the longer name first where one begins the other */
    { { "ns", 2 }, 1 },
    { { "us", 2 }, 1000 },
    { { "\xc2\xb5s", 3 }, 1000 }, /* U+00B5 micro sign */
    { { "\xce\xbcs", 3 }, 1000 }, /* U+03BC Greek mu */
    { { "ms", 2 }, CLOCK_NS_PER_MS },
    { { "s", 1 }, CLOCK_NS_PER_S },
    { { "m", 1 }, 60 * CLOCK_NS_PER_S },
    { { "h", 1 }, 3600 * CLOCK_NS_PER_S },
};

static void
advance(struct str *text, size_t count)
{
    text->data += count;
    text->len -= count;
}

static int64_t
take_unit(struct str *text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (str_starts(*text, units[i].name)) {
            advance(text, units[i].name.len);
            return units[i].ns;
        }
    }
    return 0;
}

static size_t
count_digits(struct str text)
{
    size_t count = 0;

    while (count < text.len && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

/* The fraction's share of unit, in ns. Digits past the 15th weigh less than 1 ns. */
static int64_t
fraction_of(struct str digits, int64_t unit)
{
    double value = 0, scale = 1;

    for (size_t i = 0; i < digits.len && i < 15; i++) {
        value = value * 10 + (digits.data[i] - '0');
        scale *= 10;
    }
    return (int64_t)(value * ((double)unit / scale));
}

/* One "NUMBER UNIT"; adds to *total_ns. */
static bool
take_part(struct str *text, int64_t *total_ns)
{
    struct str whole = { text->data, count_digits(*text) }, fraction = STR_NULL;
    uint64_t number = 0;
    int64_t unit, ns;

    advance(text, whole.len);
    if (text->len > 0 && text->data[0] == '.') {
        advance(text, 1);
        fraction = (struct str) { text->data, count_digits(*text) };
        advance(text, fraction.len);
    }
    if (whole.len + fraction.len == 0)
        return false;
    if (whole.len > 0 && !str_to_u64(whole, INT64_MAX, &number))
        return false;
    unit = take_unit(text);
    if (unit == 0 || __builtin_mul_overflow((int64_t)number, unit, &ns))
        return false;
    return !__builtin_add_overflow(ns, fraction_of(fraction, unit), &ns) &&
           !__builtin_add_overflow(*total_ns, ns, total_ns);
}

bool
duration_parse(struct str text, int64_t *out_ns)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    int64_t total_ns = 0;

    if (text.len > 0 && (negative || text.data[0] == '+'))
        advance(&text, 1);
    if (text.len == 0)
        return false;
    if (!str_eq(text, STR_LIT("0"))) {
        while (text.len > 0)
            if (!take_part(&text, &total_ns))
                return false;
    }
    *out_ns = negative ? -total_ns : total_ns;
    return true;
}

/* value / scale with up to digits decimals, trailing zeros dropped. */
static int
put_decimal(char *out, size_t room, uint64_t value, uint64_t scale, int digits, const char *unit)
{
    char fraction[24];
    int len = snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, digits, value % scale);

    while (len > 0 && (fraction[len - 1] == '0' || fraction[len - 1] == '.'))
        len--;
    return snprintf(out, room, "%" PRIu64 "%.*s%s", value / scale, len, fraction, unit);
}

const char *
duration_format(int64_t ns, char out[DURATION_TEXT_MAX])
{
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t minutes = left / (60ULL * CLOCK_NS_PER_S);
    size_t room = DURATION_TEXT_MAX;
    char *at = out;

    if (ns < 0) {
        *at++ = '-';
        room--;
    }
    if (left == 0) {
        (void)snprintf(at, room, "0s");
    } else if (left < 1000) {
        (void)snprintf(at, room, "%" PRIu64 "ns", left);
    } else if (left < 1000000) {
        (void)put_decimal(at, room, left, 1000, 3, "\xc2\xb5s");
    } else if (left < (uint64_t)CLOCK_NS_PER_S) {
        (void)put_decimal(at, room, left, 1000000, 6, "ms");
    } else {
        int used = 0;

        if (minutes >= 60)
            used = snprintf(at, room, "%" PRIu64 "h%" PRIu64 "m", minutes / 60, minutes % 60);
        else if (minutes > 0)
            used = snprintf(at, room, "%" PRIu64 "m", minutes);
        (void)put_decimal(at + used, room - (size_t)used, left % (60ULL * CLOCK_NS_PER_S),
                          (uint64_t)CLOCK_NS_PER_S, 9, "s");
    }
    return out;
}

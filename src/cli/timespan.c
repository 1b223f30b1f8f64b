/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/timespan.h"

#include <stdio.h>
#include <string.h>

#define US 1000LL
#define MS (1000 * US)
#define S  (1000 * MS)
#define M  (60 * S)
#define H  (60 * M)
#define D  (24 * H)

/* Longer names first where one begins with another. */
static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    { "ns", 1 },    { "us", US },   { "\xc2\xb5s", US }, { "\xce\xbcs", US }, { "ms", MS },
    { "s", S },     { "m", M },     { "h", H },          { "d", D },          { "D", D },
    { "w", 7 * D }, { "W", 7 * D }, { "M", 30 * D },     { "y", 365 * D },    { "Y", 365 * D },
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits[.digits]: the whole part and the fraction as numerator over scale. */
static bool
read_number(const char **text, int64_t *whole, int64_t *fraction, int64_t *scale)
{
    const char *at = *text;
    size_t digits = 0;

    *whole = *fraction = 0;
    *scale = 1;
    for (; is_digit(*at); at++, digits++) {
        if (__builtin_mul_overflow(*whole, 10, whole) ||
            __builtin_add_overflow(*whole, *at - '0', whole))
            return false;
    }
    if (*at == '.') {
        for (at++; is_digit(*at); at++, digits++) {
            if (*scale > S) /* finer than a nanosecond of the largest unit that matters */
                continue;
            *fraction = *fraction * 10 + (*at - '0');
            *scale *= 10;
        }
    }
    *text = at;
    return digits > 0;
}

static int64_t
read_unit(const char **text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t len = strlen(units[i].name);
        char next;

        if (strncmp(*text, units[i].name, len) != 0)
            continue;
        next = (*text)[len];
        if (next == '\0' || next == '.' || is_digit(next)) {
            *text += len;
            return units[i].ns;
        }
    }
    return 0;
}

/* number * unit without overflow; the fraction is cut to whole nanoseconds. */
static bool
scale_part(int64_t whole, int64_t fraction, int64_t scale, int64_t unit, int64_t *out)
{
    double part = (double)fraction / (double)scale * (double)unit;

    return !__builtin_mul_overflow(whole, unit, out) &&
           !__builtin_add_overflow(*out, (int64_t)(part + 0.5), out);
}

bool
timespan_parse(const char *text, int64_t *out_ns)
{
    bool negative = *text == '-';
    int64_t total = 0;

    text += *text == '-' || *text == '+';
    if (strcmp(text, "0") == 0) {
        *out_ns = 0;
        return true;
    }
    do {
        int64_t whole, fraction, scale, unit, part;

        if (!read_number(&text, &whole, &fraction, &scale))
            return false;
        unit = read_unit(&text);
        if (unit == 0 || !scale_part(whole, fraction, scale, unit, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    } while (*text != '\0');
    *out_ns = negative ? -total : total;
    return true;
}

/* number / unit with as many decimals as are not zero; unit is a second or a part of one. */
static void
print_decimal(char *out, size_t size, int64_t number, int64_t unit, const char *name)
{
    char fraction[24];
    size_t len = (size_t)snprintf(fraction, sizeof(fraction), ".%09lld",
                                  (long long)(number % unit * (S / unit)));

    while (fraction[len - 1] == '0')
        len--;
    fraction[fraction[len - 1] == '.' ? 0 : len] = '\0';
    (void)snprintf(out, size, "%lld%s%s", (long long)(number / unit), fraction, name);
}

void
timespan_print(char out[TIMESPAN_TEXT_MAX], int64_t ns)
{
    size_t len = 0;

    if (ns < 0) {
        out[len++] = '-';
        ns = ns == INT64_MIN ? INT64_MAX : -ns;
    }
    if (ns >= M) {
        if (ns >= H)
            len +=
                (size_t)snprintf(out + len, TIMESPAN_TEXT_MAX - len, "%lldh", (long long)(ns / H));
        len +=
            (size_t)snprintf(out + len, TIMESPAN_TEXT_MAX - len, "%lldm", (long long)(ns % H / M));
        ns %= M;
    } else if (ns < S && ns > 0) {
        int64_t unit = ns >= MS ? MS : ns >= US ? US : 1;

        print_decimal(out + len, TIMESPAN_TEXT_MAX - len, ns, unit,
                      unit == MS   ? "ms"
                      : unit == US ? "\xc2\xb5s"
                                   : "ns");
        return;
    }
    print_decimal(out + len, TIMESPAN_TEXT_MAX - len, ns, S, "s");
}

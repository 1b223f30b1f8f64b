/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t
digits_at(struct str word, size_t at)
{
    size_t count = 0;

    while (at + count < word.len && is_digit(word.data[at + count]))
        count++;
    return count;
}

static struct str
tail(struct str word, size_t from)
{
    return (struct str) { word.data + from, word.len - from };
}

const char *
conf_type_name(enum conf_type type)
{
    switch (type) {
    case CONF_STRING:
        return "a string";
    case CONF_INT:
        return "a whole number";
    case CONF_FLOAT:
        return "a number with a fraction";
    case CONF_BOOL:
        return "true or false";
    case CONF_DATE:
        return "a date";
    case CONF_MAP:
        return "a map";
    case CONF_ARRAY:
        return "an array";
    case CONF_BAD:
        break;
    }
    return "an unreadable value";
}

bool
conf_parse_bool(struct str word, bool *out)
{
    static const struct {
        struct str word;
        bool value;
    } words[] = {
        { { "true", 4 }, true },   { { "on", 2 }, true },   { { "yes", 3 }, true },
        { { "false", 5 }, false }, { { "off", 3 }, false }, { { "no", 2 }, false },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(word, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

bool
conf_is_hash_like(struct str word)
{
    size_t letter = word.len > 2 && word.data[2] >= 'a' && word.data[2] <= 'z';

    return word.len > 2 + letter && memcmp(word.data, "$2", 2) == 0 && word.data[2 + letter] == '$';
}

/* What a number's suffix multiplies by: 1 for none, 0 for what is no suffix. */
static uint64_t
suffix_factor(struct str suffix)
{
    static const char letters[] = "kmgtpe";
    uint64_t base = 1000, factor = 1;
    const char *letter;
    struct str rest;

    if (suffix.len == 0)
        return 1;
    letter = strchr(letters, suffix.data[0] | 0x20);
    if (letter == NULL || *letter == '\0')
        return 0;
    rest = tail(suffix, 1);
    if (str_eq_nocase(rest, STR_LIT("b")) || str_eq_nocase(rest, STR_LIT("i")) ||
        str_eq_nocase(rest, STR_LIT("ib")))
        base = 1024;
    else if (rest.len > 0)
        return 0;
    for (const char *step = letters; step <= letter; step++)
        factor *= base; /* at most 1024^6 = 2^60 */
    return factor;
}

bool
conf_parse_int(struct str word, int64_t *out, bool *overflow)
{
    bool negative = word.len > 0 && word.data[0] == '-';
    size_t count = digits_at(word, negative);
    uint64_t factor = count == 0 ? 0 : suffix_factor(tail(word, negative + count));
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t number;

    if (factor == 0)
        return false;
    *overflow = !str_to_u64((struct str) { word.data + negative, count }, limit / factor, &number);
    if (!*overflow)
        *out = (int64_t)(negative ? 0 - number * factor : number * factor);
    return true;
}

/* digits.digits; sets CONF_BAD where a side is missing. */
static bool
classify_float(struct str word, struct conf_value *out)
{
    size_t sign = word.len > 0 && word.data[0] == '-';
    size_t whole = digits_at(word, sign);
    size_t dot = sign + whole;
    size_t fraction;
    char text[64];

    if (dot >= word.len || word.data[dot] != '.')
        return false;
    fraction = digits_at(word, dot + 1);
    if (dot + 1 + fraction != word.len)
        return false;
    if (whole == 0 || fraction == 0) {
        out->type = CONF_BAD;
        out->problem = whole == 0 ? "Floats must start with a digit"
                                  : "Floats must have a digit after the '.'";
        return true;
    }
    if (word.len >= sizeof(text))
        return false; /* no option needs such precision: a string */
    (void)snprintf(text, sizeof(text), "%.*s", (int)word.len, word.data);
    out->type = CONF_FLOAT;
    out->real = strtod(text, NULL);
    return true;
}

/* YYYY-MM-DDThh:mm:ssZ; CONF_BAD when only the year and its dash fit. */
static bool
classify_date(struct str word, struct conf_value *out)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    size_t at = 0;

    if (digits_at(word, 0) != 4 || word.len < 5 || word.data[4] != '-')
        return false;
    while (at < word.len && at < sizeof(form) - 1 &&
           (form[at] == 'd' ? is_digit(word.data[at]) : word.data[at] == form[at]))
        at++;
    out->type = CONF_DATE;
    if (at != word.len || at != sizeof(form) - 1) {
        out->type = CONF_BAD;
        out->problem = "All ISO8601 dates must be in full Zulu form.";
    }
    return true;
}

static int
number_at(struct str digits, size_t at, size_t count)
{
    int number = 0;

    for (size_t i = at; i < at + count; i++)
        number = number * 10 + digits.data[i] - '0';
    return number;
}

bool
conf_parse_date(struct str word, int64_t *out_seconds)
{
    struct conf_value value = { .type = CONF_STRING };
    struct tm date, carried;

    if (!classify_date(word, &value) || value.type != CONF_DATE)
        return false;
    date = (struct tm) {
        .tm_year = number_at(word, 0, 4) - 1900,
        .tm_mon = number_at(word, 5, 2) - 1,
        .tm_mday = number_at(word, 8, 2),
        .tm_hour = number_at(word, 11, 2),
        .tm_min = number_at(word, 14, 2),
        .tm_sec = number_at(word, 17, 2),
    };
    carried = date;
    *out_seconds = timegm(&carried); /* carries what is too large into the next field */
    return carried.tm_mon == date.tm_mon && carried.tm_mday == date.tm_mday &&
           carried.tm_hour == date.tm_hour && carried.tm_min == date.tm_min &&
           carried.tm_sec == date.tm_sec;
}

void
conf_classify(struct str word, struct conf_value *out)
{
    if (conf_parse_bool(word, &out->boolean))
        out->type = CONF_BOOL;
    else if (conf_parse_int(word, &out->integer, &out->overflow))
        out->type = CONF_INT;
    else if (!classify_float(word, out) && !classify_date(word, out))
        out->type = CONF_STRING;
}

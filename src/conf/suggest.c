/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/suggest.h"

#include <ctype.h>

#include "conf/option_table.h"

#define WORD_MAX 32 /* bytes; no option is longer */

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool
same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance; case is ignored. Three rows of the matrix are kept. */
static size_t
distance(struct str a, struct str b)
{
    size_t cells[3][WORD_MAX + 1];
    size_t *before = cells[0], *above = cells[1], *row = cells[2], *spare;

    for (size_t j = 0; j <= b.len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            row[j] = least(above[j - 1] + !same(a.data[i - 1], b.data[j - 1]),
                           least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a.data[i - 1], b.data[j - 2]) &&
                same(a.data[i - 2], b.data[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.len];
}

struct str
suggest_option(const char *section, struct str word)
{
    size_t count, best = word.len / 4 + 2; /* one more than may differ */
    const struct option_row *rows = option_rows(&count);
    struct str found = STR_NULL;

    if (word.len > WORD_MAX)
        return found;
    for (size_t i = 0; i < count; i++) {
        const char *list = rows[i].names;

        if (rows[i].section == NULL || strcmp(rows[i].section, section) != 0)
            continue;
        for (struct str name = option_next_word(&list); name.data != NULL;
             name = option_next_word(&list)) {
            size_t longer = name.len > word.len ? name.len - word.len : word.len - name.len;
            size_t far = name.len > WORD_MAX || longer >= best ? best : distance(word, name);

            if (far < best) {
                best = far;
                found = name;
            }
        }
    }
    return found;
}

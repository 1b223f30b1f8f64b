/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "base/buf.h"
#include "conf/flags.h"
#include "conf/option_table.h"

#define HELP_COLUMN 38 /* where the texts begin */

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_SERVER] = "Server Options",
    [GROUP_LOGGING] = "Logging Options",
    [GROUP_JETSTREAM] = "JetStream Options",
    [GROUP_AUTHORIZATION] = "Authorization Options",
    [GROUP_TLS] = "TLS Options",
    [GROUP_CLUSTER] = "Cluster Options",
    [GROUP_PROFILING] = "Profiling Options",
    [GROUP_COMMON] = "Common Options",
};

/* Is it written with one dash, as -p, -ms and -DVV are? */
static bool
is_short(struct str flag)
{
    return flag.len <= 2 || isupper((unsigned char)flag.data[0]);
}

/* "    -p, --port <port>" */
static void
put_flags(struct buf *line, const struct option_row *row)
{
    const char *list = row->flags, *separator = "";
    struct str flag = option_next_word(&list);

    buf_append_str(line, is_short(flag) ? "    " : "        ");
    for (; flag.data != NULL; flag = option_next_word(&list)) {
        buf_printf(line, "%s%s%.*s", separator, is_short(flag) ? "-" : "--", (int)flag.len,
                   flag.data);
        separator = ", ";
    }
    if (row->arg != NULL)
        buf_printf(line, " %s", row->arg);
}

static void
print_row(FILE *out, const struct option_row *row)
{
    struct buf line = BUF_INIT;

    put_flags(&line, row);
    if (line.len + 1 > HELP_COLUMN) {
        fprintf(out, "%s\n", buf_cstr(&line));
        buf_consume(&line, line.len);
    }
    fprintf(out, "%-*s%s", HELP_COLUMN, buf_cstr(&line), row->help);
    if (row->type == OPTION_UNSUPPORTED)
        fputs(" (not supported yet)", out);
    else if (row->initial != NULL && strcmp(row->initial, "0") != 0)
        fprintf(out, " (default: %s)", row->initial);
    fputc('\n', out);
    buf_release(&line);
}

void
flags_usage(FILE *out)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    fputs("\nUsage: nats-server [options]\n", out);
    for (int group = 0; group < GROUP_COUNT; group++) {
        fprintf(out, "\n%s:\n", group_titles[group]);
        for (size_t i = 0; i < count; i++)
            if (rows[i].flags != NULL && (int)rows[i].group == group)
                print_row(out, &rows[i]);
    }
    fputc('\n', out);
}

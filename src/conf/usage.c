/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "base/buf.h"
#include "conf/flags.h"
#include "conf/option_table.h"
#include "tls/names.h"

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

void
flags_usage_tls(FILE *out)
{
    fputs("\nTLS is configured in the tls section of a configuration file:\n"
          "\n"
          "    tls {\n"
          "        cert_file: \"./certs/server-cert.pem\"\n"
          "        key_file:  \"./certs/server-key.pem\"\n"
          "        ca_file:   \"./certs/ca.pem\"   # of clients\n"
          "        verify:    true               # and they need a certificate\n"
          "\n"
          "        cipher_suites: [ TLS_AES_128_GCM_SHA256 ]\n"
          "        curve_preferences: [ X25519, CurveP256 ]\n"
          "    }\n"
          "\n"
          "nats-server.conf(5) describes all of it.\n"
          "\nCipher suites:\n",
          out);
    for (size_t i = 0; tls_cipher_at(i) != NULL; i++)
        fprintf(out, "    %s%s\n", tls_cipher_at(i)->name,
                tls_cipher_at(i)->insecure ? " (only with allow_insecure_cipher_suites)" : "");
    fputs("\nCurve preferences:\n", out);
    for (size_t i = 0; tls_curve_at(i) != NULL; i++)
        fprintf(out, "    %s\n", tls_curve_at(i)->name);
    fputc('\n', out);
}

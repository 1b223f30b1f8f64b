/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf/load.h"
#include "conf/option_table.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ARGS_MAX     6

static int
count_args(const char *const *args)
{
    int count = 0;

    while (count < ARGS_MAX && args[count] != NULL)
        count++;
    return count;
}

/* args are the words behind the program's name. */
static enum flags_outcome
parse(struct flags *flags, const char *const *args)
{
    const char *argv[ARGS_MAX + 2] = { "nats-server" };

    *flags = (struct flags) { 0 };
    memcpy(argv + 1, args, (size_t)count_args(args) * sizeof(*args));
    return flags_parse(flags, count_args(args) + 1, (char **)(uintptr_t)argv);
}

static void
test_outcomes(void **state)
{
    static const struct {
        const char *args[ARGS_MAX];
        enum flags_outcome outcome;
        const char *error; /* NULL: none */
        bool usage;
    } rows[] = {
        { { NULL }, FLAGS_RUN, NULL, false },
        { { "-p", "-1" }, FLAGS_RUN, NULL, false },
        { { "-c", "x.conf", "-t" }, FLAGS_TEST, NULL, false },
        { { "-c", "x.conf", "-t=false" }, FLAGS_RUN, NULL, false },
        { { "-h" }, FLAGS_HELP, NULL, false },
        { { "--help", "-t" }, FLAGS_HELP, NULL, false },
        { { "-v" }, FLAGS_VERSION, NULL, false },
        { { "-version", "-help" }, FLAGS_VERSION, NULL, false },
        { { "version" }, FLAGS_VERSION, NULL, false },
        { { "HELP" }, FLAGS_HELP, NULL, false },
        { { "-D", "--", "version" }, FLAGS_VERSION, NULL, false },
        { { "version", "-bogus" }, FLAGS_VERSION, NULL, false },
        { { "--" }, FLAGS_RUN, NULL, false },
        { { "-sl", "reload" }, FLAGS_SIGNAL, NULL, false },
        { { "--signal=ldm=/x.pid", "-c", "x.conf", "-t" }, FLAGS_SIGNAL, NULL, false },
        { { "-sl", "reload", "-h" }, FLAGS_HELP, NULL, false },
        { { "-sl", "reload", "foo" }, FLAGS_ERROR, "unrecognized command: \"foo\"", false },
        { { "-sl" }, FLAGS_ERROR, "flag needs an argument: -sl", true },
        { { "foo" }, FLAGS_ERROR, "unrecognized command: \"foo\"", false },
        { { "-" }, FLAGS_ERROR, "unrecognized command: \"-\"", false },
        { { "-T", "false" }, FLAGS_ERROR, "unrecognized command: \"false\"", false },
        { { "-p", "x" }, FLAGS_ERROR, "invalid value \"x\" for flag -p: parse error", true },
        { { "-p=" }, FLAGS_ERROR, "invalid value \"\" for flag -p: parse error", true },
        { { "-p", " 1" }, FLAGS_ERROR, "invalid value \" 1\" for flag -p: parse error", true },
        { { "--port", "99999999999999999999" },
          FLAGS_ERROR,
          "invalid value \"99999999999999999999\" for flag -port: value out of range",
          true },
        { { "-D=maybe" },
          FLAGS_ERROR,
          "invalid boolean value \"maybe\" for -D: parse error",
          true },
        { { "-D=" }, FLAGS_ERROR, "invalid boolean value \"\" for -D: parse error", true },
        { { "-p" }, FLAGS_ERROR, "flag needs an argument: -p", true },
        { { "--auth" }, FLAGS_ERROR, "flag needs an argument: -auth", true },
        { { "--foo=s3cr3t" }, FLAGS_ERROR, "flag provided but not defined: -foo", true },
        { { "--PORT=1" }, FLAGS_ERROR, "flag provided but not defined: -PORT", true },
        { { "---x" }, FLAGS_ERROR, "bad flag syntax: ---x", true },
        { { "-=x" }, FLAGS_ERROR, "bad flag syntax: -=x", true },
        { { "-t" }, FLAGS_ERROR, "-t needs a configuration file: -c <file>", false },
        { { "-c", "" }, FLAGS_ERROR, "-c needs the name of a file", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct flags flags;
        enum flags_outcome outcome = parse(&flags, rows[i].args);
        const char *error = flags.error == NULL ? "" : flags.error;

        if (outcome != rows[i].outcome || flags.show_usage != rows[i].usage ||
            strcmp(error, rows[i].error == NULL ? "" : rows[i].error) != 0)
            fail_msg("%s: %d \"%s\"", rows[i].args[0], (int)outcome, error);
        flags_free(&flags);
    }
}

/* Flags and what they come to: "name=value" of the settings in order. */
static void
test_settings(void **state)
{
    static const struct {
        const char *args[ARGS_MAX];
        const char *want;
    } rows[] = {
        { { "-p", "1" }, "-p=1 " },          { { "--p=1" }, "-p=1 " },
        { { "-port", "1" }, "--port=1 " },   { { "--addr=h", "-n", "x" }, "--addr=h -n=x " },
        { { "-a", "-D" }, "-a=-D " },        { { "--auth", "--" }, "--auth=-- " },
        { { "--auth=a=b" }, "--auth=a=b " }, { { "-D", "-V=false" }, "-D=true -V=false " },
        { { "-DVV" }, "--DVV=true " },       { { "-l=", "--", "version" }, "-l= " },
        { { "-c", "f", "-D" }, "-D=true " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = BUF_INIT;
        struct flags flags;

        assert_int_not_equal(parse(&flags, rows[i].args), FLAGS_ERROR);
        for (size_t k = 0; k < flags.count; k++)
            buf_printf(&got, "%s=%s ", flags.settings[k].name, flags.settings[k].value);
        assert_string_equal(buf_cstr(&got), rows[i].want);
        buf_release(&got);
        flags_free(&flags);
    }
}

static struct options *
load(const char *const *args)
{
    struct diags diags = { 0 };
    struct options *options;
    struct flags flags;

    assert_int_equal(parse(&flags, args), FLAGS_RUN);
    options = options_load(&flags, &diags);
    assert_non_null(options);
    diags_release(&diags);
    flags_free(&flags);
    return options;
}

static void
test_options(void **state)
{
    static const char *const all[][ARGS_MAX] = {
        { "-a", "::1", "-p", "-1", "-n", "s1" },
        { "--auth", "s3cr3t", "-P", "p.pid", "-l", "x.log" },
        { "-DV" },
        { "-DVV", "-T=0", "--logtime_utc" },
        { "-VV", "-r", "udp://h:514", "--max_traced_msg_len", "0x10" },
        { "-DV=false", "-VV=f" },
        { "--user", "u", "--pass", "s3cr3t" },
        { "--threads=3", "--ports_file_dir", "d", "--client_advertise", "h:1" },
    };
    struct options *options[COUNT(all)];

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++)
        options[i] = load(all[i]);
    assert_string_equal(options[0]->host, "::1");
    assert_int_equal(options[0]->port, -1);
    assert_string_equal(options[0]->server_name, "s1");
    assert_null(options[0]->config_file);
    assert_null(options[0]->config_digest);
    assert_int_equal(options[0]->auth.count, 0);
    assert_int_equal(options[1]->auth.count, 1);
    assert_int_equal(options[1]->auth.entries[0].kind, AUTH_TOKEN);
    assert_string_equal(options[1]->auth.entries[0].secret, "s3cr3t");
    assert_string_equal(options[1]->pid_file, "p.pid");
    assert_string_equal(options[1]->log_file, "x.log");
    assert_true(options[2]->debug && options[2]->trace && !options[2]->trace_verbose);
    assert_true(options[3]->debug && options[3]->trace && options[3]->trace_verbose);
    assert_true(!options[3]->logtime && options[3]->logtime_utc);
    assert_true(!options[4]->debug && options[4]->trace && options[4]->trace_verbose);
    assert_true(options[4]->syslog);
    assert_int_equal(options[4]->max_traced_msg_len, 16);
    assert_false(options[5]->debug || options[5]->trace);
    assert_int_equal(options[6]->auth.count, 1);
    assert_int_equal(options[6]->auth.entries[0].kind, AUTH_USER);
    assert_string_equal(options[6]->auth.entries[0].name, "u");
    assert_string_equal(options[6]->auth.entries[0].secret, "s3cr3t");
    assert_int_equal(options[7]->threads, 3);
    assert_string_equal(options[7]->ports_file_dir, "d");
    assert_string_equal(options[7]->client_advertise, "h:1");
    for (size_t i = 0; i < COUNT(all); i++)
        options_free(options[i]);
}

static void
test_hide_secrets(void **state)
{
    static const struct {
        const char *args[ARGS_MAX], *want;
    } rows[] = {
        { { "--auth", "s3cr3t", "-p", "1" }, "--auth * -p 1 " },
        { { "-auth=s3cr3t" }, "-auth=* " },
        { { "--user", "u", "--pass", "s3cr3t" }, "--user u --pass * " },
        { { "--auth-file", "f", "-pass=s3cr3t" }, "--auth-file f -pass=* " },
        { { "-p", "--auth", "--auth", "x" }, "-p --auth --auth * " },
        { { "--auth=" }, "--auth= " },
        { { "--auth" }, "--auth " },
        { { "--bogus", "--auth", "x" }, "--bogus --auth * " },
        { { "--", "--auth", "x" }, "-- --auth x " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *argv[ARGS_MAX + 2] = { NULL };
        struct buf got = BUF_INIT;
        int argc = count_args(rows[i].args) + 1;

        for (int k = 0; k < argc; k++)
            argv[k] = strdup(k == 0 ? "nats-server" : rows[i].args[k - 1]);
        flags_hide_secrets(argc, argv);
        for (int k = 1; k < argc; k++)
            buf_printf(&got, "%s ", argv[k]);
        assert_string_equal(buf_cstr(&got), rows[i].want);
        buf_release(&got);
        for (int k = 0; k < argc; k++)
            free(argv[k]);
    }
}

/* The text tells of every flag, in columns that fit a terminal of 100. */
static void
test_usage(void **state)
{
    char *text = NULL, *rest, *line;
    size_t len = 0, count;
    FILE *out = open_memstream(&text, &len);
    const struct option_row *rows = option_rows(&count);

    (void)state;
    flags_usage(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < count; i++) {
        const char *list = rows[i].flags;

        for (struct str flag = option_next_word(&list); flag.data != NULL;
             flag = option_next_word(&list)) {
            char dashed[64];

            (void)snprintf(dashed, sizeof(dashed), "-%.*s", (int)flag.len, flag.data);
            if (strstr(text, dashed) == NULL)
                fail_msg("no %s", dashed);
        }
    }
    assert_non_null(strstr(text, "Usage: nats-server [options]"));
    assert_non_null(strstr(text, "    -p, --port <port>                 Port for clients"));
    assert_non_null(strstr(text, "(default: 4222)"));
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strlen(line) > 100)
            fail_msg("too long: %s", line);
    free(text);
}

static void
test_version(void **state)
{
    static const char prefix[] = "nats-server: v" TESSERA_NATS_VERSION;

    (void)state;
    assert_int_equal(strncmp(FLAGS_VERSION_TEXT, prefix, sizeof(prefix) - 1), 0);
    assert_non_null(strstr(FLAGS_VERSION_TEXT, TESSERA_VERSION));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_options),  cmocka_unit_test(test_hide_secrets),
        cmocka_unit_test(test_usage),    cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

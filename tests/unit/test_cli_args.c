/* SPDX-License-Identifier: Apache-2.0
 *
 * The argument parser of the command line client, over a small application of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/args.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct globals {
    bool help, trace;
    char *server, *token;
    int64_t timeout;
};

struct options {
    bool raw, quiet, templates;
    int64_t count, level;
    char *mode, *subject, *body;
    struct args_list headers;
};

static int
run_nothing(const struct cli_globals *globals, const void *options)
{
    (void)globals;
    (void)options;
    return 0;
}

static const struct args_flag global_flags[] = {
    { "help", 'h', ARGS_SWITCH, 0, offsetof(struct globals, help), .help = "Help" },
    { "trace", 0, ARGS_SWITCH, 0, offsetof(struct globals, trace), .help = "Trace" },
    { "server", 's', ARGS_STRING, ARGS_URLS, offsetof(struct globals, server), .help = "Server",
      .env = "TEST_CLI_SERVER" },
    { "token", 0, ARGS_STRING, ARGS_SECRET, offsetof(struct globals, token), .help = "Token" },
    { "timeout", 0, ARGS_DURATION, 0, offsetof(struct globals, timeout), .fallback = "5s",
      .help = "Timeout" },
    { "later", 'l', ARGS_STRING, ARGS_UNSUPPORTED, .help = "" },
    { 0 },
};

static const struct args_command pub = {
    .name = "publish",
    .aliases = { "pub" },
    .help = "Publishes",
    .arguments =
        (const struct args_argument[]) {
            { "subject", true, ARGS_STRING, offsetof(struct options, subject), "Subject" },
            { "body", false, ARGS_STRING, offsetof(struct options, body), "Body" },
            { 0 },
        },
    .flags =
        (const struct args_flag[]) {
            { "raw", 'r', ARGS_SWITCH, 0, offsetof(struct options, raw), .help = "Raw" },
            { "quiet", 'q', ARGS_SWITCH, 0, offsetof(struct options, quiet), .help = "Quiet" },
            { "templates", 0, ARGS_BOOL, 0, offsetof(struct options, templates), .fallback = "true",
              .help = "Templates" },
            { "count", 'c', ARGS_UINT, 0, offsetof(struct options, count), .fallback = "1",
              .help = "Count" },
            { "level", 0, ARGS_INT, 0, offsetof(struct options, level), .help = "Level" },
            { "mode", 0, ARGS_CHOICE, 0, offsetof(struct options, mode), .fallback = "eof",
              .choices = "newline,eof", .help = "Mode" },
            { "header", 'H', ARGS_LIST, 0, offsetof(struct options, headers), .help = "Header" },
            { 0 },
        },
    .options_size = sizeof(struct options),
    .run = run_nothing,
};

static const struct args_command group = {
    .name = "server",
    .help = "Group",
    .subcommands = (const struct args_command *const[]) { &pub, NULL },
};

static const struct args_app app = {
    .name = "nats",
    .help = "Test",
    .globals = global_flags,
    .globals_size = sizeof(struct globals),
    .help_offset = offsetof(struct globals, help),
    .commands = (const struct args_command *const[]) { &pub, &group, NULL },
};

#define WORDS_MAX 16

/* Splits line at blanks into words that may be written to. "''" is an empty word. */
static int
split(char *line, char *argv[WORDS_MAX])
{
    int argc = 0;
    char *rest = line;

    argv[argc++] = rest;
    while ((rest = strchr(rest, ' ')) != NULL && argc < WORDS_MAX) {
        *rest++ = '\0';
        argv[argc++] = strcmp(rest, "''") == 0 ? rest + 2 : rest;
    }
    return argc;
}

/* What the parser made of a line, as text: only what differs from an empty command line. */
static void
describe(struct buf *out, const struct args *args)
{
    const struct globals *g = args->globals;
    const struct options *o = args->options;

    for (size_t i = 0; i < args->depth; i++)
        buf_printf(out, "%s ", args->path[i]->name);
    buf_printf(out, "%s%s", g->help ? "help " : "", g->trace ? "trace " : "");
    buf_printf(out, "%s%s ", g->server == NULL ? "" : "s=", g->server == NULL ? "" : g->server);
    buf_printf(out, "%s%s ", g->token == NULL ? "" : "t=", g->token == NULL ? "" : g->token);
    if (g->timeout != 5000000000LL)
        buf_printf(out, "timeout=%lld ", (long long)g->timeout);
    if (o == NULL)
        return;
    buf_printf(out, "%s%s%s", o->raw ? "raw " : "", o->quiet ? "quiet " : "",
               o->templates ? "" : "no-templates ");
    if (o->count != 1)
        buf_printf(out, "count=%lld ", (long long)o->count);
    if (o->level != 0)
        buf_printf(out, "level=%lld ", (long long)o->level);
    if (strcmp(o->mode, "eof") != 0)
        buf_printf(out, "mode=%s ", o->mode);
    for (size_t i = 0; i < o->headers.count; i++)
        buf_printf(out, "H=%s ", o->headers.items[i]);
    buf_printf(out, "[%s]", o->subject == NULL ? "" : o->subject);
    if (o->body != NULL)
        buf_printf(out, "[%s]", o->body);
}

/* Runs of blanks become one, so that rows stay readable. */
static void
squeeze(struct buf *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != ' ' || (to > 0 && text->data[to - 1] != ' '))
            text->data[to++] = text->data[i];
    }
    while (to > 0 && text->data[to - 1] == ' ')
        to--;
    text->len = to;
}

static const struct {
    const char *line, *want, *error; /* one of both */
} lines[] = {
    { "nats", "", NULL },
    { "nats pub a b", "publish [a][b]", NULL },
    { "nats publish a", "publish [a]", NULL },
    { "nats pub a ''", "publish [a][]", NULL },
    { "nats server pub a", "server publish [a]", NULL },
    { "nats -s h pub a", "publish s=h [a]", NULL },
    { "nats pub -s h a", "publish s=h [a]", NULL },
    { "nats pub a -s h", "publish s=h [a]", NULL },
    { "nats pub a --server=h", "publish s=h [a]", NULL },
    { "nats pub a --server h", "publish s=h [a]", NULL },
    { "nats pub a -sh", "publish s=h [a]", NULL },
    { "nats pub a --server=", "publish s= [a]", NULL },
    { "nats pub a --server=x=y", "publish s=x=y [a]", NULL },
    { "nats pub -rq a", "publish raw quiet [a]", NULL },
    { "nats pub -rqc5 a", "publish raw quiet count=5 [a]", NULL },
    { "nats pub -rqc 5 a", "publish raw quiet count=5 [a]", NULL },
    { "nats pub a --no-templates", "publish no-templates [a]", NULL },
    { "nats pub a --templates", "publish [a]", NULL },
    { "nats pub a --level=-3", "publish level=-3 [a]", NULL },
    { "nats pub a --mode newline", "publish mode=newline [a]", NULL },
    { "nats pub a -H k:v -H l:w --header=m:x", "publish H=k:v H=l:w H=m:x [a]", NULL },
    { "nats pub -- -a --b", "publish [-a][--b]", NULL },
    { "nats pub a -", "publish [a][-]", NULL },
    { "nats pub a -s -", "publish s=- [a]", NULL },
    { "nats pub a --timeout 1m", "publish timeout=60000000000 [a]", NULL },
    { "nats pub --help", "publish help []", NULL },
    { "nats server --help", "server help", NULL },
    { "nats --help", "help", NULL },
    { "nats foo", NULL, "expected command but got \"foo\"" },
    { "nats server foo", NULL, "expected command but got \"foo\"" },
    { "nats server", NULL, "must select a subcommand of 'server'" },
    { "nats pub", NULL, "required argument 'subject' not provided" },
    { "nats pub a b c", NULL, "unexpected c" },
    { "nats pub a --foo", NULL, "unknown long flag '--foo'" },
    { "nats pub a --foo=secret", NULL, "unknown long flag '--foo'" },
    { "nats pub a -x", NULL, "unknown short flag '-x'" },
    { "nats pub a -rx", NULL, "unknown short flag '-x'" },
    { "nats --count 1 pub a", NULL, "unknown long flag '--count'" },
    { "nats pub a --no-raw", NULL, "unknown long flag '--no-raw'" },
    { "nats pub a --no-count", NULL, "unknown long flag '--no-count'" },
    { "nats pub a --cou 1", NULL, "unknown long flag '--cou'" },
    { "nats pub a --count", NULL, "expected argument for flag '--count'" },
    { "nats pub a --count --raw", NULL, "expected argument for flag '--count'" },
    { "nats pub a -c", NULL, "expected argument for flag '-c'" },
    { "nats pub a --raw=x", NULL, "flag '--raw' takes no value" },
    { "nats pub a --count 1 --count 2", NULL, "flag 'count' cannot be repeated" },
    { "nats pub a -s h -s i", NULL, "flag 'server' cannot be repeated" },
    { "nats pub a --count x", NULL, "invalid value \"x\" for --count: not a whole number" },
    { "nats pub a --count=-1", NULL, "invalid value \"-1\" for --count: not a whole number" },
    { "nats pub a --mode x", NULL, "enum value must be one of newline,eof, got 'x'" },
    { "nats pub a --mode ''", NULL, "enum value must be one of newline,eof, got ''" },
    { "nats pub a --mode new", NULL, "enum value must be one of newline,eof, got 'new'" },
    { "nats pub a --timeout 5", NULL,
      "invalid duration \"5\" for --timeout: expected one like 300ms or 1m30s" },
    { "nats pub a --later x", NULL, "flag '--later' is not supported by this version" },
    { "nats pub a -lx", NULL, "flag '--later' is not supported by this version" },
};

static void
test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        char *argv[WORDS_MAX], line[128];
        struct buf got = BUF_INIT;
        struct errmsg why = { "" };
        struct args args;
        enum err err;

        (void)snprintf(line, sizeof(line), "%s", lines[i].line);
        err = args_parse(&args, &app, split(line, argv), argv, &why);
        if (err == ERR_OK)
            describe(&got, &args);
        squeeze(&got);
        if ((err == ERR_OK) != (lines[i].error == NULL))
            fail_msg("%s: \"%s\" \"%s\"", lines[i].line, buf_cstr(&got), why.text);
        if (strcmp(err == ERR_OK ? buf_cstr(&got) : why.text,
                   err == ERR_OK ? lines[i].want : lines[i].error) != 0)
            fail_msg("%s: \"%s\" \"%s\"", lines[i].line, buf_cstr(&got), why.text);
        buf_release(&got);
        args_release(&args);
    }
}

static void
test_environment(void **state)
{
    char flag[] = "--server=flag", name[] = "nats";
    char *argv[] = { name, flag };
    struct errmsg why;
    struct args args;

    (void)state;
    setenv("TEST_CLI_SERVER", "environment", 1);
    assert_int_equal(args_parse(&args, &app, 1, argv, &why), ERR_OK);
    assert_string_equal(((struct globals *)args.globals)->server, "environment");
    args_release(&args);
    assert_int_equal(args_parse(&args, &app, 2, argv, &why), ERR_OK);
    assert_string_equal(((struct globals *)args.globals)->server, "flag");
    args_release(&args);
    unsetenv("TEST_CLI_SERVER");
}

/* The parsed value is kept, what a process list would show is gone; also after an error. */
static void
test_secrets_leave_argv(void **state)
{
    static const char *const secrets[] = { "nats --token s3cr3t",
                                           "nats --token=s3cr3t",
                                           "nats -s nats://s3cr3t@h",
                                           "nats -ss3cr3t@h",
                                           "nats --server=nats://u:s3cr3t@h",
                                           "nats --token a --token s3cr3t" };

    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        char *argv[WORDS_MAX], line[128];
        struct errmsg why = { "" };
        struct args args;
        int argc;

        (void)snprintf(line, sizeof(line), "%s", secrets[i]);
        argc = split(line, argv);
        (void)args_parse(&args, &app, argc, argv, &why);
        for (int a = 0; a < argc; a++) {
            if (strstr(argv[a], "s3cr3t") != NULL)
                fail_msg("%s: %s", secrets[i], argv[a]);
        }
        assert_null(strstr(why.text, "s3cr3t"));
        args_release(&args);
    }
}

static void
test_help(void **state)
{
    char line[] = "nats server pub --help", *argv[WORDS_MAX], *text = NULL;
    int argc = split(line, argv);
    struct errmsg why;
    struct args args;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    assert_int_equal(args_parse(&args, &app, argc, argv, &why), ERR_OK);
    args_help(&args, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "usage: nats server publish [<flags>] <subject> [<body>]\n"
                              "\n"
                              "Publishes\n"
                              "\n"
                              "Args:\n"
                              "  <subject>  Subject\n"
                              "  [<body>]   Body\n"
                              "\n"
                              "Flags:\n"
                              "  -r, --raw                Raw\n"
                              "  -q, --quiet              Quiet\n"
                              "      --[no-]templates     Templates\n"
                              "  -c, --count=1            Count\n"
                              "      --level=LEVEL        Level\n"
                              "      --mode=eof           Mode\n"
                              "  -H, --header=HEADER ...  Header\n"
                              "\n"
                              "Command Aliases: pub\n"
                              "\n"
                              "Global Flags:\n"
                              "  -h, --help           Help\n"
                              "      --trace          Trace\n"
                              "  -s, --server=SERVER  Server ($TEST_CLI_SERVER)\n"
                              "      --token=TOKEN    Token\n"
                              "      --timeout=5s     Timeout\n");
    args_release(&args);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_secrets_leave_argv),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

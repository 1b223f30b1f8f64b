/* SPDX-License-Identifier: Apache-2.0
 *
 * --help from the tables of args.h: a usage line, then arguments, subcommands and flags in two
 * columns. The left column is as wide as its longest entry, up to LEFT_MAX; a longer entry
 * puts its text on a line of its own.
 */
#include "cli/args.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

enum { LEFT_MAX = 32 }; /* columns */

static void
print_row(FILE *out, int width, const char *left, const char *help)
{
    if ((int)strlen(left) > width)
        (void)fprintf(out, "  %s\n  %*s  %s\n", left, width, "", help);
    else
        (void)fprintf(out, "  %-*s  %s\n", width, left, help);
}

static int
wider(int width, const char *left)
{
    int len = (int)strlen(left);

    return len > width && len <= LEFT_MAX ? len : width;
}

static bool
shown(const struct args_flag *flag)
{
    return !(flag->traits & (ARGS_HIDDEN | ARGS_UNSUPPORTED));
}

/* "-H, --header=HEADER ...", with room for the letter also where there is none. */
static const char *
flag_left(struct buf *buf, const struct args_flag *flag)
{
    buf->len = 0;
    if (flag->letter != '\0')
        buf_printf(buf, "-%c, ", flag->letter);
    else
        buf_append_str(buf, "    ");
    buf_printf(buf, "--%s%s", flag->type == ARGS_BOOL ? "[no-]" : "", flag->name);
    if (flag->type != ARGS_SWITCH && flag->type != ARGS_BOOL) {
        buf_append_char(buf, '=');
        if (flag->placeholder != NULL || flag->fallback != NULL)
            buf_append_str(buf, flag->placeholder != NULL ? flag->placeholder : flag->fallback);
        else
            for (const char *c = flag->name; *c != '\0'; c++)
                buf_append_char(buf, (char)toupper((unsigned char)*c));
    }
    if (flag->type == ARGS_LIST)
        buf_append_str(buf, " ...");
    return buf_cstr(buf);
}

/* "Username or Token ($NATS_USER)" */
static const char *
flag_help(struct buf *buf, const struct args_flag *flag)
{
    buf->len = 0;
    buf_append_str(buf, flag->help);
    if (flag->env != NULL)
        buf_printf(buf, " ($%s)", flag->env);
    return buf_cstr(buf);
}

static void
print_flags(FILE *out, const char *title, const struct args_flag *flags)
{
    struct buf left = BUF_INIT, help = BUF_INIT;
    int width = 0;

    for (const struct args_flag *f = flags; f != NULL && f->name != NULL; f++) {
        if (shown(f))
            width = wider(width, flag_left(&left, f));
    }
    if (width > 0)
        (void)fprintf(out, "\n%s:\n", title);
    for (const struct args_flag *f = flags; f != NULL && f->name != NULL; f++) {
        if (shown(f))
            print_row(out, width, flag_left(&left, f), flag_help(&help, f));
    }
    buf_release(&left);
    buf_release(&help);
}

/* "<subject>", "[<body>]", "[<subjects>...]" */
static const char *
argument_left(struct buf *buf, const struct args_argument *argument)
{
    buf->len = 0;
    buf_printf(buf, "%s<%s>%s%s", argument->required ? "" : "[", argument->name,
               argument->type == ARGS_LIST ? "..." : "", argument->required ? "" : "]");
    return buf_cstr(buf);
}

static void
print_arguments(FILE *out, const struct args_argument *arguments)
{
    struct buf left = BUF_INIT;
    int width = 0;

    for (const struct args_argument *a = arguments; a != NULL && a->name != NULL; a++)
        width = wider(width, argument_left(&left, a));
    if (width > 0)
        (void)fprintf(out, "\nArgs:\n");
    for (const struct args_argument *a = arguments; a != NULL && a->name != NULL; a++)
        print_row(out, width, argument_left(&left, a), a->help);
    buf_release(&left);
}

static void
print_commands(FILE *out, const char *title, const struct args_command *const *commands)
{
    int width = 0;

    for (size_t i = 0; commands[i] != NULL; i++)
        width = wider(width, commands[i]->name);
    (void)fprintf(out, "\n%s:\n", title);
    for (size_t i = 0; commands[i] != NULL; i++)
        print_row(out, width, commands[i]->name, commands[i]->help);
}

static void
print_usage(FILE *out, const struct args *args)
{
    const struct args_command *command = args_selected(args);
    struct buf word = BUF_INIT;

    (void)fprintf(out, "usage: %s", args->app->name);
    for (size_t i = 0; i < args->depth; i++)
        (void)fprintf(out, " %s", args->path[i]->name);
    if (command == NULL || command->flags != NULL)
        (void)fprintf(out, " [<flags>]");
    if (command == NULL || command->subcommands != NULL)
        (void)fprintf(out, " <command> [<args> ...]");
    else
        for (const struct args_argument *a = command->arguments; a != NULL && a->name != NULL; a++)
            (void)fprintf(out, " %s", argument_left(&word, a));
    (void)fprintf(out, "\n\n%s\n", command == NULL ? args->app->help : command->help);
    buf_release(&word);
}

static void
print_aliases(FILE *out, const struct args_command *command)
{
    if (command->aliases[0] == NULL)
        return;
    (void)fprintf(out, "\nCommand Aliases: %s", command->aliases[0]);
    for (size_t i = 1; i < ARGS_ALIASES_MAX && command->aliases[i] != NULL; i++)
        (void)fprintf(out, ", %s", command->aliases[i]);
    (void)fprintf(out, "\n");
}

void
args_help(const struct args *args, FILE *out)
{
    const struct args_command *command = args_selected(args);

    print_usage(out, args);
    if (command == NULL) {
        print_commands(out, "Commands", args->app->commands);
    } else {
        if (command->details != NULL)
            (void)fprintf(out, "\n%s\n", command->details);
        print_arguments(out, command->arguments);
        if (command->subcommands != NULL)
            print_commands(out, "Subcommands", command->subcommands);
        print_flags(out, "Flags", command->flags);
        print_aliases(out, command);
    }
    print_flags(out, "Global Flags", args->app->globals);
}

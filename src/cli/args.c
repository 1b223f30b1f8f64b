/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass from left to right. At each word the parser knows two tables: the global flags and,
 * once a command is named, the flags of that command; so a command's flag in front of its
 * command is unknown, as in the reference. Flags are marked as seen, which finds repetitions
 * and, at the end, tells who still needs the environment or the default.
 */
#include "cli/args.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/timespan.h"
#include "cli/url.h"

/* One table of flags with the struct that its values go to. */
struct scope {
    const struct args_flag *flags;
    char *values;
    bool *seen;
};

enum { SCOPE_GLOBAL, SCOPE_COMMAND, SCOPES };

struct parser {
    struct args *args;
    struct scope scopes[SCOPES];
    char **words; /* what is left of argv */
    int words_left;
    bool flags_ended; /* behind "--" */
    const struct args_argument *next_argument;
    struct errmsg *why;
};

/* ---- tables ---- */

static size_t
flag_count(const struct args_flag *flags)
{
    size_t count = 0;

    while (flags != NULL && flags[count].name != NULL)
        count++;
    return count;
}

static void
scope_init(struct scope *scope, const struct args_flag *flags, void *values)
{
    scope->flags = flags;
    scope->values = values;
    scope->seen = xcalloc(flag_count(flags) + 1, sizeof(bool));
}

static bool
is_boolean(const struct args_flag *flag)
{
    return flag->type == ARGS_SWITCH || flag->type == ARGS_BOOL;
}

const struct args_command *
args_find(const struct args_command *const *commands, const char *name)
{
    for (; *commands != NULL; commands++) {
        if (strcmp((*commands)->name, name) == 0)
            return *commands;
        for (size_t i = 0; i < ARGS_ALIASES_MAX && (*commands)->aliases[i] != NULL; i++) {
            if (strcmp((*commands)->aliases[i], name) == 0)
                return *commands;
        }
    }
    return NULL;
}

const struct args_command *
args_selected(const struct args *args)
{
    return args->depth == 0 ? NULL : args->path[args->depth - 1];
}

/* ---- values ---- */

static void
list_append(struct args_list *list, const char *text)
{
    list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = xstrdup(text);
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (const char *word = choices; word != NULL; word = strchr(word, ',')) {
        word += *word == ',';
        if (len > 0 && strncmp(word, text, len) == 0 && (word[len] == ',' || word[len] == '\0'))
            return true;
    }
    return false;
}

static bool
parse_integer(const char *text, bool negative_allowed, int64_t *out)
{
    bool negative = negative_allowed && *text == '-';
    uint64_t number;

    if (!str_to_u64(str_of(text + negative), INT64_MAX, &number))
        return false;
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static enum err
set_value(void *value, const struct args_flag *flag, const char *text, struct errmsg *why)
{
    switch (flag->type) {
    case ARGS_SWITCH:
    case ARGS_BOOL:
        *(bool *)value = strcmp(text, "true") == 0;
        return ERR_OK;
    case ARGS_CHOICE:
        if (!is_choice(flag->choices, text))
            return err_set(why, ERR_INVALID, "enum value must be one of %s, got '%s'",
                           flag->choices, text);
        *(char **)value = xstrdup(text);
        return ERR_OK;
    case ARGS_STRING:
        *(char **)value = xstrdup(text);
        return ERR_OK;
    case ARGS_LIST:
        list_append(value, text);
        return ERR_OK;
    case ARGS_INT:
    case ARGS_UINT:
        if (!parse_integer(text, flag->type == ARGS_INT, value))
            return err_set(why, ERR_INVALID, "invalid value \"%s\" for --%s: not a whole number",
                           text, flag->name);
        return ERR_OK;
    case ARGS_DURATION:
        if (!timespan_parse(text, value))
            return err_set(why, ERR_INVALID,
                           "invalid duration \"%s\" for --%s: expected one like 300ms or 1m30s",
                           text, flag->name);
        return ERR_OK;
    }
    assert(0 && "every type has its case");
    return ERR_INVALID;
}

static void
free_list(struct args_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_wipe_free(&list->items[i]);
    free(list->items);
}

static void
free_value(void *value, enum args_type type)
{
    if (type == ARGS_LIST)
        free_list(value);
    else if (type == ARGS_STRING || type == ARGS_CHOICE)
        mem_wipe_free(value);
}

static void
free_values(const struct args_flag *flags, char *values)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        if (!(flags->traits & ARGS_UNSUPPORTED))
            free_value(values + flags->offset, flags->type);
    }
}

/* ---- flags ---- */

/* Finds a flag by name, or by letter when name is NULL, in the nearest scope. */
static const struct args_flag *
find_flag(struct parser *parser, const char *name, size_t len, char letter, struct scope **scope)
{
    for (size_t s = 0; s < SCOPES; s++) {
        const struct args_flag *flag = parser->scopes[s].flags;

        *scope = &parser->scopes[s];
        for (; flag != NULL && flag->name != NULL; flag++) {
            if (name == NULL ? flag->letter == letter
                             : strlen(flag->name) == len && memcmp(flag->name, name, len) == 0)
                return flag;
        }
    }
    return NULL;
}

static void
hide(const struct args_flag *flag, char *text)
{
    if (flag->traits & ARGS_SECRET)
        memset(text, '*', strlen(text));
    else if (flag->traits & ARGS_URLS)
        url_hide_userinfo(text);
}

static enum err
set_flag(struct parser *parser, struct scope *scope, const struct args_flag *flag, char *text)
{
    bool *seen = &scope->seen[flag - scope->flags];
    enum err err;

    if (flag->traits & ARGS_UNSUPPORTED)
        return err_set(parser->why, ERR_INVALID, "flag '--%s' is not supported by this version",
                       flag->name);
    if (*seen && flag->type != ARGS_LIST)
        return err_set(parser->why, ERR_EXISTS, "flag '%s' cannot be repeated", flag->name);
    *seen = true;
    err = set_value(scope->values + flag->offset, flag, text, parser->why);
    return err;
}

/* Takes the flag's value: attached to it, or the next word. */
static enum err
take_value(struct parser *parser, struct scope *scope, const struct args_flag *flag, char *attached,
           const char *shown)
{
    enum err err;

    if (attached == NULL) {
        if (parser->words_left == 0 || (parser->words[0][0] == '-' && parser->words[0][1] != '\0'))
            return err_set(parser->why, ERR_INVALID, "expected argument for flag '%s'", shown);
        attached = *parser->words++;
        parser->words_left--;
    }
    err = set_flag(parser, scope, flag, attached);
    hide(flag, attached);
    return err;
}

static enum err
parse_long(struct parser *parser, char *word)
{
    char yes[] = "true", no[] = "false";
    char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const struct args_flag *flag;
    struct scope *scope;
    char *value = yes;

    flag = find_flag(parser, word + 2, len - 2, '\0', &scope);
    if (flag == NULL && strncmp(word, "--no-", 5) == 0) {
        flag = find_flag(parser, word + 5, len - 5, '\0', &scope);
        if (flag != NULL && flag->type != ARGS_BOOL)
            flag = NULL;
        value = no;
    }
    if (flag == NULL)
        return err_set(parser->why, ERR_INVALID, "unknown long flag '%.*s'", (int)len, word);
    if (!is_boolean(flag)) {
        char shown[64];

        (void)snprintf(shown, sizeof(shown), "--%s", flag->name);
        return take_value(parser, scope, flag, equals == NULL ? NULL : equals + 1, shown);
    }
    if (equals != NULL)
        return err_set(parser->why, ERR_INVALID, "flag '--%s' takes no value", flag->name);
    return set_flag(parser, scope, flag, value);
}

/* -a, -abc (switches), -fvalue. */
static enum err
parse_short(struct parser *parser, char *word)
{
    enum err err = ERR_OK;

    for (char *letter = word + 1; err == ERR_OK && *letter != '\0'; letter++) {
        char shown[] = { '-', *letter, '\0' };
        char yes[] = "true";
        struct scope *scope;
        const struct args_flag *flag = find_flag(parser, NULL, 0, *letter, &scope);

        if (flag == NULL)
            return err_set(parser->why, ERR_INVALID, "unknown short flag '%s'", shown);
        if (!is_boolean(flag))
            return take_value(parser, scope, flag, letter[1] == '\0' ? NULL : letter + 1, shown);
        err = set_flag(parser, scope, flag, yes);
    }
    return err;
}

/* ---- words that are no flags ---- */

static const struct args_command *const *
open_commands(const struct args *args)
{
    const struct args_command *command = args_selected(args);

    return command == NULL ? args->app->commands : command->subcommands;
}

static void
select_command(struct parser *parser, const struct args_command *command)
{
    struct args *args = parser->args;
    struct scope *scope = &parser->scopes[SCOPE_COMMAND];

    assert(args->depth < ARGS_DEPTH_MAX);
    args->path[args->depth++] = command;
    if (command->run == NULL)
        return;
    args->options = xcalloc(1, command->options_size + 1);
    free(scope->seen);
    scope_init(scope, command->flags, args->options);
    parser->next_argument = command->arguments;
}

static enum err
parse_word(struct parser *parser, const char *word)
{
    const struct args_command *const *commands = open_commands(parser->args);
    const struct args_argument *argument = parser->next_argument;

    if (commands != NULL) {
        const struct args_command *command = args_find(commands, word);

        if (command == NULL)
            return err_set(parser->why, ERR_NOTFOUND, "expected command but got \"%s\"", word);
        select_command(parser, command);
        return ERR_OK;
    }
    if (argument == NULL || argument->name == NULL)
        return err_set(parser->why, ERR_INVALID, "unexpected %s", word);
    if (argument->type == ARGS_LIST) {
        list_append((void *)((char *)parser->args->options + argument->offset), word);
        return ERR_OK;
    }
    *(char **)(void *)((char *)parser->args->options + argument->offset) = xstrdup(word);
    parser->next_argument++;
    return ERR_OK;
}

static enum err
parse_words(struct parser *parser)
{
    enum err err = ERR_OK;

    while (err == ERR_OK && parser->words_left > 0) {
        char *word = *parser->words++;

        parser->words_left--;
        if (parser->flags_ended || word[0] != '-' || word[1] == '\0')
            err = parse_word(parser, word);
        else if (strcmp(word, "--") == 0)
            parser->flags_ended = true;
        else
            err = word[1] == '-' ? parse_long(parser, word) : parse_short(parser, word);
    }
    return err;
}

/* ---- what was not given ---- */

static enum err
set_fallbacks(struct scope *scope, struct errmsg *why)
{
    for (size_t i = 0; scope->flags != NULL && scope->flags[i].name != NULL; i++) {
        const struct args_flag *flag = &scope->flags[i];
        const char *text = flag->env == NULL ? NULL : getenv(flag->env);
        enum err err;

        if (text == NULL || *text == '\0')
            text = flag->fallback;
        if (scope->seen[i] || text == NULL || (flag->traits & ARGS_UNSUPPORTED))
            continue;
        err = set_value(scope->values + flag->offset, flag, text, why);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err
check_complete(const struct parser *parser)
{
    const struct args *args = parser->args;
    const struct args_command *command = args_selected(args);
    const struct args_argument *argument = parser->next_argument;

    if (*((const bool *)args->globals + args->app->help_offset) || command == NULL)
        return ERR_OK;
    if (command->run == NULL)
        return err_set(parser->why, ERR_NOTFOUND, "must select a subcommand of '%s'",
                       command->name);
    if (argument != NULL && argument->name != NULL && argument->required)
        return err_set(parser->why, ERR_NOTFOUND, "required argument '%s' not provided",
                       argument->name);
    return ERR_OK;
}

/* ---- public ---- */

enum err
args_parse(struct args *args, const struct args_app *app, int argc, char **argv, struct errmsg *why)
{
    struct parser parser = { .args = args, .words = argv + 1, .words_left = argc - 1, .why = why };
    enum err err;

    *args = (struct args) { .app = app, .globals = xcalloc(1, app->globals_size) };
    scope_init(&parser.scopes[SCOPE_GLOBAL], app->globals, args->globals);
    scope_init(&parser.scopes[SCOPE_COMMAND], NULL, NULL);
    err = parse_words(&parser);
    for (size_t s = 0; s < SCOPES && err == ERR_OK; s++)
        err = set_fallbacks(&parser.scopes[s], why);
    if (err == ERR_OK)
        err = check_complete(&parser);
    for (size_t s = 0; s < SCOPES; s++)
        free(parser.scopes[s].seen);
    return err;
}

void
args_release(struct args *args)
{
    const struct args_command *command = args_selected(args);

    free_values(args->app->globals, args->globals);
    free(args->globals);
    args->globals = NULL;
    if (args->options == NULL)
        return;
    free_values(command->flags, args->options);
    for (const struct args_argument *a = command->arguments; a != NULL && a->name != NULL; a++)
        free_value((char *)args->options + a->offset, a->type);
    free(args->options);
    args->options = NULL;
}

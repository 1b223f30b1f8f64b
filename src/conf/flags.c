/* SPDX-License-Identifier: Apache-2.0
 *
 * flag_next() walks argv as Go does; parsing and hiding secrets both go by it, so that they
 * cannot disagree on which word is a value.
 */
#include "conf/flags.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "conf/option_table.h"
#include "conf/option_value.h"

enum word_kind {
    WORD_END,  /* no flag is left: at is the first bare word, or argc */
    WORD_FLAG, /* row and, if there is one, value */
    WORD_UNKNOWN,
    WORD_MALFORMED,
    WORD_NO_VALUE,
};

struct walk {
    int argc, at;
    char **argv;
    /* the flag that flag_next() met */
    const char *word; /* as it stands in argv */
    struct str name;  /* without dashes and value */
    const struct option_row *row;
    char *value; /* into argv; NULL: a bare switch */
};

static enum word_kind
flag_next(struct walk *walk)
{
    char *word = walk->at < walk->argc ? walk->argv[walk->at] : NULL, *name;

    if (word == NULL || word[0] != '-' || word[1] == '\0')
        return WORD_END;
    walk->at++;
    if (strcmp(word, "--") == 0)
        return WORD_END;
    name = word + 1 + (word[1] == '-');
    walk->word = word;
    walk->name = (struct str) { name, strcspn(name, "=") };
    walk->value = name[walk->name.len] == '=' ? name + walk->name.len + 1 : NULL;
    if (walk->name.len == 0 || *name == '-')
        return WORD_MALFORMED;
    walk->row = option_by_flag(walk->name);
    if (walk->row == NULL)
        return WORD_UNKNOWN;
    if (walk->row->arg != NULL && walk->value == NULL) {
        if (walk->at == walk->argc)
            return WORD_NO_VALUE;
        walk->value = walk->argv[walk->at++];
    }
    return WORD_FLAG;
}

static enum flags_outcome
fail(struct flags *flags, char *text, bool show_usage)
{
    flags->error = text;
    flags->show_usage = show_usage;
    return FLAGS_ERROR;
}

/* "-p", "--port" */
static char *
shown_name(const struct walk *walk)
{
    return xasprintf("%s%.*s", walk->name.len == 1 ? "-" : "--", (int)walk->name.len,
                     walk->name.data);
}

/* A URL is as secret as the credentials in it. */
static bool
is_secret(const struct option_row *row, const char *value)
{
    bool url = row->type == OPTION_LISTEN || row->type == OPTION_ROUTES;

    return row->secret && value[0] != '\0' && (!url || strchr(value, '@') != NULL);
}

/* A secret stays as long as the process, so it lives where no core file gets it. */
static char *
copy_value(const struct walk *walk)
{
    const char *value = walk->value == NULL ? "true" : walk->value;
    size_t size = strlen(value) + 1;
    char *copy;

    if (!walk->row->secret)
        return xstrdup(value);
    copy = secret_alloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, value, size);
    return copy;
}

static void
free_setting(struct flag_setting *setting)
{
    if (setting->row->secret)
        secret_free(setting->value, strlen(setting->value) + 1);
    else
        free(setting->value);
    free(setting->name);
}

static void
add_setting(struct flags *flags, const struct walk *walk)
{
    struct flag_setting *setting;

    flags->settings = xrealloc(flags->settings, (flags->count + 1) * sizeof(*flags->settings));
    setting = &flags->settings[flags->count++];
    setting->row = walk->row;
    setting->name = shown_name(walk);
    setting->value = copy_value(walk);
}

/* Only a text is wanted. */
static bool
is_answer(enum flags_outcome outcome)
{
    return outcome == FLAGS_HELP || outcome == FLAGS_HELP_TLS || outcome == FLAGS_VERSION;
}

/* One good flag; false: flags->error is set. */
static bool
take_flag(struct flags *flags, const struct walk *walk, enum flags_outcome *outcome)
{
    const char *value = walk->value == NULL ? "true" : walk->value;
    const char *reason = option_refuses(walk->row, value);
    bool on;

    if (reason != NULL) {
        fail(flags,
             xasprintf("invalid %svalue \"%s\" for %s-%.*s: %s",
                       walk->row->arg == NULL ? "boolean " : "", value,
                       walk->row->arg == NULL ? "" : "flag ", (int)walk->name.len, walk->name.data,
                       reason),
             true);
        return false;
    }
    on = strchr("1tT", value[0]) != NULL;
    switch (walk->row->action) {
    case ACTION_CONFIG:
        free(flags->config_file);
        flags->config_file = xstrdup(value);
        break;
    case ACTION_TEST:
        *outcome = on && *outcome == FLAGS_RUN ? FLAGS_TEST : *outcome;
        break;
    case ACTION_SIGNAL:
        free(flags->signal);
        flags->signal = xstrdup(value);
        break;
    case ACTION_HELP:
        *outcome = on && *outcome != FLAGS_VERSION ? FLAGS_HELP : *outcome;
        break;
    case ACTION_HELP_TLS:
        *outcome = on && !is_answer(*outcome) ? FLAGS_HELP_TLS : *outcome;
        break;
    case ACTION_VERSION:
        *outcome = on ? FLAGS_VERSION : *outcome;
        break;
    default:
        add_setting(flags, walk);
        break;
    }
    return true;
}

/* Behind the flags a single bare word may be a command. */
static enum flags_outcome
take_word(struct flags *flags, const char *word, enum flags_outcome outcome)
{
    if (is_answer(outcome))
        return outcome;
    if (strcasecmp(word, "version") == 0)
        return FLAGS_VERSION;
    if (strcasecmp(word, "help") == 0)
        return FLAGS_HELP;
    return fail(flags, xasprintf("unrecognized command: \"%s\"", word), false);
}

static enum flags_outcome
finish(struct flags *flags, enum flags_outcome outcome)
{
    if (is_answer(outcome))
        return outcome;
    if (flags->signal != NULL) /* as the reference, before anything is looked at */
        return FLAGS_SIGNAL;
    if (flags->config_file != NULL && flags->config_file[0] == '\0')
        return fail(flags, xstrdup("-c needs the name of a file"), false);
    if (outcome == FLAGS_TEST && flags->config_file == NULL)
        return fail(flags, xstrdup("-t needs a configuration file: -c <file>"), false);
    return outcome;
}

enum flags_outcome
flags_parse(struct flags *flags, int argc, char **argv)
{
    struct walk walk = { .argc = argc, .at = 1, .argv = argv };
    enum flags_outcome outcome = FLAGS_RUN;

    for (;;) {
        switch (flag_next(&walk)) {
        case WORD_END:
            if (walk.at < argc)
                outcome = take_word(flags, argv[walk.at], outcome);
            return outcome == FLAGS_ERROR ? outcome : finish(flags, outcome);
        case WORD_FLAG:
            if (!take_flag(flags, &walk, &outcome))
                return FLAGS_ERROR;
            break;
        case WORD_UNKNOWN:
            return fail(flags,
                        xasprintf("flag provided but not defined: -%.*s", (int)walk.name.len,
                                  walk.name.data),
                        true);
        case WORD_MALFORMED:
            return fail(flags, xasprintf("bad flag syntax: %s", walk.word), true);
        case WORD_NO_VALUE:
            return fail(
                flags,
                xasprintf("flag needs an argument: -%.*s", (int)walk.name.len, walk.name.data),
                true);
        }
    }
}

void
flags_free(struct flags *flags)
{
    for (size_t i = 0; i < flags->count; i++)
        free_setting(&flags->settings[i]);
    free(flags->settings);
    free(flags->config_file);
    free(flags->signal);
    free(flags->error);
    *flags = (struct flags) { 0 };
}

void
flags_hide_secrets(int argc, char **argv)
{
    struct walk walk = { .argc = argc, .at = 1, .argv = argv };
    enum word_kind kind;

    while ((kind = flag_next(&walk)) != WORD_END)
        if (kind == WORD_FLAG && walk.value != NULL && is_secret(walk.row, walk.value)) {
            mem_wipe(walk.value, strlen(walk.value));
            walk.value[0] = '*'; /* alone: not even the length shows */
        }
}

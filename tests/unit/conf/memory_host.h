/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and an environment in memory for the tests of conf, and diagnostics as one text.
 */
#ifndef TESSERA_TESTS_MEMORY_HOST_H
#define TESSERA_TESTS_MEMORY_HOST_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/load.h"

/* Pairs of name and text, ended by a NULL name. */
struct memory_pair {
    const char *name, *text;
};

struct memory {
    struct str main_text; /* the file "nats.conf" */
    const struct memory_pair *files, *env;
};

static inline const char *
memory_find(const struct memory_pair *pairs, const char *name)
{
    for (; pairs != NULL && pairs->name != NULL; pairs++)
        if (strcmp(pairs->name, name) == 0)
            return pairs->text;
    return NULL;
}

static inline enum err
memory_read_file(void *context, const char *path, struct arena *arena, struct conf_file *file,
                 struct errmsg *why)
{
    const struct memory *memory = context;
    struct str text = str_of(memory_find(memory->files, path));

    if (strcmp(path, "nats.conf") == 0)
        text = memory->main_text;
    if (text.data == NULL)
        return err_set(why, ERR_SYS, "open %s: no such file or directory", path);
    file->text = (struct str) { arena_copy(arena, text.data, text.len), text.len };
    return ERR_OK;
}

static inline const char *
memory_get_env(void *context, const char *name)
{
    return memory_find(((const struct memory *)context)->env, name);
}

static inline struct conf_host
memory_host(struct memory *memory)
{
    return (struct conf_host) { .context = memory,
                                .read_file = memory_read_file,
                                .get_env = memory_get_env };
}

/* Loads text as the file nats.conf, or none if it is NULL, with flags: args ends with NULL or
 * after four. NULL, and then only, when there is an error among the findings. */
static inline struct options *
memory_load(struct memory *memory, const char *text, const char *const *args, struct diags *diags)
{
    struct conf_host host = memory_host(memory);
    const char *argv[8] = { "nats-server" };
    struct options *options = NULL;
    struct flags flags = { 0 };
    int argc = 1;

    memory->main_text = str_of(text);
    if (text != NULL) {
        argv[argc++] = "-c";
        argv[argc++] = "nats.conf";
    }
    for (int i = 0; i < 4 && args != NULL && args[i] != NULL; i++)
        argv[argc++] = args[i];
    if (flags_parse(&flags, argc, (char **)(uintptr_t)argv) != FLAGS_RUN)
        abort();
    options = options_load_from(&flags, &host, diags);
    if ((options == NULL) != (diags->errors > 0))
        abort();
    flags_free(&flags);
    return options;
}

/* One finding a line; "W " and "I " before what is no error. */
static inline void
memory_put_diags(const struct diags *diags, struct buf *out)
{
    static const char *const marks[] = { "", "W ", "I " };

    for (size_t i = 0; i < diags->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : "\n", marks[diags->list[i].severity]);
        diag_format(&diags->list[i], out);
    }
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and an environment in memory for the tests of conf, and diagnostics as one text.
 */
#ifndef TESSERA_TESTS_MEMORY_HOST_H
#define TESSERA_TESTS_MEMORY_HOST_H

#include <string.h>

#include "base/buf.h"
#include "conf/parser.h"

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

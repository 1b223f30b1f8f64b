/* SPDX-License-Identifier: Apache-2.0
 *
 * diag - all that is to be said about a configuration, in the order it was found
 *
 * Owns     copies of every text and file name.
 * Threads  one at a time.
 * Secrets  callers never pass one. Control bytes in a text are shown as \xHH, so that no
 *          configuration can forge a second log line.
 */
#ifndef TESSERA_CONF_DIAG_H
#define TESSERA_CONF_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A place in a configuration. line 0: file names the whole file, or a flag ("--auth"). */
struct conf_pos {
    const char *file;
    uint32_t line, col; /* from 1; col counts bytes */
};

enum diag_severity {
    DIAG_ERROR,   /* the configuration cannot be used */
    DIAG_WARNING, /* it can, but the operator should know */
    DIAG_INFO,
};

struct diag {
    struct conf_pos pos;
    enum diag_severity severity;
    char *text; /* without the position */
};

struct diags {
    struct diag *list;
    size_t count, cap;
    size_t errors;
    bool strict; /* diag_insecure() finds errors */
};

/* A zeroed struct diags is empty and ready. */
void diags_release(struct diags *diags);

void diag_add(struct diags *diags, enum diag_severity severity, struct conf_pos pos,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

#define diag_error(diags, pos, ...)   diag_add(diags, DIAG_ERROR, pos, __VA_ARGS__)
#define diag_warning(diags, pos, ...) diag_add(diags, DIAG_WARNING, pos, __VA_ARGS__)
/* Somebody may get in, or at a secret, who perhaps should not: a warning, with --strict an error.
 */
#define diag_insecure(diags, pos, ...)                                                             \
    diag_add(diags, (diags)->strict ? DIAG_ERROR : DIAG_WARNING, pos, __VA_ARGS__)

/* Appends "FILE:LINE:COL: text", "FILE: text" or "text" (no file). */
void diag_format(const struct diag *diag, struct buf *out);
/* Appends "FILE:LINE:COL" or "FILE". */
void conf_pos_format(struct conf_pos pos, struct buf *out);

#endif

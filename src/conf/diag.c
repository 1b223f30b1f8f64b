/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void
diag_release(struct diag *diag)
{
    free((char *)(uintptr_t)diag->pos.file); /* our copy */
    free(diag->text);
}

void
diags_release(struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        diag_release(&diags->list[i]);
    free(diags->list);
    *diags = (struct diags) { 0 };
}

/* The text with its control bytes written as \xHH; bytes over 0x7f (UTF-8) pass. */
static char *
printable(const char *text)
{
    struct buf out = BUF_INIT;
    char *copy;

    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if (*byte < ' ' || *byte == 0x7f)
            buf_printf(&out, "\\x%02x", (unsigned)*byte);
        else
            buf_append_char(&out, (char)*byte);
    }
    copy = xstrdup(buf_cstr(&out));
    buf_release(&out);
    return copy;
}

void
diag_add(struct diags *diags, enum diag_severity severity, struct conf_pos pos, const char *format,
         ...)
{
    struct diag *diag;
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = xstrdup(format);
    va_end(args);
    if (diags->count == diags->cap) {
        diags->cap = diags->cap == 0 ? 8 : diags->cap * 2;
        diags->list = xrealloc(diags->list, diags->cap * sizeof(*diags->list));
    }
    diag = &diags->list[diags->count++];
    *diag = (struct diag) { .pos = pos, .severity = severity, .text = printable(text) };
    if (pos.file != NULL)
        diag->pos.file = printable(pos.file);
    if (severity == DIAG_ERROR)
        diags->errors++;
    free(text);
}

void
conf_pos_format(struct conf_pos pos, struct buf *out)
{
    buf_append_str(out, pos.file);
    if (pos.line > 0)
        buf_printf(out, ":%u:%u", pos.line, pos.col);
}

void
diag_format(const struct diag *diag, struct buf *out)
{
    if (diag->pos.file != NULL) {
        conf_pos_format(diag->pos, out);
        buf_append_str(out, ": ");
    }
    buf_append_str(out, diag->text);
}

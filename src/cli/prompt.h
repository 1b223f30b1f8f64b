/* SPDX-License-Identifier: Apache-2.0
 *
 * prompt - asks for a password at the terminal, with a star for each character typed
 *
 * The terminal is put back as it was before the call returns; a signal that would end or stop
 * the program meanwhile is held back until then.
 * Threads  one, before any other is started.
 */
#ifndef TESSERA_CLI_PROMPT_H
#define TESSERA_CLI_PROMPT_H

#include <stddef.h>

#include "base/err.h"

#define PROMPT_MAX 1024 /* bytes of one answer; more are refused with a bell */

/* The descriptor that shows prompts: standard output, or standard error when that goes
 * elsewhere. -1 when there is nobody to ask. */
int prompt_screen(void);

struct prompt_question {
    const char *message;
    const char *help; /* the answer to `?` */
};

/* Prints `? message [? for help] ` and reads a line, for each question in turn; nothing typed
 * in between is echoed either. An answer of `?` alone prints help and asks again. out has count
 * elements, NULL at first; the caller wipes and frees those that were filled, also after a
 * failure. Ctrl-C, SIGINT, SIGTERM: ERR_CLOSED, "interrupt"; Ctrl-D on an empty line:
 * ERR_CLOSED, "EOF". */
enum err prompt_passwords(char **out, const struct prompt_question *questions, size_t count,
                          struct errmsg *why);

#endif

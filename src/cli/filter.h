/* SPDX-License-Identifier: Apache-2.0
 *
 * filter - runs a message body through another program (--translate)
 *
 * The command is split into words as a shell would (quotes, backslash), then {{Subject}} is
 * replaced inside each word. No shell sees it: a subject chosen by a peer is only ever part of
 * one word.
 */
#ifndef TESSERA_CLI_FILTER_H
#define TESSERA_CLI_FILTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The words of a command, NUL-terminated, one behind the other; *count of them. */
enum err filter_split(struct buf *words, size_t *count, const char *command, struct errmsg *why);

/* Appends what the command prints for body to out. Fails when it cannot be run, or ends with
 * a status other than 0. Blocks until then; SIGPIPE must be ignored. */
enum err filter_run(struct buf *out, const char *command, struct str body, struct str subject,
                    struct errmsg *why);

#endif

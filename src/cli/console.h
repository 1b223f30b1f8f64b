/* SPDX-License-Identifier: Apache-2.0
 *
 * console - what a command says: log lines and errors on stderr, results on stdout
 *
 * Threads  any; each call writes its text at once, so that lines do not mix.
 */
#ifndef TESSERA_CLI_CONSOLE_H
#define TESSERA_CLI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* "15:04:05 text" on stderr. */
void console_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "nats: error: text" on stderr. Returns 1, the exit status that goes with it. */
int console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes all of it to stdout, unbuffered. False when nobody can read it any more. */
bool console_write(struct str text);
bool console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

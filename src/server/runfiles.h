/* SPDX-License-Identifier: Apache-2.0
 *
 * runfiles - the pid file and the ports file (CONVENTIONS.md 3.8)
 */
#ifndef TESSERA_SERVER_RUNFILES_H
#define TESSERA_SERVER_RUNFILES_H

#include <stdint.h>

#include "base/err.h"

/* The process id in decimal, no newline. */
enum err pid_file_write(const char *path, struct errmsg *why);

/* DIR/<program>_<pid>.ports, one line of JSON. *out: its path, freed by the caller; host is the
 * one listened on: for all addresses the file names each of this machine's. */
enum err ports_file_write(char **out, const char *dir, const char *host, uint16_t port,
                          struct errmsg *why);

#endif

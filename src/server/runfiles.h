/* SPDX-License-Identifier: Apache-2.0
 *
 * runfiles - the pid file and the ports file (CONVENTIONS.md 3.8)
 */
#ifndef TESSERA_SERVER_RUNFILES_H
#define TESSERA_SERVER_RUNFILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The process id in decimal, no newline. */
enum err pid_file_write(const char *path, struct errmsg *why);

/* What is listened on. Of a host that stands for all addresses the file names each of this
 * machine's. */
struct listening {
    const char *what; /* "nats", "cluster"... */
    const char *host;
    uint16_t port; /* 0: not listened on */
};

/* DIR/<program>_<pid>.ports, one line of JSON. *out: its path, freed by the caller. */
enum err ports_file_write(char **out, const char *dir, const struct listening *listening,
                          size_t count, struct errmsg *why);

#endif

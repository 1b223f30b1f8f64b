/* SPDX-License-Identifier: Apache-2.0
 *
 * signal_command - nats-server --signal COMMAND[=PID|PIDFILE]
 *
 * COMMAND: ldm, quit, reload, reopen, stop or term. PID may end in '*' and then stands for all
 * servers whose pid begins so. Without one there must be exactly one server.
 *
 * Threads  the main thread, of a process that serves nobody.
 * Fails    with a text of one or several lines.
 */
#ifndef TESSERA_MAIN_SIGNAL_COMMAND_H
#define TESSERA_MAIN_SIGNAL_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* The system, or what a test puts in its place. */
struct signal_host {
    const char *proc; /* "/proc" */
    pid_t self;       /* is no server to be found */
    /* 0 or an errno. */
    int (*send)(void *context, pid_t pid, int number);
    void *context;
};

/* false: error says why; what could be sent was sent. */
bool signal_command_run(const char *command, const struct signal_host *host, struct buf *error);

/* The same for this system, errors to stderr: the status to exit with. */
int signal_command(const char *command);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * target - the server under test as a process: its CPU time, its log
 *
 * Owns     the descriptors of a log that is followed.
 * Threads  one at a time.
 */
#ifndef TESSERA_BENCH_COMMON_TARGET_H
#define TESSERA_BENCH_COMMON_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

/* User and system time of all its threads so far, ended ones included: what utime + stime of
 * /proc/PID/stat add up to, in nanoseconds instead of ticks. -1: no such process. */
int64_t target_cpu_ns(pid_t pid);

/* Waits until the server has no work left: it used less than a tenth of a core for a while. What
 * it still computes for clients that gave up belongs to the cost of a storm. false: it was
 * still busy after timeout_ns. */
bool target_wait_idle(pid_t pid, int64_t timeout_ns);

struct target_log {
    FILE *file;
    int notify; /* inotify */
};

/* Lines that are there already are skipped. */
enum err target_log_open(struct target_log *log, const char *path, struct errmsg *why);
void target_log_close(struct target_log *log);

/* Waits for a new line that contains text. false: none came before deadline_ns. */
bool target_log_wait(struct target_log *log, const char *text, int64_t deadline_ns);

#endif

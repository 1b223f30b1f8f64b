/* SPDX-License-Identifier: Apache-2.0
 *
 * log - lines in the reference server's format
 *
 *   [PID] 2026/11/23 20:19:34.802915 [INF] text
 *
 * Bytes below 0x20 and 0x7f in the text become \xNN, so that what a peer sent cannot forge a
 * line; a line over LOG_LINE_MAX is cut and ends in "...".
 *
 * Owns     the open file or socket; log_free() closes it.
 * Threads  any thread may write; log_open() and log_reopen() exclude writers.
 * Fails    a line that cannot be written is lost; the next that can is preceded by one with
 *          the count of what was lost.
 * Cost     one formatted line, one write(2) under the lock. log_enabled() is one load.
 * Secrets  callers never pass one: there is no filter here that would forgive it.
 */
#ifndef TESSERA_BASE_LOG_H
#define TESSERA_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define LOG_LINE_MAX 16384 /* bytes, newline included */

enum log_level {
    LOG_LEVEL_INF,
    LOG_LEVEL_WRN,
    LOG_LEVEL_ERR,
    LOG_LEVEL_FTL,
    LOG_LEVEL_DBG,
    LOG_LEVEL_TRC,
};

struct log_options {
    const char *file;          /* path; NULL: stderr */
    bool timestamps;           /* logtime */
    bool utc;                  /* logtime_utc */
    bool debug, trace;         /* levels DBG and TRC */
    bool syslog;               /* local syslog, unless file is set */
    const char *remote_syslog; /* "udp://host:port", "tcp://..", "unix:///path"; NULL: none */
    int64_t size_limit;        /* bytes after which the file is rotated; 0: never */
    int64_t files_max;         /* files kept, the open one included; 0: all */
};

struct log;

/* A log that writes to stderr with local time stamps, DBG and TRC off, until log_open() says
 * otherwise. */
struct log *log_new(void);
void log_free(struct log *log);

/* Applies options, which are copied. The file goes before remote_syslog, that before syslog.
 * A log file that is open already is opened again. On failure nothing changes. */
enum err log_open(struct log *log, const struct log_options *options, struct errmsg *why);

/* Closes and opens the file again (SIGUSR1, after logrotate moved it). ERR_NOTFOUND when the
 * log does not write to a file; on failure it goes on with the old one. */
enum err log_reopen(struct log *log, struct errmsg *why);

/* Switches DBG and TRC (a reload of debug and trace). */
void log_set_levels(struct log *log, bool debug, bool trace);

bool log_enabled(const struct log *log, enum log_level level);
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_vwrite(struct log *log, enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#define log_inf(log, ...) log_write(log, LOG_LEVEL_INF, __VA_ARGS__)
#define log_wrn(log, ...) log_write(log, LOG_LEVEL_WRN, __VA_ARGS__)
#define log_err(log, ...) log_write(log, LOG_LEVEL_ERR, __VA_ARGS__)
#define log_ftl(log, ...) log_write(log, LOG_LEVEL_FTL, __VA_ARGS__)
/* The arguments are not evaluated while the level is off. */
#define log_dbg(log, ...)                                                                          \
    do {                                                                                           \
        if (log_enabled(log, LOG_LEVEL_DBG))                                                       \
            log_write(log, LOG_LEVEL_DBG, __VA_ARGS__);                                            \
    } while (0)
#define log_trc(log, ...)                                                                          \
    do {                                                                                           \
        if (log_enabled(log, LOG_LEVEL_TRC))                                                       \
            log_write(log, LOG_LEVEL_TRC, __VA_ARGS__);                                            \
    } while (0)

#endif

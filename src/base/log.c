/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is built on the writer's stack, outside the lock:
 *
 *   | room for the head | text, escaped | \n |
 *
 * Under the lock the head (pid, time, label) is put right in front of the text, so that times
 * in a file never go back and the whole goes out in one write. syslog gets the text alone.
 *
 * Rotation is what the reference server does: after the line that passed the limit the file is
 * renamed, the first line of the new one says so. When that fails the old file goes on and the
 * limit doubles, so that a folder without rights costs a few attempts and not one per line.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/mem.h"
#include "base/syslog_sink.h"

#define HEAD_MAX 80 /* "[PID] ", time, coloured label */
#define TEXT_MAX (LOG_LINE_MAX - HEAD_MAX - 1)
#define CUT_MARK "..."

static const struct {
    const char *label, *coloured;
    enum syslog_severity severity;
} levels[] = {
    [LOG_LEVEL_INF] = { "[INF] ", "[\x1b[32mINF\x1b[0m] ", SYSLOG_NOTICE },
    [LOG_LEVEL_WRN] = { "[WRN] ", "[\x1b[0;93mWRN\x1b[0m] ", SYSLOG_WARNING },
    [LOG_LEVEL_ERR] = { "[ERR] ", "[\x1b[31mERR\x1b[0m] ", SYSLOG_ERROR },
    [LOG_LEVEL_FTL] = { "[FTL] ", "[\x1b[31mFTL\x1b[0m] ", SYSLOG_CRITICAL },
    [LOG_LEVEL_DBG] = { "[DBG] ", "[\x1b[36mDBG\x1b[0m] ", SYSLOG_DEBUG },
    [LOG_LEVEL_TRC] = { "[TRC] ", "[\x1b[33mTRC\x1b[0m] ", SYSLOG_NOTICE },
};

/* Where lines go: a file, a sink, or neither, which is stderr. */
struct target {
    char *path; /* NULL: stderr or a sink */
    struct files_appended file;
    int64_t rotate_at_bytes; /* 0: never */
    int64_t size_limit, files_max;
    struct syslog_sink *sink;
    bool timestamps, utc, coloured;
};

struct log {
    atomic_uint enabled; /* a bit per level; relaxed: a late line does no harm */
    int pid;
    pthread_mutex_t lock;
    struct target target; /* under lock */
    uint64_t lost;        /* lines since the last report; under lock */
};

struct line {
    char bytes[LOG_LINE_MAX]; /* the text begins at HEAD_MAX */
    size_t text_len;          /* without the newline behind it */
};

/* ---- targets */

static bool
stderr_is_terminal(void)
{
    struct stat st;

    return fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode);
}

static enum err
target_open_file(struct target *target, struct errmsg *why)
{
    enum err err = files_open_append(target->path, &target->file, why);

    if (err == ERR_OK)
        target->rotate_at_bytes = target->file.regular ? target->size_limit : 0;
    return err;
}

static void
target_close(struct target *target)
{
    if (target->path != NULL)
        close(target->file.fd);
    free(target->path);
    syslog_sink_close(target->sink);
}

static enum err
target_open(struct target *target, const struct log_options *options, struct errmsg *why)
{
    enum err err = ERR_OK;

    *target = (struct target) {
        .timestamps = options->timestamps,
        .utc = options->utc,
        .size_limit = options->size_limit,
        .files_max = options->files_max,
    };
    if (options->file != NULL) {
        target->path = xstrdup(options->file);
        err = target_open_file(target, why);
        if (err != ERR_OK)
            free(target->path);
    } else if (options->remote_syslog != NULL || options->syslog) {
        const char *url = options->remote_syslog != NULL ? options->remote_syslog : SYSLOG_LOCAL;

        err = syslog_sink_open(&target->sink, url, why);
    } else {
        target->coloured = stderr_is_terminal();
    }
    return err;
}

/* ---- lines */

/* Copies text with its control bytes as \xNN; returns false when it had to be cut. */
static bool
escape(struct line *line, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    char *out = line->bytes + HEAD_MAX;
    size_t len = 0;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool control = byte < 0x20 || byte == 0x7f;

        if (len + (control ? 4 : 1) > TEXT_MAX - (sizeof(CUT_MARK) - 1))
            break;
        if (control) {
            out[len++] = '\\';
            out[len++] = 'x';
            out[len++] = hex[byte >> 4];
            out[len++] = hex[byte & 15];
        } else {
            out[len++] = (char)byte;
        }
    }
    line->text_len = len;
    return *text == '\0';
}

static void __attribute__((format(printf, 2, 0)))
line_format(struct line *line, const char *format, va_list args)
{
    char raw[TEXT_MAX + 1];
    char *text = line->bytes + HEAD_MAX;
    int len = vsnprintf(raw, sizeof(raw), format, args);

    if (len < 0)
        raw[0] = '\0';
    if (!escape(line, raw)) {
        memcpy(text + line->text_len, CUT_MARK, sizeof(CUT_MARK) - 1);
        line->text_len += sizeof(CUT_MARK) - 1;
    }
    text[line->text_len] = '\n';
}

static size_t
put_time(const struct target *target, char *out, size_t cap)
{
    int64_t now_ns = clock_wall_ns();
    time_t seconds = (time_t)(now_ns / CLOCK_NS_PER_S);
    struct tm day = { 0 };
    int len;

    if (target->utc)
        (void)gmtime_r(&seconds, &day);
    else
        (void)localtime_r(&seconds, &day);
    len = snprintf(out, cap, "%04d/%02d/%02d %02d:%02d:%02d.%06d ", day.tm_year + 1900,
                   day.tm_mon + 1, day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec,
                   (int)(now_ns % CLOCK_NS_PER_S / 1000));
    assert(len > 0 && (size_t)len < cap);
    return (size_t)len;
}

/* Puts the head right in front of the text; returns its length. */
static size_t
put_head(const struct log *log, enum log_level level, struct line *line)
{
    const struct target *target = &log->target;
    const char *label = target->coloured ? levels[level].coloured : levels[level].label;
    char head[HEAD_MAX];
    size_t len = (size_t)snprintf(head, sizeof(head), "[%d] ", log->pid);
    size_t label_len = strlen(label);

    if (target->timestamps)
        len += put_time(target, head + len, sizeof(head) - len);
    assert(len + label_len <= HEAD_MAX);
    memcpy(line->bytes + HEAD_MAX - label_len, label, label_len);
    memcpy(line->bytes + HEAD_MAX - label_len - len, head, len);
    return len + label_len;
}

static bool
write_whole(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, data, len);

        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            return false;
        data += written;
        len -= (size_t)written;
    }
    return true;
}

/* Returns how many lines were lost: 0, 1 or, from a sink that lost its connection, many. */
static size_t
put_line_locked(struct log *log, enum log_level level, struct line *line)
{
    struct target *target = &log->target;
    int fd = target->path != NULL ? target->file.fd : STDERR_FILENO;
    size_t head_len, len;

    if (target->sink != NULL)
        return syslog_sink_write(target->sink, levels[level].severity, line->bytes + HEAD_MAX,
                                 line->text_len);
    head_len = put_head(log, level, line);
    len = head_len + line->text_len + 1;
    if (!write_whole(fd, line->bytes + HEAD_MAX - head_len, len))
        return 1;
    target->file.size_bytes += (int64_t)len;
    return 0;
}

static void __attribute__((format(printf, 3, 4)))
put_locked(struct log *log, enum log_level level, const char *format, ...)
{
    struct line line;
    va_list args;

    va_start(args, format);
    line_format(&line, format, args);
    va_end(args);
    log->lost += put_line_locked(log, level, &line);
}

static void
report_lost_locked(struct log *log)
{
    uint64_t before = log->lost;

    log->lost = 0;
    put_locked(log, LOG_LEVEL_WRN, "%llu log lines could not be written",
               (unsigned long long)before);
    if (log->lost > 0)
        log->lost += before - 1; /* the report is no loss of its own */
}

/* ---- rotation */

static void
report_pruned_locked(void *context, const char *name)
{
    put_locked(context, LOG_LEVEL_INF, "Purged log file \"%s\"", name);
}

static void
prune_locked(struct log *log)
{
    struct errmsg why;
    size_t keep = (size_t)log->target.files_max - 1;

    if (files_prune(log->target.path, keep, report_pruned_locked, log, &why) != ERR_OK)
        put_locked(log, LOG_LEVEL_ERR, "Log backups stay until the next rotation: %s", why.text);
}

static void
rotate_locked(struct log *log)
{
    struct target *target = &log->target;
    int old_fd = target->file.fd;
    struct errmsg why;
    char *backup = NULL;

    if (files_rotate(target->path, clock_wall_ns(), &backup, &why) != ERR_OK ||
        target_open_file(target, &why) != ERR_OK) {
        target->rotate_at_bytes *= 2;
        put_locked(log, LOG_LEVEL_ERR, "Log not rotated, next attempt at %lld bytes: %s",
                   (long long)target->rotate_at_bytes, why.text);
    } else {
        close(old_fd);
        put_locked(log, LOG_LEVEL_INF, "Rotated log, backup saved as \"%s\"", backup);
        if (target->files_max > 0)
            prune_locked(log);
    }
    free(backup);
}

/* ---- the log */

struct log *
log_new(void)
{
    struct log *log = xcalloc(1, sizeof(*log));
    int failed = pthread_mutex_init(&log->lock, NULL);

    assert(failed == 0);
    (void)failed;
    log->pid = (int)getpid();
    log->target = (struct target) { .timestamps = true, .coloured = stderr_is_terminal() };
    log_set_levels(log, false, false);
    return log;
}

void
log_free(struct log *log)
{
    if (log == NULL)
        return;
    target_close(&log->target);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

enum err
log_open(struct log *log, const struct log_options *options, struct errmsg *why)
{
    struct target target, old;
    enum err err = target_open(&target, options, why);

    if (err != ERR_OK)
        return err;
    pthread_mutex_lock(&log->lock);
    old = log->target;
    log->target = target;
    pthread_mutex_unlock(&log->lock);
    target_close(&old);
    log_set_levels(log, options->debug, options->trace);
    return ERR_OK;
}

enum err
log_reopen(struct log *log, struct errmsg *why)
{
    enum err err;
    int old_fd;

    pthread_mutex_lock(&log->lock);
    old_fd = log->target.file.fd;
    if (log->target.path == NULL)
        err = err_set(why, ERR_NOTFOUND, "the log does not go to a file");
    else
        err = target_open_file(&log->target, why);
    pthread_mutex_unlock(&log->lock);
    if (err == ERR_OK)
        close(old_fd);
    return err;
}

void
log_set_levels(struct log *log, bool debug, bool trace)
{
    unsigned bits = 1U << LOG_LEVEL_INF | 1U << LOG_LEVEL_WRN | 1U << LOG_LEVEL_ERR |
                    1U << LOG_LEVEL_FTL | (debug ? 1U << LOG_LEVEL_DBG : 0U) |
                    (trace ? 1U << LOG_LEVEL_TRC : 0U);

    atomic_store_explicit(&log->enabled, bits, memory_order_relaxed);
}

bool
log_enabled(const struct log *log, enum log_level level)
{
    return (atomic_load_explicit(&log->enabled, memory_order_relaxed) >> level & 1U) != 0;
}

void
log_write(struct log *log, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vwrite(log, level, format, args);
    va_end(args);
}

void
log_vwrite(struct log *log, enum log_level level, const char *format, va_list args)
{
    struct line line;

    if (!log_enabled(log, level))
        return;
    line_format(&line, format, args);
    pthread_mutex_lock(&log->lock);
    if (log->lost > 0)
        report_lost_locked(log);
    log->lost += put_line_locked(log, level, &line);
    if (log->target.rotate_at_bytes > 0 &&
        log->target.file.size_bytes > log->target.rotate_at_bytes)
        rotate_locked(log);
    pthread_mutex_unlock(&log->lock);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The log is followed by inotify instead of by polling: reloads take less than the shortest sleep.
 */
#include "common/target.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define IDLE_WINDOW_NS (20 * CLOCK_NS_PER_MS)
#define IDLE_CPU_NS    (IDLE_WINDOW_NS / 10)
#define IDLE_WINDOWS   5 /* in a row: a server may sleep between two steps of the same work */
#define LOG_LINE_MAX   1024

int64_t
target_cpu_ns(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * CLOCK_NS_PER_S + used.tv_nsec;
}

bool
target_wait_idle(pid_t pid, int64_t timeout_ns)
{
    const struct timespec window = { .tv_sec = 0, .tv_nsec = IDLE_WINDOW_NS };
    int64_t deadline = clock_mono_ns() + timeout_ns, before = target_cpu_ns(pid);
    int idle = 0;

    while (idle < IDLE_WINDOWS && clock_mono_ns() < deadline) {
        int64_t now;

        nanosleep(&window, NULL);
        now = target_cpu_ns(pid);
        idle = now - before < IDLE_CPU_NS ? idle + 1 : 0;
        before = now;
    }
    return idle == IDLE_WINDOWS;
}

enum err
target_log_open(struct target_log *log, const char *path, struct errmsg *why)
{
    *log = (struct target_log) { fopen(path, "re"), inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
    if (log->file != NULL && log->notify != -1 && fseek(log->file, 0, SEEK_END) == 0 &&
        inotify_add_watch(log->notify, path, IN_MODIFY) != -1)
        return ERR_OK;
    (void)err_sys(why, errno, "could not follow the log %s", path);
    target_log_close(log);
    return ERR_SYS;
}

void
target_log_close(struct target_log *log)
{
    if (log->file != NULL)
        fclose(log->file);
    if (log->notify != -1)
        close(log->notify);
    *log = (struct target_log) { NULL, -1 };
}

/* A line that is read in two parts is found unless the text itself is torn apart; servers write
 * a line at once. */
static bool
has_new_line_with(struct target_log *log, const char *text)
{
    char line[LOG_LINE_MAX];

    clearerr(log->file);
    while (fgets(line, sizeof(line), log->file) != NULL) {
        if (strstr(line, text) != NULL)
            return true;
    }
    return false;
}

bool
target_log_wait(struct target_log *log, const char *text, int64_t deadline_ns)
{
    struct pollfd pollfd = { .fd = log->notify, .events = POLLIN };
    char events[4096];

    while (!has_new_line_with(log, text)) {
        int64_t left_ms = (deadline_ns - clock_mono_ns()) / CLOCK_NS_PER_MS;

        if (left_ms <= 0)
            return false;
        if (poll(&pollfd, 1, left_ms > 1000 ? 1000 : (int)left_ms) == 1)
            (void)!read(log->notify, events, sizeof(events));
    }
    return true;
}

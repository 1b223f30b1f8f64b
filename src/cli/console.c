/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* A descriptor that another program left non-blocking is waited for. */
static bool
write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.data, text.len);

        if (written >= 0) {
            text.data += written;
            text.len -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd ready = { .fd = fd, .events = POLLOUT };

            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

__attribute__((format(printf, 3, 0))) static bool
vprint(int fd, const char *prefix, const char *format, va_list args)
{
    char *text, *line;
    bool ok;

    if (vasprintf(&text, format, args) == -1)
        return false;
    line = xasprintf("%s%s%s", prefix, text, fd == STDERR_FILENO ? "\n" : "");
    ok = write_all(fd, str_of(line));
    free(line);
    free(text);
    return ok;
}

void
console_log(const char *format, ...)
{
    time_t now = time(NULL);
    char stamp[16] = "";
    struct tm tm;
    va_list args;

    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(stamp, sizeof(stamp), "%H:%M:%S ", &tm);
    va_start(args, format);
    (void)vprint(STDERR_FILENO, stamp, format, args);
    va_end(args);
}

int
console_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vprint(STDERR_FILENO, "nats: error: ", format, args);
    va_end(args);
    return 1;
}

bool
console_write(struct str text)
{
    return write_all(STDOUT_FILENO, text);
}

bool
console_printf(const char *format, ...)
{
    va_list args;
    bool ok;

    va_start(args, format);
    ok = vprint(STDOUT_FILENO, "", format, args);
    va_end(args);
    return ok;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Servers are found by their names in /proc, so that no other program is needed. A pid is
 * positive: to kill(2), 0 and negative numbers are whole groups of processes, and a broken
 * pid file must not stop everything that this user runs.
 */
#include "main/signal_command.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define PROGRAM       "nats-server"
#define PID_MAX       INT32_MAX
#define PID_FILE_MAX  32 /* bytes */
#define SHOWN_MAX_LEN 256

struct pids {
    pid_t *list;
    size_t count;
};

static int
signal_number(struct str command)
{
    static const struct {
        struct str name;
        int number;
    } commands[] = {
        { STR_LIT("ldm"), SIGUSR2 },    { STR_LIT("quit"), SIGINT },  { STR_LIT("reload"), SIGHUP },
        { STR_LIT("reopen"), SIGUSR1 }, { STR_LIT("stop"), SIGKILL }, { STR_LIT("term"), SIGTERM },
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (str_eq(command, commands[i].name))
            return commands[i].number;
    return 0;
}

/* What path holds, without blanks at its end; false: it cannot be read. */
static bool
read_short_file(const char *path, char text[PID_FILE_MAX + 1], struct str *out)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return false;
    len = fread(text, 1, PID_FILE_MAX, file);
    (void)fclose(file);
    text[len] = '\0';
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    *out = (struct str) { text, len };
    return true;
}

static bool
parse_pid(struct str text, pid_t *out)
{
    uint64_t number;

    if (!str_to_u64(text, PID_MAX, &number) || number == 0)
        return false;
    *out = (pid_t)number;
    return true;
}

static void
add_pid(struct pids *pids, pid_t pid)
{
    pids->list = xrealloc(pids->list, (pids->count + 1) * sizeof(*pids->list));
    pids->list[pids->count++] = pid;
}

static int
compare_pids(const void *a, const void *b)
{
    pid_t one = *(const pid_t *)a, other = *(const pid_t *)b;

    return (one > other) - (one < other);
}

/* The servers whose pid begins with prefix, the lowest pid first. */
static void
find_servers(const struct signal_host *host, struct str prefix, struct pids *out)
{
    DIR *dir = opendir(host->proc);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct str name = str_of(entry->d_name), program;
        char text[PID_FILE_MAX + 1], *path;
        pid_t pid;

        if (!parse_pid(name, &pid) || pid == host->self || !str_starts(name, prefix))
            continue;
        path = xasprintf("%s/%s/comm", host->proc, entry->d_name);
        if (read_short_file(path, text, &program) && str_eq(program, STR_LIT(PROGRAM)))
            add_pid(out, pid);
        free(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (out->count > 1)
        qsort(out->list, out->count, sizeof(*out->list), compare_pids);
}

static bool
find_one(const struct signal_host *host, struct pids *pids, struct buf *error)
{
    find_servers(host, STR_LIT(""), pids);
    if (pids->count == 1)
        return true;
    buf_append_str(error, pids->count == 0 ? "no " PROGRAM " processes running"
                                           : "multiple " PROGRAM " processes running:");
    for (size_t i = 0; i < pids->count; i++)
        buf_printf(error, "\n%d", (int)pids->list[i]);
    return false;
}

static bool
find_matching(const struct signal_host *host, struct str prefix, struct pids *pids,
              struct buf *error)
{
    for (size_t i = 0; i < prefix.len; i++) {
        if (!isdigit((unsigned char)prefix.data[i])) {
            buf_printf(error, "invalid pid: %.*s*", (int)prefix.len, prefix.data);
            return false;
        }
    }
    find_servers(host, prefix, pids);
    if (pids->count == 0)
        buf_printf(error, "no " PROGRAM " processes running with a pid of %.*s*", (int)prefix.len,
                   prefix.data);
    return pids->count > 0;
}

/* A number, or the file that holds one. */
static bool
find_named(const char *target, struct pids *pids, struct buf *error)
{
    char text[PID_FILE_MAX + 1];
    struct str held = str_of(target);
    pid_t pid;

    if (parse_pid(held, &pid)) {
        add_pid(pids, pid);
        return true;
    }
    if (!read_short_file(target, text, &held)) {
        buf_printf(error, "invalid pid: %.*s", SHOWN_MAX_LEN, target);
        return false;
    }
    if (!parse_pid(held, &pid)) {
        buf_printf(error, "invalid pid: %.*s does not hold one", SHOWN_MAX_LEN, target);
        return false;
    }
    add_pid(pids, pid);
    return true;
}

/* target: what stands behind the '='; "" when nothing does. */
static bool
find_targets(const char *target, const struct signal_host *host, struct pids *pids,
             struct buf *error)
{
    size_t len = strlen(target);

    if (len == 0)
        return find_one(host, pids, error);
    if (target[len - 1] == '*')
        return find_matching(host, (struct str) { target, len - 1 }, pids, error);
    return find_named(target, pids, error);
}

static bool
send_all(const struct signal_host *host, const struct pids *pids, struct str name, int number,
         struct buf *error)
{
    bool sent_all = true;

    for (size_t i = 0; i < pids->count; i++) {
        int failed = host->send(host->context, pids->list[i], number);
        char text[128], *reason;

        if (failed == 0)
            continue;
        reason = strerror_r(failed, text, sizeof(text));
        buf_printf(error, "%ssignal \"%.*s\" %d: %c%s", sent_all ? "" : "\n", (int)name.len,
                   name.data, (int)pids->list[i], tolower((unsigned char)reason[0]), reason + 1);
        sent_all = false;
    }
    return sent_all;
}

bool
signal_command_run(const char *command, const struct signal_host *host, struct buf *error)
{
    const char *end = strchrnul(command, '=');
    struct str name = { command, (size_t)(end - command) };
    int number = signal_number(name);
    struct pids pids = { 0 };
    bool done;

    if (number == 0) {
        buf_printf(error, "unknown signal \"%.*s\"", (int)name.len, name.data);
        return false;
    }
    done = find_targets(*end == '=' ? end + 1 : end, host, &pids, error) &&
           send_all(host, &pids, name, number, error);
    free(pids.list);
    return done;
}

static int
send_signal(void *context, pid_t pid, int number)
{
    (void)context;
    return kill(pid, number) == 0 ? 0 : errno;
}

int
signal_command(const char *command)
{
    const struct signal_host host = { .proc = "/proc", .self = getpid(), .send = send_signal };
    struct buf error = BUF_INIT;
    bool done = signal_command_run(command, &host, &error);

    if (!done)
        fprintf(stderr, PROGRAM ": %s\n", buf_cstr(&error));
    buf_release(&error);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

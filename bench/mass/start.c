/* SPDX-License-Identifier: Apache-2.0
 *
 * No sleep between two attempts to connect: on an idle core a wake-up costs about as much as the
 * start of a small server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "common/memory.h"
#include "common/samples.h"
#include "common/target.h"
#include "mass/mass.h"

#define IDLE_PATIENCE_NS (10 * CLOCK_NS_PER_S)

struct start {
    const struct mass *mass;
    struct link_plan plan;
    struct samples first_pong_ns;
    struct memory memory;
    double cpu_ms_per_s;
};

/* Should another process take it before the server does, the server ends and the run fails. */
static enum err
find_free_port(struct link_plan *plan, struct errmsg *why)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(plan->server);
    enum err err = ERR_OK;

    plan->server.sin_port = 0;
    if (fd == -1 || bind(fd, (const struct sockaddr *)&plan->server, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&plan->server, &len) != 0)
        err = err_sys(why, errno, "could not find a free port");
    if (fd != -1)
        close(fd);
    return err;
}

static _Noreturn void
become_server(const struct start *start)
{
    const struct mass *mass = start->mass;
    const char **argv = xcalloc(mass->argument_count + 6, sizeof(*argv));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char port[8];
    size_t n = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    (void)snprintf(port, sizeof(port), "%u", ntohs(start->plan.server.sin_port));
    argv[n++] = mass->server;
    argv[n++] = "-a";
    argv[n++] = "127.0.0.1";
    argv[n++] = "-p";
    argv[n++] = port;
    for (unsigned i = 0; i < mass->argument_count; i++)
        argv[n++] = mass->arguments[i];
    execv(mass->server, (char *const *)argv);
    _exit(127);
}

static bool
has_ended(pid_t pid)
{
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* A connection that is refused ends as lost, and without a line. */
static void
try_to_log_in(struct link *link, const struct link_plan *plan, int64_t deadline_ns)
{
    *link = (struct link) { .channel.fd = -1, .state = LINK_LOST };
    if (link_open(link, plan, 0, NULL) != ERR_OK)
        return;
    while (!link_is_settled(link) && clock_mono_ns() < deadline_ns)
        (void)link_read(link);
    link_close(link);
}

static enum err
wait_first_pong(const struct start *start, pid_t pid, struct errmsg *why)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t)start->mass->deadline_s * CLOCK_NS_PER_S;
    struct link link;

    do {
        if (has_ended(pid))
            return err_set(why, ERR_CLOSED, "%s ended", start->mass->server);
        try_to_log_in(&link, &start->plan, deadline_ns);
    } while (link.state == LINK_LOST && link.line_len == 0 && clock_mono_ns() < deadline_ns);
    return link.state == LINK_IN ? ERR_OK
                                 : err_set(why, ERR_CLOSED, "no PONG, but: \"%s\"", link.line);
}

static enum err
watch_idle(struct start *start, pid_t pid, struct errmsg *why)
{
    const struct timespec span = { .tv_sec = start->mass->seconds, .tv_nsec = 0 };
    int64_t cpu_ns;

    (void)target_wait_idle(pid, IDLE_PATIENCE_NS);
    cpu_ns = target_cpu_ns(pid);
    nanosleep(&span, NULL);
    start->cpu_ms_per_s =
        (double)(target_cpu_ns(pid) - cpu_ns) / (double)CLOCK_NS_PER_MS / start->mass->seconds;
    return memory_of(pid, &start->memory, why);
}

static enum err
start_once(struct start *start, bool is_last, struct errmsg *why)
{
    enum err err = find_free_port(&start->plan, why);
    int64_t start_ns = clock_mono_ns();
    pid_t pid = err == ERR_OK ? fork() : -1;

    if (err != ERR_OK)
        return err;
    if (pid == 0)
        become_server(start);
    if (pid == -1)
        return err_sys(why, errno, "could not fork");
    err = wait_first_pong(start, pid, why);
    samples_add(&start->first_pong_ns, clock_mono_ns() - start_ns);
    if (err == ERR_OK && is_last)
        err = watch_idle(start, pid, why);
    (void)kill(pid, err == ERR_OK ? SIGTERM : SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return err;
}

enum err
mass_start(const struct mass *mass, struct errmsg *why)
{
    struct start start = { .mass = mass, .plan = mass->plan };
    enum err err = ERR_OK;

    for (unsigned i = 0; i < mass->runs && err == ERR_OK; i++)
        err = start_once(&start, i + 1 == mass->runs, why);
    if (err == ERR_OK) {
        fputs("{\"first_pong\": ", stdout);
        samples_print(&start.first_pong_ns, stdout);
        printf(", \"rss_kb\": %" PRIu64 ", \"private_kb\": %" PRIu64 ", \"dirty_kb\": %" PRIu64
               ", \"cpu_ms_per_s\": %.4f}\n",
               start.memory.rss_kb, start.memory.private_kb, start.memory.dirty_kb,
               start.cpu_ms_per_s);
    }
    samples_release(&start.first_pong_ns);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { PIPE_READ, PIPE_WRITE };

/* ---- words ---- */

enum err
filter_split(struct buf *words, size_t *count, const char *command, struct errmsg *why)
{
    bool in_word = false;
    char quote = '\0';

    *count = 0;
    for (const char *c = command; *c != '\0'; c++) {
        bool blank = *c == ' ' || *c == '\t' || *c == '\n';

        if (quote == '\0' && blank) {
            if (in_word)
                buf_append_char(words, '\0');
            in_word = false;
            continue;
        }
        *count += !in_word;
        in_word = true;
        if (quote == '\0' && (*c == '\'' || *c == '"'))
            quote = *c;
        else if (quote != '\0' && *c == quote)
            quote = '\0';
        else if (*c == '\\' && quote != '\'' && c[1] != '\0')
            buf_append_char(words, *++c);
        else
            buf_append_char(words, *c);
    }
    if (quote != '\0')
        return err_set(why, ERR_INVALID, "unbalanced quotes in the command");
    if (in_word)
        buf_append_char(words, '\0');
    return *count > 0 ? ERR_OK : err_set(why, ERR_INVALID, "the command is empty");
}

static char *
with_subject(const char *word, struct str subject)
{
    static const char mark[] = "{{Subject}}";
    struct buf out = BUF_INIT;
    const char *at;
    char *copy;

    for (; (at = strstr(word, mark)) != NULL; word = at + sizeof(mark) - 1) {
        buf_append(&out, word, (size_t)(at - word));
        buf_append(&out, subject.data, subject.len);
    }
    buf_append_str(&out, word);
    copy = xmemdup0(out.data, out.len);
    buf_release(&out);
    return copy;
}

static char **
make_argv(const struct buf *words, size_t count, struct str subject)
{
    char **argv = xcalloc(count + 1, sizeof(*argv));
    const char *word = words->data;

    for (size_t i = 0; i < count; i++, word += strlen(word) + 1)
        argv[i] = with_subject(word, subject);
    return argv;
}

static void
free_argv(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

/* ---- the program ---- */

/* The threads of libnats block and ignore signals that the child wants back. */
static int
spawn(pid_t *pid, char **argv, int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;
    int error;

    (void)sigemptyset(&none);
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void
close_fd(int *fd)
{
    if (*fd != -1)
        (void)close(*fd);
    *fd = -1;
}

/* Writes body and reads the answer at the same time, so that neither pipe can fill up and
 * hold both sides. Ends when the child closes its output. */
static enum err
exchange(struct buf *out, int *to, int from, struct str body, struct errmsg *why)
{
    for (;;) {
        struct pollfd ready[] = { { .fd = from, .events = POLLIN },
                                  { .fd = *to, .events = POLLOUT } };
        ssize_t moved;

        if (body.len == 0)
            close_fd(to);
        if (poll(ready, *to == -1 ? 1 : 2, -1) == -1 && errno != EINTR)
            return err_sys(why, errno, "could not wait for the command");
        if (*to != -1 && ready[1].revents != 0) {
            moved = write(*to, body.data, body.len);
            if (moved > 0)
                body = (struct str) { body.data + moved, body.len - (size_t)moved };
            else if (moved == -1 && errno != EAGAIN && errno != EINTR)
                body.len = 0; /* it does not want the rest */
        }
        if (ready[0].revents == 0)
            continue;
        if (!buf_reserve(out, 4096))
            return err_set(why, ERR_NOMEM, "out of memory for the output of the command");
        moved = read(from, out->data + out->len, 4096);
        if (moved == 0)
            return ERR_OK;
        if (moved > 0)
            buf_commit(out, (size_t)moved);
        else if (errno != EINTR)
            return err_sys(why, errno, "could not read from the command");
    }
}

static enum err
wait_for(pid_t pid, struct errmsg *why)
{
    int status;

    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR)
            return err_sys(why, errno, "could not wait for the command");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (WIFEXITED(status))
        return err_set(why, ERR_SYS, "exit status %d", WEXITSTATUS(status));
    return err_set(why, ERR_SYS, "signal: %s", strsignal(WTERMSIG(status)));
}

static enum err
run_argv(struct buf *out, char **argv, struct str body, struct errmsg *why)
{
    int in[2] = { -1, -1 }, back[2] = { -1, -1 };
    enum err err = ERR_OK;
    pid_t pid;
    int error;

    if (pipe2(in, O_CLOEXEC) == -1 || pipe2(back, O_CLOEXEC) == -1 ||
        fcntl(in[PIPE_WRITE], F_SETFL, O_NONBLOCK) == -1) {
        err = err_sys(why, errno, "could not open a pipe");
        goto out;
    }
    error = spawn(&pid, argv, in[PIPE_READ], back[PIPE_WRITE]);
    if (error != 0) {
        err = err_sys(why, error, "could not run %s", argv[0]);
        goto out;
    }
    close_fd(&in[PIPE_READ]);
    close_fd(&back[PIPE_WRITE]);
    err = exchange(out, &in[PIPE_WRITE], back[PIPE_READ], body, why);
    close_fd(&in[PIPE_WRITE]);
    close_fd(&back[PIPE_READ]);
    if (err == ERR_OK)
        err = wait_for(pid, why);
    else
        (void)wait_for(pid, NULL);
out:
    for (int i = PIPE_READ; i <= PIPE_WRITE; i++) {
        close_fd(&in[i]);
        close_fd(&back[i]);
    }
    return err;
}

enum err
filter_run(struct buf *out, const char *command, struct str body, struct str subject,
           struct errmsg *why)
{
    struct buf words = BUF_INIT;
    size_t count;
    enum err err;

    err = filter_split(&words, &count, command, why);
    if (err == ERR_OK) {
        char **argv = make_argv(&words, count, subject);

        err = run_argv(out, argv, body, why);
        free_argv(argv);
    }
    buf_release(&words);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <uv.h>

#include "base/mem.h"
#include "net/loop_private.h"

struct signals {
    uv_poll_t uv;
    int fd;
    void (*caught)(void *arg, int signo);
    void *arg;
};

/* One a call: that one may end the watch. What is left makes the descriptor readable again. */
static void
readable(uv_poll_t *uv, int status, int events)
{
    struct signals *signals = uv->data;
    struct signalfd_siginfo info;

    (void)status;
    (void)events;
    if (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->caught(signals->arg, (int)info.ssi_signo);
}

enum err
signals_new(struct signals **out, struct loop *loop, const int *signos, size_t count,
            void (*caught)(void *arg, int signo), void *arg, struct errmsg *why)
{
    struct signals *signals;
    sigset_t set;
    int fd;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        (void)sigaddset(&set, signos[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < count; i++)
        (void)signal(signos[i], SIG_DFL); /* ignored ones would never wait to be read */
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd == -1)
        return err_sys(why, errno, "could not watch for signals");
    signals = xcalloc(1, sizeof(*signals));
    signals->fd = fd;
    signals->caught = caught;
    signals->arg = arg;
    signals->uv.data = signals;
    if (uv_poll_init(&loop->uv, &signals->uv, fd) != 0) {
        close(fd);
        free(signals);
        return err_set(why, ERR_SYS, "could not watch for signals");
    }
    (void)uv_poll_start(&signals->uv, UV_READABLE, readable);
    *out = signals;
    return ERR_OK;
}

static void
closed(uv_handle_t *handle)
{
    struct signals *signals = handle->data;

    close(signals->fd);
    free(signals);
}

void
signals_free(struct signals *signals)
{
    if (signals != NULL)
        uv_close((uv_handle_t *)&signals->uv, closed);
}

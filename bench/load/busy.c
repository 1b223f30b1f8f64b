/* SPDX-License-Identifier: Apache-2.0 */
#include "busy.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

struct busy {
    size_t count;
    pid_t children[];
};

/* Does not return. Where the scheduling class is refused it would disturb, so it ends. */
static void
turn_for_ever(void)
{
    const struct sched_param param = { 0 };
    volatile unsigned turns = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setscheduler(0, SCHED_IDLE, &param) != 0)
        _exit(1);
    for (;;)
        turns = turns + 1;
}

enum err
busy_start(struct busy **out, struct errmsg *why)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct busy *busy = xcalloc(1, sizeof(*busy) + (size_t)cores * sizeof(busy->children[0]));

    *out = busy;
    for (; busy->count < (size_t)cores; busy->count++) {
        pid_t child = fork();

        if (child == -1)
            return err_sys(why, errno, "could not keep the cores busy");
        if (child == 0)
            turn_for_ever();
        busy->children[busy->count] = child;
    }
    return ERR_OK;
}

void
busy_stop(struct busy *busy)
{
    for (size_t i = 0; busy != NULL && i < busy->count; i++) {
        if (kill(busy->children[i], SIGKILL) == 0)
            (void)waitpid(busy->children[i], NULL, 0);
    }
    free(busy);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * --signal against a /proc of our own and a kill(2) that only takes notes.
 */
#include "main/signal_command.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SELF         77

static char dir[] = "test_signal_XXXXXX"; /* in the build folder */

/* Processes with their names, and files with a pid. */
static const struct {
    const char *path, *text;
} made[] = {
    { "one/12/comm", "nats-server\n" },
    { "one/13/comm", "nats\n" },
    { "one/77/comm", "nats-server\n" },
    { "one/self/comm", "nats-server\n" },
    { "many/120/comm", "nats-server\n" },
    { "many/9/comm", "nats-server\n" },
    { "many/12/comm", "nats-server\n" },
    { "many/14/comm", "nats-server-x\n" },
    { "none/1/comm", "init\n" },
    { "good.pid", "34" },
    { "newline.pid", "34\n" },
    { "empty.pid", "" },
    { "negative.pid", "-1\n" },
    { "zero.pid", "0\n" },
    { "text.pid", "hello" },
    { "blank.pid", " 34\n" },
};

static void
make_parents(char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0)
            assert_int_equal(errno, EEXIST);
        *slash = '/';
    }
}

static int
make_files(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        return -1;
    for (size_t i = 0; i < COUNT(made); i++) {
        char path[64];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s", made[i].path);
        make_parents(path);
        file = fopen(path, "w");
        if (file == NULL || fputs(made[i].text, file) < 0 || fclose(file) != 0)
            return -1;
    }
    return 0;
}

static int
remove_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(made); i++) {
        char path[64], *slash;

        (void)snprintf(path, sizeof(path), "%s", made[i].path);
        do {
            (void)remove(path); /* a folder goes with the last that was in it */
            slash = strrchr(path, '/');
            if (slash != NULL)
                *slash = '\0';
        } while (slash != NULL);
    }
    return chdir("..") != 0 || rmdir(dir) != 0;
}

/* Notes "12 " for the right signal; 9 is gone and 120 is somebody else's. */
struct notes {
    struct buf sent;
    int number;
};

static int
note(void *context, pid_t pid, int number)
{
    struct notes *notes = context;

    if (pid == 9)
        return ESRCH;
    if (pid == 120)
        return EPERM;
    assert_int_equal(number, notes->number);
    buf_printf(&notes->sent, "%d ", (int)pid);
    return 0;
}

static void
test_commands(void **state)
{
    static const struct {
        const char *command, *proc, *sent, *error; /* error NULL: it succeeds */
        int number;
    } rows[] = {
        { "reload", "one", "12 ", NULL, SIGHUP },
        { "quit", "one", "12 ", NULL, SIGINT },
        { "stop", "one", "12 ", NULL, SIGKILL },
        { "reopen", "one", "12 ", NULL, SIGUSR1 },
        { "ldm", "one", "12 ", NULL, SIGUSR2 },
        { "term", "one", "12 ", NULL, SIGTERM },
        { "reload=", "one", "12 ", NULL, SIGHUP },
        { "reload=34", "one", "34 ", NULL, SIGHUP },
        { "reload=good.pid", "one", "34 ", NULL, SIGHUP },
        { "ldm=newline.pid", "one", "34 ", NULL, SIGUSR2 },
        { "reload=*", "one", "12 ", NULL, SIGHUP },
        { "reload=1*", "one", "12 ", NULL, SIGHUP },
        /* found nothing, or too much */
        { "reload", "none", "", "no nats-server processes running", 0 },
        { "reload", "nowhere", "", "no nats-server processes running", 0 },
        { "reload", "many", "", "multiple nats-server processes running:\n9\n12\n120", 0 },
        { "reload=*", "none", "", "no nats-server processes running with a pid of *", 0 },
        { "reload=5*", "one", "", "no nats-server processes running with a pid of 5*", 0 },
        /* sent what could be */
        { "reload=*", "many", "12 ",
          "signal \"reload\" 9: no such process\nsignal \"reload\" 120: operation not permitted",
          SIGHUP },
        { "ldm=12*", "many", "12 ", "signal \"ldm\" 120: operation not permitted", SIGUSR2 },
        { "stop=9", "none", "", "signal \"stop\" 9: no such process", 0 },
        /* not understood */
        { "foo", "one", "", "unknown signal \"foo\"", 0 },
        { "foo=12", "one", "", "unknown signal \"foo\"", 0 },
        { "RELOAD", "one", "", "unknown signal \"RELOAD\"", 0 },
        { "", "one", "", "unknown signal \"\"", 0 },
        { "=12", "one", "", "unknown signal \"\"", 0 },
        { "reload=nowhere.pid", "one", "", "invalid pid: nowhere.pid", 0 },
        { "reload=x*", "one", "", "invalid pid: x*", 0 },
        { "reload=**", "one", "", "invalid pid: **", 0 },
        { "reload=empty.pid", "one", "", "invalid pid: empty.pid does not hold one", 0 },
        { "reload=text.pid", "one", "", "invalid pid: text.pid does not hold one", 0 },
        { "reload=blank.pid", "one", "", "invalid pid: blank.pid does not hold one", 0 },
        /* to kill(2) these are many processes */
        { "stop=0", "one", "", "invalid pid: 0", 0 },
        { "stop=-1", "one", "", "invalid pid: -1", 0 },
        { "stop=00", "one", "", "invalid pid: 00", 0 },
        { "stop=4294967295", "one", "", "invalid pid: 4294967295", 0 },
        { "stop=18446744073709551615", "one", "", "invalid pid: 18446744073709551615", 0 },
        { "stop=-*", "one", "", "invalid pid: -*", 0 },
        { "stop=negative.pid", "one", "", "invalid pid: negative.pid does not hold one", 0 },
        { "stop=zero.pid", "one", "", "invalid pid: zero.pid does not hold one", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct notes notes = { .number = rows[i].number };
        struct signal_host host = { rows[i].proc, SELF, note, &notes };
        struct buf error = BUF_INIT;
        bool done = signal_command_run(rows[i].command, &host, &error);

        if (done != (rows[i].error == NULL) || strcmp(buf_cstr(&notes.sent), rows[i].sent) != 0 ||
            (!done && strcmp(buf_cstr(&error), rows[i].error) != 0))
            fail_msg("%s: sent to %s, said %s", rows[i].command, buf_cstr(&notes.sent),
                     buf_cstr(&error));
        buf_release(&notes.sent);
        buf_release(&error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_commands) };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}

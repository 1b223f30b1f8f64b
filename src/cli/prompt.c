/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw mode without echo, one byte at a time. Signals are blocked for the duration and read
 * from a signalfd beside the keys, so that no path leaves the terminal in raw mode: Ctrl-C
 * arrives as a byte (ISIG is off), SIGINT, SIGTERM, SIGHUP and SIGQUIT as a descriptor.
 */
#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    KEY_CTRL_C = 0x03,
    KEY_CTRL_D = 0x04,
    KEY_BELL = 0x07,
    KEY_BACKSPACE = 0x08,
    KEY_CTRL_U = 0x15,
    KEY_CTRL_W = 0x17,
    KEY_ESCAPE = 0x1b,
    KEY_DELETE = 0x7f,
};

struct answer {
    char bytes[PROMPT_MAX];
    size_t len;
    int signals; /* signalfd */
    int screen;  /* where prompt and stars go */
};

int
prompt_screen(void)
{
    if (!isatty(STDIN_FILENO))
        return -1;
    return isatty(STDOUT_FILENO) ? STDOUT_FILENO : isatty(STDERR_FILENO) ? STDERR_FILENO : -1;
}

static void
terminal_raw(const struct termios *saved)
{
    struct termios raw = *saved;

    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* Waits for a key or a signal. */
static enum err
read_key(const struct answer *answer, char *key, struct errmsg *why)
{
    struct pollfd ready[] = { { .fd = answer->signals, .events = POLLIN },
                              { .fd = STDIN_FILENO, .events = POLLIN } };
    ssize_t got;

    while (poll(ready, 2, -1) == -1 && errno == EINTR)
        ;
    if (ready[0].revents != 0)
        return err_set(why, ERR_CLOSED, "interrupt");
    got = read(STDIN_FILENO, key, 1);
    if (got == 1)
        return ERR_OK;
    if (got == -1 && errno != EIO)
        return err_sys(why, errno, "could not read from the terminal");
    return err_set(why, ERR_CLOSED, "EOF");
}

/* Takes the last character off, all bytes of its UTF-8. */
static void
erase_last(struct answer *answer)
{
    bool continued;

    if (answer->len == 0)
        return;
    do {
        continued = ((unsigned char)answer->bytes[--answer->len] & 0xc0) == 0x80;
        answer->bytes[answer->len] = '\0';
    } while (continued && answer->len > 0);
    (void)dprintf(answer->screen, "\b \b");
}

static void
add_byte(struct answer *answer, char byte)
{
    if (answer->len == PROMPT_MAX - 1) {
        (void)dprintf(answer->screen, "\a");
        return;
    }
    answer->bytes[answer->len++] = byte;
    if (((unsigned char)byte & 0xc0) != 0x80) /* one star per character */
        (void)dprintf(answer->screen, "*");
}

/* Arrow and function keys: ESC [ ... letter. They mean nothing here and are no characters. */
static enum err
skip_sequence(const struct answer *answer, struct errmsg *why)
{
    struct pollfd more = { .fd = STDIN_FILENO, .events = POLLIN };
    enum err err = ERR_OK;
    char key = '\0';

    if (poll(&more, 1, 0) == 1)
        err = read_key(answer, &key, why);
    if (err != ERR_OK || (key != '[' && key != 'O'))
        return err;
    do
        err = read_key(answer, &key, why);
    while (err == ERR_OK && (key < '@' || key > '~'));
    return err;
}

/* Reads until Enter. */
static enum err
read_answer(struct answer *answer, struct errmsg *why)
{
    for (;;) {
        char key = '\0';
        enum err err = read_key(answer, &key, why);

        if (err != ERR_OK)
            return err;
        if (key == '\r' || key == '\n')
            return ERR_OK;
        if (key == KEY_CTRL_C)
            return err_set(why, ERR_CLOSED, "interrupt");
        if (key == KEY_CTRL_D && answer->len == 0)
            return err_set(why, ERR_CLOSED, "EOF");
        if (key == KEY_DELETE || key == KEY_BACKSPACE)
            erase_last(answer);
        else if (key == KEY_CTRL_U || key == KEY_CTRL_W)
            while (answer->len > 0)
                erase_last(answer);
        else if (key == KEY_ESCAPE)
            err = skip_sequence(answer, why);
        else if ((unsigned char)key >= ' ')
            add_byte(answer, key);
        if (err != ERR_OK)
            return err;
    }
}

static enum err
ask(struct answer *answer, const char *message, const char *help, struct errmsg *why)
{
    const char *hint = "[? for help] ";

    for (;;) {
        enum err err;

        (void)dprintf(answer->screen, "? %s %s", message, hint);
        err = read_answer(answer, why);
        (void)dprintf(answer->screen, "\n");
        if (err != ERR_OK || answer->len != 1 || answer->bytes[0] != '?')
            return err;
        (void)dprintf(answer->screen, "? %s\n", help);
        hint = "";
        answer->len = 0;
    }
}

static enum err
ask_all(char **out, const struct prompt_question *questions, size_t count, int signals,
        struct errmsg *why)
{
    struct answer answer = { .signals = signals, .screen = prompt_screen() };
    enum err err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        answer.len = 0;
        err = ask(&answer, questions[i].message, questions[i].help, why);
        if (err == ERR_OK)
            out[i] = xmemdup0(answer.bytes, answer.len);
    }
    mem_wipe(&answer, sizeof(answer));
    return err;
}

enum err
prompt_passwords(char **out, const struct prompt_question *questions, size_t count,
                 struct errmsg *why)
{
    static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
    struct termios saved;
    sigset_t set, before;
    int signals;
    enum err err;

    if (tcgetattr(STDIN_FILENO, &saved) == -1)
        return err_sys(why, errno, "could not read the terminal's settings");
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        (void)sigaddset(&set, ending[i]);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals == -1)
        return err_sys(why, errno, "could not watch for signals");
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    terminal_raw(&saved);
    err = ask_all(out, questions, count, signals, why);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    (void)close(signals);
    /* A signal that came meanwhile now takes its usual course, with the terminal restored. */
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * base - the log to a syslog server: frames, a server that stops reading, one that goes away
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/syslog_sink.h"

#define DEADLINE_MS 30000
#define WHEN        "[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
#define TAG         "nats-server\\[[0-9]+\\]: "

static void
assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" is not \"%s\"", text, pattern);
    regfree(&regex);
}

static bool
readable(int fd, int wait_ms)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };

    return poll(&waiting, 1, wait_ms) == 1;
}

/* A server on a free port of the loopback address; its url goes to url. */
static int
serve_inet(int type, char *url, size_t cap)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, type, 0);

    assert_true(fd != -1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 5), 0);
    (void)snprintf(url, cap, "%s://127.0.0.1:%d", type == SOCK_STREAM ? "tcp" : "udp",
                   ntohs(address.sin_port));
    return fd;
}

static int
serve_unix(int type, char *path, size_t cap)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type, 0);

    assert_true(fd != -1);
    (void)snprintf(path, cap, P_tmpdir "/syslog_test_%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static struct log *
open_log(const char *url)
{
    struct log_options options = { .remote_syslog = url, .debug = true, .trace = true };
    struct log *log = log_new();
    struct errmsg why;

    if (log_open(log, &options, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return log;
}

static void
receive(int fd, char *text, size_t cap)
{
    ssize_t got;

    assert_true(readable(fd, DEADLINE_MS));
    got = recv(fd, text, cap - 1, 0);
    assert_true(got > 0);
    text[got] = '\0';
}

/* Writes a line per level and expects its frame. */
static void
expect_frames(struct log *log, int fd, const char *host, const char *end)
{
    static const struct {
        enum log_level level;
        int priority; /* facility daemon, and the severity of the reference server */
    } rows[] = {
        { LOG_LEVEL_INF, 29 }, { LOG_LEVEL_WRN, 28 }, { LOG_LEVEL_ERR, 27 },
        { LOG_LEVEL_FTL, 26 }, { LOG_LEVEL_DBG, 31 }, { LOG_LEVEL_TRC, 29 },
    };
    char text[1024], pattern[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        log_write(log, rows[i].level, "text %zu\n", i);
        receive(fd, text, sizeof(text));
        (void)snprintf(pattern, sizeof(pattern), "^<%d>" WHEN " %s" TAG "text %zu\\\\x0a%s$",
                       rows[i].priority, host, i, end);
        assert_matches(text, pattern);
    }
}

static void
test_udp(void **state)
{
    char url[64];
    int fd = serve_inet(SOCK_DGRAM, url, sizeof(url));
    struct log *log = open_log(url);

    (void)state;
    expect_frames(log, fd, "[^ ]+ ", "");
    log_free(log);
    close(fd);
}

static void
test_tcp(void **state)
{
    char url[64];
    int listener = serve_inet(SOCK_STREAM, url, sizeof(url));
    struct log *log = open_log(url);
    int fd = accept(listener, NULL, NULL);

    (void)state;
    expect_frames(log, fd, "[^ ]+ ", "\n");
    log_free(log);
    close(fd);
    close(listener);
}

static void
test_unix(void **state)
{
    static const int types[] = { SOCK_DGRAM, SOCK_STREAM };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[64], url[80];
        int listener = serve_unix(types[i], path, sizeof(path)), fd = listener;
        struct log *log;

        (void)snprintf(url, sizeof(url), "unix://%s", path);
        log = open_log(url);
        if (types[i] == SOCK_STREAM)
            fd = accept(listener, NULL, NULL);
        expect_frames(log, fd, "", types[i] == SOCK_STREAM ? "\n" : "");
        log_free(log);
        close(listener);
        if (fd != listener)
            close(fd);
        unlink(path);
    }
}

static void
test_bad_addresses(void **state)
{
    static const char *const urls[] = {
        "",           "localhost",  "http://127.0.0.1:514", "udp://",
        "tcp://:514", "tcp://[::1", "unix://relative",      "udp://127.0.0.1:",
    };
    struct log *log = log_new();

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct log_options options = { .remote_syslog = urls[i] };
        struct errmsg why = { "" };

        if (log_open(log, &options, &why) != ERR_INVALID || why.text[0] == '\0')
            fail_msg("\"%s\": \"%s\"", urls[i], why.text);
    }
    log_free(log);
}

static void
test_nobody_listens(void **state)
{
    char url[64];
    int fd = serve_inet(SOCK_STREAM, url, sizeof(url));
    struct log_options options = { .remote_syslog = url };
    struct log *log = log_new();
    struct errmsg why;

    (void)state;
    close(fd);
    assert_int_equal(log_open(log, &options, &why), ERR_SYS);
    assert_non_null(strstr(why.text, "could not connect"));
    log_free(log);
}

/* ---- a server that does not read: writing never blocks, and every line is accounted for */

struct tally {
    struct buf rest; /* the begin of a line */
    unsigned long long written, lines, lost;
};

static void
read_all(int fd, struct tally *tally)
{
    char *end;

    while (readable(fd, 0)) {
        ssize_t got;

        assert_true(buf_reserve(&tally->rest, 65536));
        got = recv(fd, tally->rest.data + tally->rest.len, 65536, 0);
        assert_true(got > 0);
        buf_commit(&tally->rest, (size_t)got);
        while ((end = memchr(tally->rest.data, '\n', tally->rest.len)) != NULL) {
            const char *report;

            *end = '\0';
            report = strstr(tally->rest.data, " log lines could not be written");
            if (report == NULL) {
                tally->lines++;
            } else {
                while (report[-1] != ' ')
                    report--;
                tally->lost += strtoull(report, NULL, 10);
            }
            buf_consume(&tally->rest, (size_t)(end + 1 - tally->rest.data));
        }
    }
}

/* Writes more than any socket and the pending bytes can hold. */
static void
write_16_mb(struct log *log, struct tally *tally)
{
    char text[8192];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 2000; i++, tally->written++)
        log_inf(log, "%s", text);
}

/* Reads on, and writes when nothing comes, until each line was read or reported lost. */
static void
balance(struct log *log, int fd, struct tally *tally)
{
    time_t until = time(NULL) + DEADLINE_MS / 1000;

    while (tally->lost == 0 || tally->lines + tally->lost < tally->written) {
        assert_true(time(NULL) < until);
        if (!readable(fd, 50)) { /* what is still pending goes out with the next line */
            log_inf(log, "still here");
            tally->written++;
        }
        read_all(fd, tally);
    }
    assert_int_equal(tally->lines + tally->lost, tally->written);
}

static void
test_server_that_stops_reading(void **state)
{
    char url[64];
    int listener = serve_inet(SOCK_STREAM, url, sizeof(url));
    struct tally tally = { .rest = BUF_INIT };
    struct log *log = open_log(url);
    int fd = accept(listener, NULL, NULL);

    (void)state;
    write_16_mb(log, &tally);
    balance(log, fd, &tally);
    log_free(log);
    buf_release(&tally.rest);
    close(fd);
    close(listener);
}

static void
test_server_that_goes_away_with_lines_pending(void **state)
{
    char path[64], url[80];
    int listener = serve_unix(SOCK_STREAM, path, sizeof(path)), fd;
    struct tally tally = { .rest = BUF_INIT };
    time_t until = time(NULL) + DEADLINE_MS / 1000;
    struct log *log;

    (void)state;
    (void)snprintf(url, sizeof(url), "unix://%s", path);
    log = open_log(url);
    fd = accept(listener, NULL, NULL);
    write_16_mb(log, &tally);
    read_all(fd, &tally);
    close(fd);
    buf_consume(&tally.rest, tally.rest.len); /* half a line */
    do {                                      /* until the sink dials again */
        assert_true(time(NULL) < until);
        log_inf(log, "hello");
        tally.written++;
    } while (!readable(listener, 20));
    fd = accept(listener, NULL, NULL);
    balance(log, fd, &tally);
    log_free(log);
    buf_release(&tally.rest);
    close(fd);
    close(listener);
    unlink(path);
}

static void
test_server_that_comes_back(void **state)
{
    char url[64], text[1024];
    int listener = serve_inet(SOCK_STREAM, url, sizeof(url)), fd;
    struct log *log = open_log(url);
    time_t until = time(NULL) + DEADLINE_MS / 1000;

    (void)state;
    close(accept(listener, NULL, NULL));
    do { /* the first lines meet the closed connection, later ones dial again */
        assert_true(time(NULL) < until);
        log_inf(log, "hello");
    } while (!readable(listener, 20));
    fd = accept(listener, NULL, NULL);
    receive(fd, text, sizeof(text));
    assert_matches(text, TAG "(hello|[0-9]+ log lines could not be written)\n");
    log_free(log);
    close(fd);
    close(listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_server_that_stops_reading),
        cmocka_unit_test(test_server_that_goes_away_with_lines_pending),
        cmocka_unit_test(test_server_that_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

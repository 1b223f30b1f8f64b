/* SPDX-License-Identifier: Apache-2.0
 *
 * A server whose main loop stands still: the test is its main thread. Clients are handed to its
 * workers, which run.
 */
#include "server/announce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "conf/load.h"
#include "server/logging.h"
#include "server/server.h"

enum { PATIENCE_S = 30, LINE_MAX_LEN = 4096 };

struct fixture {
    struct flags flags;
    struct log *log;
    struct server *server;
};

static int
start(void **state)
{
    char words[][20] = { "nats-server", "-a", "127.0.0.1",          "-p",       "-1",
                         "--threads",   "2",  "--client_advertise", "self:4222" };
    enum { COUNT = sizeof(words) / sizeof(words[0]) };
    char *argv[COUNT + 1] = { NULL };
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct diags diags = { 0 };
    struct options *options;
    struct errmsg why;

    for (size_t i = 0; i < COUNT; i++)
        argv[i] = words[i];
    assert_int_equal(flags_parse(&fixture->flags, COUNT, argv), FLAGS_RUN);
    options = options_load(&fixture->flags, &diags);
    assert_non_null(options);
    fixture->log = log_new();
    assert_int_equal(logging_open(fixture->log, options, &why), ERR_OK);
    assert_int_equal(
        server_new(&fixture->server, fixture->log, &fixture->flags, options, &diags, NULL, &why),
        ERR_OK);
    diags_release(&diags);
    *state = fixture;
    return 0;
}

static int
end(void **state)
{
    struct fixture *fixture = *state;

    server_free(fixture->server);
    log_free(fixture->log);
    flags_free(&fixture->flags);
    free(fixture);
    return 0;
}

static struct server *
server_of(void **state)
{
    return ((struct fixture *)*state)->server;
}

/* -- clients: the other end of a socket that a worker has */

static void
say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* The next line, without its end. */
static const char *
hear(int fd)
{
    static char line[LINE_MAX_LEN];
    size_t len = 0;

    do {
        assert_true(len < sizeof(line) - 1);
        assert_int_equal(read(fd, line + len, 1), 1); /* within PATIENCE_S */
    } while (line[len++] != '\n');
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static int
connect_to(struct server *server, unsigned worker)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    const struct endpoint remote = { "127.0.0.1", 1 };
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    atomic_fetch_add(&server->connections, 1);
    worker_accept(server->workers[worker], fds[1], &remote, ++server->next_cid, false);
    return fds[0];
}

static void
expect(const char *line, const char *part, bool wanted)
{
    if ((strstr(line, part) != NULL) != wanted)
        fail_msg("%s: %s %s", line, wanted ? "lacks" : "has", part);
}

/* An INFO with exactly these connect_urls, as JSON; NULL: none. */
static const char *
expect_info(int fd, const char *urls)
{
    const char *line = hear(fd);
    char *field = xasprintf("\"connect_urls\":[%s]", urls == NULL ? "" : urls);

    assert_int_equal(strncmp(line, "INFO {", 6), 0);
    expect(line, urls == NULL ? "connect_urls" : field, urls != NULL);
    free(field);
    return line;
}

static void
expect_nothing(int fd)
{
    say(fd, "PING\r\n");
    assert_string_equal(hear(fd), "PONG");
}

/* Through its first PONG. */
static int
enter(struct server *server, unsigned worker, int protocol)
{
    int fd = connect_to(server, worker);
    char *connect = xasprintf("CONNECT {\"verbose\":false,\"protocol\":%d}\r\n", protocol);

    (void)hear(fd);
    say(fd, connect);
    free(connect);
    expect_nothing(fd);
    if (protocol > 0)
        expect(hear(fd), "\"connect_info\":true", true);
    return fd;
}

static const char *const ab[] = { "a:1", "b:2", NULL }, *const ba[] = { "b:2", "a:1", "b:2", NULL },
                         *const with_self[] = { "self:4222", "c:3", NULL };

static void
a_server_on_its_own_says_nothing(void **state)
{
    struct server *server = server_of(state);
    int fd = connect_to(server, 0);

    expect(expect_info(fd, NULL), "\"cluster\"", false);
    assert_int_equal(server->announced.own.count, 0);
    close(fd);
}

static void
urls_come_with_the_first_peer_and_stay(void **state)
{
    struct server *server = server_of(state);
    int fd;

    server_set_cluster_facts(server, "C1", NULL, true);
    assert_int_equal(server->announced.own.count, 1); /* for the peers */
    assert_string_equal(server->announced.own.texts[0], "self:4222");
    fd = connect_to(server, 0);
    expect(expect_info(fd, NULL), "\"cluster\":\"C1\"", true);
    close(fd);
    server_set_cluster_facts(server, "C1", ba, true);
    fd = connect_to(server, 1);
    (void)expect_info(fd, "\"self:4222\",\"a:1\",\"b:2\"");
    close(fd);
    server_set_cluster_facts(server, "C1", NULL, true);
    fd = connect_to(server, 0);
    (void)expect_info(fd, "\"self:4222\"");
    close(fd);
}

static void
changes_are_announced_once_to_those_who_want_them(void **state)
{
    struct server *server = server_of(state);
    int old = enter(server, 0, 0), starting = connect_to(server, 0);
    int new = enter(server, 0, 1), elsewhere = enter(server, 1, 1);
    const char *line;

    (void)hear(starting);
    say(starting, "CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
    server_set_cluster_facts(server, "C1", ab, true);
    line = expect_info(new, "\"self:4222\",\"a:1\",\"b:2\"");
    expect(line, "\"cluster\":\"C1\"", true);
    expect(line, "connect_info", false);
    expect(line, "remote_account", false);
    (void)expect_info(elsewhere, "\"self:4222\",\"a:1\",\"b:2\"");
    expect_nothing(old); /* new is behind it in the worker's list */
    expect_nothing(starting);
    expect(expect_info(starting, "\"self:4222\",\"a:1\",\"b:2\""), "connect_info", true);

    server_set_cluster_facts(server, "C1", ba, true); /* no change */
    server_set_cluster_facts(server, "C2", ab, true); /* none of the URLs */
    server_set_cluster_facts(server, "C2", with_self, true);
    expect(expect_info(new, "\"self:4222\",\"c:3\""), "\"cluster\":\"C2\"", true);
    expect_nothing(new);
    close(old);
    close(starting);
    close(new);
    close(elsewhere);
}

static void
no_advertise_hides_all_urls(void **state)
{
    struct server *server = server_of(state);
    int fd = enter(server, 0, 1);

    server_set_cluster_facts(server, "C1", ab, false);
    assert_int_equal(server->announced.own.count, 0);
    expect_nothing(fd);
    server_set_cluster_facts(server, "C1", ab, true);
    (void)expect_info(fd, "\"self:4222\",\"a:1\",\"b:2\"");
    server_set_cluster_facts(server, "C1", ab, false);
    (void)expect_info(fd, NULL);
    close(fd);
}

static void
a_reload_keeps_the_facts(void **state)
{
    struct server *server = server_of(state);
    int before = enter(server, 0, 1), after;

    server_set_cluster_facts(server, "C1", ab, true);
    (void)expect_info(before, "\"self:4222\",\"a:1\",\"b:2\"");
    server_reload(server);
    expect_nothing(before);
    after = connect_to(server, 1);
    expect(expect_info(after, "\"self:4222\",\"a:1\",\"b:2\""), "\"cluster\":\"C1\"", true);
    close(before);
    close(after);
}

static void
count_call(void *arg)
{
    ++*(int *)arg;
}

static void
a_lame_duck_says_so_once(void **state)
{
    struct server *server = server_of(state);
    int calls = 0, old = enter(server, 0, 0), starting = connect_to(server, 0);
    int fd = enter(server, 0, 1);

    (void)hear(starting);
    say(starting, "CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
    server_set_cluster_facts(server, "C1", ab, true);
    (void)expect_info(fd, "\"self:4222\",\"a:1\",\"b:2\"");
    server->lame_duck.on_enter = count_call;
    server->lame_duck.on_enter_arg = &calls;
    lame_duck_enter(server);
    lame_duck_enter(server);
    assert_int_equal(calls, 1);
    assert_int_equal(server->announced.own.count, 0);
    expect(expect_info(fd, "\"a:1\",\"b:2\""), "\"ldm\":true", true);
    expect_nothing(fd);
    expect_nothing(old);
    expect_nothing(starting);
    expect(expect_info(starting, "\"a:1\",\"b:2\""), "\"ldm\":true", true);
    server_reload(server);
    server_set_cluster_facts(server, "C1", with_self, true); /* the address is another's, too */
    expect(expect_info(fd, "\"c:3\",\"self:4222\""), "ldm", false);
    close(old);
    close(starting);
    close(fd);
}

/* Each eviction finds a client wherever it is, and more of them than there are hurt nobody. */
static void
evictions_go_from_worker_to_worker(void **state)
{
    struct server *server = server_of(state);
    int fds[] = { enter(server, 1, 1), enter(server, 1, 0), enter(server, 0, 0) };
    char byte;

    workers_evict(server->workers, server->worker_count, 0, 2);
    assert_int_equal(read(fds[2], &byte, 1), 0); /* the end, without a byte before it */
    assert_int_equal(read(fds[0], &byte, 1), 0);
    expect_nothing(fds[1]);
    workers_evict(server->workers, server->worker_count, 2, 5);
    assert_int_equal(read(fds[1], &byte, 1), 0);
    workers_evict(server->workers, server->worker_count, 7, 1);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_on_its_own_says_nothing, start, end),
        cmocka_unit_test_setup_teardown(urls_come_with_the_first_peer_and_stay, start, end),
        cmocka_unit_test_setup_teardown(changes_are_announced_once_to_those_who_want_them, start,
                                        end),
        cmocka_unit_test_setup_teardown(no_advertise_hides_all_urls, start, end),
        cmocka_unit_test_setup_teardown(a_reload_keeps_the_facts, start, end),
        cmocka_unit_test_setup_teardown(a_lame_duck_says_so_once, start, end),
        cmocka_unit_test_setup_teardown(evictions_go_from_worker_to_worker, start, end),
    };

    hash_init();
    return cmocka_run_group_tests_name("announce", tests, NULL, NULL);
}

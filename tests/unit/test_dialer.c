/* SPDX-License-Identifier: Apache-2.0
 *
 * Dials to real sockets on loopback. The loop runs on the test's thread; what a name resolves to,
 * and when, is decided by a getaddrinfo() of the test's own, which libuv finds before the C
 * library's: names under ".dial" are its own, all others go on to the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/dialer.h"
#include "net/loop.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LONG_MS      60000
#define QUEUE_MAX    16 /* connections that a backlog of 0 takes at most, whatever the kernel */

/* --- names --- */

static sem_t slow_begun, slow_may_end;

typedef int getaddrinfo_fn(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **found);

/* One block, as the C library makes it: freeaddrinfo() is its own. */
static struct addrinfo *
make_address(const char *ip, struct addrinfo *next)
{
    struct addrinfo *ai = xcalloc(1, sizeof(*ai) + sizeof(struct sockaddr_storage));
    struct sockaddr_in *in = (void *)(ai + 1);
    struct sockaddr_in6 *in6 = (void *)(ai + 1);

    *ai = (struct addrinfo) { .ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM,
                              .ai_addr = (void *)(ai + 1),
                              .ai_addrlen = sizeof(*in),
                              .ai_next = next };
    if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
        in6->sin6_family = AF_INET6;
        ai->ai_family = AF_INET6;
        ai->ai_addrlen = sizeof(*in6);
    }
    return ai;
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
            struct addrinfo **found)
{
    getaddrinfo_fn *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0 && strstr(host, ".dial") != NULL)
        return EAI_NONAME;
    if (strcmp(host, "absent.dial") == 0)
        return EAI_NONAME;
    if (strcmp(host, "again.dial") == 0)
        return EAI_AGAIN;
    if (strcmp(host, "slow.dial") == 0) {
        sem_post(&slow_begun);
        while (sem_wait(&slow_may_end) == -1)
            continue;
    }
    if (strcmp(host, "slow.dial") == 0 || strcmp(host, "one.dial") == 0) {
        *found = make_address("127.0.0.1", NULL);
        return 0;
    }
    if (strcmp(host, "three.dial") == 0) { /* nobody listens on the first two */
        *found =
            make_address("127.0.0.2", make_address("127.0.0.3", make_address("127.0.0.1", NULL)));
        return 0;
    }
    memcpy(&real, &symbol, sizeof(real));
    return real(host, service, hints, found);
}

/* --- what every dial goes through --- */

static bool meets_itself;

/* What the system does now and then: it takes the port that is dialled as the local one. */
int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t);
    void *symbol = dlsym(RTLD_NEXT, "connect");

    if (meets_itself)
        assert_int_equal(bind(fd, address, len), 0);
    memcpy(&real, &symbol, sizeof(real));
    return real(fd, address, len);
}

/* --- a loop on this thread, and what a dial came to --- */

struct fixture {
    struct loop *loop;
    struct dialer *dialer;
    unsigned waits; /* results until the loop stops */
};

struct result {
    struct fixture *fixture;
    struct dial *dial;
    int fd, calls;
    struct endpoint remote;
    char why[ERRMSG_MAX];
    bool ends_lookup; /* the lookup comes back only after this result */
};

static void
note_result(void *arg, int fd, const struct endpoint *remote, const char *why)
{
    struct result *result = arg;

    result->calls++;
    result->fd = fd;
    result->dial = NULL;
    if (fd == -1) {
        assert_null(remote);
        strcpy(result->why, why);
    } else {
        assert_null(why);
        result->remote = *remote;
    }
    if (result->ends_lookup)
        sem_post(&slow_may_end);
    if (--result->fixture->waits == 0)
        loop_stop(result->fixture->loop);
}

static struct fixture
open_fixture(void)
{
    struct fixture f = { 0 };

    assert_int_equal(loop_new(&f.loop, 0, NULL), ERR_OK);
    f.dialer = dialer_new(f.loop);
    return f;
}

static void
close_fixture(struct fixture *f)
{
    dialer_free(f->dialer);
    loop_free(f->loop);
}

static void
begin_dial(struct fixture *f, struct result *result, const char *host, uint16_t port, int64_t ms)
{
    *result = (struct result) { .fixture = f, .fd = -1 };
    f->waits++;
    result->dial = dialer_dial(f->dialer, host, port, ms, note_result, result);
    assert_int_equal(result->calls, 0);
}

/* Dials once and runs the loop until the result is there. */
static struct result
dial_once(const char *host, uint16_t port, int64_t ms)
{
    struct fixture f = open_fixture();
    struct result result;

    begin_dial(&f, &result, host, port, ms);
    loop_run(f.loop);
    assert_int_equal(result.calls, 1);
    close_fixture(&f);
    return result;
}

/* A listener on loopback of that family; *port: where. backlog < 0: bound only, so that it
 * refuses and nobody else gets the port. */
static int
listen_on(const char *ip, uint16_t *port, int backlog)
{
    struct addrinfo *ai = make_address(ip, NULL);
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    struct endpoint endpoint;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
        free(ai);
        close(fd);
        return -1;
    }
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    endpoint_from_sockaddr(&endpoint, &bound);
    *port = endpoint.port;
    free(ai);
    return fd;
}

static void
expect_greeting(int listener, int fd)
{
    int accepted = accept(listener, NULL, NULL);
    char byte = 0;

    assert_int_not_equal(accepted, -1);
    assert_int_equal(send(accepted, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(accepted);
    close(fd);
}

static void
expect_manners(int fd)
{
    int nodelay = 0;
    socklen_t len = sizeof(nodelay);

    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    assert_int_not_equal(nodelay, 0);
}

/* --- tests --- */

static void
a_listener_is_reached(void **state)
{
    static const struct {
        const char *listens, *host, *ip;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1", "127.0.0.1" },
        { "127.0.0.1", "localhost", "127.0.0.1" }, /* by the system's resolver */
        { "127.0.0.1", "one.dial", "127.0.0.1" },
        { "::1", "::1", "::1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint16_t port;
        int listener = listen_on(rows[i].listens, &port, 1);
        struct result result;

        if (listener == -1) {
            print_message("%s is left out: there is no such address here\n", rows[i].listens);
            continue;
        }
        result = dial_once(rows[i].host, port, LONG_MS);
        if (result.fd == -1)
            fail_msg("%s: %s", rows[i].host, result.why);
        assert_string_equal(result.remote.ip, rows[i].ip);
        assert_int_equal(result.remote.port, port);
        expect_manners(result.fd);
        expect_greeting(listener, result.fd);
        close(listener);
    }
}

static void
a_refusal_says_who_and_why(void **state)
{
    static const struct {
        const char *host, *shown;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1" },
        { "one.dial", "127.0.0.1" },
        { "::1", "[::1]" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint16_t port;
        int bound = listen_on(strchr(rows[i].host, ':') != NULL ? "::1" : "127.0.0.1", &port, -1);
        struct result result;
        char *expected;

        if (bound == -1) {
            print_message("%s is left out: there is no such address here\n", rows[i].host);
            continue;
        }
        result = dial_once(rows[i].host, port, LONG_MS);
        expected = xasprintf("dial tcp %s:%u: connect: connection refused", rows[i].shown, port);
        assert_int_equal(result.fd, -1);
        assert_string_equal(result.why, expected);
        free(expected);
        close(bound);
    }
}

static void
a_name_without_an_address_says_so(void **state)
{
    static const struct {
        const char *host, *why;
    } rows[] = {
        { "absent.dial", "lookup for host \"absent.dial\": lookup absent.dial: no such host" },
        { "again.dial", "lookup for host \"again.dial\": lookup again.dial: Temporary failure in "
                        "name resolution" },
        { "no name", "lookup for host \"no name\": lookup no name: no such host" },
        { "", "lookup for host \"\": lookup : no such host" },
    };
    struct result result;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        result = dial_once(rows[i].host, 1, LONG_MS);
        assert_int_equal(result.fd, -1);
        assert_string_equal(result.why, rows[i].why);
    }
    /* by the system's resolver, which may not know for want of a name server */
    result = dial_once("nosuch.invalid", 1, LONG_MS);
    assert_int_equal(result.fd, -1);
    assert_non_null(strstr(result.why, "lookup nosuch.invalid: "));
}

/* Whichever is tried first: the one that listens is found; without any, the first is named. */
static void
addresses_are_tried_one_after_the_other(void **state)
{
    bool named[4] = { false };

    (void)state;
    for (int i = 0; i < 200 && !(named[1] && named[2] && named[3]); i++) {
        uint16_t port;
        int listener = listen_on("127.0.0.1", &port, 1);
        struct result result = dial_once("three.dial", port, LONG_MS);
        int last;

        assert_int_not_equal(result.fd, -1);
        assert_string_equal(result.remote.ip, "127.0.0.1");
        expect_greeting(listener, result.fd);
        close(listener);

        listener = listen_on("127.0.0.1", &port, -1);
        result = dial_once("three.dial", port, LONG_MS);
        assert_int_equal(result.fd, -1);
        assert_int_equal(sscanf(result.why, "dial tcp 127.0.0.%d:", &last), 1);
        assert_in_range(last, 1, 3);
        named[last] = true;
        close(listener);
    }
    assert_true(named[1] && named[2] && named[3]); /* fails once in 10^35 runs */
}

static bool
is_no_listener(void *arg, const struct endpoint *remote)
{
    (void)arg;
    return strcmp(remote->ip, "127.0.0.1") != 0;
}

static bool
is_any(void *arg, const struct endpoint *remote)
{
    (*(unsigned *)arg)++;
    assert_int_not_equal(remote->port, 0);
    return true;
}

/* Those to be avoided are left out, unless there are no others. */
static void
addresses_are_avoided(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct fixture f = open_fixture();
        uint16_t port;
        int bound = listen_on("127.0.0.1", &port, -1);
        struct result result;
        unsigned asked = 0;

        dialer_avoid(f.dialer, is_no_listener, NULL);
        begin_dial(&f, &result, "three.dial", port, LONG_MS);
        loop_run(f.loop);
        assert_non_null(strstr(result.why, "dial tcp 127.0.0.1:"));
        close_fixture(&f);

        f = open_fixture();
        dialer_avoid(f.dialer, is_any, &asked);
        begin_dial(&f, &result, "three.dial", port, LONG_MS);
        loop_run(f.loop);
        assert_int_equal(asked, 3);
        assert_non_null(strstr(result.why, "connection refused"));
        close_fixture(&f);
        close(bound);
    }
}

/* A listener whose queue is full drops what comes: to dial it takes until somebody gives up. */
struct deaf {
    int listener, queued[QUEUE_MAX];
    size_t count;
    uint16_t port;
};

static bool
is_connected_soon(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);

    /* on loopback a connection is there when connect() returns, or not at all for now */
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static void
open_deaf(struct deaf *deaf)
{
    struct sockaddr_in address = { .sin_family = AF_INET };

    deaf->listener = listen_on("127.0.0.1", &deaf->port, 0);
    address.sin_port = htons(deaf->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (deaf->count = 0; deaf->count < QUEUE_MAX;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));

        assert_true(rc == 0 || errno == EINPROGRESS);
        deaf->queued[deaf->count++] = fd;
        if (!is_connected_soon(fd))
            return;
    }
    fail_msg("the queue of a listener never fills");
}

static void
close_deaf(struct deaf *deaf)
{
    for (size_t i = 0; i < deaf->count; i++)
        close(deaf->queued[i]);
    close(deaf->listener);
}

static void
who_does_not_answer_is_given_up(void **state)
{
    struct result result;
    struct deaf deaf;
    char *expected;

    (void)state;
    open_deaf(&deaf);
    result = dial_once("127.0.0.1", deaf.port, 20);
    expected = xasprintf("dial tcp 127.0.0.1:%u: i/o timeout", deaf.port);
    assert_int_equal(result.fd, -1);
    assert_string_equal(result.why, expected);
    free(expected);
    close_deaf(&deaf);
}

/* The loop ends only when the lookup has come back; the dial has ended before. */
static void
a_lookup_that_takes_too_long_is_given_up(void **state)
{
    struct fixture f = open_fixture();
    struct result result;

    (void)state;
    begin_dial(&f, &result, "slow.dial", 1, 20);
    result.ends_lookup = true;
    loop_run(f.loop);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.fd, -1);
    assert_string_equal(result.why, "lookup for host \"slow.dial\": lookup slow.dial: i/o timeout");
    close_fixture(&f);
    sem_wait(&slow_begun);
}

/* The socket would be connected to itself, and echo whatever a peer is sent. */
static void
a_socket_that_meets_itself_is_refused(void **state)
{
    uint16_t port;
    int bound = listen_on("127.0.0.1", &port, -1);
    struct result result;

    (void)state;
    close(bound); /* so that the port is free for both ends of one connection */
    meets_itself = true;
    result = dial_once("127.0.0.1", port, LONG_MS);
    meets_itself = false;
    assert_int_equal(result.fd, -1);
    assert_non_null(strstr(result.why, "connect: connection refused"));
}

enum phase { NOT_BEGUN, IN_LOOKUP, IN_QUEUE, CONNECTING, PHASES };

/* Ends a dial from outside when it has come to a phase. */
struct ending {
    struct fixture f;
    struct result result, other; /* other: takes the only thread that looks up */
    struct timer *timer;
    enum phase phase;
    bool free_all;
    unsigned ticks;
};

static void
end_dials(struct ending *ending)
{
    if (ending->free_all) {
        dialer_free(ending->f.dialer);
        ending->f.dialer = NULL;
    } else {
        dial_cancel(ending->result.dial);
        dial_cancel(ending->other.dial);
    }
    if (ending->phase == IN_LOOKUP || ending->phase == IN_QUEUE)
        sem_post(&slow_may_end);
    timer_free(ending->timer);
    loop_stop(ending->f.loop);
}

static void
look_for_phase(void *arg)
{
    struct ending *ending = arg;

    ending->ticks++;
    if (ending->phase == CONNECTING ? ending->ticks > 1 : sem_trywait(&slow_begun) == 0)
        end_dials(ending);
}

static void
try_ending(enum phase phase, bool free_all)
{
    static const char *const hosts[PHASES] = { "127.0.0.1", "slow.dial", "one.dial", "127.0.0.1" };
    struct ending ending = { .f = open_fixture(), .phase = phase, .free_all = free_all };
    struct deaf deaf;

    open_deaf(&deaf);
    ending.timer = timer_new(ending.f.loop, look_for_phase, &ending);
    if (phase == IN_QUEUE)
        begin_dial(&ending.f, &ending.other, "slow.dial", 1, LONG_MS);
    begin_dial(&ending.f, &ending.result, hosts[phase], deaf.port, LONG_MS);
    if (phase == NOT_BEGUN)
        end_dials(&ending);
    else
        timer_start(ending.timer, 1, 1);
    loop_run(ending.f.loop);
    assert_int_equal(ending.result.calls, 0);
    assert_int_equal(ending.other.calls, 0);
    close_fixture(&ending.f);
    close_deaf(&deaf);
}

static size_t
count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void
a_dial_can_be_ended_in_each_phase(void **state)
{
    (void)state;
    for (int phase = 0; phase < PHASES; phase++) {
        size_t before = count_descriptors();

        try_ending((enum phase)phase, false);
        try_ending((enum phase)phase, true);
        assert_int_equal(count_descriptors(), before);
    }
}

static void
free_dialer(void *arg, int fd, const struct endpoint *remote, const char *why)
{
    struct fixture *f = arg;

    (void)remote, (void)why;
    assert_int_equal(fd, -1);
    dialer_free(f->dialer); /* with another dial under way */
    f->dialer = NULL;
    loop_stop(f->loop);
}

static void
dial_again(void *arg, int fd, const struct endpoint *remote, const char *why)
{
    struct fixture *f = arg;

    (void)remote, (void)why;
    assert_int_equal(fd, -1);
    (void)dialer_dial(f->dialer, "127.0.0.1", 1, LONG_MS, free_dialer, f);
    (void)dialer_dial(f->dialer, "absent.dial", 1, LONG_MS, free_dialer, f);
}

static void
a_result_may_dial_again_and_free_the_dialer(void **state)
{
    struct fixture f = open_fixture();

    (void)state;
    (void)dialer_dial(f.dialer, "absent.dial", 1, LONG_MS, dial_again, &f);
    loop_run(f.loop);
    assert_null(f.dialer);
    close_fixture(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_is_reached),
        cmocka_unit_test(a_refusal_says_who_and_why),
        cmocka_unit_test(a_name_without_an_address_says_so),
        cmocka_unit_test(addresses_are_tried_one_after_the_other),
        cmocka_unit_test(addresses_are_avoided),
        cmocka_unit_test(who_does_not_answer_is_given_up),
        cmocka_unit_test(a_lookup_that_takes_too_long_is_given_up),
        cmocka_unit_test(a_socket_that_meets_itself_is_refused),
        cmocka_unit_test(a_dial_can_be_ended_in_each_phase),
        cmocka_unit_test(a_result_may_dial_again_and_free_the_dialer),
    };

    setenv("UV_THREADPOOL_SIZE", "1", 1); /* so that a lookup can be made to wait for another */
    sem_init(&slow_begun, 0, 0);
    sem_init(&slow_may_end, 0, 0);
    return cmocka_run_group_tests_name("dialer", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS of connections in both roles: each end on a loop of its own, or one end and the test as a
 * peer that is no match. Each greets the other once TLS is there, and closes when it was greeted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_support.h"
#include "net/conn.h"
#include "tls_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LONG_MS      60000
#define GREETING     "hello"
#define MANY         40

enum who { NODE, STRANGER, WHO_COUNT };

struct fixture {
    char *folder, *ca_file;
    struct tls_context *accepting[WHO_COUNT], *dialling[WHO_COUNT];
};

static void
make_contexts(struct fixture *f, enum who who, const struct test_cert *ca)
{
    struct test_cert cert = test_cert_new(&(struct test_cert_spec) {
        .subject = "CN=node", .alternatives = "DNS:a.test", .issuer = ca });
    char *path = test_write_pem(f->folder, "node.pem", &cert.cert, 1, cert.key);
    struct tls_options options = { .verify = true, .ca_file = f->ca_file };
    struct tls_fault fault;
    struct errmsg why;

    test_options_add_pair(&options, path, path);
    assert_int_equal(tls_context_new(&f->accepting[who], &options, &fault, &why), ERR_OK);
    assert_int_equal(tls_context_new_dialling(&f->dialling[who], &options, &fault, &why), ERR_OK);
    test_options_release(&options);
    test_cert_release(&cert);
    free(path);
}

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct test_cert ca, other;

    f->folder = test_folder_new();
    ca = test_cert_new(&(struct test_cert_spec) { .subject = "CN=ca", .ca = true });
    other = test_cert_new(&(struct test_cert_spec) { .subject = "CN=other ca", .ca = true });
    f->ca_file = test_write_pem(f->folder, "ca.pem", &ca.cert, 1, NULL);
    make_contexts(f, NODE, &ca);
    make_contexts(f, STRANGER, &other);
    test_cert_release(&ca);
    test_cert_release(&other);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    for (int who = 0; who < WHO_COUNT; who++) {
        tls_context_unref(f->accepting[who]);
        tls_context_unref(f->dialling[who]);
    }
    test_folder_free(f->folder);
    free(f->ca_file);
    free(f);
    return 0;
}

/* --- one end of a route --- */

struct end {
    struct mail mail;
    struct loop *loop;
    struct conn *conn;
    struct conn_tls how;
    int fd;
    bool closes_at_begin, closes_at_once;
    bool secured, greeted; /* TLS came about; the other's greeting arrived */
    enum conn_end end;
    char failure[ERRMSG_MAX];
    sem_t begun, ended;
};

static size_t
take_greeting(void *arg, char *data, size_t len, size_t *need)
{
    struct end *end = arg;

    (void)need;
    if (len < strlen(GREETING))
        return 0;
    assert_memory_equal(data, GREETING, strlen(GREETING));
    end->greeted = true;
    conn_close(end->conn, true);
    return strlen(GREETING);
}

static void
no_timer(void *arg)
{
    (void)arg;
    fail_msg("nobody has set a timer");
}

static void
note_tls(void *arg, enum conn_tls_event event)
{
    struct end *end = arg;

    switch (event) {
    case CONN_TLS_BEGINS:
        if (end->closes_at_begin)
            conn_close(end->conn, false);
        break;
    case CONN_TLS_DONE:
        end->secured = true;
        assert_non_null(conn_session(end->conn));
        assert_int_equal(outq_append(conn_outq(end->conn), end->loop, GREETING, strlen(GREETING)),
                         OUTQ_OK);
        conn_resume(end->conn);
        break;
    case CONN_TLS_CLEAR:
        fail_msg("nobody may go on in clear");
        break;
    }
}

static void
note_end(void *arg, enum conn_end how)
{
    struct end *end = arg;
    const char *failure = conn_tls_failure(end->conn);

    end->end = how;
    if (failure != NULL)
        strcpy(end->failure, failure);
    sem_post(&end->ended);
}

static const struct conn_handler handler = { take_greeting, no_timer, note_tls, note_end };

static void
deliver_begin(struct mail *mail)
{
    struct end *end = (struct end *)(void *)mail;
    const struct conn_options options = { .max_pending = 1 << 20,
                                          .write_deadline_ms = LONG_MS,
                                          .read_max = LOOP_READ_BYTES };

    end->conn = conn_new(end->loop, end->fd, &options, &handler, end);
    assert_non_null(end->conn);
    conn_start_tls(end->conn, &end->how);
    if (end->closes_at_once)
        conn_close(end->conn, false);
    sem_post(&end->begun);
}

static void
deliver_close(struct mail *mail)
{
    struct end *end = (struct end *)(void *)mail;

    conn_close(end->conn, false);
}

static void
wait_for(sem_t *sem)
{
    while (sem_wait(sem) == -1)
        assert_int_equal(errno, EINTR);
}

/* name: that was dialled; NULL: this end accepts. */
static void
begin_end(struct end *end, struct loop *loop, int fd, struct tls_context *context, const char *name)
{
    end->loop = loop;
    end->fd = fd;
    end->how.context = context;
    end->how.dialling = name != NULL;
    end->how.server_name = name;
    if (end->how.timeout_ms == 0)
        end->how.timeout_ms = LONG_MS;
    sem_init(&end->begun, 0, 0);
    sem_init(&end->ended, 0, 0);
    end->mail.deliver = deliver_begin;
    loop_post(loop, &end->mail);
}

static void
finish_end(struct end *end)
{
    wait_for(&end->begun);
    wait_for(&end->ended);
    sem_destroy(&end->begun);
    sem_destroy(&end->ended);
}

static void
open_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void
expect_end(const struct end *end, bool secured, enum conn_end how, const char *failure)
{
    if (end->secured != secured || end->end != how ||
        (failure == NULL ? end->failure[0] != '\0' : strstr(end->failure, failure) == NULL))
        fail_msg("secured %d, end %d, failure \"%s\"", end->secured, (int)end->end, end->failure);
}

/* --- tests --- */

static void
both_ends_greet_each_other(void **state)
{
    struct fixture *f = *state;
    struct loop *loops[2] = { loop_running(0), loop_running(1) };
    struct end *accepting = xcalloc(MANY, sizeof(*accepting));
    struct end *dialling = xcalloc(MANY, sizeof(*dialling));

    for (int i = 0; i < MANY; i++) {
        char name[] = "a.test"; /* that is not needed any longer than the call */
        int fds[2];

        open_pair(fds);
        begin_end(&accepting[i], loops[i % 2], fds[0], f->accepting[NODE], NULL);
        begin_end(&dialling[i], loops[1 - i % 2], fds[1], f->dialling[NODE], name);
        wait_for(&dialling[i].begun);
        memset(name, '?', sizeof(name) - 1);
        sem_post(&dialling[i].begun);
    }
    for (int i = 0; i < MANY; i++) {
        finish_end(&accepting[i]);
        finish_end(&dialling[i]);
        expect_end(&accepting[i], true, CONN_END_LOCAL, NULL);
        expect_end(&dialling[i], true, CONN_END_LOCAL, NULL);
        assert_true(accepting[i].greeted && dialling[i].greeted);
    }
    free(accepting);
    free(dialling);
    loop_end(loops[0]);
    loop_end(loops[1]);
}

static void
a_refusal_is_known_at_both_ends(void **state)
{
    static const struct {
        enum who accepts, dials;
        const char *name;
        bool dial_secured; /* of TLS 1.3 before the other has looked at the certificate */
        enum conn_end dial_end;
        const char *dial_failure, *accept_failure;
    } rows[] = {
        { NODE, NODE, "b.test", false, CONN_END_TLS, "certificate is valid for a.test, not b.test",
          "bad certificate" },
        { STRANGER, NODE, "a.test", false, CONN_END_TLS, "unable to get local issuer certificate",
          "unknown ca" },
        { NODE, STRANGER, "a.test", true, CONN_END_READ, "unknown ca",
          "unable to get local issuer certificate" },
    };
    struct fixture *f = *state;
    struct loop *loops[2] = { loop_running(0), loop_running(1) };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct end accepting = { 0 }, dialling = { 0 };
        int fds[2];

        open_pair(fds);
        begin_end(&accepting, loops[0], fds[0], f->accepting[rows[i].accepts], NULL);
        begin_end(&dialling, loops[1], fds[1], f->dialling[rows[i].dials], rows[i].name);
        finish_end(&accepting);
        finish_end(&dialling);
        expect_end(&dialling, rows[i].dial_secured, rows[i].dial_end, rows[i].dial_failure);
        expect_end(&accepting, false, CONN_END_TLS, rows[i].accept_failure);
        assert_false(accepting.greeted || dialling.greeted);
    }
    loop_end(loops[0]);
    loop_end(loops[1]);
}

static void
peers_without_tls_are_left(void **state)
{
    static const struct {
        const char *says; /* NULL: nothing; "": it closes */
        const char *failure;
    } rows[] = {
        { "INFO {}\r\n", "first record does not look like a TLS handshake" },
        { "", "the peer closed the connection" },
        { NULL, "timeout" },
    };
    struct fixture *f = *state;
    struct loop *loop = loop_running(0);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct end dialling = { .how.timeout_ms = rows[i].says == NULL ? 20 : LONG_MS };
        int fds[2];

        open_pair(fds);
        if (rows[i].says != NULL && rows[i].says[0] != '\0')
            assert_int_equal(send(fds[0], rows[i].says, strlen(rows[i].says), MSG_NOSIGNAL),
                             strlen(rows[i].says));
        else if (rows[i].says != NULL)
            shutdown(fds[0], SHUT_WR);
        begin_end(&dialling, loop, fds[1], f->dialling[NODE], "a.test");
        finish_end(&dialling);
        expect_end(&dialling, false, CONN_END_TLS, rows[i].failure);
        close(fds[0]);
    }
    loop_end(loop);
}

static void
a_handshake_can_be_left(void **state)
{
    struct fixture *f = *state;
    struct loop *loop = loop_running(0);
    char record[512];

    for (int phase = 0; phase < 3; phase++) {
        struct end dialling = { .closes_at_begin = phase == 0, .closes_at_once = phase == 1 };
        int fds[2];

        open_pair(fds);
        begin_end(&dialling, loop, fds[1], f->dialling[NODE], "a.test");
        if (phase == 2) { /* it has had its first turn and waits for an answer */
            tls_wait(fds[0], POLLIN);
            assert_true(recv(fds[0], record, sizeof(record), 0) > 0);
            dialling.mail.deliver = deliver_close;
            loop_post(loop, &dialling.mail);
        }
        finish_end(&dialling);
        expect_end(&dialling, false, CONN_END_LOCAL, NULL);
        if (phase < 2) /* nothing was said before the end */
            assert_int_equal(recv(fds[0], record, sizeof(record), 0), 0);
        close(fds[0]);
    }
    loop_end(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_greet_each_other),
        cmocka_unit_test(a_refusal_is_known_at_both_ends),
        cmocka_unit_test(peers_without_tls_are_left),
        cmocka_unit_test(a_handshake_can_be_left),
    };

    return cmocka_run_group_tests_name("conn_tls", tests, set_up, tear_down);
}

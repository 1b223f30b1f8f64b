/* SPDX-License-Identifier: Apache-2.0
 *
 * A crowd that asks for handshakes at once: a round of the loop takes a few steps, whatever else
 * it has to do goes on between them, and nobody has a second turn before all had their first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/loop.h"
#include "tls_support.h"

#define CROWD      40
#define A_FEW      8 /* more than net/conn_tls.c takes in a round, far fewer than there are */
#define PATIENT_MS 600000

struct member {
    struct crowd *crowd;
    struct conn *conn; /* NULL: it has ended */
    SSL *client;
    int fd, far; /* ours, the client's */
    bool answered;
};

/* A letter that the loop delivers to itself again and again: once in each round. */
struct crowd {
    struct mail mail;
    struct loop *loop;
    struct tls_context *context;
    struct member members[CROWD];
    int answered, done, ended;
    int most_in_a_round;
    int answered_at_first_done;
    sem_t over;
};

/* How many more clients have something from the server than before. */
static int
count_answers(struct crowd *crowd)
{
    int before = crowd->answered;

    for (int i = 0; i < CROWD; i++) {
        struct member *member = &crowd->members[i];
        int waiting = 0;

        if (!member->answered && ioctl(member->far, FIONREAD, &waiting) == 0 && waiting > 0) {
            member->answered = true;
            crowd->answered++;
        }
    }
    return crowd->answered - before;
}

static void
deliver_round(struct mail *mail)
{
    struct crowd *crowd = (struct crowd *)(void *)mail;
    int answers = count_answers(crowd);

    if (answers > crowd->most_in_a_round)
        crowd->most_in_a_round = answers;
    for (int i = 0; i < CROWD; i++)
        (void)SSL_do_handshake(crowd->members[i].client);
    ERR_clear_error();
    if (crowd->done + crowd->ended == CROWD)
        sem_post(&crowd->over);
    else
        loop_post(crowd->loop, mail);
}

static size_t
take_all(void *peer, char *data, size_t len, size_t *need)
{
    (void)peer, (void)data, (void)need;
    return len;
}

static void
ignore_timer(void *peer)
{
    (void)peer;
}

static void
note_tls(void *peer, enum conn_tls_event event)
{
    struct crowd *crowd = ((struct member *)peer)->crowd;

    if (event != CONN_TLS_DONE)
        return;
    (void)count_answers(crowd);
    if (crowd->done++ == 0)
        crowd->answered_at_first_done = crowd->answered;
}

static void
note_end(void *peer, enum conn_end end)
{
    struct member *member = peer;

    (void)end;
    member->conn = NULL;
    member->crowd->ended++;
}

/* The first message of each lies in its socket before the loop sees any of them. */
static void
deliver_start(struct mail *mail)
{
    static const struct conn_handler handler = { take_all, ignore_timer, note_tls, note_end };
    const struct conn_options options = { .max_pending = 1 << 20,
                                          .write_deadline_ms = PATIENT_MS,
                                          .read_max = LOOP_READ_BYTES };
    struct crowd *crowd = (struct crowd *)(void *)mail;
    const struct conn_tls how = { .context = crowd->context,
                                  .when = CONN_TLS_AT_ONCE,
                                  .timeout_ms = PATIENT_MS };

    for (int i = 0; i < CROWD; i++) {
        struct member *member = &crowd->members[i];

        member->conn = conn_new(crowd->loop, member->fd, &options, &handler, member);
        if (member->conn == NULL)
            crowd->ended++;
        else
            conn_start_tls(member->conn, &how);
    }
    crowd->mail.deliver = deliver_round;
    loop_post(crowd->loop, mail);
}

static void
deliver_close(struct mail *mail)
{
    struct crowd *crowd = (struct crowd *)(void *)mail;

    for (int i = 0; i < CROWD; i++)
        if (crowd->members[i].conn != NULL)
            conn_close(crowd->members[i].conn, false);
    sem_post(&crowd->over);
}

static void
on_loop(struct crowd *crowd, void (*deliver)(struct mail *mail))
{
    crowd->mail.deliver = deliver;
    loop_post(crowd->loop, &crowd->mail);
    while (sem_wait(&crowd->over) == -1)
        continue;
}

static void
open_member(struct member *member, struct crowd *crowd, SSL_CTX *client)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *member =
        (struct member) { .crowd = crowd, .client = SSL_new(client), .fd = fds[0], .far = fds[1] };
    SSL_set_fd(member->client, member->far);
    SSL_set_connect_state(member->client);
    assert_int_equal(SSL_do_handshake(member->client), -1);
    ERR_clear_error();
}

static struct tls_context *
make_context(void)
{
    struct test_cert cert = test_cert_new(&(struct test_cert_spec) { .subject = "CN=server" });
    char *folder = test_folder_new(),
         *path = test_write_pem(folder, "pem", &cert.cert, 1, cert.key);
    struct tls_options options = { 0 };
    struct tls_context *context;
    struct tls_fault fault;
    struct errmsg why;

    test_options_add_pair(&options, path, path);
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    test_options_release(&options);
    test_cert_release(&cert);
    free(path);
    test_folder_free(folder);
    return context;
}

static void
a_crowd_of_handshakes_leaves_the_loop_to_others(void **state)
{
    static struct crowd crowd;
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());

    (void)state;
    crowd.context = make_context();
    sem_init(&crowd.over, 0, 0);
    for (int i = 0; i < CROWD; i++)
        open_member(&crowd.members[i], &crowd, client);
    assert_int_equal(loop_new(&crowd.loop, 0, NULL), ERR_OK);
    assert_int_equal(loop_start(crowd.loop, NULL), ERR_OK);

    on_loop(&crowd, deliver_start);
    assert_int_equal(crowd.done, CROWD);
    assert_in_range(crowd.most_in_a_round, 1, A_FEW);
    assert_int_equal(crowd.answered_at_first_done, CROWD);

    on_loop(&crowd, deliver_close);
    loop_stop(crowd.loop);
    loop_free(crowd.loop);
    for (int i = 0; i < CROWD; i++) {
        SSL_free(crowd.members[i].client);
        close(crowd.members[i].far);
    }
    SSL_CTX_free(client);
    tls_context_unref(crowd.context);
    sem_destroy(&crowd.over);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_of_handshakes_leaves_the_loop_to_others),
    };

    return cmocka_run_group_tests_name("net_handshakes", tests, NULL, NULL);
}

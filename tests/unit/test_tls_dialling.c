/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions of both roles against each other, as on a route; and the dialling side against a server
 * of OpenSSL, or none at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum who { BOTH, SECOND, RSA_KEY, CN_ONLY, OTHER_CA, EXPIRED, FOR_SERVERS, FOR_CLIENTS, WHO_COUNT };

#define NAMES "a.test, b.test, *.w.test, 127.0.0.1, ::1"

struct fixture {
    char *folder, *ca_file;
    struct test_cert ca, other_ca, certs[WHO_COUNT];
    char *files[WHO_COUNT];
    unsigned char pin[TLS_PIN_LEN]; /* of BOTH */
};

static int
set_up(void **state)
{
    static const struct {
        const char *subject, *alternatives, *usage;
        enum test_key key;
        bool other_ca, expired;
    } specs[WHO_COUNT] = {
        [BOTH] = { "CN=both", "DNS:a.test,DNS:b.test,DNS:*.w.test,IP:127.0.0.1,IP:::1",
                   .usage = "serverAuth,clientAuth" },
        [SECOND] = { "CN=second", .alternatives = "DNS:second.test" },
        [RSA_KEY] = { "CN=rsa", "DNS:rsa.test", .key = TEST_KEY_RSA },
        [CN_ONLY] = { .subject = "CN=a.test" },
        [OTHER_CA] = { "CN=other", "DNS:a.test", .other_ca = true },
        [EXPIRED] = { "CN=expired", "DNS:a.test", .expired = true },
        [FOR_SERVERS] = { "CN=server", "DNS:a.test", .usage = "serverAuth" },
        [FOR_CLIENTS] = { "CN=client", "DNS:a.test", .usage = "clientAuth" },
    };
    struct fixture *f = xcalloc(1, sizeof(*f));
    unsigned char *der = NULL;
    int len;

    signal(SIGPIPE, SIG_IGN); /* of the test's server of OpenSSL only: sessions raise none */
    f->folder = test_folder_new();
    f->ca = test_cert_new(&(struct test_cert_spec) { .subject = "CN=ca", .ca = true });
    f->other_ca = test_cert_new(&(struct test_cert_spec) { .subject = "CN=other ca", .ca = true });
    f->ca_file = test_write_pem(f->folder, "ca.pem", &f->ca.cert, 1, NULL);
    for (int i = 0; i < WHO_COUNT; i++) {
        char *name = xasprintf("%d.pem", i);

        f->certs[i] = test_cert_new(
            &(struct test_cert_spec) { .subject = specs[i].subject,
                                       .alternatives = specs[i].alternatives,
                                       .usage = specs[i].usage,
                                       .issuer = specs[i].other_ca ? &f->other_ca : &f->ca,
                                       .key = specs[i].key,
                                       .expired = specs[i].expired });
        f->files[i] = test_write_pem(f->folder, name, &f->certs[i].cert, 1, f->certs[i].key);
        free(name);
    }
    len = i2d_PUBKEY(X509_get0_pubkey(f->certs[BOTH].cert), &der);
    assert_int_equal(EVP_Digest(der, (size_t)len, f->pin, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    test_folder_free(f->folder);
    free(f->ca_file);
    test_cert_release(&f->ca);
    test_cert_release(&f->other_ca);
    for (int i = 0; i < WHO_COUNT; i++) {
        test_cert_release(&f->certs[i]);
        free(f->files[i]);
    }
    free(f);
    return 0;
}

/* options: further ones, NULL: none. The context for one end of a route that shows certs. */
static struct tls_context *
context_of(const struct fixture *f, bool dialling, const enum who *certs, size_t count,
           const struct tls_options *more)
{
    struct tls_options options = more == NULL ? (struct tls_options) { 0 } : *more;
    struct tls_context *context = NULL;
    struct tls_fault fault;
    struct errmsg why = { "" };
    enum err err;

    options.verify = true;
    options.ca_file = f->ca_file;
    for (size_t i = 0; i < count; i++)
        test_options_add_pair(&options, f->files[certs[i]], f->files[certs[i]]);
    err = dialling ? tls_context_new_dialling(&context, &options, &fault, &why)
                   : tls_context_new(&context, &options, &fault, &why);
    if (err != ERR_OK)
        fail_msg("%s", why.text);
    test_options_release(&options);
    return context;
}

struct route {
    struct tls_session *accepting, *dialling;
    int fds[2]; /* accepting, dialling */
    enum tls_step accepted, dialled;
    struct errmsg accept_why, dial_why;
};

/* Takes the references. */
static void
open_route(struct route *route, struct tls_context *accepting, struct tls_context *dialling,
           const char *name)
{
    *route = (struct route) { .accepted = TLS_WANT_READ, .dialled = TLS_WANT_READ };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, route->fds), 0);
    route->accepting = tls_session_new(accepting, route->fds[0]);
    route->dialling = tls_session_new_dialling(dialling, route->fds[1], name);
    assert_non_null(route->accepting);
    assert_non_null(route->dialling);
    tls_context_unref(accepting);
    tls_context_unref(dialling);
}

static void
close_route(struct route *route)
{
    tls_session_free(route->accepting);
    tls_session_free(route->dialling);
    close(route->fds[0]);
    close(route->fds[1]);
}

static bool
is_over(enum tls_step step)
{
    return step == TLS_DONE || step == TLS_FAILED;
}

/* The dialling side has the first word. Until both ends know how it went. */
static void
shake_hands(struct route *route)
{
    for (int round = 0; round < 20 && !(is_over(route->accepted) && is_over(route->dialled));
         round++) {
        if (!is_over(route->dialled))
            route->dialled = tls_session_handshake(route->dialling, &route->dial_why);
        if (!is_over(route->accepted))
            route->accepted = tls_session_handshake(route->accepting, &route->accept_why);
    }
    assert_true(is_over(route->accepted) && is_over(route->dialled));
}

static void
expect_passes(struct tls_session *from, struct tls_session *to, const char *text)
{
    struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
    char data[64];

    assert_int_equal(tls_session_sendv(from, &iov, 1), iov.iov_len);
    assert_int_equal(tls_session_recv(to, data, sizeof(data)), iov.iov_len);
    assert_memory_equal(data, text, iov.iov_len);
}

enum pin { NO_PIN, GOOD_PIN, WRONG_PIN };

static const struct {
    enum who accepts, dials;
    const char *name; /* that was dialled */
    bool insecure;
    enum pin dials_pin, accepts_pin;
    const char *dial_why;   /* the whole text; NULL: the handshake succeeds */
    const char *accept_why; /* in the text; NULL: it succeeds */
    const char *told;       /* what the dialling side then hears by an alert; NULL: nothing */
} rows[] = {
    { BOTH, BOTH, .name = "a.test" },
    { BOTH, BOTH, .name = "B.Test" },
    { BOTH, BOTH, .name = "a.test." },
    { BOTH, BOTH, .name = "x.w.test" },
    { BOTH, BOTH, .name = "127.0.0.1" },
    { BOTH, BOTH, .name = "::1" },
    { RSA_KEY, SECOND, .name = "rsa.test" },

    { BOTH, BOTH, .name = "c.test", .dial_why = "certificate is valid for " NAMES ", not c.test",
      .accept_why = "bad certificate" },
    { BOTH, BOTH, .name = "x.y.w.test",
      .dial_why = "certificate is valid for " NAMES ", not x.y.w.test",
      .accept_why = "bad certificate" },
    { BOTH, BOTH, .name = "127.0.0.2",
      .dial_why = "certificate is valid for " NAMES ", not 127.0.0.2",
      .accept_why = "bad certificate" },
    { CN_ONLY, BOTH, .name = "a.test",
      .dial_why = "certificate is not valid for any names, but wanted to match a.test",
      .accept_why = "bad certificate" },
    { OTHER_CA, BOTH, .name = "a.test", .dial_why = "unable to get local issuer certificate",
      .accept_why = "unknown ca" },
    { EXPIRED, BOTH, .name = "a.test", .dial_why = "certificate has expired",
      .accept_why = "certificate expired" },
    { FOR_CLIENTS, BOTH, .name = "a.test",
      .dial_why = "unsuitable certificate purpose: its extendedKeyUsage or keyUsage does not let "
                  "it be a server's (serverAuth)",
      .accept_why = "unsupported certificate" },

    { BOTH, BOTH, .name = "c.test", .insecure = true },
    { OTHER_CA, BOTH, .name = "a.test", .insecure = true },
    { EXPIRED, BOTH, .name = "127.0.0.2", .insecure = true },
    { BOTH, OTHER_CA, .name = "a.test", .insecure = true,
      .accept_why = "unable to get local issuer", .told = "unknown ca" },

    { BOTH, OTHER_CA, .name = "a.test", .accept_why = "unable to get local issuer certificate",
      .told = "unknown ca" },
    { BOTH, EXPIRED, .name = "a.test", .accept_why = "certificate has expired",
      .told = "certificate expired" },
    { BOTH, FOR_SERVERS, .name = "a.test",
      .accept_why = "unsuitable certificate purpose: its extendedKeyUsage or keyUsage does not let "
                    "it be a client's (clientAuth)",
      .told = "unsupported certificate" },

    { BOTH, BOTH, .name = "a.test", .dials_pin = GOOD_PIN, .accepts_pin = GOOD_PIN },
    { BOTH, SECOND, .name = "a.test", .dials_pin = GOOD_PIN },
    { BOTH, BOTH, .name = "a.test", .dials_pin = WRONG_PIN, .dial_why = "certificate not pinned" },
    { BOTH, BOTH, .name = "a.test", .insecure = true, .dials_pin = WRONG_PIN,
      .dial_why = "certificate not pinned" },
    { BOTH, SECOND, .name = "a.test", .accepts_pin = GOOD_PIN,
      .accept_why = "certificate not pinned" },
};

static struct tls_context *
context_of_row(const struct fixture *f, size_t i, bool dialling)
{
    enum pin pin = dialling ? rows[i].dials_pin : rows[i].accepts_pin;
    enum who who = dialling ? rows[i].dials : rows[i].accepts;
    unsigned char pins[1][TLS_PIN_LEN] = { { 0 } };
    struct tls_options options = { .insecure = rows[i].insecure,
                                   .pins = pins,
                                   .pin_count = pin != NO_PIN };

    if (pin == GOOD_PIN)
        memcpy(pins[0], f->pin, TLS_PIN_LEN);
    return context_of(f, dialling, &who, 1, &options);
}

static void
expect_told(const struct route *route, size_t i)
{
    char data[8];

    assert_int_equal(tls_session_recv(route->dialling, data, sizeof(data)), -1);
    assert_int_equal(errno, EPROTO);
    if (strstr(tls_session_failure(route->dialling), rows[i].told) == NULL)
        fail_msg("row %zu: told \"%s\"", i, tls_session_failure(route->dialling));
}

static void
routes_come_about_as_the_certificates_say(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct route route;
        bool dial_ok, accept_ok;

        open_route(&route, context_of_row(*state, i, false), context_of_row(*state, i, true),
                   rows[i].name);
        shake_hands(&route);
        dial_ok = rows[i].dial_why == NULL ? route.dialled == TLS_DONE
                                           : strcmp(route.dial_why.text, rows[i].dial_why) == 0;
        accept_ok = rows[i].accept_why == NULL
                        ? route.accepted == TLS_DONE
                        : strstr(route.accept_why.text, rows[i].accept_why) != NULL;
        if (!dial_ok || !accept_ok)
            fail_msg("row %zu: dialling %d \"%s\", accepting %d \"%s\"", i, (int)route.dialled,
                     route.dial_why.text, (int)route.accepted, route.accept_why.text);
        if (rows[i].told != NULL)
            expect_told(&route, i);
        if (route.dialled == TLS_DONE && route.accepted == TLS_DONE) {
            expect_passes(route.dialling, route.accepting, "CONNECT {}\r\n");
            expect_passes(route.accepting, route.dialling, "INFO {}\r\n");
        }
        close_route(&route);
    }
}

/* It is verified by name, so the handshake fails if the other certificate is shown. */
static void
the_name_dialled_chooses_the_certificate(void **state)
{
    static const enum who accepts[] = { SECOND, BOTH }, dials[] = { BOTH };
    static const char *const names[] = { "a.test", "second.test" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct route route;

        open_route(&route, context_of(*state, false, accepts, COUNT(accepts), NULL),
                   context_of(*state, true, dials, COUNT(dials), NULL), names[i]);
        shake_hands(&route);
        assert_int_equal(route.dialled, TLS_DONE);
        assert_int_equal(route.accepted, TLS_DONE);
        close_route(&route);
    }
}

/* A server of OpenSSL that wants a certificate, and a session that dials it. */
struct foreign {
    SSL *server;
    struct tls_session *session;
    int fds[2]; /* the server's, ours */
};

static void
open_foreign(struct foreign *foreign, const struct fixture *f, const enum who *dials, size_t count,
             int max_version)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    struct tls_context *context = context_of(f, true, dials, count, NULL);

    assert_int_equal(
        SSL_CTX_use_cert_and_key(server, f->certs[BOTH].cert, f->certs[BOTH].key, NULL, 1), 1);
    assert_int_equal(SSL_CTX_load_verify_locations(server, f->ca_file, NULL), 1);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"x", 1);
    SSL_CTX_set_max_proto_version(server, max_version);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, foreign->fds), 0);
    foreign->server = SSL_new(server);
    SSL_set_fd(foreign->server, foreign->fds[0]);
    SSL_set_accept_state(foreign->server);
    foreign->session = tls_session_new_dialling(context, foreign->fds[1], "a.test");
    assert_non_null(foreign->session);
    SSL_CTX_free(server);
    tls_context_unref(context);
}

static void
establish_foreign(struct foreign *foreign)
{
    enum tls_step step = TLS_WANT_READ;
    struct errmsg why = { "" };
    int accepted = 0;

    for (int round = 0; round < 20 && (step != TLS_DONE || accepted != 1); round++) {
        if (step != TLS_DONE)
            step = tls_session_handshake(foreign->session, &why);
        accepted = SSL_do_handshake(foreign->server);
        ERR_clear_error();
    }
    if (step != TLS_DONE || accepted != 1)
        fail_msg("the handshake failed: %s", why.text);
}

static void
close_foreign(struct foreign *foreign)
{
    tls_session_free(foreign->session);
    SSL_free(foreign->server);
    close(foreign->fds[0]);
    close(foreign->fds[1]);
}

static void
the_first_certificate_is_shown(void **state)
{
    static const struct {
        enum who dials[3];
        int version;
        const char *shown;
    } cases[] = {
        { { BOTH, SECOND, RSA_KEY }, TLS1_3_VERSION, "/CN=both" },
        { { SECOND, BOTH, RSA_KEY }, TLS1_3_VERSION, "/CN=second" },
        { { BOTH, RSA_KEY, SECOND }, TLS1_2_VERSION, "/CN=both" },
        { { RSA_KEY, BOTH, SECOND }, TLS1_2_VERSION, "/CN=rsa" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct foreign foreign;
        char name[64];

        open_foreign(&foreign, *state, cases[i].dials, 3, cases[i].version);
        establish_foreign(&foreign);
        X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(foreign.server)), name,
                          sizeof(name));
        assert_string_equal(name, cases[i].shown);
        close_foreign(&foreign);
    }
}

/* Others send tickets behind the handshake, which nobody here wants. They come in pieces, since the
 * buffer is small. */
static void
tickets_are_no_data(void **state)
{
    static const enum who dials[] = { BOTH };
    struct foreign foreign;
    char data[16];
    ssize_t got = -1;

    open_foreign(&foreign, *state, dials, 1, 0);
    establish_foreign(&foreign);
    tls_client_write(foreign.server, "INFO {}\r\n", 9);
    for (int calls = 0; calls < 100 && got == -1; calls++) {
        got = tls_session_recv(foreign.session, data, sizeof(data));
        assert_true(got != -1 || errno == EAGAIN);
    }
    assert_int_equal(got, 9);
    assert_memory_equal(data, "INFO {}\r\n", 9);
    close_foreign(&foreign);
}

/* What comes instead of a handshake, from a port that was dialled by mistake. */
static void
who_speaks_no_tls_is_told_apart(void **state)
{
    static const struct {
        const char *says, *why;
    } cases[] = {
        { "INFO {\"server_id\":\"x\"}\r\n", "first record does not look like a TLS handshake" },
        { "HTTP/1.1 400 Bad Request\r\n\r\n", "first record does not look like a TLS handshake" },
        { "", "the peer closed the connection" },
    };
    static const enum who dials[] = { BOTH };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tls_context *context = context_of(*state, true, dials, 1, NULL);
        struct tls_session *session;
        struct errmsg why = { "" };
        enum tls_step step;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        session = tls_session_new_dialling(context, fds[1], "a.test");
        assert_int_equal(tls_session_handshake(session, &why), TLS_WANT_READ);
        assert_int_equal(send(fds[0], cases[i].says, strlen(cases[i].says), 0),
                         strlen(cases[i].says));
        if (cases[i].says[0] == '\0')
            shutdown(fds[0], SHUT_WR);
        step = tls_session_handshake(session, &why);
        assert_int_equal(step, TLS_FAILED);
        assert_string_equal(why.text, cases[i].why);
        tls_session_free(session);
        tls_context_unref(context);
        close(fds[0]);
        close(fds[1]);
    }
}

static void
a_certificate_for_one_end_is_noticed(void **state)
{
    static const struct {
        enum who certs[2];
        bool fits;
        size_t pair;
    } cases[] = {
        { { BOTH, SECOND }, true, 0 },
        { { FOR_SERVERS, BOTH }, false, 0 },
        { { BOTH, FOR_CLIENTS }, false, 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tls_context *context = context_of(*state, false, cases[i].certs, 2, NULL);
        size_t pair;

        assert_int_equal(tls_context_fits_both_ends(context, &pair), cases[i].fits);
        if (!cases[i].fits)
            assert_int_equal(pair, cases[i].pair);
        tls_context_unref(context);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_come_about_as_the_certificates_say),
        cmocka_unit_test(the_name_dialled_chooses_the_certificate),
        cmocka_unit_test(the_first_certificate_is_shown),
        cmocka_unit_test(tickets_are_no_data),
        cmocka_unit_test(who_speaks_no_tls_is_told_apart),
        cmocka_unit_test(a_certificate_for_one_end_is_noticed),
    };

    return cmocka_run_group_tests_name("tls_dialling", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions against a client of OpenSSL: who gets in, and what the stream does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum who { NOBODY, GOOD, OTHER_CA, EXPIRED, WHO_COUNT };

struct fixture {
    char *folder, *ca_file;
    struct test_cert ca, other_ca, ec, rsa, named;
    struct test_cert peers[WHO_COUNT];
    unsigned char good_pin[TLS_PIN_LEN];
};

static struct test_cert
make(const char *subject, const char *alternatives, const struct test_cert *issuer,
     enum test_key key, bool expired)
{
    return test_cert_new(&(struct test_cert_spec) { .subject = subject,
                                                    .alternatives = alternatives,
                                                    .issuer = issuer,
                                                    .key = key,
                                                    .ca = issuer == NULL,
                                                    .expired = expired });
}

static void
compute_pin(X509 *cert, unsigned char *pin)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(X509_get0_pubkey(cert), &der);

    assert_int_equal(EVP_Digest(der, (size_t)len, pin, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
}

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    signal(SIGPIPE, SIG_IGN); /* of the test's client only: sessions raise none */
    f->folder = test_folder_new();
    f->ca = make("CN=ca", NULL, NULL, TEST_KEY_EC, false);
    f->other_ca = make("CN=ca", NULL, NULL, TEST_KEY_EC, false);
    f->ec = make("CN=ec", "DNS:ec.test", &f->ca, TEST_KEY_EC, false);
    f->rsa = make("CN=rsa", "DNS:rsa.test", &f->ca, TEST_KEY_RSA, false);
    f->named = make("CN=named", "DNS:*.named.test", &f->ca, TEST_KEY_EC, false);
    f->peers[GOOD] = make("CN=peer", "email:p@q", &f->ca, TEST_KEY_EC, false);
    f->peers[OTHER_CA] = make("CN=peer", NULL, &f->other_ca, TEST_KEY_EC, false);
    f->peers[EXPIRED] = make("CN=peer", NULL, &f->ca, TEST_KEY_EC, true);
    compute_pin(f->peers[GOOD].cert, f->good_pin);
    f->ca_file = test_write_pem(f->folder, "ca.pem", &f->ca.cert, 1, NULL);
    free(test_write_pem(f->folder, "ec", &f->ec.cert, 1, f->ec.key));
    free(test_write_pem(f->folder, "rsa", &f->rsa.cert, 1, f->rsa.key));
    free(test_write_pem(f->folder, "named", &f->named.cert, 1, f->named.key));
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
    test_cert_release(&f->ec);
    test_cert_release(&f->rsa);
    test_cert_release(&f->named);
    for (int i = 0; i < WHO_COUNT; i++)
        test_cert_release(&f->peers[i]);
    free(f);
    return 0;
}

/* pairs: names of files, with spaces between. options may be NULL; it loses its pairs. */
static struct tls_context *
context_of(const struct fixture *f, const char *pairs, struct tls_options *options)
{
    struct tls_options none = { 0 };
    struct tls_context *context = NULL;
    char *copy = xstrdup(pairs), *rest = copy, *name;
    struct tls_fault fault;
    struct errmsg why = { "" };

    if (options == NULL)
        options = &none;
    while ((name = strsep(&rest, " ")) != NULL) {
        char *path = xasprintf("%s/%s", f->folder, name);

        test_options_add_pair(options, path, path);
        free(path);
    }
    if (tls_context_new(&context, options, &fault, &why) != ERR_OK)
        fail_msg("%s", why.text);
    test_options_release(options);
    free(copy);
    return context;
}

static SSL_CTX *
client_of(const struct fixture *f, enum who who)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_cipher_list(client, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
    SSL_CTX_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    assert_int_equal(SSL_CTX_load_verify_locations(client, f->ca_file, NULL), 1);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    if (who != NOBODY)
        assert_int_equal(
            SSL_CTX_use_cert_and_key(client, f->peers[who].cert, f->peers[who].key, NULL, 1), 1);
    return client;
}

/* A connected link with a context of one EC certificate. */
static void
open_link(const struct fixture *f, struct tls_link *link, int max_version)
{
    struct tls_context *context = context_of(f, "ec", NULL);
    SSL_CTX *client = client_of(f, NOBODY);

    SSL_CTX_set_max_proto_version(client, max_version);
    tls_link_open(link, context, client);
    tls_context_unref(context);
    SSL_CTX_free(client);
    tls_link_establish(link);
}

static void
expect_received(struct tls_session *session, const char *text)
{
    char data[64];
    ssize_t got = tls_session_recv(session, data, sizeof(data));

    assert_int_equal(got, strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

static void
expect_again(struct tls_session *session)
{
    char data[64];

    assert_int_equal(tls_session_recv(session, data, sizeof(data)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(tls_session_readable(session));
}

static void
send_text(struct tls_session *session, const char *text)
{
    struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };

    assert_int_equal(tls_session_sendv(session, &iov, 1), iov.iov_len);
}

static void
expect_client_reads(SSL *client, const char *text)
{
    char data[64];

    assert_int_equal(SSL_read(client, data, sizeof(data)), strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

/* --- who gets in --- */

static const struct {
    const char *what;
    const char *pairs, *sni;
    bool verify, pin, other_pin, tls13_only;
    enum who who;
    const char *client_ciphers; /* of TLS 1.2; NULL: any version and suite */
    int client_max;             /* version; 0: any */
    const char *failure;        /* in the server's text; NULL: it succeeds */
    const char *cert;           /* subject that the client sees */
} handshake_cases[] = {
    { .what = "plain", .pairs = "ec", .cert = "/CN=ec" },
    { .what = "RSA", .pairs = "rsa", .cert = "/CN=rsa" },
    { .what = "1.2", .pairs = "ec", .client_max = TLS1_2_VERSION },
    { .what = "1.1",
      .pairs = "ec",
      .client_max = TLS1_1_VERSION,
      .failure = "unsupported protocol" },
    { .what = "1.2 where 1.3 is wanted",
      .pairs = "ec",
      .tls13_only = true,
      .client_max = TLS1_2_VERSION,
      .failure = "unsupported protocol" },
    { .what = "1.3 where 1.3 is wanted", .pairs = "ec", .tls13_only = true },
    { .what = "suite of the defaults",
      .pairs = "rsa",
      .client_ciphers = "ECDHE-RSA-AES256-SHA:@SECLEVEL=0" },
    { .what = "insecure suite",
      .pairs = "rsa",
      .client_ciphers = "AES128-SHA",
      .failure = "no shared cipher" },
    { .what = "suite of another key type",
      .pairs = "ec",
      .client_ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
      .failure = "no shared cipher" },
    { .what = "key type by suite, RSA",
      .pairs = "ec rsa",
      .client_ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
      .cert = "/CN=rsa" },
    { .what = "key type by suite, EC",
      .pairs = "rsa ec",
      .client_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
      .cert = "/CN=ec" },
    { .what = "first of one type", .pairs = "ec named", .cert = "/CN=ec" },
    { .what = "by name", .pairs = "ec named", .sni = "a.named.test", .cert = "/CN=named" },
    { .what = "by name, type", .pairs = "ec rsa", .sni = "rsa.test", .cert = "/CN=rsa" },
    { .what = "unknown name", .pairs = "ec named", .sni = "x.test", .cert = "/CN=ec" },

    { .what = "verified", .pairs = "ec", .verify = true, .who = GOOD },
    { .what = "verified, 1.2",
      .pairs = "ec",
      .verify = true,
      .who = GOOD,
      .client_max = TLS1_2_VERSION },
    { .what = "no certificate",
      .pairs = "ec",
      .verify = true,
      .failure = "peer did not return a certificate" },
    { .what = "wrong CA",
      .pairs = "ec",
      .verify = true,
      .who = OTHER_CA,
      .failure = "certificate signature failure" },
    { .what = "expired",
      .pairs = "ec",
      .verify = true,
      .who = EXPIRED,
      .failure = "certificate has expired" },
    { .what = "not asked for", .pairs = "ec", .who = OTHER_CA },
    { .what = "pinned", .pairs = "ec", .verify = true, .pin = true, .who = GOOD },
    { .what = "another pinned",
      .pairs = "ec",
      .verify = true,
      .other_pin = true,
      .who = GOOD,
      .failure = "certificate not pinned" },
    { .what = "pinned, nothing shown",
      .pairs = "ec",
      .pin = true,
      .failure = "certificate not pinned" },
};

static void
try_handshake(const struct fixture *f, size_t i)
{
    unsigned char pins[1][TLS_PIN_LEN] = { { 0 } };
    bool pinned = handshake_cases[i].pin || handshake_cases[i].other_pin;
    struct tls_options options = {
        .verify = handshake_cases[i].verify,
        .ca_file = f->ca_file,
        .min_version = handshake_cases[i].tls13_only ? TLS_MIN_1_3 : TLS_MIN_1_2,
        .pins = pins,
        .pin_count = pinned,
    };
    SSL_CTX *client = client_of(f, handshake_cases[i].who);
    struct errmsg why = { "" };
    struct tls_context *context;
    struct tls_link link;
    enum tls_step step;

    if (handshake_cases[i].pin)
        memcpy(pins[0], f->good_pin, TLS_PIN_LEN);
    context = context_of(f, handshake_cases[i].pairs, &options);
    if (handshake_cases[i].client_ciphers != NULL) {
        SSL_CTX_set_cipher_list(client, handshake_cases[i].client_ciphers);
        SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    }
    if (handshake_cases[i].client_max != 0)
        SSL_CTX_set_max_proto_version(client, handshake_cases[i].client_max);
    tls_link_open(&link, context, client);
    if (handshake_cases[i].sni != NULL)
        SSL_set_tlsext_host_name(link.client, handshake_cases[i].sni);
    step = tls_link_handshake(&link, &why);
    if (step != (handshake_cases[i].failure == NULL ? TLS_DONE : TLS_FAILED) ||
        (handshake_cases[i].failure != NULL &&
         strstr(why.text, handshake_cases[i].failure) == NULL))
        fail_msg("%s: step %d, \"%s\"", handshake_cases[i].what, (int)step, why.text);
    if (step == TLS_DONE && handshake_cases[i].cert != NULL) {
        char name[64];

        X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(link.client)), name,
                          sizeof(name));
        assert_string_equal(name, handshake_cases[i].cert);
    }
    tls_link_close(&link);
    tls_context_unref(context);
    SSL_CTX_free(client);
}

static void
handshakes_end_as_the_options_say(void **state)
{
    for (size_t i = 0; i < COUNT(handshake_cases); i++)
        try_handshake(*state, i);
}

static const struct {
    const char *names[2]; /* cipher_suites */
    int client_max;
    const char *cipher; /* NULL: no handshake */
} suite_cases[] = {
    { { NULL }, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256" },
    { { NULL }, TLS1_2_VERSION, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
    /* a list of 1.2 leaves 1.3 as it is */
    { { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" }, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256" },
    { { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
      TLS1_2_VERSION,
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    { { "TLS_AES_256_GCM_SHA384" }, TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384" },
    { { "TLS_AES_256_GCM_SHA384" }, TLS1_2_VERSION, NULL },
    { { "TLS_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" },
      TLS1_2_VERSION,
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" },
};

static void
cipher_suites_limit_what_is_agreed(void **state)
{
    for (size_t i = 0; i < COUNT(suite_cases); i++) {
        struct tls_options options = { 0 };
        struct tls_context *context;
        SSL_CTX *client = client_of(*state, NOBODY);
        struct tls_link link;
        struct errmsg why;

        options.ciphers.items = (char **)(uintptr_t)suite_cases[i].names;
        while (options.ciphers.count < 2 && suite_cases[i].names[options.ciphers.count] != NULL)
            options.ciphers.count++;
        context = context_of(*state, "ec", &options);
        SSL_CTX_set_max_proto_version(client, suite_cases[i].client_max);
        tls_link_open(&link, context, client);
        if (suite_cases[i].cipher == NULL) {
            assert_int_equal(tls_link_handshake(&link, &why), TLS_FAILED);
        } else {
            tls_link_establish(&link);
            assert_string_equal(tls_session_cipher(link.server), suite_cases[i].cipher);
            assert_string_equal(tls_session_version(link.server),
                                suite_cases[i].client_max == TLS1_3_VERSION ? "1.3" : "1.2");
        }
        tls_link_close(&link);
        tls_context_unref(context);
        SSL_CTX_free(client);
    }
}

static const struct {
    const char *curve; /* curve_preferences */
    const char *offered;
    int version, agreed; /* NID_undef: no handshake */
} curve_cases[] = {
    { "CurveP384", "X25519:P-384", TLS1_3_VERSION, NID_secp384r1 },
    { "CurveP384", "X25519:P-384", TLS1_2_VERSION, NID_secp384r1 },
    { "CurveP384", "X25519:P-256", TLS1_3_VERSION, NID_undef },
    { "CurveP384", "X25519:P-256", TLS1_2_VERSION, NID_undef },
    { "X25519", "P-256:P-384:X25519", TLS1_3_VERSION, NID_X25519 },
    { "X25519", "P-256:P-384:X25519", TLS1_2_VERSION, NID_X25519 },
    { "X25519", "P-256:P-384", TLS1_3_VERSION, NID_undef },
    { "X25519", "P-256:P-384", TLS1_2_VERSION, NID_undef },
};

static void
try_curve(const struct fixture *f, size_t i)
{
    char *curve = xstrdup(curve_cases[i].curve);
    struct tls_options options = { .curves = { &curve, 1 } };
    struct tls_context *context = context_of(f, "rsa", &options);
    SSL_CTX *client = client_of(f, NOBODY);
    EVP_PKEY *key = NULL;
    struct errmsg why = { "" };
    struct tls_link link;
    enum tls_step step;

    SSL_CTX_set1_groups_list(client, curve_cases[i].offered);
    SSL_CTX_set_max_proto_version(client, curve_cases[i].version);
    tls_link_open(&link, context, client);
    step = tls_link_handshake(&link, &why);
    if (step != (curve_cases[i].agreed == NID_undef ? TLS_FAILED : TLS_DONE))
        fail_msg("case %zu: step %d, %s", i, (int)step, why.text);
    if (step == TLS_DONE) { /* the server's part of the exchange */
        char name[32] = "X25519";

        assert_int_equal(SSL_get_peer_tmp_key(link.client, &key), 1);
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
            assert_int_equal(EVP_PKEY_get_group_name(key, name, sizeof(name), NULL), 1);
        assert_int_equal(OBJ_txt2nid(name), curve_cases[i].agreed);
    }
    EVP_PKEY_free(key);
    tls_link_close(&link);
    tls_context_unref(context);
    SSL_CTX_free(client);
    free(curve);
}

static void
curves_limit_what_is_agreed(void **state)
{
    for (size_t i = 0; i < COUNT(curve_cases); i++)
        try_curve(*state, i);
}

static void
the_peers_names_and_pin_are_known(void **state)
{
    struct fixture *f = *state;
    struct tls_options options = { .verify = true, .ca_file = f->ca_file };
    struct tls_context *context = context_of(f, "ec", &options);
    SSL_CTX *client = client_of(f, GOOD);
    unsigned char pin[TLS_PIN_LEN];
    struct tls_identity *identity;
    struct tls_link link;

    tls_link_open(&link, context, client);
    tls_link_establish(&link);
    identity = tls_session_identity(link.server);
    assert_true(str_eq(tls_identity_at(identity, 0).text, STR_LIT("p@q")));
    assert_int_equal(tls_identity_match_dn(identity, STR_LIT("CN=peer")), TLS_DN_EXACT);
    tls_identity_free(identity);
    assert_true(tls_session_peer_pin(link.server, pin));
    assert_memory_equal(pin, f->good_pin, TLS_PIN_LEN);
    tls_link_close(&link);
    tls_context_unref(context);
    SSL_CTX_free(client);

    open_link(f, &link, TLS1_3_VERSION);
    assert_null(tls_session_identity(link.server));
    assert_false(tls_session_peer_pin(link.server, pin));
    tls_link_close(&link);
}

/* --- what is no handshake --- */

static const struct {
    const char *bytes, *failure;
} plain_cases[] = {
    { "CONNECT {}\r\nPING\r\n", "first record does not look like a TLS handshake" },
    { "PING\r\n", "first record does not look like a TLS handshake" },
    { "GET / HTTP/1.1\r\n\r\n", "first record does not look like a TLS handshake" },
    { "\x16\x03\x01\xff\xff\x01", "packet length too long" },
    { "\x16\x03\x01\x00\x05hello", "" },
    { "", "the peer closed the connection" },
    { "\x16\x03\x01\x02", "the peer closed the connection" },
};

static void
other_bytes_fail(void **state)
{
    struct tls_context *context = context_of(*state, "ec", NULL);
    SSL_CTX *client = client_of(*state, NOBODY);

    for (size_t i = 0; i < COUNT(plain_cases); i++) {
        struct errmsg why = { "" };
        size_t len = i == 4 ? 10 : strlen(plain_cases[i].bytes);
        struct tls_link link;
        enum tls_step step;

        tls_link_open(&link, context, client);
        assert_int_equal(tls_session_handshake(link.server, &why), TLS_WANT_READ);
        assert_int_equal(send(link.client_fd, plain_cases[i].bytes, len, 0), len);
        shutdown(link.client_fd, SHUT_WR);
        while ((step = tls_session_handshake(link.server, &why)) == TLS_WANT_READ)
            ;
        assert_int_equal(step, TLS_FAILED);
        if (strstr(why.text, plain_cases[i].failure) == NULL)
            fail_msg("case %zu: %s", i, why.text);
        tls_link_close(&link);
    }
    tls_context_unref(context);
    SSL_CTX_free(client);
}

/* Takes what the client has written, hands it on byte by byte. */
static void
relay_bytes(int from, int to, struct tls_link *link, enum tls_step *step)
{
    unsigned char data[16384];
    ssize_t len = recv(from, data, sizeof(data), 0);
    struct errmsg why;

    for (ssize_t i = 0; i < len; i++) {
        assert_int_equal(send(to, &data[i], 1, 0), 1);
        if (*step != TLS_DONE)
            *step = tls_session_handshake(link->server, &why);
        assert_int_not_equal(*step, TLS_FAILED);
    }
}

static void
a_handshake_may_come_byte_by_byte(void **state)
{
    struct tls_context *context = context_of(*state, "ec", NULL);
    SSL_CTX *client = client_of(*state, NOBODY);
    enum tls_step step = TLS_WANT_READ;
    char data[16];
    struct tls_link link;
    int middle[2];

    tls_link_open(&link, context, client);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, middle), 0);
    SSL_set_wfd(link.client, middle[0]);
    while (step != TLS_DONE) {
        (void)SSL_do_handshake(link.client);
        ERR_clear_error();
        relay_bytes(middle[1], link.client_fd, &link, &step);
    }
    tls_client_write(link.client, "hello", 5);
    relay_bytes(middle[1], link.client_fd, &link, &step);
    while (tls_session_recv(link.server, data, 1) != 1)
        assert_int_equal(errno, EAGAIN);
    assert_int_equal(data[0], 'h');
    assert_true(tls_session_readable(link.server));
    expect_received(link.server, "ello");
    expect_again(link.server);
    tls_link_close(&link);
    close(middle[0]);
    close(middle[1]);
    tls_context_unref(context);
    SSL_CTX_free(client);
}

/* A client may send its first bytes in one packet with the end of its handshake. */
static void
bytes_behind_the_handshake_are_not_lost(void **state)
{
    struct tls_context *context = context_of(*state, "ec", NULL);
    SSL_CTX *client = client_of(*state, NOBODY);
    struct tls_link link;
    struct errmsg why;

    tls_link_open(&link, context, client);
    (void)SSL_do_handshake(link.client);
    assert_int_equal(tls_session_handshake(link.server, &why), TLS_WANT_READ);
    assert_int_equal(SSL_do_handshake(link.client), 1);
    tls_client_write(link.client, "hello", 5);
    assert_int_equal(tls_session_handshake(link.server, &why), TLS_DONE);
    assert_true(tls_session_readable(link.server));
    expect_received(link.server, "hello");
    expect_again(link.server);
    tls_link_close(&link);
    tls_context_unref(context);
    SSL_CTX_free(client);
}

/* --- the stream --- */

static void
bytes_go_both_ways(void **state)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_link link;

        open_link(*state, &link, version);
        expect_again(link.server);
        tls_client_write(link.client, "one", 3);
        tls_client_write(link.client, "two", 3);
        expect_received(link.server, "onetwo");
        tls_session_stop_wiping(link.server);
        tls_client_write(link.client, "more", 4);
        expect_received(link.server, "more");
        send_text(link.server, "three");
        expect_client_reads(link.client, "three");
        assert_int_equal(tls_session_sendv(link.server, NULL, 0), 0);
        tls_link_close(&link);
    }
}

/* Records larger than the buffer are read in parts, without the socket becoming readable. */
static void
a_record_is_read_in_parts(void **state)
{
    char record[12000], out[1000];
    struct tls_link link;
    size_t total = 0;
    ssize_t got;

    for (size_t i = 0; i < sizeof(record); i++)
        record[i] = (char)(i % 251);
    open_link(*state, &link, TLS1_3_VERSION);
    tls_client_write(link.client, record, sizeof(record));
    tls_client_write(link.client, "end", 3);
    while (total < sizeof(record)) {
        if (!tls_session_readable(link.server))
            tls_wait(link.server_fd, POLLIN);
        got = tls_session_recv(link.server, out, sizeof(out));
        if (got < 0) {
            assert_int_equal(errno, EAGAIN);
            continue;
        }
        assert_memory_equal(out, record + total, (size_t)got);
        total += (size_t)got;
        assert_true(total <= sizeof(record));
    }
    expect_received(link.server, "end");
    expect_again(link.server);
    tls_link_close(&link);
}

/* Sends len bytes in iovecs of odd sizes until the socket is full, then reads at the other end. */
static size_t
send_from(struct tls_session *session, const char *data, size_t len)
{
    static const size_t sizes[] = { 1, 40, 700, 0, 20000, 16384, 40000, 3 };
    struct iovec iov[64];
    size_t count = 0, at = 0;
    ssize_t sent;

    for (; count < COUNT(iov) && at < len; count++) {
        size_t size = sizes[count % COUNT(sizes)];

        iov[count].iov_base = (void *)(uintptr_t)(data + at);
        iov[count].iov_len = size < len - at ? size : len - at;
        at += iov[count].iov_len;
    }
    sent = tls_session_sendv(session, iov, count);
    if (sent < 0)
        assert_int_equal(errno, EAGAIN);
    return sent < 0 ? 0 : (size_t)sent;
}

static void
much_goes_out_through_a_full_socket(void **state)
{
    size_t len = 3 << 20, sent = 0, received = 0, blocked = 0;
    char *data = xmalloc(len), *out = xmalloc(len);
    struct tls_link link;

    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 7 % 253);
    open_link(*state, &link, TLS1_3_VERSION);
    while (received < len) {
        size_t now = sent < len ? send_from(link.server, data + sent, len - sent) : 0;
        int got;

        sent += now;
        if (now > 0)
            continue;
        blocked++;
        /* what is reported as sent has left us; what is not, may have */
        while ((got = SSL_read(link.client, out + received, (int)(len - received))) > 0)
            received += (size_t)got;
        assert_true(received >= sent);
    }
    assert_int_equal(sent, len);
    assert_memory_equal(data, out, len);
    assert_true(blocked > 1);
    tls_link_close(&link);
    free(data);
    free(out);
}

static void
both_kinds_of_end_are_ends(void **state)
{
    struct tls_link link;
    char data[8];

    open_link(*state, &link, TLS1_3_VERSION);
    tls_client_write(link.client, "bye", 3);
    SSL_shutdown(link.client);
    expect_received(link.server, "bye");
    assert_true(tls_session_readable(link.server)); /* the end, although nothing more comes */
    assert_int_equal(tls_session_recv(link.server, data, sizeof(data)), 0);
    send_text(link.server, "bye"); /* the other way is still open */
    expect_client_reads(link.client, "bye");
    tls_link_close(&link);

    open_link(*state, &link, TLS1_3_VERSION);
    tls_client_write(link.client, "bye", 3);
    close(link.client_fd); /* truncated */
    link.client_fd = -1;
    expect_received(link.server, "bye");
    assert_int_equal(tls_session_recv(link.server, data, sizeof(data)), 0);
    assert_null(tls_session_failure(link.server));
    tls_link_close(&link);
}

static void
we_say_when_we_close(void **state)
{
    struct tls_link link;
    char data[8];

    open_link(*state, &link, TLS1_3_VERSION);
    send_text(link.server, "bye");
    assert_int_equal(tls_session_close(link.server), TLS_DONE);
    expect_client_reads(link.client, "bye");
    assert_int_equal(SSL_read(link.client, data, sizeof(data)), 0);
    assert_int_equal(SSL_get_error(link.client, 0), SSL_ERROR_ZERO_RETURN);
    tls_link_close(&link);
}

static void
forged_bytes_end_the_stream(void **state)
{
    struct iovec iov = { (void *)(uintptr_t) "x", 1 };
    struct tls_link link;
    char data[8];

    open_link(*state, &link, TLS1_3_VERSION);
    tls_client_write(link.client, "ok", 2);
    assert_int_equal(send(link.client_fd,
                          "\x17\x03\x03\x00\x14"
                          "forged forged forged",
                          25, 0),
                     25);
    expect_received(link.server, "ok");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tls_session_recv(link.server, data, sizeof(data)), -1);
        assert_int_equal(errno, EPROTO);
        assert_true(tls_session_readable(link.server));
    }
    assert_string_equal(tls_session_failure(link.server), "decryption failed or bad record mac");
    assert_int_equal(tls_session_sendv(link.server, &iov, 1), -1);
    assert_int_equal(errno, EPROTO);
    tls_link_close(&link);
}

static void
a_gone_peer_is_an_error_and_no_signal(void **state)
{
    struct iovec iov = { (void *)(uintptr_t) "x", 1 };
    struct tls_link link;

    signal(SIGPIPE, SIG_DFL);
    open_link(*state, &link, TLS1_3_VERSION);
    close(link.client_fd);
    link.client_fd = -1;
    assert_int_equal(tls_session_sendv(link.server, &iov, 1), -1);
    assert_int_equal(errno, EPIPE);
    signal(SIGPIPE, SIG_IGN);
    tls_link_close(&link);
}

static void
renegotiation_is_refused_and_the_stream_goes_on(void **state)
{
    struct tls_link link;
    char data[1024];

    open_link(*state, &link, TLS1_2_VERSION);
    SSL_renegotiate(link.client);
    (void)SSL_do_handshake(link.client); /* sends its hello */
    ERR_clear_error();
    assert_int_equal(tls_session_recv(link.server, data, sizeof(data)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(SSL_read(link.client, data, sizeof(data)), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    send_text(link.server, "still here");
    tls_link_close(&link);
}

static void
keys_may_be_updated(void **state)
{
    struct tls_link link;

    open_link(*state, &link, TLS1_3_VERSION);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(link.client, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_client_write(link.client, "new", 3);
        expect_received(link.server, "new");
        send_text(link.server, "keys");
        expect_client_reads(link.client, "keys");
    }
    tls_link_close(&link);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_end_as_the_options_say),
        cmocka_unit_test(cipher_suites_limit_what_is_agreed),
        cmocka_unit_test(curves_limit_what_is_agreed),
        cmocka_unit_test(the_peers_names_and_pin_are_known),
        cmocka_unit_test(other_bytes_fail),
        cmocka_unit_test(a_handshake_may_come_byte_by_byte),
        cmocka_unit_test(bytes_behind_the_handshake_are_not_lost),
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(a_record_is_read_in_parts),
        cmocka_unit_test(much_goes_out_through_a_full_socket),
        cmocka_unit_test(both_kinds_of_end_are_ends),
        cmocka_unit_test(we_say_when_we_close),
        cmocka_unit_test(forged_bytes_end_the_stream),
        cmocka_unit_test(a_gone_peer_is_an_error_and_no_signal),
        cmocka_unit_test(renegotiation_is_refused_and_the_stream_goes_on),
        cmocka_unit_test(keys_may_be_updated),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

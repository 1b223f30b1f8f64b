/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers that keep to the records of TLS and not to its rules. What OpenSSL's client would not send
 * is encrypted here, by the client's keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SECRET_LEN 32
#define KEY_LEN    16
#define IV_LEN     12
#define TAG_LEN    16
#define FLOOD_MAX  100000 /* answers; the limit comes long before */

static unsigned char client_secret[SECRET_LEN]; /* of the link made last: there is no argument */

static int
set_up(void **state)
{
    struct test_cert cert = test_cert_new(&(struct test_cert_spec) { .subject = "CN=server" });
    char *folder = test_folder_new(),
         *path = test_write_pem(folder, "pem", &cert.cert, 1, cert.key);
    struct tls_options options = { 0 };
    struct tls_context *context;
    struct tls_fault fault;
    struct errmsg why;

    signal(SIGPIPE, SIG_IGN); /* of the test's client only */
    test_options_add_pair(&options, path, path);
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    test_options_release(&options);
    test_cert_release(&cert);
    free(path);
    test_folder_free(folder);
    *state = context;
    return 0;
}

static int
tear_down(void **state)
{
    tls_context_unref(*state);
    return 0;
}

/* "LABEL RANDOM SECRET" */
static void
note_secret(const SSL *ssl, const char *line)
{
    const char *secret = strrchr(line, ' ') + 1;
    long len;
    unsigned char *bytes;

    (void)ssl;
    if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0)
        return;
    bytes = OPENSSL_hexstr2buf(secret, &len);
    assert_int_equal(len, SECRET_LEN);
    memcpy(client_secret, bytes, SECRET_LEN);
    OPENSSL_free(bytes);
}

static void
open_link(struct tls_link *link, struct tls_context *context, bool establish)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_ciphersuites(client, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_keylog_callback(client, note_secret);
    tls_link_open(link, context, client);
    SSL_CTX_free(client);
    if (establish)
        tls_link_establish(link);
}

/* HKDF-Expand-Label of RFC 8446 7.1, without a context. */
static void
derive(const char *label, unsigned char *out, size_t len)
{
    unsigned char info[32] = { 0, (unsigned char)len }, digest[SECRET_LEN];
    size_t label_len = strlen(label);

    info[2] = (unsigned char)label_len;
    memcpy(info + 3, label, label_len);
    info[4 + label_len] = 1;
    HMAC(EVP_sha256(), client_secret, SECRET_LEN, info, 5 + label_len, digest, NULL);
    memcpy(out, digest, len);
}

/* The first record that the client sends by its last keys. */
static void
send_record(int fd, unsigned char type, const void *data, size_t len)
{
    unsigned char record[128] = { 0x17, 3, 3, 0, (unsigned char)(len + 1 + TAG_LEN) };
    unsigned char plain[64], key[KEY_LEN], iv[IV_LEN];
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int done;

    assert_true(len < sizeof(plain));
    memcpy(plain, data, len);
    plain[len] = type;
    derive("tls13 key", key, KEY_LEN);
    derive("tls13 iv", iv, IV_LEN);
    EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, iv);
    EVP_EncryptUpdate(cipher, NULL, &done, record, 5);
    EVP_EncryptUpdate(cipher, record + 5, &done, plain, (int)len + 1);
    EVP_EncryptFinal_ex(cipher, record + 5 + done, &done);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN, record + 6 + len);
    EVP_CIPHER_CTX_free(cipher);
    assert_int_equal(send(fd, record, 6 + len + TAG_LEN, 0), 6 + len + TAG_LEN);
}

static void
expect_failure(struct tls_session *session, const char *text)
{
    struct iovec iov = { (void *)(uintptr_t) "x", 1 };
    char data[64];

    assert_int_equal(tls_session_recv(session, data, sizeof(data)), -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(tls_session_failure(session), text);
    assert_int_equal(tls_session_sendv(session, &iov, 1), -1);
    assert_int_equal(errno, EPROTO);
}

/* --- within the handshake --- */

static const struct {
    const char *what;
    const char *bytes;
    size_t len;
    bool behind_hello;
} alerts[] = {
    { "close_notify", "\x15\3\1\0\2\1\0", 7, false },
    { "close_notify behind the hello", "\x15\3\3\0\2\1\0", 7, true },
    { "user_canceled and close_notify", "\x15\3\1\0\2\1\x5a\x15\3\1\0\2\1\0", 14, false },
    { "a fatal one", "\x15\3\1\0\2\2\x28", 7, false },
    { "a fatal one behind the hello", "\x15\3\3\0\2\2\x28", 7, true },
    { "half of one", "\x15\3\1\0\1\1", 6, false },
};

/* Steps while there is something to read. */
static enum tls_step
step_all(struct tls_session *session)
{
    enum tls_step step = TLS_WANT_READ;
    struct errmsg why;

    for (int i = 0; i < 10 && step == TLS_WANT_READ; i++)
        step = tls_session_handshake(session, &why);
    return step;
}

static void
an_alert_ends_the_handshake(void **state)
{
    for (size_t i = 0; i < COUNT(alerts); i++) {
        struct tls_link link;

        open_link(&link, *state, false);
        if (alerts[i].behind_hello) {
            assert_int_equal(SSL_do_handshake(link.client), -1);
            assert_int_equal(step_all(link.server), TLS_WANT_READ);
        }
        assert_int_equal(send(link.client_fd, alerts[i].bytes, alerts[i].len, 0), alerts[i].len);
        if (step_all(link.server) != TLS_FAILED)
            fail_msg("%s: the handshake goes on", alerts[i].what);
        tls_link_close(&link);
    }
}

/* --- behind it --- */

/* OpenSSL would answer each write by waiting for the rest, without an end. */
static void
a_cut_message_ends_the_stream(void **state)
{
    struct tls_link link;

    open_link(&link, *state, true);
    send_record(link.client_fd, 22, "\x18\0\0\1", 4); /* a key update without its one byte */
    expect_failure(link.server, "a handshake message ends within a record");
    tls_link_close(&link);
}

static void
alerts_end_the_stream(void **state)
{
    struct tls_link link;
    char data[8];

    open_link(&link, *state, true);
    send_record(link.client_fd, 21, "\2\x0a", 2);
    expect_failure(link.server, "sslv3 alert unexpected message");
    tls_link_close(&link);

    open_link(&link, *state, true);
    send_record(link.client_fd, 21, "\1\0", 2);
    assert_int_equal(tls_session_recv(link.server, data, sizeof(data)), 0);
    tls_link_close(&link);
}

/* Wants answers and reads none. What waits for it has a bound, and then it is cut. */
static void
answers_that_nobody_reads_have_a_bound(void **state)
{
    struct tls_link link;
    char data[64];
    ssize_t got = -1;
    int sent = 0;

    open_link(&link, *state, true);
    for (errno = EAGAIN; got == -1 && errno == EAGAIN && sent < FLOOD_MAX; sent++) {
        assert_int_equal(SSL_key_update(link.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(link.client), 1);
        got = tls_session_recv(link.server, data, sizeof(data));
    }
    assert_int_equal(got, -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(tls_session_failure(link.server), "the peer wants answers and reads none");
    tls_link_close(&link);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_ends_the_handshake),
        cmocka_unit_test(a_cut_message_ends_the_stream),
        cmocka_unit_test(alerts_end_the_stream),
        cmocka_unit_test(answers_that_nobody_reads_have_a_bound),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

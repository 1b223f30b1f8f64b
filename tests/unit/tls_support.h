/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_support - certificates made when a test runs, a client of OpenSSL at the other end of a
 * socket pair. Failures end the test.
 *
 * Certificates are valid from 2000 to 2099, so that no test rots, or, expired, until 2001.
 */
#ifndef TESSERA_TESTS_TLS_SUPPORT_H
#define TESSERA_TESTS_TLS_SUPPORT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "conf/tls_options.h"
#include "tls/session.h"

enum test_key { TEST_KEY_EC, TEST_KEY_RSA, TEST_KEY_RSA_SHORT, TEST_KEY_ED25519 };

struct test_cert {
    X509 *cert;
    EVP_PKEY *key;
};

struct test_cert_spec {
    const char *subject;      /* "O=Acme,CN=name", in the certificate's order; "+CN=x" joins */
    const char *alternatives; /* "DNS:localhost,email:a@b"; NULL: none */
    const char *usage;        /* extendedKeyUsage: "serverAuth"; NULL: none */
    const struct test_cert *issuer; /* NULL: signs itself */
    enum test_key key;
    bool ca, expired;
};

struct test_cert test_cert_new(const struct test_cert_spec *spec);
void test_cert_release(struct test_cert *cert);

/* A folder for one test's files, removed with all in it by test_folder_free(). */
char *test_folder_new(void);
void test_folder_free(char *folder);
/* FOLDER/NAME, for the caller to free; the content is up to 8 certificates and a key, any NULL. */
char *test_write_pem(const char *folder, const char *name, X509 *const *certs, size_t count,
                     EVP_PKEY *key);
char *test_write_text(const char *folder, const char *name, const char *text);

/* Options with one pair of files, which are copied as names. */
void test_options_add_pair(struct tls_options *options, const char *cert, const char *key);
void test_options_release(struct tls_options *options);

/* A server's session and a client over a socket pair, both non-blocking. */
struct tls_link {
    struct tls_session *server;
    SSL *client;
    int server_fd, client_fd;
};

void tls_link_open(struct tls_link *link, struct tls_context *context, SSL_CTX *client);
void tls_link_close(struct tls_link *link);
/* Steps both until both are done or the server has failed; returns the server's last step. */
enum tls_step tls_link_handshake(struct tls_link *link, struct errmsg *why);
/* The same, and it must succeed. */
void tls_link_establish(struct tls_link *link);

/* Writes all through the client, while nobody need read. */
void tls_client_write(SSL *client, const void *data, size_t len);
/* Waits, at most ten seconds. */
void tls_wait(int fd, short events);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define WAIT_MS 10000

static EVP_PKEY *
make_key(enum test_key kind)
{
    switch (kind) {
    case TEST_KEY_EC:
        return EVP_EC_gen("P-256");
    case TEST_KEY_RSA:
        return EVP_RSA_gen(2048);
    case TEST_KEY_RSA_SHORT:
        return EVP_RSA_gen(1024);
    case TEST_KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return NULL;
}

static void
set_subject(X509_NAME *name, const char *subject)
{
    char *copy = xstrdup(subject), *rest = copy, *part;

    while ((part = strsep(&rest, ",")) != NULL && *part != '\0') {
        bool joined = *part == '+';
        char *value = strchr(part, '=');

        *value++ = '\0';
        assert_int_equal(X509_NAME_add_entry_by_txt(name, part + joined, MBSTRING_UTF8,
                                                    (unsigned char *)value, -1, -1,
                                                    joined ? -1 : 0),
                         1);
    }
    free(copy);
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    if (value == NULL)
        return;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

struct test_cert
test_cert_new(const struct test_cert_spec *spec)
{
    struct test_cert out = { X509_new(), make_key(spec->key) };
    X509 *issuer = spec->issuer == NULL ? out.cert : spec->issuer->cert;
    EVP_PKEY *signer = spec->issuer == NULL ? out.key : spec->issuer->key;
    uint32_t serial;

    assert_non_null(out.key);
    RAND_bytes((unsigned char *)&serial, sizeof(serial));
    X509_set_version(out.cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.cert), serial);
    ASN1_TIME_set_string(X509_getm_notBefore(out.cert), "20000101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(out.cert),
                         spec->expired ? "20010101000000Z" : "20991231235959Z");
    set_subject(X509_get_subject_name(out.cert), spec->subject);
    X509_set_issuer_name(out.cert, X509_get_subject_name(issuer));
    X509_set_pubkey(out.cert, out.key);
    add_extension(out.cert, issuer, NID_basic_constraints,
                  spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(out.cert, issuer, NID_subject_alt_name, spec->alternatives);
    add_extension(out.cert, issuer, NID_ext_key_usage, spec->usage);
    assert_true(
        X509_sign(out.cert, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256()) > 0);
    return out;
}

void
test_cert_release(struct test_cert *cert)
{
    X509_free(cert->cert);
    EVP_PKEY_free(cert->key);
    *cert = (struct test_cert) { 0 };
}

char *
test_folder_new(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = xasprintf("%s/tessera-tls-XXXXXX", base == NULL ? P_tmpdir : base);

    assert_non_null(mkdtemp(folder));
    return folder;
}

void
test_folder_free(char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

char *
test_write_pem(const char *folder, const char *name, X509 *const *certs, size_t count,
               EVP_PKEY *key)
{
    char *path = xasprintf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(PEM_write_X509(file, certs[i]), 1);
    if (key != NULL)
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    return path;
}

char *
test_write_text(const char *folder, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

void
test_options_add_pair(struct tls_options *options, const char *cert, const char *key)
{
    struct tls_pair *pair;

    options->pairs = xrealloc(options->pairs, (options->pair_count + 1) * sizeof(*options->pairs));
    pair = &options->pairs[options->pair_count++];
    *pair = (struct tls_pair) { xstrdup(cert), xstrdup(key), NULL, NULL };
}

void
test_options_release(struct tls_options *options)
{
    for (size_t i = 0; i < options->pair_count; i++) {
        free(options->pairs[i].cert_file);
        free(options->pairs[i].key_file);
    }
    free(options->pairs);
    options->pairs = NULL;
    options->pair_count = 0;
}

void
tls_link_open(struct tls_link *link, struct tls_context *context, SSL_CTX *client)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    link->server_fd = fds[0];
    link->client_fd = fds[1];
    link->server = tls_session_new(context, fds[0]);
    link->client = SSL_new(client);
    assert_non_null(link->server);
    SSL_set_fd(link->client, fds[1]);
    SSL_set_connect_state(link->client);
}

void
tls_link_close(struct tls_link *link)
{
    tls_session_free(link->server);
    SSL_free(link->client);
    if (link->client_fd != -1)
        close(link->client_fd);
    close(link->server_fd);
}

enum tls_step
tls_link_handshake(struct tls_link *link, struct errmsg *why)
{
    enum tls_step step = TLS_WANT_READ;
    int client = 0;

    for (int round = 0; round < 20 && (step != TLS_DONE || client != 1); round++) {
        client = SSL_do_handshake(link->client);
        ERR_clear_error();
        if (step != TLS_DONE)
            step = tls_session_handshake(link->server, why);
        if (step == TLS_FAILED)
            break;
    }
    return step;
}

void
tls_link_establish(struct tls_link *link)
{
    struct errmsg why = { "" };

    if (tls_link_handshake(link, &why) != TLS_DONE)
        fail_msg("the handshake failed: %s", why.text);
}

void
tls_wait(int fd, short events)
{
    struct pollfd poll_fd = { fd, events, 0 };

    assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
}

void
tls_client_write(SSL *client, const void *data, size_t len)
{
    assert_int_equal(SSL_write(client, data, (int)len), len);
}

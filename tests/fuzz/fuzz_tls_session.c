/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends of one session. The first byte says whether OpenSSL's client shakes hands first; each
 * of the next is a step, some with a length behind: bytes in clear from the peer, what its TLS can
 * send, and what the server does. Nothing may fail but the session; what is received and sent
 * arrives in its order.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls/session.h"

#define UNIT 997 /* bytes: lengths are multiples of it */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step_kind { RAW, WRITE, UPDATE, SHUTDOWN, RECEIVE, SEND, READ, FINISH, STEP_KINDS };

static struct tls_context *context;
static SSL_CTX *client_context;
static unsigned char pattern[1 << 18]; /* of a prime period: an offset shows */

struct run {
    const uint8_t *data;
    size_t size;
    struct tls_session *server;
    SSL *client;
    int fds[2]; /* the server's, the client's */
    bool open;  /* the handshake is done */
    size_t written, received, sent, read;
};

/* A file in memory with a new key and its certificate; the descriptor stays open. */
static char *
make_pem(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    int fd = memfd_create("pem", 0);
    FILE *file = fdopen(dup(fd), "w");

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600L * 24 * 365);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    PEM_write_X509(file, cert);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return xasprintf("/proc/self/fd/%d", fd);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char *path = make_pem();
    struct tls_pair pair = { .cert_file = path, .key_file = path };
    struct tls_options options = { .pairs = &pair, .pair_count = 1 };
    struct tls_fault fault;
    struct errmsg why;

    (void)argc, (void)argv;
    signal(SIGPIPE, SIG_IGN);
    if (tls_context_new(&context, &options, &fault, &why) != ERR_OK)
        abort();
    client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(client_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (unsigned char)(i % 251);
    free(path);
    return 0;
}

static uint8_t
next_byte(struct run *run)
{
    if (run->size == 0)
        return 0;
    run->size--;
    return *run->data++;
}

static void
shake_hands(struct run *run)
{
    struct errmsg why;

    for (int i = 0; i < 20 && !run->open; i++) {
        (void)SSL_do_handshake(run->client);
        run->open = tls_session_handshake(run->server, &why) == TLS_DONE;
    }
    assert(run->open);
    assert(SSL_do_handshake(run->client) == 1);
}

static void
send_raw(struct run *run)
{
    size_t len = next_byte(run);

    if (len > run->size)
        len = run->size;
    (void)!send(run->fds[1], run->data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    run->data += len;
    run->size -= len;
}

static size_t
limited(struct run *run, size_t done)
{
    size_t len = (size_t)next_byte(run) * UNIT + 1;

    return len < sizeof(pattern) - done ? len : sizeof(pattern) - done;
}

static void
client_step(struct run *run, enum step_kind kind)
{
    char data[UNIT];
    int done;

    if (kind == WRITE) {
        done = SSL_write(run->client, pattern + run->written, (int)limited(run, run->written));
        run->written += done > 0 ? (size_t)done : 0;
    } else if (kind == UPDATE) {
        (void)SSL_key_update(run->client, SSL_KEY_UPDATE_REQUESTED);
        (void)SSL_do_handshake(run->client);
    } else if (kind == SHUTDOWN) {
        (void)SSL_shutdown(run->client);
    } else {
        while ((done = SSL_read(run->client, data, sizeof(data))) > 0) {
            assert(memcmp(data, pattern + run->read, (size_t)done) == 0);
            run->read += (size_t)done;
        }
    }
    ERR_clear_error();
}

/* What its kernel took may be lost with a broken client, so nothing is expected at the end. */
static void
server_step(struct run *run, enum step_kind kind)
{
    static char data[65536];
    size_t len = limited(run, kind == SEND ? run->sent : 0);
    struct iovec iov[2] = { { pattern + run->sent, len / 3 },
                            { pattern + run->sent + len / 3, len - len / 3 } };
    ssize_t done;

    if (kind == SEND) {
        done = tls_session_sendv(run->server, iov, 2);
        assert(done != 0 || len == 0);
        run->sent += done > 0 ? (size_t)done : 0;
        return;
    }
    done = tls_session_recv(run->server, data, len < sizeof(data) ? len : sizeof(data));
    assert(done >= 0 || errno == EAGAIN || errno == EPROTO || errno == ECONNRESET);
    if (done > 0) {
        assert(run->received + (size_t)done <= sizeof(pattern));
        assert(memcmp(data, pattern + run->received, (size_t)done) == 0);
        run->received += (size_t)done;
    }
}

/* false: it failed. */
static bool
handshake_step(struct run *run)
{
    struct errmsg why;
    enum tls_step step = tls_session_handshake(run->server, &why);

    run->open = step == TLS_DONE;
    return step != TLS_FAILED;
}

static bool
step(struct run *run)
{
    enum step_kind kind = next_byte(run) % STEP_KINDS;

    switch (kind) {
    case RAW:
        send_raw(run);
        break;
    case FINISH:
        shutdown(run->fds[1], SHUT_WR);
        break;
    case RECEIVE:
    case SEND:
        if (!run->open)
            return handshake_step(run);
        server_step(run, kind);
        break;
    default:
        client_step(run, kind);
        break;
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = { .data = data, .size = size };

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, run.fds) != 0)
        abort();
    run.server = tls_session_new(context, run.fds[0]);
    run.client = SSL_new(client_context);
    SSL_set_fd(run.client, run.fds[1]);
    SSL_set_connect_state(run.client);
    if ((next_byte(&run) & 1) != 0)
        shake_hands(&run);
    while (run.size > 0 && step(&run))
        continue;
    (void)tls_session_close(run.server);
    tls_session_free(run.server);
    SSL_free(run.client);
    close(run.fds[0]);
    close(run.fds[1]);
    ERR_clear_error();
    return 0;
}

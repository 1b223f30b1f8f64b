/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread reads a session while another writes to it, as the owner of a connection and a loop
 * that delivers to it do; the client changes keys meanwhile, so that the reader has to answer.
 * For the thread sanitizer above all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tls_support.h"

#define TOTAL_BYTES (4u << 20) /* each way */
#define CHUNK_BYTES 5000
#define KEY_EVERY   (256u << 10)

static char
byte_at(size_t position, int seed)
{
    return (char)((position * 31 + position / 977 + (size_t)seed) % 255);
}

static void
fill(char *data, size_t len, size_t position, int seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(position + i, seed);
}

static bool
is_right(const char *data, size_t len, size_t position, int seed)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != byte_at(position + i, seed))
            return false;
    }
    return true;
}

/* cmocka's checks work on its own thread only. */
struct worker {
    struct tls_link *link;
    const char *failure;
};

static void
wait_for(int fd, short events)
{
    struct pollfd poll_fd = { fd, events, 0 };

    (void)poll(&poll_fd, 1, 10000);
}

static void *
server_writes(void *argument)
{
    struct worker *worker = argument;
    struct tls_link *link = worker->link;
    char data[CHUNK_BYTES * 8];
    size_t sent = 0;

    while (sent < TOTAL_BYTES) {
        size_t len = TOTAL_BYTES - sent < sizeof(data) ? TOTAL_BYTES - sent : sizeof(data);
        struct iovec iov[2] = { { data, len / 3 }, { data + len / 3, len - len / 3 } };
        ssize_t n;

        fill(data, len, sent, 1);
        n = tls_session_sendv(link->server, iov, 2);
        if (n > 0)
            sent += (size_t)n;
        else if (errno == EAGAIN)
            wait_for(link->server_fd, POLLOUT);
        else
            break;
    }
    if (sent < TOTAL_BYTES)
        worker->failure = "the server could not write";
    return NULL;
}

static void *
server_reads(void *argument)
{
    struct worker *worker = argument;
    struct tls_link *link = worker->link;
    size_t received = 0;
    char data[3000];

    while (received < TOTAL_BYTES) {
        ssize_t n;

        if (!tls_session_readable(link->server))
            wait_for(link->server_fd, POLLIN);
        n = tls_session_recv(link->server, data, sizeof(data));
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0 || !is_right(data, (size_t)n, received, 2))
            break;
        received += (size_t)n;
    }
    if (received < TOTAL_BYTES)
        worker->failure = "the server could not read, or read other bytes";
    return NULL;
}

/* Of one step: false when the socket is full, or has nothing. */
static bool
client_writes(SSL *client, size_t *sent)
{
    char data[CHUNK_BYTES];
    size_t len = TOTAL_BYTES - *sent < sizeof(data) ? TOTAL_BYTES - *sent : sizeof(data);
    int n;

    if (len == 0)
        return false;
    fill(data, len, *sent, 2);
    n = SSL_write(client, data, (int)len);
    if (n <= 0)
        return false;
    if (*sent / KEY_EVERY != (*sent + (size_t)n) / KEY_EVERY)
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
    *sent += (size_t)n;
    return true;
}

static bool
client_reads(SSL *client, size_t *received)
{
    char data[CHUNK_BYTES];
    int n = SSL_read(client, data, sizeof(data));

    if (n <= 0)
        return false;
    assert_true(is_right(data, (size_t)n, *received, 1));
    *received += (size_t)n;
    return true;
}

static void
run_client(const struct tls_link *link)
{
    size_t sent = 0, received = 0;

    while (sent < TOTAL_BYTES || received < TOTAL_BYTES) {
        bool wrote = client_writes(link->client, &sent);
        bool read = client_reads(link->client, &received);

        if (!wrote && !read)
            tls_wait(link->client_fd, sent < TOTAL_BYTES ? POLLIN | POLLOUT : POLLIN);
        ERR_clear_error();
    }
}

static void
one_thread_reads_while_another_writes(void **state)
{
    struct test_cert cert = test_cert_new(&(struct test_cert_spec) { .subject = "CN=server" });
    char *folder = test_folder_new();
    char *file = test_write_pem(folder, "pair.pem", &cert.cert, 1, cert.key);
    struct tls_options options = { 0 };
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    struct tls_context *context;
    struct tls_fault fault;
    struct tls_link link;
    struct errmsg why;
    struct worker reads = { &link, NULL }, writes = { &link, NULL };
    pthread_t reader, writer;

    (void)state;
    test_options_add_pair(&options, file, file);
    assert_int_equal(tls_context_new(&context, &options, &fault, &why), ERR_OK);
    SSL_CTX_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tls_link_open(&link, context, client);
    tls_link_establish(&link);
    pthread_create(&reader, NULL, server_reads, &reads);
    pthread_create(&writer, NULL, server_writes, &writes);
    run_client(&link);
    pthread_join(reader, NULL);
    pthread_join(writer, NULL);
    assert_null(reads.failure);
    assert_null(writes.failure);
    tls_link_close(&link);
    tls_context_unref(context);
    SSL_CTX_free(client);
    test_options_release(&options);
    test_cert_release(&cert);
    test_folder_free(folder);
    free(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_reads_while_another_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

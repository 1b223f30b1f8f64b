/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_measure - what a TLS session costs the server: memory, handshakes, bytes
 *
 *   tls_measure CERT_AND_KEY.pem [1.2|1.3]
 *
 * The clients are OpenSSL in a process of their own, over TCP on the loopback; CPU time is the
 * server's thread alone. The stream is measured with sessions, and, for comparison, with
 * OpenSSL's own socket BIO: a system call per record.
 */
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls/session.h"

#define IDLE_SESSIONS 400
#define HANDSHAKES    1000
#define STREAM_BYTES  (512LL << 20)
#define WRITE_BYTES   65536
#define CHUNK_BYTES   16384

struct bench {
    struct tls_context *context;
    SSL_CTX *client;
    SSL_CTX *socket_bio; /* a server of OpenSSL alone */
    int listener;
    struct sockaddr_in address;
};

static void
die(const char *what)
{
    fprintf(stderr, "tls_measure: %s\n", what);
    exit(1);
}

static double
cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
set_no_delay(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
}

static int
accept_one(const struct bench *bench, int flags)
{
    int fd = accept4(bench->listener, NULL, NULL, flags);

    if (fd == -1)
        die("could not accept");
    set_no_delay(fd);
    return fd;
}

static void
wait_for(int fd, short events)
{
    struct pollfd poll_fd = { fd, events, 0 };

    if (poll(&poll_fd, 1, 10000) != 1)
        die("waited for ten seconds");
}

/* --- the clients' process --- */

static SSL *
client_connect(const struct bench *bench)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(bench->client);

    if (connect(fd, (const struct sockaddr *)&bench->address, sizeof(bench->address)) != 0)
        die("could not connect");
    set_no_delay(fd);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        die("the client's handshake failed");
    return ssl;
}

static void
client_disconnect(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);

    SSL_free(ssl);
    close(fd);
}

static void
run_idle_clients(const struct bench *bench)
{
    for (int i = 0; i < IDLE_SESSIONS; i++)
        (void)client_connect(bench);
    pause();
}

static void
run_handshake_clients(const struct bench *bench)
{
    for (int i = 0; i < HANDSHAKES; i++)
        client_disconnect(client_connect(bench));
}

static void
run_reading_client(const struct bench *bench)
{
    SSL *ssl = client_connect(bench);
    static char data[WRITE_BYTES];

    while (SSL_read(ssl, data, sizeof(data)) > 0)
        ;
    client_disconnect(ssl);
}

static void
run_writing_client(const struct bench *bench)
{
    SSL *ssl = client_connect(bench);
    static char data[CHUNK_BYTES];

    for (long long sent = 0; sent < STREAM_BYTES; sent += CHUNK_BYTES)
        SSL_write(ssl, data, sizeof(data));
    client_disconnect(ssl);
}

static pid_t
fork_clients(const struct bench *bench, void (*run)(const struct bench *))
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    run(bench);
    _exit(0);
}

/* --- the server --- */

static struct tls_session *
server_accept(const struct bench *bench, int *fd)
{
    struct tls_session *session;
    struct errmsg why;
    enum tls_step step;

    *fd = accept_one(bench, SOCK_NONBLOCK);
    session = tls_session_new(bench->context, *fd);
    while ((step = tls_session_handshake(session, &why)) == TLS_WANT_READ)
        wait_for(*fd, POLLIN);
    if (step != TLS_DONE)
        die(why.text);
    tls_session_stop_wiping(session);
    return session;
}

static void
measure_idle(const struct bench *bench)
{
    pid_t pid = fork_clients(bench, run_idle_clients);
    struct tls_session *sessions[IDLE_SESSIONS];
    int fds[IDLE_SESSIONS];
    size_t before = 0;

    for (int i = 0; i < IDLE_SESSIONS; i++) {
        sessions[i] = server_accept(bench, &fds[i]);
        if (i == IDLE_SESSIONS / 2 - 1)
            before = mallinfo2().uordblks; /* what happens once is behind us */
    }
    printf("idle session: %zu bytes, %s, %s\n",
           (mallinfo2().uordblks - before) / (IDLE_SESSIONS / 2), tls_session_version(sessions[0]),
           tls_session_cipher(sessions[0]));
    for (int i = 0; i < IDLE_SESSIONS; i++) {
        tls_session_free(sessions[i]);
        close(fds[i]);
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void
measure_handshakes(const struct bench *bench)
{
    pid_t pid = fork_clients(bench, run_handshake_clients);
    int64_t start_ns = clock_mono_ns();
    double start_cpu = cpu_s(), cpu, seconds;

    for (int i = 0; i < HANDSHAKES; i++) {
        int fd;

        tls_session_free(server_accept(bench, &fd));
        close(fd);
    }
    cpu = cpu_s() - start_cpu;
    seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    printf("handshakes: %.0f per second of one core, %.0f us each (wall: %.0f per second)\n",
           HANDSHAKES / cpu, cpu / HANDSHAKES * 1e6, HANDSHAKES / seconds);
    waitpid(pid, NULL, 0);
}

static void
report_stream(const char *what, double cpu, int64_t ns)
{
    printf("%s: %.0f MB per second of one core, %.2f us per 16 KB (wall: %.0f MB/s)\n", what,
           (double)STREAM_BYTES / 1e6 / cpu, cpu / (double)(STREAM_BYTES / CHUNK_BYTES) * 1e6,
           (double)STREAM_BYTES / 1e6 / ((double)ns / 1e9));
}

static void
measure_sending(const struct bench *bench)
{
    pid_t pid = fork_clients(bench, run_reading_client);
    static char data[WRITE_BYTES];
    struct tls_session *session;
    int fd;
    int64_t start_ns;
    double start_cpu;

    session = server_accept(bench, &fd);
    start_ns = clock_mono_ns();
    start_cpu = cpu_s();
    for (long long sent = 0; sent < STREAM_BYTES;) {
        struct iovec iov[4];
        ssize_t n;

        for (int i = 0; i < 4; i++)
            iov[i] = (struct iovec) { data + i * CHUNK_BYTES, CHUNK_BYTES };
        n = tls_session_sendv(session, iov, 4);
        if (n >= 0)
            sent += n;
        else if (errno == EAGAIN)
            wait_for(fd, POLLOUT);
        else
            die("could not send");
    }
    report_stream("sending", cpu_s() - start_cpu, clock_mono_ns() - start_ns);
    tls_session_free(session);
    close(fd);
    waitpid(pid, NULL, 0);
}

static void
measure_receiving(const struct bench *bench)
{
    pid_t pid = fork_clients(bench, run_writing_client);
    static char data[WRITE_BYTES];
    struct tls_session *session;
    int fd;
    int64_t start_ns;
    double start_cpu;
    ssize_t n;

    session = server_accept(bench, &fd);
    start_ns = clock_mono_ns();
    start_cpu = cpu_s();
    while ((n = tls_session_recv(session, data, sizeof(data))) != 0) {
        if (n < 0 && errno == EAGAIN)
            wait_for(fd, POLLIN);
        else if (n < 0)
            die("could not receive");
    }
    report_stream("receiving", cpu_s() - start_cpu, clock_mono_ns() - start_ns);
    tls_session_free(session);
    close(fd);
    waitpid(pid, NULL, 0);
}

static void
measure_socket_bio(const struct bench *bench)
{
    pid_t pid = fork_clients(bench, run_reading_client);
    static char data[WRITE_BYTES];
    SSL *ssl = SSL_new(bench->socket_bio);
    int fd = accept_one(bench, 0);
    int64_t start_ns;
    double start_cpu;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        die("the handshake failed");
    start_ns = clock_mono_ns();
    start_cpu = cpu_s();
    for (long long sent = 0; sent < STREAM_BYTES; sent += CHUNK_BYTES)
        SSL_write(ssl, data, CHUNK_BYTES);
    report_stream(BIO_get_ktls_send(SSL_get_wbio(ssl)) ? "sending, socket BIO with kernel TLS"
                                                       : "sending, socket BIO",
                  cpu_s() - start_cpu, clock_mono_ns() - start_ns);
    SSL_free(ssl);
    close(fd);
    waitpid(pid, NULL, 0);
}

static void
set_up(struct bench *bench, char *file, bool only_12)
{
    struct tls_pair pair = { file, file, NULL, NULL };
    struct tls_options options = { .pairs = &pair, .pair_count = 1 };
    socklen_t len = sizeof(bench->address);
    struct tls_fault fault;
    struct errmsg why;

    if (tls_context_new(&bench->context, &options, &fault, &why) != ERR_OK)
        die(why.text);
    bench->client = SSL_CTX_new(TLS_client_method());
    if (only_12)
        SSL_CTX_set_max_proto_version(bench->client, TLS1_2_VERSION);
    bench->socket_bio = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(bench->socket_bio, file);
    SSL_CTX_use_PrivateKey_file(bench->socket_bio, file, SSL_FILETYPE_PEM);
    SSL_CTX_set_options(bench->socket_bio, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_ciphersuites(bench->socket_bio, "TLS_AES_128_GCM_SHA256");
    bench->address =
        (struct sockaddr_in) { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bench->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(bench->listener, (struct sockaddr *)&bench->address, len) != 0 ||
        getsockname(bench->listener, (struct sockaddr *)&bench->address, &len) != 0 ||
        listen(bench->listener, 128) != 0)
        die("could not listen");
}

int
main(int argc, char **argv)
{
    struct bench bench;

    if (argc < 2)
        die("usage: tls_measure CERT_AND_KEY.pem [1.2|1.3]");
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGPIPE, SIG_IGN);
    set_up(&bench, argv[1], argc > 2 && strcmp(argv[2], "1.2") == 0);
    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    measure_idle(&bench);
    measure_handshakes(&bench);
    measure_sending(&bench);
    measure_receiving(&bench);
    measure_socket_bio(&bench);
    return 0;
}

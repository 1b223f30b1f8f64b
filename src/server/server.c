/* SPDX-License-Identifier: Apache-2.0
 *
 * Start: log, account, auth, listener, workers, in this order; stop in reverse. Clients are
 * closed before auth goes, auth before the loops end: so nobody asks auth when it is gone, and
 * every verdict that was given still finds its loop.
 */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "server/interest.h"
#include "server/logging.h"
#include "server/runfiles.h"
#include "server/tls_setup.h"

#define SPARE_DESCRIPTORS 64   /* beside the clients': libraries, log, listener, loops */
#define THROTTLED_LOG_MS  1000 /* between two lines about refused handshakes */
#define TRIM_AFTER_MS     2000 /* at most so often; what matches held back is freed by then, too */

void
server_client_gone(struct server *server)
{
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
}

void
server_drop_connection(struct server *server, int fd)
{
    close(fd);
    server_client_gone(server);
}

static void
trim(void *arg)
{
    (void)arg;
    mem_trim();
}

void
server_trim_soon(struct server *server)
{
    reminder_ask(&server->trim);
}

static void
log_throttled(void *arg)
{
    struct server *server = arg;
    uint64_t refused = throttle_take_refused(&server->handshakes);

    if (refused > 0) /* else those who asked last were counted with the others */
        log_wrn(server->log, "Rejected %llu connections due to TLS rate limiting",
                (unsigned long long)refused);
}

bool
server_may_handshake(struct server *server, int64_t limit)
{
    if (throttle_pass(&server->handshakes, limit, clock_mono_ns() / CLOCK_NS_PER_MS))
        return true;
    reminder_ask(&server->throttled);
    return false;
}

struct account *
server_account(struct server *server, struct str name)
{
    if (str_eq(name, STR_LIT(ACCOUNT_GLOBAL)))
        return server->global;
    return str_eq(name, STR_LIT(ACCOUNT_SYSTEM)) ? server->system : NULL;
}

struct worker *
server_next_worker(struct server *server)
{
    struct worker *worker = server->workers[server->next_worker];

    server->next_worker = (server->next_worker + 1) % server->worker_count;
    return worker;
}

uint64_t
server_next_cid(struct server *server)
{
    return ++server->next_cid;
}

static void
accepted(void *arg, int fd, const struct endpoint *remote)
{
    struct server *server = arg;
    int64_t before = atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    bool over_limit = before >= server->config->options->max_connections;

    worker_accept(server_next_worker(server), fd, remote, server_next_cid(server), over_limit);
}

static unsigned
count_workers(const struct options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->threads > 0)
        return (unsigned)options->threads;
    if (cores < 1)
        return 1;
    return cores > SERVER_WORKERS_DEFAULT_MAX ? SERVER_WORKERS_DEFAULT_MAX : (unsigned)cores;
}

/* A server is given what the system allows; too little is said, not fatal. */
static void
raise_descriptor_limit(struct server *server)
{
    int64_t want = server->config->options->max_connections + SPARE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur != RLIM_INFINITY && (int64_t)limit.rlim_cur < want)
        log_wrn(server->log,
                "Only %llu open files are allowed here, too few for max_connections %lld: raise "
                "the limit (ulimit -n %lld, or LimitNOFILE= in the unit)",
                (unsigned long long)limit.rlim_cur,
                (long long)server->config->options->max_connections, (long long)want);
}

static void
log_start(struct server *server, const struct options *options)
{
    log_inf(server->log, "Starting nats-server");
    log_inf(server->log, "  Version:  %s (tessera %s)", TESSERA_NATS_VERSION, TESSERA_VERSION);
    log_inf(server->log, "  Git:      [not set]");
    log_inf(server->log, "  Name:     %s", server->name);
    log_inf(server->log, "  ID:       %s", server->id);
    if (options->config_file != NULL)
        log_inf(server->log, "Using configuration file: %s (%s)", options->config_file,
                options->config_digest);
}

static enum err
listen_for_clients(struct server *server, const struct options *options, struct errmsg *why)
{
    uint16_t port = options->port < 0 ? 0 : (uint16_t)options->port;
    struct errmsg reason;
    enum err err = listener_open(&server->listener, server->loop, options->host, port, server->log,
                                 accepted, server, &reason);

    if (err != ERR_OK)
        return err_set(why, err, "Error listening on port: %s:%u, \"%s\"", options->host, port,
                       reason.text);
    server->port = listener_port(server->listener);
    return ERR_OK;
}

static enum err
start_workers(struct server *server, struct errmsg *why)
{
    unsigned count = count_workers(server->config->options);

    server->workers = xcalloc(count, sizeof(struct worker *));
    for (unsigned i = 0; i < count; i++) {
        enum err err =
            worker_new(&server->workers[i], server, i, server->config, server->greeting, why);

        if (err == ERR_OK)
            err = worker_start(server->workers[i], why);
        if (err != ERR_OK) {
            worker_free(server->workers[i]);
            return err;
        }
        server->worker_count = i + 1;
    }
    return ERR_OK;
}

enum err
server_write_pid_file(struct server *server, struct errmsg *why)
{
    const char *path = server->config->options->pid_file;

    return path == NULL ? ERR_OK : pid_file_write(path, why);
}

enum err
server_write_ports_file(struct server *server, struct errmsg *why)
{
    const struct options *options = server->config->options;
    const struct server_hooks *hooks = server->hooks;
    const struct listening listening[] = {
        { "nats", options->host, server->port },
        { "cluster", options->cluster.host, hooks == NULL ? 0 : hooks->port(hooks->arg) },
    };

    if (server->ports_file != NULL)
        unlink(server->ports_file);
    free(server->ports_file);
    server->ports_file = NULL;
    if (options->ports_file_dir == NULL)
        return ERR_OK;
    return ports_file_write(&server->ports_file, options->ports_file_dir, listening,
                            sizeof(listening) / sizeof(listening[0]), why);
}

static enum err
start(struct server *server, struct options *options, struct errmsg *why)
{
    struct auth_policy *policy = auth_policy_new(server->auth, &options->auth);
    struct tls_context *tls = NULL;
    enum err err = policy == NULL ? err_set(why, ERR_NOMEM, "could not set up authentication")
                                  : tls_setup(&tls, &options->tls, why);

    if (err == ERR_OK)
        err = listen_for_clients(server, options, why);
    if (err != ERR_OK) {
        tls_context_unref(tls);
        auth_policy_unref(policy);
        options_free(options);
        return err;
    }
    auth_options_seal(&options->auth, server->seal_key);
    server->config = server_config_new(options, policy, tls);
    (void)announced_renew(server);
    raise_descriptor_limit(server);
    err = start_workers(server, why);
    if (err == ERR_OK && server->hooks != NULL)
        err = server->hooks->start(server->hooks->arg, server, why);
    if (err == ERR_OK)
        err = server_write_pid_file(server, why);
    return err == ERR_OK ? server_write_ports_file(server, why) : err;
}

static void
log_options(struct server *server)
{
    const struct options *options = server->config->options;

    log_inf(server->log,
            strchr(options->host, ':') != NULL ? "Listening for client connections on [%s]:%u"
                                               : "Listening for client connections on %s:%u",
            options->host, server->port);
    if (server->config->tls != NULL)
        log_inf(server->log, "TLS required for client connections");
    if (!server->config->auth_required)
        log_dbg(server->log, "No authorization is configured: every client may enter");
    log_inf(server->log, "Server is ready");
}

static void
close_handles(struct server *server)
{
    if (server->hooks != NULL)
        server->hooks->stop(server->hooks->arg);
    listener_close(server->listener);
    server->listener = NULL;
    lame_duck_end(&server->lame_duck);
    reminder_stop(&server->trim);
    reminder_stop(&server->throttled);
    signals_free(server->signals);
    server->signals = NULL;
}

void
server_stop(struct server *server)
{
    if (server->stopping)
        return;
    server->stopping = true;
    log_inf(server->log, "Initiating Shutdown...");
    close_handles(server);
    loop_stop(server->loop);
}

static const char *
signal_name(int signo)
{
    switch (signo) {
    case SIGINT:
        return "interrupt";
    case SIGTERM:
        return "terminated";
    case SIGHUP:
        return "hangup";
    case SIGUSR1:
        return "user defined signal 1";
    default:
        return "user defined signal 2";
    }
}

static void
reopen_log(struct server *server)
{
    struct errmsg why;

    if (server->config->options->log_file == NULL)
        log_inf(server->log, "File log re-open ignored, not a file logger");
    else if (log_reopen(server->log, &why) == ERR_OK)
        log_inf(server->log, "File log re-opened");
    else
        log_err(server->log, "%s", why.text);
}

static void
caught(void *arg, int signo)
{
    struct server *server = arg;

    log_inf(server->log, "Trapped \"%s\" signal", signal_name(signo));
    switch (signo) {
    case SIGHUP:
        server_reload(server);
        break;
    case SIGUSR1:
        reopen_log(server);
        break;
    case SIGUSR2:
        lame_duck_enter(server);
        break;
    case SIGTERM: /* service managers send it as soon as their SIGUSR2 is out */
        if (!server->lame_duck.entered)
            server_stop(server);
        break;
    default:
        server_stop(server);
    }
}

static enum err
watch_signals(struct server *server, struct errmsg *why)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

    return signals_new(&server->signals, server->loop, signos, sizeof(signos) / sizeof(signos[0]),
                       caught, server, why);
}

enum err
server_new(struct server **out, struct log *log, const struct flags *flags, struct options *options,
           const struct diags *diags, const struct server_hooks *hooks, struct errmsg *why)
{
    struct server *server = xcalloc(1, sizeof(*server));
    enum err err;

    throttle_init(&server->handshakes);
    server->log = log;
    server->flags = flags;
    server->hooks = hooks;
    server_id_make(server->id);
    random_bytes(server->seal_key, sizeof(server->seal_key));
    server->name = xstrdup(options->server_name != NULL ? options->server_name : server->id);
    log_start(server, options);
    log_diags(log, diags);
    err = loop_new(&server->loop, LOOPS_MAX, why);
    if (err == ERR_OK)
        err = watch_signals(server, why); /* who finds the pid file may send one */
    if (err != ERR_OK) {
        options_free(options);
        server_free(server);
        return err;
    }
    reminder_init(&server->trim, server->loop, TRIM_AFTER_MS, trim, NULL);
    reminder_init(&server->throttled, server->loop, THROTTLED_LOG_MS, log_throttled, server);
    if (options->cluster.enabled)
        server->interest = interest_new();
    server->global = account_new(ACCOUNT_GLOBAL, server->interest);
    server->system = account_new(ACCOUNT_SYSTEM, server->interest);
    server->auth = auth_new(log, 0, 0);
    if (server->auth == NULL)
        abort();
    err = start(server, options, why);
    if (err != ERR_OK) {
        server_free(server);
        return err;
    }
    log_options(server);
    if (hooks != NULL)
        hooks->ready(hooks->arg);
    *out = server;
    return ERR_OK;
}

void
server_run(struct server *server)
{
    loop_run(server->loop);
}

static void
stop_workers(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_close_clients(server->workers[i]);
    auth_free(server->auth);
    server->auth = NULL;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_stop(server->workers[i]);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_free(server->workers[i]);
    free(server->workers);
}

void
server_free(struct server *server)
{
    if (server == NULL)
        return;
    close_handles(server);
    stop_workers(server);
    server_config_unref(server->config);
    greeting_unref(server->greeting);
    announced_release(&server->announced);
    account_free(server->global);
    account_free(server->system);
    loop_free(server->loop);
    interest_free(server->interest);
    throttle_release(&server->handshakes);
    if (server->ports_file != NULL)
        unlink(server->ports_file);
    free(server->ports_file);
    free(server->name);
    free(server);
}

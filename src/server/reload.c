/* SPDX-License-Identifier: Apache-2.0
 *
 * A reload loads the configuration with the flags of the start, as a start would, and compares
 * by the option table. All or nothing: an error, or a change that needs a restart, leaves the
 * configuration in force as it is.
 */
#include <string.h>

#include "conf/load.h"
#include "conf/option_table.h"
#include "server/logging.h"
#include "server/precheck.h"
#include "server/server.h"
#include "server/tls_setup.h"

struct change {
    struct server *server;
    unsigned live, refused;
};

/* "authorization token" for the row of that section and name, as in the reference's log. */
static void
put_option_name(const struct option_row *row, struct buf *out)
{
    struct str name = option_name(row);

    if (row->section != NULL && row->section[0] != '\0')
        (void)buf_printf(out, "%s ", row->section);
    (void)buf_append(out, name.data, name.len);
    (void)buf_cstr(out);
}

static void
note_change(void *context, const struct option_row *row)
{
    struct change *change = context;
    struct buf name = BUF_INIT;

    put_option_name(row, &name);
    if (row->reload == OPTION_RESTART) {
        change->refused++;
        log_err(change->server->log,
                "Failed to reload server configuration: %s can only change with a restart",
                buf_cstr(&name));
    } else {
        change->live++;
    }
    buf_release(&name);
}

static void
log_change(void *context, const struct option_row *row)
{
    struct change *change = context;
    struct buf name = BUF_INIT;

    put_option_name(row, &name);
    log_inf(change->server->log, "Reloaded: %s", buf_cstr(&name));
    buf_release(&name);
}

static bool
may_change(struct server *server, const struct options *now, const struct options *next)
{
    struct change change = { .server = server };

    options_diff(now, next, note_change, &change);
    return change.refused == 0;
}

/* The workers get it by mail; each then looks at its clients. Afterwards the old one is in force
 * nowhere. */
static void
put_in_force(struct server *server, struct options *options, struct auth_policy *policy,
             struct tls_context *tls)
{
    struct server_config *old = server->config;
    bool announce;

    auth_policy_carry(server->auth, old->policy, policy);
    server->config = server_config_new(options, policy, tls);
    announce = announced_renew(server);
    workers_configure(server->workers, server->worker_count, server->config, server->greeting);
    if (announce)
        workers_greet(server->workers, server->worker_count, server->greeting, true);
    server_config_unref(old);
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The pid and ports files follow their options; what cannot be written is logged, not fatal: the
 * server serves already. */
static void
rewrite_run_files(struct server *server, bool pid_file, bool ports_file)
{
    struct errmsg why;

    if (pid_file && server_write_pid_file(server, &why) != ERR_OK)
        log_err(server->log, "%s", why.text);
    if (ports_file && server_write_ports_file(server, &why) != ERR_OK)
        log_err(server->log, "%s", why.text);
}

static struct options *
load(struct server *server)
{
    struct diags diags = { 0 };
    struct options *options = options_load(server->flags, &diags);

    if (options != NULL)
        server_precheck(options, &diags);
    if (diags.errors > 0) {
        options_free(options);
        options = NULL;
    }
    for (size_t i = 0; i < diags.count; i++) {
        if (diags.list[i].severity == DIAG_ERROR) {
            struct buf line = BUF_INIT;

            diag_format(&diags.list[i], &line);
            log_err(server->log, "Failed to reload server configuration: %s", buf_cstr(&line));
            buf_release(&line);
        }
    }
    if (options != NULL)
        log_diags(server->log, &diags);
    diags_release(&diags);
    return options;
}

static bool
open_tls_and_log(struct server *server, const struct options *next, struct tls_context **tls)
{
    struct errmsg why;

    if (tls_setup(tls, &next->tls, &why) == ERR_OK &&
        logging_open(server->log, next, &why) == ERR_OK)
        return true;
    log_err(server->log, "Failed to reload server configuration: %s", why.text);
    tls_context_unref(*tls);
    *tls = NULL;
    return false;
}

static bool
prepare_hooks(struct server *server, struct options *next)
{
    return server->hooks == NULL || server->hooks->prepare(server->hooks->arg, next);
}

/* The policy of next, whose secrets are sealed then, and its TLS context, made anew even if the
 * options are the same: the files may not be. NULL: next cannot come into force. */
static struct auth_policy *
prepare(struct server *server, struct options *next, struct tls_context **tls)
{
    struct auth_policy *policy = auth_policy_new(server->auth, &next->auth);

    if (policy == NULL)
        return NULL;
    auth_options_seal(&next->auth, server->seal_key);
    if (!prepare_hooks(server, next)) {
        auth_policy_unref(policy);
        return NULL;
    }
    if (!may_change(server, server->config->options, next) ||
        !open_tls_and_log(server, next, tls)) {
        auth_policy_unref(policy);
        if (server->hooks != NULL)
            server->hooks->configured(server->hooks->arg, false);
        return NULL;
    }
    return policy;
}

void
server_reload(struct server *server)
{
    struct options *next = load(server);
    const struct options *now = server->config->options;
    struct change change = { .server = server };
    struct auth_policy *policy;
    struct tls_context *tls = NULL;
    bool pid_file, ports_file;

    if (next == NULL)
        return;
    policy = prepare(server, next, &tls);
    if (policy == NULL) {
        options_free(next);
        return;
    }
    options_diff(now, next, log_change, &change);
    pid_file = !same_text(now->pid_file, next->pid_file);
    ports_file = !same_text(now->ports_file_dir, next->ports_file_dir);
    if (auth_policy_required(server->config->policy) && !auth_policy_required(policy))
        log_wrn(server->log, "No authorization is configured any more: every client may enter");
    put_in_force(server, next, policy, tls);
    if (server->hooks != NULL)
        server->hooks->configured(server->hooks->arg, true);
    rewrite_run_files(server, pid_file, ports_file);
    if (next->config_digest != NULL)
        log_inf(server->log, "Reloaded server configuration (%s)", next->config_digest);
    else
        log_inf(server->log, "Reloaded server configuration");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/precheck.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/bcrypt.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/syslog_sink.h"
#include "net/listener.h"
#include "server/tls_setup.h"

#define CHECK_SLOW_NS   CLOCK_NS_PER_S        /* worth a warning */
#define CHECK_ABSURD_NS (10 * CLOCK_NS_PER_S) /* nobody would ever get in */

static struct conf_pos
whole(const struct options *options)
{
    return (struct conf_pos) { options->config_file, 0, 0 };
}

/* Can a file be written here: the file itself, or a new one in its folder? */
static void
check_file(const struct options *options, const char *name, const char *path, struct diags *diags)
{
    char *copy;

    if (path == NULL || access(path, W_OK) == 0)
        return;
    copy = xstrdup(path);
    if (errno != ENOENT || access(dirname(copy), W_OK | X_OK) != 0)
        diag_error(diags, whole(options), "%s: could not write %s: %s", name, path,
                   strerror(errno));
    free(copy);
}

static void
check_folder(const struct options *options, struct diags *diags)
{
    const char *path = options->ports_file_dir;

    if (path != NULL && access(path, W_OK | X_OK) != 0)
        diag_error(diags, whole(options), "ports_file_dir: could not write into %s: %s", path,
                   strerror(errno));
}

static void
check_hosts(const struct options *options, struct diags *diags)
{
    struct errmsg why;

    if (listener_check(options->host, &why) != ERR_OK)
        diag_error(diags, whole(options), "host: %s", why.text);
    if (options->cluster.enabled && listener_check(options->cluster.host, &why) != ERR_OK)
        diag_error(diags, whole(options), "cluster host: %s", why.text);
}

static void
check_syslog(const struct options *options, struct diags *diags)
{
    const char *url = options->remote_syslog != NULL ? options->remote_syslog : SYSLOG_LOCAL;
    struct syslog_sink *sink = NULL;
    struct errmsg why;

    if (!options->syslog || options->log_file != NULL)
        return;
    if (syslog_sink_open(&sink, url, &why) != ERR_OK)
        diag_error(diags, whole(options), "syslog: %s", why.text);
    syslog_sink_close(sink);
}

/* The highest cost of a hash among the secrets, at least highest; 0: there is none. */
static unsigned
highest_cost(const struct auth_options *auth, unsigned highest)
{
    for (size_t i = 0; i < auth->count; i++) {
        const char *secret = auth->entries[i].secret;
        unsigned cost = 0;

        if (secret != NULL && bcrypt_form(str_of(secret), &cost) == BCRYPT_HASH && cost > highest)
            highest = cost;
    }
    return highest;
}

static void
check_cost(const struct options *options, struct diags *diags)
{
    unsigned cost = highest_cost(&options->cluster.auth, highest_cost(&options->auth, 0));
    int64_t ns = cost == 0 ? 0 : bcrypt_estimate_ns(cost);
    double seconds = (double)ns / (double)CLOCK_NS_PER_S;

    if (ns > CHECK_ABSURD_NS)
        diag_error(diags, whole(options),
                   "one check of a bcrypt hash of cost %u takes about %.0f s here, nobody would "
                   "get in: make one of lower cost with: nats server passwd --cost 11",
                   cost, seconds);
    else if (ns > CHECK_SLOW_NS)
        diag_warning(diags, whole(options),
                     "one check of a bcrypt hash of cost %u takes about %.1f s here; make one of "
                     "lower cost with: nats server passwd --cost 11",
                     cost, seconds);
}

/* Options of features that are still to come: accepted, since configurations of today hold
 * them, but not silently. */
static void
warn_of_idle_options(const struct options *options, struct diags *diags)
{
    const struct {
        const char *name;
        int64_t value, initial;
    } idle[] = {
        { "max_closed_clients", options->max_closed_clients, 10000 },
    };

    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        if (idle[i].value != idle[i].initial)
            diag_warning(diags, whole(options), "%s has no effect yet", idle[i].name);
}

void
server_precheck(const struct options *options, struct diags *diags)
{
    check_file(options, "log_file", options->log_file, diags);
    check_file(options, "pid_file", options->pid_file, diags);
    check_folder(options, diags);
    check_hosts(options, diags);
    check_syslog(options, diags);
    check_cost(options, diags);
    tls_setup_check(&options->tls, diags);
    tls_setup_check_cluster(&options->cluster.tls, diags);
    warn_of_idle_options(options, diags);
}

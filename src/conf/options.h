/* SPDX-License-Identifier: Apache-2.0
 *
 * options - what the server is told to do, from defaults, file and flags
 *
 * One table (option_table.c) has a row per option: name, aliases, type, place in struct
 * options, default, range, flag names, help text, what a reload may do. Parsing, defaults,
 * -t, --help, reload and the man page are derived from it.
 *
 * Owns     options_free() frees every string, secrets wiped.
 * Threads  built by the main thread; immutable and shared afterwards.
 */
#ifndef TESSERA_CONF_OPTIONS_H
#define TESSERA_CONF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/auth_options.h"
#include "conf/cluster_options.h"
#include "conf/tls_options.h"

struct options {
    char *config_file;   /* NULL: none; -c */
    char *config_digest; /* "sha256:..." of what it sets, secrets left out; NULL without one */

    char *host;             /* "0.0.0.0" */
    int64_t port;           /* 4222; -1: any free one */
    char *client_advertise; /* NULL */
    char *server_name;      /* NULL: the server id */

    struct auth_options auth;
    int64_t auth_timeout_ns; /* 2 s */
    bool auth_timeout_said;  /* it is no default: TLS has another */
    struct tls_options tls;  /* of clients */
    bool allow_non_tls;      /* a client may also speak in clear */
    bool strict;             /* what would be a warning of an open door is an error */

    struct cluster_options cluster;

    int64_t max_connections;                                  /* 65536 */
    int64_t max_subscriptions;                                /* per connection; 0: unlimited */
    int64_t max_sub_tokens;                                   /* 0: unlimited */
    int64_t max_control_line;                                 /* 4096 bytes */
    int64_t max_payload;                                      /* 1 MiB, headers included */
    int64_t max_pending;                                      /* 64 MiB outbound per client */
    int64_t ping_interval_ns;                                 /* 2 min */
    int64_t ping_max;                                         /* 2 unanswered pings */
    int64_t write_deadline_ns;                                /* 10 s */
    int64_t lame_duck_duration_ns, lame_duck_grace_period_ns; /* 2 min, 10 s */
    bool no_header_support;
    bool disable_sublist_cache;
    bool no_fast_producer_stall;
    int64_t max_closed_clients;

    bool debug, trace, trace_verbose, trace_headers; /* trace_verbose implies trace */
    bool logtime, logtime_utc;                       /* true, false */
    char *log_file;                                  /* NULL: stderr */
    int64_t log_size_limit, log_max_num;
    bool syslog;                /* also set by remote_syslog */
    char *remote_syslog;        /* NULL: none */
    int64_t max_traced_msg_len; /* 0: all */

    char *pid_file, *ports_file_dir; /* NULL: none */

    int64_t threads; /* loop threads; 0: the count of cores, at most 8 */
};

void options_free(struct options *options); /* NULL is allowed */

struct option_row;
typedef void options_diff_fn(void *context, const struct option_row *row);

/* Calls fn for each option whose value differs, in the order of the table; row->reload says
 * whether it may change in a running server (conf/option_table.h). */
void options_diff(const struct options *a, const struct options *b, options_diff_fn *fn,
                  void *context);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/option_table.h"

#include "base/clock.h"
#include "conf/checks.h"

#define FIELD(name) .offset = offsetof(struct options, name)
#define TLS(name, of, kind)                                                                        \
    .section = "tls", .names = name, .in_tls = true, .field = of, .type = kind
#define TLS_FIELD(name) .offset = offsetof(struct tls_options, name)
#define MS              CLOCK_NS_PER_MS
#define S               CLOCK_NS_PER_S
#define HOUR            (3600 * CLOCK_NS_PER_S)
#define INT32_LIMIT     INT32_MAX /* the reference keeps these in 32 bits */

#define UNSUPPORTED(in, name)                                                                      \
    {                                                                                              \
        .section = in, .names = name, .type = OPTION_UNSUPPORTED                                   \
    }
#define REFUSED(in, name, why)                                                                     \
    {                                                                                              \
        .section = in, .names = name, .type = OPTION_UNSUPPORTED, .refusal = why                   \
    }
#define AUTH(in, name, of, text)                                                                   \
    {                                                                                              \
        .section = in, .names = name, .type = OPTION_AUTH, .part = of, .help = text                \
    }
#define AUTH_SECRET(in, name, of, text)                                                            \
    {                                                                                              \
        .section = in, .names = name, .type = OPTION_AUTH, .part = of, .secret = true,             \
        .help = text                                                                               \
    }
#define ACTION(what, flag, value, in_group, text)                                                  \
    {                                                                                              \
        .type = OPTION_ACTION, .action = what, .flags = flag, .arg = value, .group = in_group,     \
        .help = text                                                                               \
    }

/* clang-format off */
static const struct option_row rows[] = {
    /* server */
    { .section = "", .names = "host net", .type = OPTION_STRING, FIELD(host), .initial = "0.0.0.0",
      .reload = OPTION_RESTART, .flags = "a addr net", .arg = "<host>", .group = GROUP_SERVER,
      .help = "Address to listen on for clients" },
    { .section = "", .names = "port", .type = OPTION_INT, FIELD(port), .initial = "4222",
      .zero_is_default = true, .min = -1, .max = 65535, .reload = OPTION_RESTART,
      .flags = "p port", .arg = "<port>", .group = GROUP_SERVER,
      .help = "Port for clients; -1 takes any free one" },
    { .section = "", .names = "listen", .type = OPTION_LISTEN, .reload = OPTION_RESTART,
      .help = "Host and port in one: \"host:port\", or a port" },
    { .section = "", .names = "server_name", .type = OPTION_STRING, FIELD(server_name),
      .check = check_server_name, .reload = OPTION_RESTART, .flags = "n name server_name",
      .arg = "<name>", .group = GROUP_SERVER, .help = "Name of the server (default: its id)" },
    { .section = "", .names = "pidfile pid_file", .type = OPTION_STRING, FIELD(pid_file),
      .flags = "P pid", .arg = "<file>", .group = GROUP_SERVER,
      .help = "Write the process id to a file" },
    { .section = "", .names = "ports_file_dir", .type = OPTION_STRING, FIELD(ports_file_dir),
      .flags = "ports_file_dir", .arg = "<dir>", .group = GROUP_SERVER,
      .help = "Write the ports in use to <dir>/<program>_<pid>.ports" },
    { .section = "", .names = "client_advertise", .type = OPTION_STRING, FIELD(client_advertise),
      .check = check_client_advertise, .flags = "client_advertise", .arg = "<host[:port]>",
      .group = GROUP_SERVER, .help = "Address that clients are told to connect to" },
    { .section = "", .names = "threads", .type = OPTION_INT, FIELD(threads), .initial = "0",
      .max = 64, .reload = OPTION_RESTART, .flags = "threads", .arg = "<number>",
      .group = GROUP_SERVER, .help = "Threads that serve clients; 0: one per core, at most 8" },
    ACTION(ACTION_CONFIG, "c config", "<file>", GROUP_SERVER, "Configuration file"),
    ACTION(ACTION_TEST, "t", NULL, GROUP_SERVER, "Check the configuration and flags, then exit"),
    ACTION(ACTION_SIGNAL, "sl signal", "<signal>[=<pid>]", GROUP_SERVER,
        "Send a signal to a running server"),
    { .section = "", .names = "http_port monitor_port", .type = OPTION_UNSUPPORTED,
      .flags = "m http_port", .arg = "<port>", .group = GROUP_SERVER,
      .help = "Port for HTTP monitoring" },
    { .section = "", .names = "https_port", .type = OPTION_UNSUPPORTED, .flags = "ms https_port",
      .arg = "<port>", .group = GROUP_SERVER, .help = "Port for HTTPS monitoring" },

    /* limits and timers */
    { .section = "", .names = "max_connections max_conn", .type = OPTION_INT,
      FIELD(max_connections), .initial = "65536", .check = check_max_connections,
      .help = "Clients at a time; 0 or less refuses everybody" },
    { .section = "", .names = "max_subscriptions max_subs", .type = OPTION_INT,
      FIELD(max_subscriptions), .initial = "0", .max = INT32_LIMIT,
      .help = "Subscriptions per connection; 0: no limit" },
    { .section = "", .names = "max_sub_tokens max_subscription_tokens", .type = OPTION_INT,
      FIELD(max_sub_tokens), .initial = "0", .max = 255,
      .help = "Tokens in the subject of a subscription; 0: no limit" },
    { .section = "", .names = "max_control_line", .type = OPTION_INT, FIELD(max_control_line),
      .initial = "4096", .zero_is_default = true, .min = 1, .max = INT32_LIMIT,
      .help = "Bytes in a protocol line, CONNECT included" },
    { .section = "", .names = "max_payload", .type = OPTION_INT, FIELD(max_payload),
      .initial = "1MB", .zero_is_default = true, .min = 1, .max = INT32_LIMIT,
      .check = check_max_payload, .help = "Bytes in a message, headers included" },
    { .section = "", .names = "max_pending", .type = OPTION_INT, FIELD(max_pending),
      .initial = "64MB", .zero_is_default = true, .min = 1, .max = INT64_MAX,
      .help = "Bytes waiting for one client before it counts as a slow consumer" },
    { .section = "", .names = "ping_interval", .type = OPTION_DURATION, FIELD(ping_interval_ns),
      .initial = "2m", .zero_is_default = true, .min = MS, .max = INT64_MAX,
      .help = "Time between PINGs to a client" },
    { .section = "", .names = "ping_max", .type = OPTION_INT, FIELD(ping_max), .initial = "2",
      .zero_is_default = true, .min = 1, .max = INT32_LIMIT,
      .help = "Unanswered PINGs before a client is dropped" },
    { .section = "", .names = "write_deadline", .type = OPTION_DURATION, FIELD(write_deadline_ns),
      .initial = "10s", .zero_is_default = true, .min = MS, .max = INT64_MAX,
      .help = "Time that a write to a client may be blocked" },
    { .section = "", .names = "lame_duck_duration", .type = OPTION_DURATION,
      FIELD(lame_duck_duration_ns), .initial = "2m", .zero_is_default = true,
      .check = check_lame_duck_duration, .help = "Time over which a lame duck closes its clients" },
    { .section = "", .names = "lame_duck_grace_period", .type = OPTION_DURATION,
      FIELD(lame_duck_grace_period_ns), .initial = "10s", .zero_is_default = true,
      .check = check_lame_duck_grace_period, .help = "Time before a lame duck closes the first" },
    { .section = "", .names = "no_header_support", .type = OPTION_BOOL, FIELD(no_header_support),
      .help = "Refuse messages with headers" },
    { .section = "", .names = "disable_sublist_cache no_sublist_cache", .type = OPTION_BOOL,
      FIELD(disable_sublist_cache), .reload = OPTION_RESTART,
      .help = "Look every subject up in the tree" },
    { .section = "", .names = "no_fast_producer_stall", .type = OPTION_BOOL,
      FIELD(no_fast_producer_stall), .help = "Drop deliveries rather than slow a fast publisher" },
    { .section = "", .names = "max_closed_clients", .type = OPTION_INT, FIELD(max_closed_clients),
      .initial = "10000", .zero_is_default = true, .min = 1, .max = INT32_LIMIT,
      .reload = OPTION_RESTART, .help = "Closed connections that monitoring remembers" },

    /* logging */
    { .section = "", .names = "logfile log_file", .type = OPTION_STRING, FIELD(log_file),
      .flags = "l log", .arg = "<file>", .group = GROUP_LOGGING, .help = "Write the log to a file" },
    { .section = "", .names = "logtime", .type = OPTION_BOOL, FIELD(logtime), .initial = "true",
      .flags = "T logtime", .group = GROUP_LOGGING, .help = "Start log lines with the time" },
    { .section = "", .names = "logtime_utc", .type = OPTION_BOOL, FIELD(logtime_utc),
      .flags = "logtime_utc", .group = GROUP_LOGGING, .help = "That time is UTC, not local" },
    { .section = "", .names = "syslog", .type = OPTION_BOOL, FIELD(syslog), .flags = "s syslog",
      .group = GROUP_LOGGING, .help = "Log to syslog" },
    { .section = "", .names = "remote_syslog", .type = OPTION_STRING, FIELD(remote_syslog),
      .flags = "r remote_syslog", .arg = "<addr>", .group = GROUP_LOGGING,
      .help = "Log to a syslog server, such as udp://localhost:514" },
    { .section = "", .names = "debug", .type = OPTION_BOOL, FIELD(debug), .flags = "D debug",
      .group = GROUP_LOGGING, .help = "Log debug lines" },
    { .section = "", .names = "trace", .type = OPTION_BOOL, FIELD(trace), .flags = "V trace",
      .group = GROUP_LOGGING, .help = "Log the protocol" },
    { .section = "", .names = "trace_verbose", .type = OPTION_BOOL, FIELD(trace_verbose),
      .help = "Log the protocol, the system account's included" },
    ACTION(ACTION_TRACE_VERBOSE, "VV", NULL, GROUP_LOGGING,
        "Log the protocol, the system account's included"),
    ACTION(ACTION_DEBUG_TRACE, "DV", NULL, GROUP_LOGGING, "Both -D and -V"),
    ACTION(ACTION_DEBUG_TRACE_VERBOSE, "DVV", NULL, GROUP_LOGGING, "Both -D and -VV"),
    { .section = "", .names = "trace_headers", .type = OPTION_BOOL, FIELD(trace_headers),
      .help = "Trace headers only, not payloads" },
    { .section = "", .names = "logfile_size_limit log_size_limit", .type = OPTION_INT,
      FIELD(log_size_limit), .initial = "0", .max = INT64_MAX, .flags = "log_size_limit",
      .arg = "<bytes>", .group = GROUP_LOGGING, .help = "Rotate the log file at this size; 0: never" },
    { .section = "", .names = "logfile_max_num log_max_num", .type = OPTION_INT,
      FIELD(log_max_num), .initial = "0", .max = INT32_LIMIT,
      .help = "Log files to keep, the current one included; 0: all" },
    { .section = "", .names = "max_traced_msg_len", .type = OPTION_INT, FIELD(max_traced_msg_len),
      .initial = "0", .max = INT32_LIMIT, .flags = "max_traced_msg_len", .arg = "<bytes>",
      .group = GROUP_LOGGING, .help = "Bytes of a message in the trace; 0: all" },

    /* authorization */
    { .section = "", .names = "authorization", .type = OPTION_SECTION,
      .inner = "authorization", .secret = true, .help = "Who may connect" },
    { .section = "authorization", .names = "token", .type = OPTION_AUTH, .part = PART_TOKEN,
      FIELD(auth), .kinds = 1 << AUTH_TOKEN, .secret = true, .flags = "auth", .arg = "<token>",
      .group = GROUP_AUTHORIZATION, .help = "Token that clients must show, plain or bcrypted" },
    { .section = "authorization", .names = "token_file", .type = OPTION_AUTH,
      .part = PART_TOKEN_FILE, .flags = "auth-file", .arg = "<file>",
      .group = GROUP_AUTHORIZATION, .help = "File that holds that token" },
    { .section = "authorization", .names = "tokens", .type = OPTION_AUTH, .part = PART_TOKENS,
      .secret = true, .help = "Several tokens, each with a name" },
    { .section = "authorization", .names = "timeout", .type = OPTION_SECONDS,
      FIELD(auth_timeout_ns), .initial = "2s", .zero_is_default = true, .min = MS, .max = HOUR,
      .help = "Time that a client has to send CONNECT" },
    { .section = "authorization", .names = "user username", .type = OPTION_AUTH,
      .part = PART_USER, .flags = "user", .arg = "<user>", .group = GROUP_AUTHORIZATION,
      .help = "User that clients must name" },
    { .section = "authorization", .names = "password pass", .type = OPTION_AUTH,
      .part = PART_PASSWORD, .secret = true, .flags = "pass", .arg = "<password>",
      .group = GROUP_AUTHORIZATION, .help = "Password of that user, plain or bcrypted" },
    { .section = "authorization", .names = "users", .type = OPTION_AUTH, .part = PART_USERS,
      FIELD(auth), .kinds = 1 << AUTH_USER | 1 << AUTH_NKEY, .secret = true,
      .help = "Several users, with passwords or nkeys" },
    { .section = "authorization", .names = "default_permissions default_permission permissions",
      .type = OPTION_AUTH, .part = PART_PERMISSIONS,
      .help = "What those may do that have no permissions of their own" },
    { .section = "", .names = "no_auth_user", .type = OPTION_STRING, FIELD(auth.no_auth_user),
      .help = "User that clients without credentials become" },

    { .section = "", .names = "strict", .type = OPTION_BOOL, FIELD(strict), .flags = "strict",
      .group = GROUP_AUTHORIZATION,
      .help = "Warnings of open doors and exposed secrets are errors" },

    /* an entry of tokens */
    AUTH("tokens", "name", PART_NAME, "Name of the token, for logs and monitoring"),
    AUTH_SECRET("tokens", "token", PART_TOKEN, "The token, plain or bcrypted"),
    AUTH("tokens", "token_file", PART_TOKEN_FILE, "File that holds the token"),
    AUTH("tokens", "permissions permission", PART_PERMISSIONS, "What its clients may do"),
    AUTH("tokens", "expires", PART_EXPIRES, "When it ends, such as 2027-03-01T00:00:00Z"),
    AUTH("tokens", "allowed_connection_types connection_types clients", PART_CONNECTION_TYPES,
        "How its clients may connect: STANDARD, WEBSOCKET..."),
    /* an entry of users */
    AUTH("users", "user username", PART_USER, "Name of the user"),
    AUTH_SECRET("users", "password pass", PART_PASSWORD, "The password, plain or bcrypted"),
    AUTH("users", "nkey", PART_NKEY, "Public nkey (U...), in place of user and password"),
    AUTH("users", "permissions permission authorization", PART_PERMISSIONS,
        "What the user may do"),
    AUTH("users", "allowed_connection_types connection_types clients", PART_CONNECTION_TYPES,
        "How the user may connect: STANDARD, WEBSOCKET..."),
    UNSUPPORTED("users", "proxy_required"),
    /* permissions */
    AUTH("permissions", "publish pub import", PART_PUBLISH, "Subjects to publish to"),
    AUTH("permissions", "subscribe sub export", PART_SUBSCRIBE,
        "Subjects to subscribe to, \"subject\" or \"subject queue\""),
    AUTH("permissions", "allow_responses publish_allow_responses allow_response", PART_RESPONSES,
        "May replies go to subjects that are not allowed? true, or { max, expires }"),
    AUTH("publish", "allow", PART_ALLOW, "Subjects that are allowed; none: all"),
    AUTH("publish", "deny", PART_DENY, "Subjects that are not"),
    AUTH("allow_responses", "max max_msgs max_messages max_responses", PART_MAX,
        "Replies to one message (1); negative: any number"),
    AUTH("allow_responses", "expires expiration ttl", PART_EXPIRES,
        "Time for them (\"2m\"); negative: any"),

    /* TLS */
    { .section = "", .names = "tls", .type = OPTION_TLS, .field = TLS_FIELD_BLOCK, FIELD(tls),
      .flags = "tls", .group = GROUP_TLS, .help = "Serve TLS" },
    { TLS("cert_file", TLS_FIELD_CERT_FILE, OPTION_TLS_PART), .flags = "tlscert", .arg = "<file>",
      .group = GROUP_TLS, .help = "Certificate of the server and its chain, PEM" },
    { TLS("key_file", TLS_FIELD_KEY_FILE, OPTION_TLS_PART), .flags = "tlskey", .arg = "<file>",
      .group = GROUP_TLS, .help = "Private key of that certificate, PEM" },
    { TLS("certs certificates", TLS_FIELD_CERTS, OPTION_TLS_PART),
      .help = "Several certificates with their keys" },
    { .section = "certs", .names = "cert_file", .in_tls = true, .field = TLS_FIELD_CERT_FILE,
      .type = OPTION_TLS_PART, .help = "Certificate and its chain, PEM" },
    { .section = "certs", .names = "key_file", .in_tls = true, .field = TLS_FIELD_KEY_FILE,
      .type = OPTION_TLS_PART, .help = "Private key of that certificate, PEM" },
    { TLS("verify", TLS_FIELD_VERIFY, OPTION_BOOL), TLS_FIELD(verify), .flags = "tlsverify",
      .group = GROUP_TLS, .help = "Serve TLS and demand certificates of clients" },
    { TLS("ca_file", TLS_FIELD_CA_FILE, OPTION_STRING), TLS_FIELD(ca_file),
      .flags = "tlscacert", .arg = "<file>", .group = GROUP_TLS,
      .help = "Authorities that vouch for clients, PEM" },
    { TLS("verify_and_map", TLS_FIELD_VERIFY_AND_MAP, OPTION_BOOL), TLS_FIELD(verify_and_map),
      .help = "Demand them, and let them name the user" },
    { TLS("verify_cert_and_check_known_urls", TLS_FIELD_VERIFY_AND_CHECK, OPTION_BOOL),
      TLS_FIELD(verify_and_check), .help = "Demand them, with names of known servers" },
    { TLS("insecure", TLS_FIELD_INSECURE, OPTION_BOOL), TLS_FIELD(insecure),
      .help = "Do not verify servers that are dialled" },
    { TLS("cipher_suites", TLS_FIELD_CIPHER_SUITES, OPTION_TLS_PART), .help = "What is offered" },
    { TLS("allow_insecure_cipher_suites", TLS_FIELD_ALLOW_INSECURE_CIPHER_SUITES, OPTION_BOOL),
      TLS_FIELD(allow_insecure_ciphers), .help = "Weak ones may be among them" },
    { TLS("curve_preferences", TLS_FIELD_CURVE_PREFERENCES, OPTION_TLS_PART),
      .help = "Groups for the key exchange" },
    { TLS("min_version", TLS_FIELD_MIN_VERSION, OPTION_TLS_PART), .help = "Lowest version" },
    { TLS("pinned_certs", TLS_FIELD_PINNED_CERTS, OPTION_TLS_PART),
      .help = "Keys that client certificates may have" },
    { TLS("timeout", TLS_FIELD_TIMEOUT, OPTION_SECONDS), TLS_FIELD(timeout_ns), .initial = "2s",
      .zero_is_default = true, .min = MS, .max = HOUR, .help = "Time for a handshake" },
    { TLS("handshake_first first immediate", TLS_FIELD_HANDSHAKE_FIRST, OPTION_TLS_PART),
      .help = "The handshake comes before INFO" },
    { TLS("connection_rate_limit", TLS_FIELD_CONNECTION_RATE_LIMIT, OPTION_INT),
      TLS_FIELD(connection_rate_limit), .initial = "0", .max = INT64_MAX,
      .help = "Handshakes per second; 0: no limit" },
    { .section = "", .names = "allow_non_tls", .type = OPTION_BOOL, FIELD(allow_non_tls),
      .help = "Clients may also speak in clear" },
    UNSUPPORTED("tls", "ocsp_peer"),
    UNSUPPORTED("tls", "cert_store"),
    UNSUPPORTED("tls", "cert_match"),
    UNSUPPORTED("tls", "cert_match_by"),
    UNSUPPORTED("tls", "cert_match_skip_invalid"),
    UNSUPPORTED("tls", "ca_certs_match"),

    /* clusters */
    { .section = "", .names = "cluster", .type = OPTION_SECTION, .inner = "cluster",
      .secret = true, .help = "Other servers, which with this one are as one" },
    { .section = "cluster", .names = "name", .type = OPTION_STRING, FIELD(cluster.name),
      .check = check_cluster_name, .reload = OPTION_RESTART, .flags = "cluster_name",
      .arg = "<name>", .group = GROUP_CLUSTER, .help = "Name of the cluster" },
    { .section = "cluster", .names = "host net", .type = OPTION_STRING, FIELD(cluster.host),
      .initial = "0.0.0.0", .reload = OPTION_RESTART, .help = "Address to listen on for routes" },
    { .section = "cluster", .names = "port", .type = OPTION_INT, FIELD(cluster.port), .min = -1,
      .max = 65535, .reload = OPTION_RESTART,
      .help = "Port for routes; -1 takes any free one, 0: no cluster" },
    { .section = "cluster", .names = "listen", .type = OPTION_LISTEN, .reload = OPTION_RESTART,
      .secret = true, .flags = "cluster cluster_listen", .arg = "<url>", .group = GROUP_CLUSTER,
      .help = "Where to listen for routes, and what they must show" },
    { .section = "cluster", .names = "routes", .type = OPTION_ROUTES, FIELD(cluster),
      .secret = true, .flags = "routes", .arg = "<url,url...>", .group = GROUP_CLUSTER,
      .help = "Servers to dial" },
    { .section = "cluster", .names = "cluster_advertise advertise", .type = OPTION_STRING,
      FIELD(cluster.advertise), .check = check_cluster_advertise, .flags = "cluster_advertise",
      .arg = "<host[:port]>", .group = GROUP_CLUSTER, .help = "Address that other servers dial" },
    { .section = "cluster", .names = "no_advertise", .type = OPTION_BOOL,
      FIELD(cluster.no_advertise), .flags = "no_advertise", .group = GROUP_CLUSTER,
      .help = "Do not tell clients of the other servers" },
    { .section = "cluster", .names = "connect_retries", .type = OPTION_INT,
      FIELD(cluster.connect_retries), .initial = "0", .max = INT32_LIMIT,
      .flags = "connect_retries", .arg = "<number>", .group = GROUP_CLUSTER,
      .help = "Further attempts for routes learned from others" },
    { .section = "cluster", .names = "connect_backoff", .type = OPTION_BOOL,
      FIELD(cluster.connect_backoff), .help = "Wait longer after each attempt" },
    { .section = "cluster", .names = "authorization", .type = OPTION_SECTION,
      .inner = "cluster authorization", .secret = true, .help = "Which servers may join" },
    { .section = "cluster", .names = "permissions", .type = OPTION_PERMISSIONS,
      FIELD(cluster.permissions), .help = "Subjects that cross routes" },
    { .section = "cluster", .names = "tls", .type = OPTION_TLS, .field = TLS_FIELD_BLOCK,
      FIELD(cluster.tls), .help = "TLS between servers" },
    { .section = "cluster", .names = "ping_interval", .type = OPTION_DURATION,
      FIELD(cluster.ping_interval_ns), .zero_is_default = true, .min = MS, .max = INT64_MAX,
      .check = check_cluster_ping_interval, .help = "Time between PINGs to a server" },
    { .section = "cluster", .names = "ping_max", .type = OPTION_INT, FIELD(cluster.ping_max),
      .zero_is_default = true, .min = 1, .max = INT32_LIMIT,
      .help = "Unanswered PINGs before a route is dropped" },
    { .section = "cluster", .names = "write_deadline", .type = OPTION_DURATION,
      FIELD(cluster.write_deadline_ns), .zero_is_default = true, .min = MS, .max = INT64_MAX,
      .help = "Time that a write to a server may be blocked" },
    { .section = "cluster", .names = "write_timeout", .type = OPTION_STRING,
      FIELD(cluster.write_timeout), .check = check_cluster_write_timeout,
      .help = "What happens then" },
    { .section = "cluster", .names = "pool_size", .type = OPTION_INT, FIELD(cluster.pool_size),
      .min = -1, .max = INT32_LIMIT, .check = check_cluster_pool_size,
      .help = "Connections per server: always one" },
    { .section = "cluster", .names = "accounts", .type = OPTION_ACCOUNTS,
      .help = "Accounts with connections of their own: none has" },
    { .section = "cluster", .names = "compression", .type = OPTION_COMPRESSION,
      .help = "Compression of routes: there is none" },

    { .section = "cluster authorization", .names = "token", .type = OPTION_AUTH,
      .part = PART_TOKEN, FIELD(cluster.auth), .kinds = 1 << AUTH_TOKEN, .secret = true,
      .help = "Token that servers must show, plain or bcrypted" },
    AUTH("cluster authorization", "token_file", PART_TOKEN_FILE, "File that holds that token"),
    { .section = "cluster authorization", .names = "user username", .type = OPTION_AUTH,
      .part = PART_USER, FIELD(cluster.auth), .kinds = 1 << AUTH_USER,
      .help = "User that servers must name" },
    AUTH_SECRET("cluster authorization", "password pass", PART_PASSWORD,
        "Password of that user, plain or bcrypted"),
    { .section = "cluster authorization", .names = "timeout", .type = OPTION_SECONDS,
      FIELD(cluster.auth_timeout_ns), .initial = "2s", .zero_is_default = true, .min = MS,
      .max = HOUR, .help = "Time that a server has to send CONNECT" },
    { .section = "cluster authorization", .names = "required", .type = OPTION_BOOL,
      FIELD(cluster.auth_demanded), .help = "Do not run with an open cluster port" },
    AUTH("cluster authorization", "default_permissions default_permission permissions",
        PART_PERMISSIONS, "Deprecated: permissions of the cluster"),
    REFUSED("cluster authorization", "tokens",
        "Cluster authorization does not allow multiple tokens"),
    REFUSED("cluster authorization", "users",
        "Cluster authorization does not allow multiple users"),
    REFUSED("cluster authorization", "auth_callout auth_hook",
        "Cluster authorization does not support callouts"),
    UNSUPPORTED("cluster authorization", "proxy_required"),

    UNSUPPORTED("authorization", "auth_callout auth_hook"),
    UNSUPPORTED("authorization", "proxy_required"),
    UNSUPPORTED("", "accounts"),
    UNSUPPORTED("", "system_account system"),
    UNSUPPORTED("", "no_system_account no_system no_sys_acc"),
    UNSUPPORTED("", "operator operators root roots root_operator root_operators"),
    UNSUPPORTED("", "resolver account_resolver accounts_resolver"),
    UNSUPPORTED("", "resolver_tls"),
    UNSUPPORTED("", "resolver_preload"),
    UNSUPPORTED("", "resolver_pinned_accounts"),
    UNSUPPORTED("", "trusted trusted_keys"),
    UNSUPPORTED("", "default_sentinel"),

    /* the rest of the reference's options */
    UNSUPPORTED("", "server_tags"),
    UNSUPPORTED("", "server_metadata"),
    UNSUPPORTED("", "http"),
    UNSUPPORTED("", "https"),
    UNSUPPORTED("", "http_base_path"),
    UNSUPPORTED("", "write_timeout"),
    UNSUPPORTED("", "mappings maps"),
    UNSUPPORTED("", "connect_error_reports"),
    UNSUPPORTED("", "reconnect_error_reports"),
    UNSUPPORTED("", "prof_port"),
    UNSUPPORTED("", "prof_block_rate"),
    UNSUPPORTED("", "proxy_protocol"),
    UNSUPPORTED("", "proxies"),
    UNSUPPORTED("", "feature_flags"),
    UNSUPPORTED("", "gateway"),
    UNSUPPORTED("", "leafnodes leaf"),
    UNSUPPORTED("", "websocket ws"),
    UNSUPPORTED("", "mqtt"),
    UNSUPPORTED("", "ocsp"),
    UNSUPPORTED("", "ocsp_cache"),
    UNSUPPORTED("", "default_js_domain"),
    { .section = "", .names = "jetstream", .type = OPTION_UNSUPPORTED, .flags = "js jetstream",
      .group = GROUP_JETSTREAM, .help = "Enable JetStream" },
    { .section = "", .names = "store_dir storedir", .type = OPTION_UNSUPPORTED,
      .flags = "sd store_dir", .arg = "<dir>", .group = GROUP_JETSTREAM,
      .help = "Where JetStream keeps its data" },
    ACTION(ACTION_IGNORE, "profile", "<port>", GROUP_PROFILING,
        "Accepted and ignored: there is no Go profile"),
    ACTION(ACTION_HELP, "h help", NULL, GROUP_COMMON, "Show this text"),
    ACTION(ACTION_VERSION, "v version", NULL, GROUP_COMMON, "Show the version"),
    ACTION(ACTION_HELP_TLS, "help_tls", NULL, GROUP_COMMON, "Show how TLS is configured"),
};
/* clang-format on */

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

const struct option_row *
option_rows(size_t *count)
{
    *count = ROW_COUNT;
    return rows;
}

struct str
option_next_word(const char **list)
{
    struct str word = { *list, 0 };

    if (word.data == NULL)
        return STR_NULL;
    word.len = strcspn(word.data, " ");
    *list = word.data[word.len] == '\0' ? NULL : word.data + word.len + 1;
    return word;
}

static bool
has_word(const char *list, struct str wanted, bool (*equal)(struct str a, struct str b))
{
    for (struct str word = option_next_word(&list); word.data != NULL;
         word = option_next_word(&list))
        if (equal(word, wanted))
            return true;
    return false;
}

const struct option_row *
option_by_name(const char *section, struct str name)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].section != NULL && strcmp(rows[i].section, section) == 0 &&
            has_word(rows[i].names, name, str_eq_nocase))
            return &rows[i];
    return NULL;
}

const struct option_row *
option_anywhere(struct str name)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (has_word(rows[i].names, name, str_eq_nocase))
            return &rows[i];
    return NULL;
}

const struct option_row *
option_by_flag(struct str flag)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (has_word(rows[i].flags, flag, str_eq))
            return &rows[i];
    return NULL;
}

struct str
option_name(const struct option_row *row)
{
    const char *list = row->names != NULL ? row->names : row->flags;

    return option_next_word(&list);
}

bool
option_has_field(const struct option_row *row)
{
    return !row->in_tls &&
           (row->type <= OPTION_SECONDS || row->type == OPTION_TLS || row->type == OPTION_ROUTES ||
            row->type == OPTION_PERMISSIONS || (row->type == OPTION_AUTH && row->kinds != 0));
}

void
options_each(option_row_fn *fn, void *context)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        fn(context, &rows[i]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster {} and its flags to struct cluster_options: every field, good and bad, with its place.
 */
#include "conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/memory_host.h"
#include "conf/option_table.h"
#include "conf/route_url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The fields under test begin in the second line. */
#define C(fields)  "cluster { listen: '127.0.0.1:6222'\n" fields "\n}"
#define A(fields)  C("authorization { " fields " }")
#define R(routes)  C("routes: [ " routes " ]")
#define HASH       "$2a$04$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
#define LONG       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
#define LOCAL      "127.0.0.1 6222"
#define CLIENTS    "\nauthorization { token: $TOKEN }, host: 127.0.0.1"
#define CLUSTER_AT "nats.conf:1:1: "
#define AT         "nats.conf:2:"

static const struct memory_pair env[] = {
    { "TOKEN", "t0ken" }, { "EMPTY", "" },      { "ROUTE", "nats-route://s3cr3t@h:1" },
    { "BAD", "s3cr3t" },  { "MODE", "s3cr3t" }, { NULL, NULL },
};

static const struct memory_pair files[] = {
    { "t.token", "t0ken\n" },
    { "hash.token", HASH "\n" },
    { "empty.token", "\n" },
    { NULL, NULL },
};

struct row {
    const char *text; /* NULL: no file */
    const char *args[4];
    const char *want;
};

static struct options *
load(const struct row *row, struct diags *diags)
{
    struct memory memory = { .env = env, .files = files };

    return memory_load(&memory, row->text, row->args, diags);
}

static void
put_list(struct buf *out, const char *title, const struct subject_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? title : ",", list->items[i]);
}

static void
put_login(struct buf *out, const char *title, struct cluster_login login)
{
    if (login.user != NULL)
        buf_printf(out, " %s%s%s%s", title, login.user, login.pass == NULL ? "" : "/",
                   login.pass == NULL ? "" : login.pass);
}

static void
put_entry(struct buf *out, const struct auth_options *auth)
{
    for (size_t i = 0; i < auth->count; i++)
        buf_printf(out, " %s%s/%s", auth->entries[i].kind == AUTH_TOKEN ? "token" : "user ",
                   auth->entries[i].name == NULL ? "" : auth->entries[i].name,
                   auth->entries[i].secret);
}

static void
put_times(struct buf *out, const struct cluster_options *cluster)
{
    if (cluster->auth_timeout_ns != 2 * CLOCK_NS_PER_S || cluster->auth_timeout_said)
        buf_printf(out, " timeout=%dms", (int)(cluster->auth_timeout_ns / CLOCK_NS_PER_MS));
    if (cluster->ping_interval_ns != 0)
        buf_printf(out, " ping=%dms", (int)(cluster->ping_interval_ns / CLOCK_NS_PER_MS));
    if (cluster->ping_max != 0)
        buf_printf(out, " pings=%d", (int)cluster->ping_max);
    if (cluster->write_deadline_ns != 0)
        buf_printf(out, " write=%dms", (int)(cluster->write_deadline_ns / CLOCK_NS_PER_MS));
}

/* "127.0.0.1 6222 name=c ...": what is not the default. */
static void
put_cluster(struct buf *out, const struct cluster_options *cluster)
{
    if (!cluster->enabled) {
        buf_append_str(out, "off");
        return;
    }
    buf_printf(out, "%s %d", cluster->host, (int)cluster->port);
    if (cluster->name != NULL)
        buf_printf(out, " name=%s", cluster->name);
    if (cluster->advertise != NULL)
        buf_printf(out, " advertise=%s", cluster->advertise);
    if (cluster->connect_retries != 0)
        buf_printf(out, " retries=%d", (int)cluster->connect_retries);
    if (cluster->pool_size != 0)
        buf_printf(out, " pool=%d", (int)cluster->pool_size);
    buf_printf(out, "%s%s%s%s%s", cluster->no_advertise ? " quiet" : "",
               cluster->connect_backoff ? " backoff" : "",
               cluster->close_on_write_timeout ? " close" : "",
               cluster->auth_demanded ? " required" : "", cluster->tls.enabled ? " tls" : "");
    put_times(out, cluster);
    put_entry(out, &cluster->auth);
    put_login(out, "dial=", cluster_login_for(cluster, NULL));
    if (cluster->permissions != NULL) {
        put_list(out, " import=", &cluster->permissions->publish.allow);
        put_list(out, " no import=", &cluster->permissions->publish.deny);
        put_list(out, " export=", &cluster->permissions->subscribe.allow);
        put_list(out, " no export=", &cluster->permissions->subscribe.deny);
    }
    for (size_t i = 0; i < cluster->route_count; i++) {
        buf_printf(out, " [%s %u", cluster->routes[i].host, (unsigned)cluster->routes[i].port);
        put_login(out, "", cluster_login_for(cluster, &cluster->routes[i]));
        buf_append_char(out, ']');
    }
}

static const struct row goods[] = {
    { "port: 1", { NULL }, "off" },
    { NULL, { NULL }, "off" },
    { "cluster { port: 0 }", { NULL }, "off" },
    /* where to listen */
    { "cluster { port: 6222 }", { NULL }, "0.0.0.0 6222" },
    { "CLUSTER { Port: -1, NET: h }", { NULL }, "h -1" },
    { "cluster { listen: 6222 }", { NULL }, "0.0.0.0 6222" },
    { "cluster { listen: 'h:6222' }", { NULL }, "h 6222" },
    { "cluster { listen: '[::1]:-1' }", { NULL }, "::1 -1" },
    { "{ \"cluster\": { \"host\": \"h\", \"port\": 1 } }", { NULL }, "h 1" },
    { NULL, { "--cluster", "nats://h:6222" }, "h 6222" },
    { NULL, { "--cluster_listen=nats://h:-1" }, "h -1" },
    { NULL, { "--cluster", "nats://0.0.0.0:0" }, "off" },
    { NULL, { "--cluster", "nats://[::1]:1/" }, "::1 1" },
    { NULL, { "--cluster", "h:6222" }, "h 6222" },
    { NULL, { "--cluster", "nats://:6222" }, "0.0.0.0 6222" },
    { NULL, { "--cluster", "" }, "off" },
    { C(""), { "--cluster", "nats://h:1" }, "h 1" },
    { C(""), { "--cluster=" }, "off" },
    { R("'nats://h:1'"), { "--cluster=" }, "off" },
    { C(""), { "--cluster=", "--cluster=nats://h:1" }, "h 1" },
    /* the rest */
    { C("name: c"), { NULL }, LOCAL " name=c" },
    { C("name: 7"), { NULL }, LOCAL " name=7" },
    { C("name: ''"), { NULL }, LOCAL },
    { C("name: c"), { "--cluster_name", "d" }, LOCAL " name=d" },
    { NULL, { "--cluster_name", "d" }, "off" },
    { C("cluster_advertise: 'h:1'"), { NULL }, LOCAL " advertise=h:1" },
    { C("advertise: h"), { "--cluster_advertise=[::1]:2" }, LOCAL " advertise=[::1]:2" },
    { C("no_advertise: true"), { NULL }, LOCAL " quiet" },
    { C("no_advertise: true"), { "--no_advertise=false" }, LOCAL },
    { C(""), { "--no_advertise" }, LOCAL " quiet" },
    { C("connect_retries: 3, connect_backoff: yes"), { NULL }, LOCAL " retries=3 backoff" },
    { C("connect_retries: 3"), { "--connect_retries", "4" }, LOCAL " retries=4" },
    { C("ping_interval: '9s', ping_max: 3, write_deadline: 2s"),
      { NULL },
      LOCAL " ping=9000ms pings=3 write=2000ms" },
    { C("ping_interval: '0s', ping_max: 0, write_deadline: '0s'"), { NULL }, LOCAL },
    { C("write_timeout: close"), { NULL }, LOCAL " close" },
    { C("write_timeout: Retry"), { NULL }, LOCAL },
    { C("write_timeout: default"), { NULL }, LOCAL },
    { C("pool_size: -1"), { NULL }, LOCAL " pool=-1" },
    { C("pool_size: 3"), { NULL }, LOCAL " pool=3" },
    { C("accounts: [ '$G', '$SYS' ]"), { NULL }, LOCAL },
    { C("accounts: []"), { NULL }, LOCAL },
    { C("compression: off"), { NULL }, LOCAL },
    { C("compression: { mode: s2_auto, rtt_thresholds: [ '10ms' ] }"), { NULL }, LOCAL },
    { C("tls { cert_file: c.pem, key_file: k.pem, ca_file: ca.pem }"), { NULL }, LOCAL " tls" },
    { C("permissions { import: a, export: [ b, 'c.>' ] }"),
      { NULL },
      LOCAL " import=a export=b,c.>" },
    { C("permissions { publish: { deny: a }, subscribe: { allow: b, deny: c } }"),
      { NULL },
      LOCAL " no import=a export=b no export=c" },
    { A("permissions: { import: a }"), { NULL }, LOCAL " import=a" },
    { A("permissions: { import: a } }, permissions { import: b"), { NULL }, LOCAL " import=b" },
    /* who may join, and what is shown to others */
    { A("token: t0ken"), { NULL }, LOCAL " token/t0ken dial=t0ken" },
    { A("token: 007"), { NULL }, LOCAL " token/007 dial=007" },
    { A("token: $TOKEN"), { NULL }, LOCAL " token/t0ken dial=t0ken" },
    { A("token_file: t.token"), { NULL }, LOCAL " token/t0ken dial=t0ken" },
    { A("token: " HASH), { NULL }, LOCAL " token/" HASH },
    { A("user: u, password: p"), { NULL }, LOCAL " user u/p dial=u/p" },
    { A("username: u, pass: p, timeout: 3"), { NULL }, LOCAL " timeout=3000ms user u/p dial=u/p" },
    { A("user: u, password: '" HASH "'"), { NULL }, LOCAL " user u/" HASH },
    { A("token: t, timeout: 0"), { NULL }, LOCAL " token/t dial=t" },
    { A("token: t, required: true"), { NULL }, LOCAL " required token/t dial=t" },
    { A("required: false"), { NULL }, LOCAL },
    { C("authorization: required\ntls { cert_file: c.pem, key_file: k.pem, ca_file: ca.pem }"),
      { NULL },
      LOCAL " required tls" },
    { "cluster { authorization: required }", { NULL }, "off" },
    { C("authorization: Required"), { "--cluster=nats://t@h:1" }, "h 1 required token/t dial=t" },
    { C(""), { "--cluster", "nats://t%40@h:1" }, "h 1 token/t@ dial=t@" },
    { C(""), { "--cluster", "nats://u:p@h:1" }, "h 1 user u/p dial=u/p" },
    { NULL,
      { "--cluster=nats://" HASH "@h:1", "--routes=nats://t@i:2" },
      "h 1 token/" HASH " dial=t [i 2 t]" },
    { A("token: t"), { "--cluster", "nats://u:p@h:1" }, "h 1 user u/p dial=u/p" },
    { A("token: t"), { "--cluster", "nats://h:1" }, "h 1 token/t dial=t" },
    { C(""), { "--cluster=nats://u:p@h:1", "--cluster=nats://i:2" }, "i 2" },
    /* whom to dial */
    { R(""), { NULL }, LOCAL },
    { R("'nats-route://h:1'"), { NULL }, LOCAL " [h 1]" },
    { R("nats-route://127.0.0.1:1\n'nats://[::1]:2/'"), { NULL }, LOCAL " [127.0.0.1 1] [::1 2]" },
    { R("'x+y.z-1://h:1', ' h:65535 '"), { NULL }, LOCAL " [h 1] [h 65535]" },
    { R("'nats-route://h:1/path?q=1#f'"), { NULL }, LOCAL " [h 1]" },
    { R("'nats-route://t@h:1'"), { NULL }, LOCAL " dial=t [h 1 t]" },
    { R("'nats-route://u:p@h:1', 'nats-route://i:2'"),
      { NULL },
      LOCAL " dial=u/p [h 1 u/p] [i 2 u/p]" },
    { R("'nats-route://%C3%A9%2F%3A:a%40:b@h:1'"),
      { NULL },
      LOCAL " dial=\xc3\xa9/:/a@:b [h 1 \xc3\xa9/:/a@:b]" },
    { R("$ROUTE"), { NULL }, LOCAL " dial=s3cr3t [h 1 s3cr3t]" },
    { C("routes: [ 'nats-route://h:1', 'nats-route://x@i:2' ], authorization { token: t }"),
      { NULL },
      LOCAL " token/t dial=t [h 1 t] [i 2 x]" },
    { C("routes: [ 'nats-route://h:1', 'nats-route://x@i:2' ], authorization { token: " HASH " }"),
      { NULL },
      LOCAL " token/" HASH " dial=x [h 1 x] [i 2 x]" },
    { R("'nats-route://h:1', 'nats-route://h:1', 'nats-route://t@h:1'"),
      { NULL },
      LOCAL " dial=t [h 1 t] [h 1 t]" },
    { C(""),
      { "--routes", "nats-route://h:1, nats-route://t@i:2" },
      LOCAL " dial=t [h 1 t] [i 2 t]" },
    { R("'nats-route://h:1'"), { "--routes=nats-route://i:2" }, LOCAL " [i 2]" },
    { R("'nats-route://h:1'"), { "--routes", "" }, LOCAL },
    { NULL, { "--routes=nats://i:2", "--cluster=nats://h:1" }, "h 1 [i 2]" },
};

static void
check_good(const struct row *row)
{
    struct diags diags = { 0 };
    struct options *options = load(row, &diags);
    struct buf got = BUF_INIT;

    if (options == NULL)
        memory_put_diags(&diags, &got);
    if ((options == NULL) != (row->want == NULL))
        fail_msg("file: %s\n got: %s", row->text, buf_cstr(&got));
    if (options != NULL) {
        put_cluster(&got, &options->cluster);
        if (strcmp(buf_cstr(&got), row->want) != 0)
            fail_msg("file: %s\n got: %s\nwant: %s", row->text, buf_cstr(&got), row->want);
    }
    buf_release(&got);
    options_free(options);
    diags_release(&diags);
}

static void
test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++)
        check_good(&goods[i]);
}

#define SOLICITED "solicited routes require cluster capabilities, e.g. --cluster"
#define NO_PORT   "there is no cluster without a port, such as listen: \"0.0.0.0:6222\""
#define ADMIT     "would admit everyone"
#define BAD_URL   "error parsing route url: "
#define EXPECTED                                                                                   \
    BAD_URL "expected nats-route://host:port, with reserved characters of credentials "            \
            "percent-encoded"
#define PORTLESS   " has no port; expected nats-route://host:port"
#define PORT_RANGE " must be from 1 to 65535"
#define LISTEN     "--cluster: expected nats://host:port, with a port from -1 (any free one) to 65535"
#define OPEN                                                                                       \
    "clients must authenticate, but anyone who reaches the cluster port joins as a route and "     \
    "reads and writes everything; set cluster { authorization { token: ... } } or cluster { tls "  \
    "{ ... } }"
#define SHOWN                                                                                      \
    "anyone who reaches the cluster port may join, and learn what these routes show; set cluster " \
    "{ authorization { token: ... } } or cluster { tls { ... } }"
#define DEMANDED                                                                                   \
    "authorization is required, but anyone who reaches the cluster port may join; set a token, "   \
    "or a user and a password, or tls"
#define NOT_SHOWN(what, url)                                                                       \
    "a bcrypted " what " admits servers, but cannot be shown to those that are dialled; put it "   \
    "in clear into the URLs of routes: nats-route://" url "@host:port"
#define NOT_LOCAL(what)                                                                            \
    "routes send the " what " unencrypted, and 0.0.0.0 is not a loopback address; serve TLS, "     \
    "listen on 127.0.0.1 or keep the network private"
#define NO_COMPRESSION "routes are not compressed: this version cannot; off and accept say so"
#define MODES          "; there are off, accept, s2_auto, s2_fast, s2_better and s2_best"
#define DEPRECATED                                                                                 \
    "invalid use of field \"authorization\": setting \"permissions\" within cluster "              \
    "authorization block is deprecated; they belong into cluster"

static const struct row findings[] = {
    /* nothing to say */
    { C("name: c, no_advertise: true, pool_size: 1, compression: accept"), { NULL }, "" },
    { A("token: t0ken"), { NULL }, "" },
    { A("user: u, password: p"), { NULL }, "" },
    { A("token: t0ken") CLIENTS, { NULL }, "" },
    { C("tls { cert_file: c, key_file: k, ca_file: ca }") CLIENTS, { NULL }, "" },
    { C(""), { NULL }, "" },
    { NULL, { "--cluster_name", "c" }, "" },
    { NULL, { "--cluster", "nats://t@127.0.0.1:1", "--routes", "nats://h:1" }, "" },
    /* the block */
    { "cluster: 7",
      { NULL },
      CLUSTER_AT "\"cluster\" wants a map: { ... }, not a whole number\nW " CLUSTER_AT NO_PORT },
    { "cluster { }", { NULL }, "W " CLUSTER_AT NO_PORT },
    { "cluster { name: c }", { NULL }, "W " CLUSTER_AT NO_PORT },
    { C("") "\ncluster { }",
      { NULL },
      "nats.conf:4:1: \"cluster\" is already set at nats.conf:1:1; remove one of the two" },
    { C("nam: c"), { NULL }, AT "1: unknown field \"nam\"; did you mean \"name\"?" },
    { C("max_payload: 1"),
      { NULL },
      AT "1: unknown field \"max_payload\"; it belongs to the top level" },
    { "pool_size: 1", { NULL }, CLUSTER_AT "unknown field \"pool_size\"; it belongs into cluster" },
    { C("name: a, name: b"),
      { NULL },
      "W " AT "10: \"name\" is already set at " AT "1; the value here is used" },
    { C("routes: [], routes: []"),
      { NULL },
      AT "13: \"routes\" is already set at " AT "1; remove one of the two" },
    { A("token: a, token: b"),
      { NULL },
      AT "27: \"token\" is already set at " AT "17; remove one of the two" },
    /* plain values */
    { C("name: 'a b'"), { NULL }, AT "1: cluster name cannot contain spaces" },
    { C(""), { "--cluster_name", "a\tb" }, "--cluster_name: cluster name cannot contain spaces" },
    { "cluster { port: 65536 }",
      { NULL },
      "nats.conf:1:11: \"port\" must be from -1 to 65535, not 65536\nW " CLUSTER_AT NO_PORT },
    { "cluster { listen: nats://s3cr3t@h:x }",
      { NULL },
      "nats.conf:1:11: \"listen\" wants \"host:port\" or a port, not a string\nW " CLUSTER_AT
          NO_PORT },
    { C("advertise: ':1'"),
      { NULL },
      AT "1: \"cluster_advertise\" wants \"host\" or \"host:port\"" },
    { C(""),
      { "--cluster_advertise", "h:0" },
      "--cluster_advertise: \"cluster_advertise\" wants \"host\" or \"host:port\"" },
    { C("connect_retries: -1"),
      { NULL },
      AT "1: \"connect_retries\" must be from 0 to 2147483647, not -1" },
    { C("connect_backoff: 1"),
      { NULL },
      AT "1: \"connect_backoff\" wants true or false, not \"1\"" },
    { C("no_advertise: x"), { NULL }, AT "1: \"no_advertise\" wants true or false, not \"x\"" },
    { C("ping_interval: '31s'"),
      { NULL },
      "W " AT "1: Cluster 'ping_interval' will reset to 30s which is the max for routes" },
    { C("ping_interval: '-1s'"),
      { NULL },
      AT "1: \"ping_interval\" must be at least 1ms, not -1s" },
    { C("ping_max: -1"), { NULL }, AT "1: \"ping_max\" must be from 1 to 2147483647, not -1" },
    { C("write_deadline: x"),
      { NULL },
      AT "1: \"write_deadline\" wants a duration such as \"30s\" or \"2m\", not \"x\"" },
    { C("write_timeout: x"), { NULL }, AT "1: \"write_timeout\" wants default, retry or close" },
    { C("pool_size: 3"),
      { NULL },
      "I " AT "1: without effect: there is one connection to each server" },
    { C("pool_size: -2"), { NULL }, AT "1: \"pool_size\" must be from -1 to 2147483647, not -2" },
    { C("accounts: [ '$G' ]"),
      { NULL },
      "I " AT "1: without effect: one connection to each server carries all accounts" },
    { C("accounts: [ A, 1 ], pool_size: -1"),
      { NULL },
      AT "13: there is no account \"A\"\n" AT
         "16: \"accounts\" wants names of accounts, not a whole number\n" AT
         "1: pool_size cannot be negative if pinned accounts are specified\n"
         "I " AT "1: without effect: one connection to each server carries all accounts" },
    { C("accounts: [ '$G', '$G' ]"),
      { NULL },
      AT "19: found duplicate account name \"$G\" in pinned accounts list\n"
         "I " AT "1: without effect: one connection to each server carries all accounts" },
    { C("accounts: $MODE"),
      { NULL },
      AT "11: \"accounts\" wants names of accounts, not a variable\nI " AT
         "1: without effect: one connection to each server carries all accounts" },
    { C("compression: disabled"), { NULL }, "" },
    { C("compression: 'Not Supported'"), { NULL }, "" },
    { C("compression: false"), { NULL }, "" },
    { C("compression: { mode: off }"), { NULL }, "" },
    { C("compression: on"), { NULL }, "W " AT "1: " NO_COMPRESSION },
    { C("compression: S2_Best"), { NULL }, "W " AT "1: " NO_COMPRESSION },
    { C("compression: { mode: s2_auto }"), { NULL }, "W " AT "16: " NO_COMPRESSION },
    { C("compression: { moed: off }"), { NULL }, AT "16: unknown field \"moed\"" },
    { C("compression: gzip"), { NULL }, AT "1: unsupported compression mode \"gzip\"" MODES },
    { C("compression: $MODE"),
      { NULL },
      AT "1: unsupported compression mode \"of a variable\"" MODES },
    { C("compression: 9"),
      { NULL },
      AT "1: \"compression\" wants a mode such as off, not a whole number" },
    { C("compression: []"),
      { NULL },
      AT "1: \"compression\" wants a mode such as off, not an array" },
    { C("permissions: x"),
      { NULL },
      AT "1: Expected permissions to be a map/struct, got a string" },
    { C("permissions { import: 'a b' }"),
      { NULL },
      AT "23: subject \"a b\" is not a valid subject" },
    { C("permissions { export: 'a q' }"),
      { NULL },
      AT "1: Cluster permissions are about subjects, not about queue groups" },
    { C("permissions { allow_responses: true }"),
      { NULL },
      AT "1: Cluster permissions do not support dynamic responses" },
    { A("permissions { export: 'a' }"), { NULL }, "W " AT "17: " DEPRECATED },
    { C("tls { }"),
      { NULL },
      AT "1: missing 'cert_file' in TLS configuration: nobody could connect\n"
         "W " AT "1: without a ca_file, certificates of every authority that this system trusts "
         "are accepted" },
    /* who may join */
    { A("token: ''"), { NULL }, AT "17: an empty token " ADMIT },
    { A("token: $EMPTY"), { NULL }, AT "17: an empty token " ADMIT },
    { A("token: \"a\\tb\""),
      { NULL },
      AT "17: the token holds a control byte, which no client can send" },
    { A("token: '$2a$04$x'"),
      { NULL },
      AT "17: the token begins like a bcrypt hash but is malformed; make one with: nats server "
         "passwd" },
    { A("token_file: empty.token"),
      { NULL },
      AT "17: empty.token is empty: an empty token " ADMIT },
    { A("token: t, token_file: t.token"),
      { NULL },
      AT "27: Can not have a token and a token_file" },
    { A("token: t, user: u, password: p"), { NULL }, AT "27: Cannot have a user/pass and token" },
    { A("user: u"),
      { NULL },
      AT "17: a user without a password " ADMIT " who knows the name; if it is a token, say so: "
         "token: ..." },
    { A("password: p"), { NULL }, AT "17: a password needs a user" },
    { A("users: [ { user: u, password: s3cr3t } ]"),
      { NULL },
      AT "17: Cluster authorization does not allow multiple users" },
    { A("tokens: [ { name: u, token: s3cr3t } ]"),
      { NULL },
      AT "17: Cluster authorization does not allow multiple tokens" },
    { A("auth_callout { issuer: s3cr3t }"),
      { NULL },
      AT "17: Cluster authorization does not support callouts" },
    { A("tokn: s3cr3t"), { NULL }, AT "17: unknown field \"tokn\"; did you mean \"token\"?" },
    { A("timeout: -1"), { NULL }, AT "17: \"timeout\" must be from 1ms to 1h0m0s, not -1s" },
    { C("authorization: s3cr3t"),
      { NULL },
      AT "1: \"authorization\" wants a map: { ... }, not a string" },
    { "cluster { port: 1, authorization { token: t } }",
      { NULL },
      "W nats.conf:1:36: " NOT_LOCAL("token") },
    { "cluster { port: 1, authorization { user: u, password: p } }",
      { "--strict" },
      "nats.conf:1:36: " NOT_LOCAL("password") },
    { A("required: true"), { NULL }, AT "1: " DEMANDED },
    { C("authorization: required") CLIENTS, { NULL }, AT "1: " DEMANDED },
    { C("authorization: required\nstrict: x"),
      { NULL },
      "nats.conf:3:1: unknown field \"strict\"; it belongs to the top level\n" AT "1: " DEMANDED },
    { C("") CLIENTS, { NULL }, "W " CLUSTER_AT OPEN },
    { C("") CLIENTS, { "--strict" }, CLUSTER_AT OPEN },
    { R("'nats://t@h:1'"), { NULL }, "W " AT "1: " SHOWN },
    { R("'nats://t@h:1'"), { "--strict" }, AT "1: " SHOWN },
    { R("'nats://t@h:1'") CLIENTS, { NULL }, "W " CLUSTER_AT OPEN },
    { C("") CLIENTS "\nstrict: true", { NULL }, CLUSTER_AT OPEN },
    { C("") CLIENTS "\nstrict: true", { "--strict=false" }, "W " CLUSTER_AT OPEN },
    { A("timeout: 1") CLIENTS, { NULL }, "W " CLUSTER_AT OPEN },
    { NULL,
      { "--cluster=nats://h:1", "--auth-file=t.token", "-a=127.0.0.1" },
      "W --cluster: " OPEN },
    { A("token: " HASH " }\nroutes: [ 'nats-route://h:1' ]\nx { "),
      { NULL },
      "nats.conf:4:1: unknown field \"x\"\n" AT "17: " NOT_SHOWN("token", "TOKEN") },
    { C("routes: [ 'nats://h:1' ], authorization { token_file: hash.token }"),
      { NULL },
      AT "43: " NOT_SHOWN("token", "TOKEN") },
    { C("routes: [ 'nats://h:1' ], authorization { user: u, password: '" HASH "' }"),
      { NULL },
      AT "52: " NOT_SHOWN("password", "USER:PASSWORD") },
    { C("routes: [ 'nats://" LONG "@h:1' ], authorization { token: " HASH " }"), { NULL }, "" },
    { C("routes: [ 'nats://" LONG "x@h:1' ], authorization { token: " HASH " }"),
      { NULL },
      AT "11: the token of nats://xxxxx@h:1 is over 72 bytes, which no bcrypt hash is made of" },
    { C("routes: [ 'nats://u:" LONG "x@h:1' ], authorization { user: u, pass: '" HASH "' }"),
      { NULL },
      AT "11: the password of nats://xxxxx:xxxxx@h:1 is over 72 bytes, which no bcrypt hash is "
         "made of" },
    /* whom to dial */
    { "cluster { routes: [ 'nats://h:1' ] }", { NULL }, "nats.conf:1:11: " SOLICITED },
    { NULL, { "--routes", "nats://h:1" }, "--routes: " SOLICITED },
    { NULL, { "--routes", "nats://h:1", "--cluster=" }, "--routes: " SOLICITED },
    { NULL, { "--routes", "" }, "" },
    { C("routes: 'nats://h:1'"),
      { NULL },
      AT "1: Expected routes field to be an array, got a string" },
    { C("routes: { }"), { NULL }, AT "1: Expected routes field to be an array, got a map" },
    { R("{}, 6222"),
      { NULL },
      AT "11: a route is a URL such as nats-route://host:port, not a map\n" AT
         "15: a route is a URL such as nats-route://host:port, not a whole number" },
    { R("''"), { NULL }, AT "11: " EXPECTED },
    { R("'nats-route://'\n'nats-route://t@'\n'://h:1'\n'n ts://h:1'\n'nats://a b:1'"),
      { NULL },
      AT "11: " EXPECTED "\nnats.conf:3:1: " EXPECTED "\nnats.conf:4:1: " EXPECTED
         "\nnats.conf:5:1: " EXPECTED "\nnats.conf:6:1: " EXPECTED },
    { R("'nats://h'\n'nats://s3cr3t@h:'\n'nats://s:t@[::1]'\n'nats://::1'"),
      { NULL },
      AT "11: " BAD_URL "nats://h" PORTLESS "\nnats.conf:3:1: " BAD_URL "nats://xxxxx@h:" PORTLESS
         "\nnats.conf:4:1: " BAD_URL "nats://xxxxx:xxxxx@[::1]" PORTLESS
         "\nnats.conf:5:1: " EXPECTED },
    { R("'nats://h:0'\n'nats://h:65536'\n'nats://s3cr3t@h:-1'\n'nats://h:x/p'"),
      { NULL },
      AT "11: " BAD_URL "the port of nats://h:0" PORT_RANGE "\nnats.conf:3:1: " BAD_URL
         "the port of nats://h:65536" PORT_RANGE "\nnats.conf:4:1: " BAD_URL
         "the port of nats://xxxxx@h:-1" PORT_RANGE "\nnats.conf:5:1: " BAD_URL
         "the port of nats://h:x" PORT_RANGE },
    { R("'nats://@h:1'\n'nats://:s3cr3t@h:1'\n'nats://u:@h:1'"),
      { NULL },
      AT "11: " BAD_URL "the token is empty\nnats.conf:3:1: " BAD_URL
         "the user is empty\nnats.conf:4:1: " BAD_URL "the password is empty" },
    { R("'nats://%zz@h:1'\n'nats://u:a%00b@h:1'\n'nats://a%0ab@h:1'\n'nats://%ff@h:1'"),
      { NULL },
      AT "11: " BAD_URL "invalid percent escape in the credentials\nnats.conf:3:1: " BAD_URL
         "invalid percent escape in the credentials\nnats.conf:4:1: " BAD_URL
         "the token holds a control byte, which no client can send\nnats.conf:5:1: " BAD_URL
         "the token is not UTF-8, which no client can send" },
    { R("'nats://" HASH "@h:1'"),
      { NULL },
      AT "11: " BAD_URL "the token is a bcrypt hash; what is sent must be in clear" },
    { R("\"nats://t@h:1\\x00\""), { NULL }, AT "11: the URL of a route holds a NUL byte" },
    { R("$BAD"),
      { NULL },
      AT "11: " BAD_URL "the variable holds none such as nats-route://host:port" },
    { R("'nats://t@h:1', 'nats://t@h:1'"),
      { NULL },
      "W " AT "27: duplicate route nats://xxxxx@h:1; it is dialled once\nW " AT "1: " SHOWN },
    { C(""),
      { "--routes", "nats://h:1,,nats://s3cr3t@h" },
      "--routes: " EXPECTED "\n--routes: " BAD_URL "nats://xxxxx@h" PORTLESS },
    /* flags and the file */
    { R("'nats://h:1'"), { "--routes=nats://i:1" }, "I --routes overrides the routes of " AT "1" },
    { A("token: t"),
      { "--cluster=nats://u@127.0.0.1:1" },
      "I --cluster overrides the authorization of " AT "1" },
    { C(""), { "--cluster=" }, "I --cluster turns off the cluster of nats.conf:1:1" },
    { NULL, { "--cluster", "s3cr3t" }, LISTEN },
    { NULL, { "--cluster", "nats://s3cr3t@h" }, LISTEN },
    { NULL, { "--cluster", "nats://h:65536" }, LISTEN },
    { NULL, { "--cluster", "nats://h:-2" }, LISTEN },
    { NULL, { "--cluster", "nats://a b:1" }, LISTEN },
    { NULL, { "--cluster", "nats://@h:1" }, "--cluster: the token is empty" },
    { NULL, { "--cluster", "nats://u:@h:1" }, "--cluster: the password is empty" },
    { NULL,
      { "--cluster=nats://$2a$04$x@127.0.0.1:1" },
      "--cluster: the token begins like a bcrypt hash but is malformed; make one with: nats server "
      "passwd" },
    { NULL,
      { "--cluster=nats://" HASH "@127.0.0.1:1", "--routes=nats://h:1" },
      "--cluster: " NOT_SHOWN("token", "TOKEN") },
};

static void
test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(findings); i++) {
        struct diags diags = { 0 };
        struct buf got = BUF_INIT;

        options_free(load(&findings[i], &diags));
        memory_put_diags(&diags, &got);
        if (strcmp(buf_cstr(&got), findings[i].want) != 0)
            fail_msg("file: %s %s\n got: %s\nwant: %s", findings[i].text,
                     findings[i].args[0] == NULL ? "" : findings[i].args[0], buf_cstr(&got),
                     findings[i].want);
        if (strstr(buf_cstr(&got), "s3cr3t") != NULL)
            fail_msg("file: %s\nshows a secret: %s", findings[i].text, buf_cstr(&got));
        buf_release(&got);
        diags_release(&diags);
    }
}

/* What a reload sees: the same options are equal however they are written, others are not, and
 * the digest tells them apart except for secrets. want: what differs from the first, in the
 * words of the log; RESTART in front of what cannot change live. */
static const struct {
    const char *text, *want;
    bool same_digest;
} changes[] = {
    { C("routes: [ 'nats://h:1' ]"), "", true },
    { "cluster {\n\nroutes: [ ' nats://h:1/x ' ], port: 6222, pool_size: 0\nhost: 127.0.0.1 }", "",
      true },
    { "#", "RESTART cluster host,RESTART cluster port,cluster routes", false },
    { C("routes: [ 'nats://h:1' ], name: c"), "RESTART cluster name", false },
    { "cluster { listen: '127.0.0.1:1'\nroutes: [ 'nats://h:1' ] }", "RESTART cluster port",
      false },
    { R("'nats://h:2'"), "cluster routes", false },
    { R("'nats://h:1', 'nats://h:2'"), "cluster routes", false },
    { R("'nats://t@h:1'"), "cluster routes", false },
    { C("routes: [ 'nats://h:1' ], advertise: a"), "cluster cluster_advertise", false },
    { C("routes: [ 'nats://h:1' ], no_advertise: true"), "cluster no_advertise", false },
    { C("routes: [ 'nats://h:1' ], connect_retries: 1"), "cluster connect_retries", false },
    { C("routes: [ 'nats://h:1' ], connect_backoff: true"), "cluster connect_backoff", false },
    { C("routes: [ 'nats://h:1' ], ping_interval: 1s"), "cluster ping_interval", false },
    { C("routes: [ 'nats://h:1' ], ping_max: 1"), "cluster ping_max", false },
    { C("routes: [ 'nats://h:1' ], write_deadline: 1s"), "cluster write_deadline", false },
    { C("routes: [ 'nats://h:1' ], write_timeout: close"), "cluster write_timeout", false },
    { C("routes: [ 'nats://h:1' ], tls { cert_file: c, key_file: k }"), "cluster tls", false },
    { C("routes: [ 'nats://h:1' ], permissions { import: a }"), "cluster permissions", false },
    { C("routes: [ 'nats://h:1' ], permissions { }"), "cluster permissions", false },
    { C("routes: [ 'nats://h:1' ], authorization { token: t }"), "cluster authorization token",
      false },
    { C("routes: [ 'nats://h:1' ], authorization { user: u, password: p }"),
      "cluster authorization user", false },
    { C("routes: [ 'nats://h:1' ], authorization { timeout: 1 }"), "cluster authorization timeout",
      false },
};

static void
put_change(void *context, const struct option_row *row)
{
    struct buf *out = context;
    struct str name = option_name(row);

    buf_printf(out, "%s%s%s %.*s", out->len == 0 ? "" : ",",
               row->reload == OPTION_RESTART ? "RESTART " : "", row->section, (int)name.len,
               name.data);
}

static struct options *
load_text(const char *text)
{
    struct row row = { .text = text };
    struct diags diags = { 0 };
    struct options *options = load(&row, &diags);

    if (options == NULL)
        fail_msg("refused: %s", text);
    diags_release(&diags);
    return options;
}

static void
test_changes(void **state)
{
    struct options *first = load_text(changes[0].text);

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct options *other = load_text(changes[i].text);
        struct buf got = BUF_INIT;

        options_diff(first, other, put_change, &got);
        if (strcmp(buf_cstr(&got), changes[i].want) != 0)
            fail_msg("file: %s\n got: %s\nwant: %s", changes[i].text, buf_cstr(&got),
                     changes[i].want);
        if ((strcmp(first->config_digest, other->config_digest) == 0) != changes[i].same_digest)
            fail_msg("file: %s\ndigest: %s", changes[i].text, other->config_digest);
        buf_release(&got);
        options_free(other);
    }
    options_free(first);
}

/* Secrets change options, but not the digest; sealed ones can still be compared, while what is
 * dialled with stays as it is. */
static void
test_secrets(void **state)
{
    static const char *const texts[][2] = {
        { C("authorization { token: one }"), C("authorization { token: other }") },
        { C("authorization { user: u, password: one }"),
          C("authorization { user: u, password: other }") },
        { R("'nats://one@h:1'"), R("'nats://other@h:1'") },
        { R("'nats://u:one@h:1'"), R("'nats://u:other@h:1'") },
    };
    static const unsigned char key[AUTH_SEAL_KEY_LEN] = "a key of this test";

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct options *one = load_text(texts[i][0]), *other = load_text(texts[i][1]);
        struct options *again = load_text(texts[i][0]);
        struct buf differ = BUF_INIT, same = BUF_INIT;

        assert_string_equal(one->config_digest, other->config_digest);
        auth_options_seal(&one->cluster.auth, key);
        auth_options_seal(&other->cluster.auth, key);
        auth_options_seal(&again->cluster.auth, key);
        options_diff(one, other, put_change, &differ);
        options_diff(one, again, put_change, &same);
        assert_true(differ.len > 0);
        assert_int_equal(same.len, 0);
        for (size_t k = 0; k < one->cluster.auth.count; k++)
            assert_null(strstr(one->cluster.auth.entries[k].secret, "one"));
        assert_string_equal(cluster_login_for(&one->cluster, NULL).pass != NULL
                                ? cluster_login_for(&one->cluster, NULL).pass
                                : cluster_login_for(&one->cluster, NULL).user,
                            "one");
        buf_release(&differ);
        buf_release(&same);
        options_free(one);
        options_free(other);
        options_free(again);
    }
}

/* ps(1) shows no credentials, and hides nothing else. */
static void
test_hidden_flags(void **state)
{
    char args[][48] = { "nats-server", "--routes",   "nats://s3cr3t@h:1",
                        "--cluster",   "nats://h:1", "--cluster_listen=nats://u:s3cr3t@h:1" };
    char *argv[COUNT(args)];

    (void)state;
    for (size_t i = 0; i < COUNT(args); i++)
        argv[i] = args[i];
    flags_hide_secrets(COUNT(args), argv);
    assert_string_equal(args[2], "*");
    assert_string_equal(args[4], "nats://h:1");
    assert_string_equal(args[5], "--cluster_listen=*");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),         cmocka_unit_test(test_findings),
        cmocka_unit_test(test_changes),      cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_hidden_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

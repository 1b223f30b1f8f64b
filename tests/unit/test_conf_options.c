/* SPDX-License-Identifier: Apache-2.0
 *
 * From text and flags to options: values, every kind of complaint with its place, secrets.
 */
#include "conf/load.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/checks.h"
#include "conf/duration.h"
#include "conf/memory_host.h"
#include "conf/option_table.h"
#include "conf/option_value.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TAIL  "PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
#define HASH  "$2a$11$" TAIL
#define LOCAL "host: 127.0.0.1\n" /* so that a token is not sent over a network */
#define PLAIN                                                                                      \
    ": the token is in plain text; configure its hash instead, made with: nats server passwd"
#define OPEN_TO_ALL ": an empty token would admit everyone"
#define MALFORMED                                                                                  \
    ": the token begins like a bcrypt hash but is malformed; make one with: nats server passwd"

static const struct memory_pair env[] = {
    { "SECRET", "s3cr3t" },   { "QUOTED", "\"s3cr3t\"" },   { "EMPTY", "" },
    { "EMPTY_QUOTED", "''" }, { "COMMA", "s3,cr3t:x" },     { "NUMBER", "12345" },
    { "PORT", "4333" },       { "HASH_Y", "$2y$11$" TAIL }, { NULL, NULL },
};

static const struct memory_pair files[] = {
    { "token.conf", "token: " HASH },
    { "port.conf", "\nport: 1" },
    { NULL, NULL },
};

static struct options *
load(const char *text, const char *const *args, struct diags *diags)
{
    struct memory memory = { .files = files, .env = env };

    return memory_load(&memory, text, args, diags);
}

/* What is left of all diagnostics. */
static void
check_diags(const char *text, const struct diags *diags, const char *want)
{
    struct buf got = BUF_INIT;

    memory_put_diags(diags, &got);
    if (strcmp(buf_cstr(&got), want) != 0)
        fail_msg("file: %s\n got: %s\nwant: %s", text, buf_cstr(&got), want);
    buf_release(&got);
}

/* One option's value after loading text. */
static void
test_values(void **state)
{
    static const struct {
        const char *text, *section, *name, *want;
    } rows[] = {
        { "port 4222", "", "port", "4222" },
        { "PORT: -1", "", "port", "-1" },
        { "port: 0", "", "port", "4222" },
        { "port: $PORT", "", "port", "4333" },
        { "P: 77, port: $P", "", "port", "77" },
        { "net: ::1", "", "host", "::1" },
        { "host: ''", "", "host", "0.0.0.0" },
        { "listen: 4333", "", "port", "4333" },
        { "listen: 4333", "", "host", "0.0.0.0" },
        { "listen: 'h:1'", "", "host", "h" },
        { "listen: h:1", "", "port", "1" },
        { "listen: ':-1'", "", "port", "-1" },
        { "listen: '[::1]:1'", "", "host", "::1" },
        { "server_name: a,\n", "", "server_name", "a" },
        { "server_name: 12", "", "server_name", "12" },
        { "server_name: true", "", "server_name", "true" },
        { "client_advertise: h", "", "client_advertise", "h" },
        { "client_advertise: 'h:1'", "", "client_advertise", "h:1" },
        { "client_advertise: '[::1]:1'", "", "client_advertise", "[::1]:1" },
        { "client_advertise: '[::1]'", "", "client_advertise", "[::1]" },
        { "max_conn: 10", "", "max_connections", "10" },
        { "max_payload: 2kb", "", "max_payload", "2048" },
        { "max_payload: 0", "", "max_payload", "1048576" },
        { "max_pending: 2M", "", "max_pending", "2000000" },
        { "ping_interval: 30s", "", "ping_interval", "30s" },
        { "ping_interval: '2m'", "", "ping_interval", "2m0s" },
        { "write_deadline: \"1.5s\"", "", "write_deadline", "1.5s" },
        { "lame_duck_duration: 30s", "", "lame_duck_duration", "30s" },
        { "logtime: off", "", "logtime", "false" },
        { "trace_verbose: yes", "", "trace", "true" },
        { "remote_syslog: 'udp://h:514'", "", "syslog", "true" },
        { "log_size_limit: 1GB", "", "logfile_size_limit", "1073741824" },
        { "authorization { timeout: 5 }", "authorization", "timeout", "5s" },
        { "authorization { timeout: 0.5 }", "authorization", "timeout", "500ms" },
        { "authorization { timeout: \"1m\" }", "authorization", "timeout", "1m0s" },
        { "authorization { timeout: 0 }", "authorization", "timeout", "2s" },
        { "threads: 64", "", "threads", "64" },
        { "{ \"port\": 1, \"debug\": true }", "", "debug", "true" },
        { "include port.conf", "", "port", "1" },
        /* and the defaults */
        { "#", "", "host", "0.0.0.0" },
        { "#", "", "port", "4222" },
        { "#", "", "server_name", "" },
        { "#", "", "max_connections", "65536" },
        { "#", "", "max_subscriptions", "0" },
        { "#", "", "max_control_line", "4096" },
        { "#", "", "max_payload", "1048576" },
        { "#", "", "max_pending", "67108864" },
        { "#", "", "ping_interval", "2m0s" },
        { "#", "", "ping_max", "2" },
        { "#", "", "write_deadline", "10s" },
        { "#", "", "lame_duck_duration", "2m0s" },
        { "#", "", "lame_duck_grace_period", "10s" },
        { "#", "", "max_closed_clients", "10000" },
        { "#", "", "logtime", "true" },
        { "#", "", "threads", "0" },
        { "#", "authorization", "timeout", "2s" },
        { "#", "authorization", "token", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct option_row *row = option_by_name(rows[i].section, str_of(rows[i].name));
        struct diags diags = { 0 };
        struct options *options = load(rows[i].text, NULL, &diags);
        struct buf got = BUF_INIT;

        if (options == NULL)
            check_diags(rows[i].text, &diags, "");
        option_format(options, row, &got);
        if (strcmp(buf_cstr(&got), rows[i].want) != 0)
            fail_msg("%s: %s is \"%s\"", rows[i].text, rows[i].name, buf_cstr(&got));
        buf_release(&got);
        options_free(options);
        diags_release(&diags);
    }
}

/* The token is exactly what was written. */
static void
test_tokens(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        { "\"s3cr3t\"", "s3cr3t" },
        { "s3cr3t", "s3cr3t" },
        { "12345", "12345" },
        { "007", "007" },
        { "true", "true" },
        { "1e5", "1e5" },
        { "758e126b", "758e126b" },
        { "-abc", "-abc" },
        { "1234-abcd", "1234-abcd" },
        { "12kb", "12kb" },
        { ".5", ".5" },
        { "1.", "1." },
        { "0x1F", "0x1F" },
        { "2027-03-01", "2027-03-01" },
        { "2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z" },
        { "99999999999999999999", "99999999999999999999" },
        { "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" },
        { "\"a b\\x41\"", "a bA" },
        { "T\xc3\xbcr", "T\xc3\xbcr" },
        { HASH, HASH },
        { "\"" HASH "\"", HASH },
        { "$2b$04$" TAIL, "$2b$04$" TAIL },
        { "$2x$31$" TAIL, "$2x$31$" TAIL },
        { "$2y$12$" TAIL, "$2y$12$" TAIL },
        { "$SECRET", "s3cr3t" },
        { "$QUOTED", "s3cr3t" },
        { "$COMMA", "s3,cr3t:x" },
        { "$NUMBER", "12345" },
        { "$HASH_Y", "$2y$11$" TAIL },
        { "$FROM_FILE", "007" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf text = BUF_INIT;
        struct diags diags = { 0 };
        struct options *options;

        buf_printf(&text, "FROM_FILE: 007\nserver_name: $FROM_FILE\n%sauthorization { token: %s }",
                   LOCAL, rows[i].value);
        options = load(buf_cstr(&text), NULL, &diags);
        if (options == NULL || options->auth.count != 1 ||
            strcmp(options->auth.entries[0].secret, rows[i].want) != 0)
            fail_msg("token: %s", rows[i].value);
        options_free(options);
        diags_release(&diags);
        buf_release(&text);
    }
}

struct row {
    const char *text;
    const char *args[4];
    const char *want;
};

static const struct row rows[] = {
    /* nothing to say */
    { "port: 1", { NULL }, "" },
    { NULL, { NULL }, "" },
    { LOCAL "authorization { token: " HASH " }", { NULL }, "" },
    { LOCAL "authorization { token: $SECRET }", { NULL }, "" },
    { LOCAL "authorization { include token.conf }", { NULL }, "" },
    { "x: 1, port: $x", { NULL }, "" },
    { "", { NULL }, "W nats.conf: config has no values or is empty" },
    { "# none", { NULL }, "W nats.conf: config has no values or is empty" },
    /* unknown names */
    { "max_paylod: 1",
      { NULL },
      "nats.conf:1:1: unknown field \"max_paylod\"; did you mean "
      "\"max_payload\"?" },
    { "\n\n        max_paylod: 1",
      { NULL },
      "nats.conf:3:9: unknown field \"max_paylod\"; did you mean \"max_payload\"?" },
    { "xyzzy: 1", { NULL }, "nats.conf:1:1: unknown field \"xyzzy\"" },
    { "authorisation { token: s3cr3t }",
      { NULL },
      "nats.conf:1:1: unknown field \"authorisation\"; did you mean \"authorization\"?" },
    { "authorization { tokne: s3cr3t }",
      { NULL },
      "nats.conf:1:17: unknown field \"tokne\"; did you mean \"token\"?\n"
      "W nats.conf:1:1: authorization without a token: everyone may connect" },
    { "token: s3cr3t",
      { NULL },
      "nats.conf:1:1: unknown field \"token\"; it belongs into authorization" },
    { "authorization { port: 1, timeout: 1 }",
      { NULL },
      "nats.conf:1:17: unknown field \"port\"; it belongs to the top level\n"
      "W nats.conf:1:1: authorization without a token: everyone may connect" },
    { "\"xyz\x01zy\": 1", { NULL }, "nats.conf:1:1: unknown field \"xyz\\x01zy\"" },
    /* not there yet */
    { "jetstream { }\nhttp: 8222",
      { NULL },
      "nats.conf:1:1: \"jetstream\" is not supported yet\n"
      "nats.conf:2:1: \"http\" is not supported yet" },
    { LOCAL "authorization { token: $SECRET, auth_callout { issuer: s3cr3t } }",
      { NULL },
      "nats.conf:2:33: \"auth_callout\" is not supported yet" },
    { "GATEWAY { }", { NULL }, "nats.conf:1:1: \"GATEWAY\" is not supported yet" },
    { "",
      { "-m", "8222" },
      "W nats.conf: config has no values or is empty\n"
      "-m: not supported yet" },
    { NULL,
      { "--store_dir", "/s3cr3t", "--jetstream" },
      "--store_dir: not supported yet\n--jetstream: not supported yet" },
    { NULL, { "--profile", "1" }, "W --profile: accepted, but without effect" },
    /* types */
    { "port: abc", { NULL }, "nats.conf:1:1: \"port\" wants a whole number, not \"abc\"" },
    { "port: \"4222\"",
      { NULL },
      "nats.conf:1:1: \"port\" wants a whole number, not the quoted \"4222\"" },
    { "port: {}", { NULL }, "nats.conf:1:1: \"port\" wants a whole number, not a map" },
    { "port: 1.5", { NULL }, "nats.conf:1:1: \"port\" wants a whole number, not \"1.5\"" },
    { "port: $SECRET", { NULL }, "nats.conf:1:1: \"port\" wants a whole number, not a string" },
    { "port: $EMPTY",
      { NULL },
      "nats.conf:1:1: variable reference for 'EMPTY' on line 1 could not be parsed: Unexpected "
      "EOF." },
    { "port: .5",
      { NULL },
      "nats.conf:1:1: Parse error on line 1: 'Floats must start with a "
      "digit'" },
    { "port: 2027-1",
      { NULL },
      "nats.conf:1:1: Parse error on line 1: 'All ISO8601 dates must be in full Zulu form.'" },
    { "port: 99999999999999999999",
      { NULL },
      "nats.conf:1:1: integer '99999999999999999999' is out of the range" },
    { "debug: 1", { NULL }, "nats.conf:1:1: \"debug\" wants true or false, not \"1\"" },
    { "debug: \"true\"",
      { NULL },
      "nats.conf:1:1: \"debug\" wants true or false, not the quoted \"true\"" },
    { "host: [a]", { NULL }, "nats.conf:1:1: \"host\" wants a string, not an array" },
    { "host: \"a\\x00b\"", { NULL }, "nats.conf:1:1: \"host\" holds a NUL byte" },
    { "authorization: s3cr3t",
      { NULL },
      "nats.conf:1:1: \"authorization\" wants a map: { ... }, not a string\n"
      "W nats.conf:1:1: authorization without a token: everyone may connect" },
    { "authorization { token: [s3cr3t] }",
      { NULL },
      "nats.conf:1:17: \"token\" wants a string, not an array" },
    { "listen: \"a:b\"",
      { NULL },
      "nats.conf:1:1: \"listen\" wants \"host:port\" or a port, not the quoted \"a:b\"" },
    { "listen: ::1:4222",
      { NULL },
      "nats.conf:1:1: \"listen\" wants \"host:port\" or a port, not \"::1:4222\"" },
    { "ping_interval: \"2x\"",
      { NULL },
      "nats.conf:1:1: \"ping_interval\" wants a duration such as \"30s\" or \"2m\", not the "
      "quoted \"2x\"" },
    { "ping_interval: 2m",
      { NULL },
      "nats.conf:1:1: \"ping_interval\" wants a duration, in quotes, not \"2m\"" },
    { "ping_interval: 5",
      { NULL },
      "W nats.conf:1:1: invalid use of field \"ping_interval\": ping_interval should be converted "
      "to a duration, such as \"5s\"" },
    /* ranges */
    { "port: 70000", { NULL }, "nats.conf:1:1: \"port\" must be from -1 to 65535, not 70000" },
    { NULL, { "-p", "-2" }, "-p: \"port\" must be from -1 to 65535, not -2" },
    { "max_payload: 2G\nmax_pending: 4G",
      { NULL },
      "W nats.conf:1:1: a max_payload over 8 MiB (8388608) is discouraged: one such message "
      "delays all others on its connection" },
    { "max_payload: 3G",
      { NULL },
      "nats.conf:1:1: \"max_payload\" must be from 1 to 2147483647, "
      "not 3000000000" },
    { "max_pending: -1", { NULL }, "nats.conf:1:1: \"max_pending\" must be at least 1, not -1" },
    { "max_sub_tokens: 256",
      { NULL },
      "nats.conf:1:1: \"max_sub_tokens\" must be from 0 to 255, not 256" },
    { "threads: 65", { NULL }, "nats.conf:1:1: \"threads\" must be from 0 to 64, not 65" },
    { "authorization { timeout: -1, token: $SECRET }\nhost: localhost",
      { NULL },
      "nats.conf:1:17: \"timeout\" must be from 1ms to 1h0m0s, not -1s" },
    { "authorization { timeout: 86400, token: $SECRET }\nhost: localhost",
      { NULL },
      "nats.conf:1:17: \"timeout\" must be from 1ms to 1h0m0s, not 24h0m0s" },
    { "max_connections: 0", { NULL }, "W nats.conf:1:1: max_connections 0 refuses every client" },
    { "max_connections: -1", { NULL }, "W nats.conf:1:1: max_connections -1 refuses every client" },
    { "server_name: \"a b\"", { NULL }, "nats.conf:1:1: server name cannot contain spaces" },
    { NULL, { "-n", "a b" }, "-n: server name cannot contain spaces" },
    { "client_advertise: \"::1\"",
      { NULL },
      "nats.conf:1:1: \"client_advertise\" wants \"host\" or \"host:port\"" },
    { "client_advertise: \"[::1\"",
      { NULL },
      "nats.conf:1:1: \"client_advertise\" wants \"host\" or \"host:port\"" },
    { "client_advertise: \"h:x\"",
      { NULL },
      "nats.conf:1:1: \"client_advertise\" wants \"host\" or \"host:port\"" },
    /* between options */
    { "max_payload: 2MB\nmax_pending: 1MB",
      { NULL },
      "nats.conf:1:1: max_payload (2097152) cannot be higher than max_pending (1048576)" },
    { "max_pending: 1kb",
      { NULL },
      "nats.conf:1:1: max_payload (1048576) cannot be higher than max_pending (1024)" },
    { "lame_duck_duration: \"1s\"",
      { NULL },
      "nats.conf:1:1: invalid lame_duck_duration of 1s, minimum is 30 seconds" },
    { "lame_duck_duration: 30s\nlame_duck_grace_period: 30s",
      { NULL },
      "nats.conf:2:1: lame duck grace period (30s) should be strictly lower than lame duck "
      "duration (30s)" },
    { "lame_duck_grace_period: \"-1s\"",
      { NULL },
      "nats.conf:1:1: invalid lame_duck_grace_period, needs to be positive" },
    /* twice */
    { "port: 1\nport: 2",
      { NULL },
      "W nats.conf:2:1: \"port\" is already set at nats.conf:1:1; "
      "the value here is used" },
    { "port: 2\ninclude port.conf",
      { NULL },
      "W port.conf:2:1: \"port\" is already set at nats.conf:1:1; the value here is used" },
    { "host: a\nnet: b",
      { NULL },
      "W nats.conf:2:1: \"net\" is already set at nats.conf:1:1; the "
      "value here is used" },
    { LOCAL "authorization { token: $SECRET, token: $NUMBER }",
      { NULL },
      "nats.conf:2:33: \"token\" is already set at nats.conf:2:17; remove one of the two" },
    { LOCAL "authorization { token: $SECRET }\nauthorization { timeout: 1 }",
      { NULL },
      "nats.conf:3:1: \"authorization\" is already set at nats.conf:2:1; remove one of the two" },
    /* tokens that would let everyone in, or nobody */
    { "authorization { token: \"\" }", { NULL }, "nats.conf:1:17" OPEN_TO_ALL },
    { "authorization { token: '' }", { NULL }, "nats.conf:1:17" OPEN_TO_ALL },
    { "authorization { token: $EMPTY }", { NULL }, "nats.conf:1:17" OPEN_TO_ALL },
    { "authorization { token: $EMPTY_QUOTED }", { NULL }, "nats.conf:1:17" OPEN_TO_ALL },
    { "authorization { token: }",
      { NULL },
      "nats.conf:1:24: Parse error on line 1: 'Expected value but found '}''\n"
      "W nats.conf:1:1: authorization without a token: everyone may connect" },
    { NULL, { "--auth", "" }, "--auth" OPEN_TO_ALL },
    { NULL, { "--auth=" }, "--auth" OPEN_TO_ALL },
    { NULL, { "-auth=" }, "--auth" OPEN_TO_ALL },
    { "authorization { token: \"\" }",
      { "--auth", "x", "-a", "::1" },
      "nats.conf:1:17" OPEN_TO_ALL "\nI --auth overrides the token of nats.conf:1:17" },
    { "authorization {}",
      { NULL },
      "W nats.conf:1:1: authorization without a token: everyone may connect" },
    { "authorization { token: \"s3cr3t\\x01\" }",
      { NULL },
      "nats.conf:1:17: the token holds a control byte, which no client can send" },
    { "authorization { token: \"s3cr3t\\x00\" }",
      { NULL },
      "nats.conf:1:17: \"token\" holds a NUL byte" },
    { "authorization { token: (\ns3cr3t\n)\n}",
      { NULL },
      "nats.conf:1:17: the token holds a control byte, which no client can send" },
    { "authorization { token: $2a$11$short }", { NULL }, "nats.conf:1:17" MALFORMED },
    { "authorization { token: \"$2c$11$" TAIL "\" }", { NULL }, "nats.conf:1:17" MALFORMED },
    { "authorization { token: " HASH "x }", { NULL }, "nats.conf:1:17" MALFORMED },
    { "authorization { token: $2a$1x$" TAIL " }", { NULL }, "nats.conf:1:17" MALFORMED },
    { "authorization { token: $2$11$" TAIL " }", { NULL }, "nats.conf:1:17" MALFORMED },
    { "authorization { token: $2a$03$" TAIL " }",
      { NULL },
      "nats.conf:1:17: the cost of the bcrypt hash must be from 04 to 31" },
    { "authorization { token: $2a$32$" TAIL " }",
      { NULL },
      "nats.conf:1:17: the cost of the bcrypt hash must be from 04 to 31" },
    { NULL, { "--auth", "$2a$11$short" }, "--auth" MALFORMED },
    { NULL,
      { "--auth", "a", "--auth", "b" },
      "--auth: given twice\nW --auth: clients send the token unencrypted, and 0.0.0.0 is not a "
      "loopback address; serve TLS, listen on 127.0.0.1 or keep the network private" },
    /* what the operator should know */
    { LOCAL "authorization { token: s3cr3t }", { NULL }, "W nats.conf:2:24" PLAIN },
    { LOCAL "T: s3cr3t\nauthorization { token: $T }", { NULL }, "W nats.conf:2:4" PLAIN },
    { LOCAL "authorization { token: s3cr3t }",
      { "--auth", "other" },
      "I --auth overrides the token of nats.conf:2:17" },
    { "authorization { token: " HASH " }",
      { NULL },
      "W nats.conf:1:17: clients send the token unencrypted, and 0.0.0.0 is not a loopback "
      "address; serve TLS, listen on 127.0.0.1 or keep the network private" },
    /* nothing of a token is shown, however it is mistyped */
    { LOCAL "authorization { token: abc s3cr3t }",
      { NULL },
      "nats.conf:2:28: Parse error on line 2: 'Expected a map value terminator \",\" or a map "
      "terminator \"}\".'\nW nats.conf:2:24" PLAIN },
    { LOCAL "authorization { token: abc,s3cr3t=1 }",
      { NULL },
      "nats.conf:2:28: unknown field behind another value; if it belongs to that value, put the "
      "whole of it in quotes\nW nats.conf:2:24" PLAIN },
    { LOCAL "authorization { token: abc},s3cr3t=1",
      { NULL },
      "nats.conf:2:29: unknown field behind another value; if it belongs to that value, put the "
      "whole of it in quotes\nW nats.conf:2:24" PLAIN },
    { LOCAL "authorization { token: $s3cr3t }",
      { NULL },
      "nats.conf:2:24: variable reference on line 2 can not be found; a value that begins with $ "
      "needs quotes" },
    { "T: abc s3cr3t\n" LOCAL "authorization { token: $T }",
      { NULL },
      "nats.conf:1:8: Parse error on line 1: 'Expected a top-level value to end with a new line, "
      "comment or EOF.'\nW nats.conf:1:4" PLAIN },
    { "authorization { token: \"s3cr3t }",
      { NULL },
      "nats.conf:1:24: Parse error on line 1: 'Unexpected EOF.'; the string that begins here does "
      "not end\nW nats.conf:1:1: authorization without a token: everyone may connect" },
    { "server_name: \"x\nauthorization { token: \"s3cr3t\" }\n",
      { NULL },
      "nats.conf:2:25: Parse error on line 2: 'Expected a top-level value to end with a new line, "
      "comment or EOF.'\nnats.conf:1:1: server name cannot contain spaces" },
};

static void
test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct diags diags = { 0 };
        struct options *options = load(rows[i].text, rows[i].args, &diags);

        check_diags(rows[i].text == NULL ? rows[i].args[0] : rows[i].text, &diags, rows[i].want);
        options_free(options);
        diags_release(&diags);
    }
}

/* Each text of the table cut at every byte: it ends, and no finding shows a secret. */
static void
test_secrets_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = rows[i].text == NULL ? 0 : strlen(rows[i].text);

        for (size_t cut = 0; cut < len; cut++) {
            char *text = strndup(rows[i].text, cut);
            struct diags diags = { 0 };
            struct buf got = BUF_INIT;

            options_free(load(text, NULL, &diags));
            memory_put_diags(&diags, &got);
            if (strstr(buf_cstr(&got), "s3") != NULL || strstr(buf_cstr(&got), "PWIF") != NULL)
                fail_msg("file: %s\nshows: %s", text, buf_cstr(&got));
            buf_release(&got);
            diags_release(&diags);
            free(text);
        }
    }
}

static struct options *
load_quiet(const char *text)
{
    struct diags diags = { 0 };
    struct options *options = load(text, NULL, &diags);

    assert_non_null(options);
    diags_release(&diags);
    return options;
}

static void
test_digest(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        { "port: 1\ndebug: on", "# c\n{ debug = true, port 1 }", true },
        { "port: 1", "port: 2", false },
        { "port: 1", "listen: 1", true },
        { "authorization { token: a }", "authorization { token: b }", true },
        { "authorization { token: a }", "port: 4222", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct options *a = load_quiet(pairs[i].a), *b = load_quiet(pairs[i].b);

        assert_int_equal(strlen(a->config_digest), strlen("sha256:") + 64);
        assert_int_equal(strspn(a->config_digest + 7, "0123456789abcdef"), 64);
        assert_int_equal(strcmp(a->config_digest, b->config_digest) == 0, pairs[i].same);
        assert_string_equal(a->config_file, "nats.conf");
        options_free(a);
        options_free(b);
    }
}

static void
collect(void *context, const struct option_row *row)
{
    buf_printf(context, "%.*s%s ", (int)option_name(row).len, option_name(row).data,
               row->reload == OPTION_RESTART ? "!" : "");
}

static void
test_diff(void **state)
{
    struct options *a = load_quiet("port: 1\nauthorization { token: a }");
    struct options *b = load_quiet("port: 2\nserver_name: x\ndebug: on\nping_interval: 3s\n"
                                   "authorization { token: b }");
    struct buf got = BUF_INIT;

    (void)state;
    options_diff(a, b, collect, &got);
    assert_string_equal(buf_cstr(&got), "port! server_name! ping_interval debug token ");
    buf_consume(&got, got.len);
    options_diff(a, a, collect, &got);
    assert_int_equal(got.len, 0);
    buf_release(&got);
    options_free(a);
    options_free(b);
}

/* Rows must not contradict each other: names and flags are unique, defaults lie in range. */
static void
test_table(void **state)
{
    size_t count;
    const struct option_row *table = option_rows(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = &table[i];
        const char *names = row->names, *flags = row->flags;

        for (struct str name = option_next_word(&names); name.data != NULL;
             name = option_next_word(&names))
            assert_ptr_equal(option_by_name(row->section, name), row);
        for (struct str flag = option_next_word(&flags); flag.data != NULL;
             flag = option_next_word(&flags))
            assert_ptr_equal(option_by_flag(flag), row);
        assert_true(row->names != NULL || row->flags != NULL);
        assert_true(row->min <= row->max);
        assert_true(row->type == OPTION_UNSUPPORTED || row->help != NULL);
        assert_true(row->flags == NULL || row->help != NULL);
        assert_true(row->type == OPTION_TLS ||
                    (row->type == OPTION_BOOL) == (row->flags != NULL && row->arg == NULL) ||
                    row->flags == NULL || !option_has_field(row));
    }
}

static void
test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *shown; /* NULL: text is refused */
    } durations[] = {
        { "0", 0, "0s" },
        { "0s", 0, "0s" },
        { "1ns", 1, "1ns" },
        { "1.5us", 1500, "1.5\xc2\xb5s" },
        { "2\xc2\xb5s", 2000, "2\xc2\xb5s" },
        { "2\xce\xbcs", 2000, "2\xc2\xb5s" },
        { "250ms", 250 * CLOCK_NS_PER_MS, "250ms" },
        { ".5s", 500 * CLOCK_NS_PER_MS, "500ms" },
        { "1.s", CLOCK_NS_PER_S, "1s" },
        { "1m", 60 * CLOCK_NS_PER_S, "1m0s" },
        { "1h30m", 5400 * CLOCK_NS_PER_S, "1h30m0s" },
        { "-1.5h", -5400 * CLOCK_NS_PER_S, "-1h30m0s" },
        { "+1h1m1.001s", 3661001 * CLOCK_NS_PER_MS, "1h1m1.001s" },
        { "2562047h", 9223369200 * CLOCK_NS_PER_S, "2562047h0m0s" },
        { "2562048h", 0, NULL },
        { "2562047h48m", 0, NULL },
        { "99999999999999999999s", 0, NULL },
        { "", 0, NULL },
        { "-", 0, NULL },
        { "1", 0, NULL },
        { "s", 0, NULL },
        { ".s", 0, NULL },
        { "1d", 0, NULL },
        { "1s ", 0, NULL },
        { "1s2", 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        char shown[DURATION_TEXT_MAX];
        int64_t ns = 0;
        bool good = duration_parse(str_of(durations[i].text), &ns);

        if (good != (durations[i].shown != NULL) || ns != durations[i].ns)
            fail_msg("%s: %d, %" PRId64, durations[i].text, good, ns);
        if (good)
            assert_string_equal(duration_format(ns, shown), durations[i].shown);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_findings), cmocka_unit_test(test_secrets_cut),
        cmocka_unit_test(test_digest),   cmocka_unit_test(test_diff),
        cmocka_unit_test(test_table),    cmocka_unit_test(test_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

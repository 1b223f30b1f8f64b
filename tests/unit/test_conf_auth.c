/* SPDX-License-Identifier: Apache-2.0
 *
 * authorization {} and its flags: what entries become of it, and what is said about the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/memory_host.h"
#include "conf/option_table.h"
#include "proto/nkey_text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TAIL    "PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy"
#define HASH    "$2a$11$" TAIL
#define NKEY    "UAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63NN"
#define LOCAL   "host: 127.0.0.1\n" /* so that no secret is sent over a network */
#define A(text) LOCAL "authorization { " text " }"
/* Secrets out of the environment, so that they are not in plain text in the file. */
#define P            "password: $SECRET"
#define U            "user: u, " P
#define T            "name: t, token: $SECRET"
#define USERS(text)  A("users: [ {" text "} ]")
#define TOKENS(text) A("tokens: [ {" text "} ]")
#define PERMS(text)  USERS(U ", permissions: {" text "}")

static const struct memory_pair env[] = {
    { "SECRET", "s3cr3t" },       { "OTHER", "s3cond" },  { "EMPTY", "" },    { "NAME", "s3nsors" },
    { "LIST", "[\"a\", \"b\"]" }, { "COMMA", "s3,cr3t" }, { "BAD", "s3..x" }, { NULL, NULL },
};

static const struct memory_pair files[] = {
    { "t.token", "s3cr3t" },        { "nl.token", "s3cr3t\n" },
    { "crlf.token", "s3cr3t\r\n" }, { "two.token", "s3cr3t\n\n" },
    { "empty.token", "" },          { "blank.token", "\n" },
    { "hash.token", HASH "\n" },    { "bad.token", "$2a$11$s3\n" },
    { "space.token", " s3 x " },    { NULL, NULL },
};

static struct options *
load(const char *text, const char *const *args, struct diags *diags)
{
    struct memory memory = { .files = files, .env = env };

    return memory_load(&memory, text, args, diags);
}

static void
put_list(struct buf *out, const char *title, const struct subject_list *list)
{
    buf_printf(out, "%s[", title);
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ",", list->items[i]);
    buf_append_str(out, "]");
}

static void
put_permission(struct buf *out, const char *title, const struct permission_options *permission)
{
    buf_append_str(out, title);
    if (permission->has_allow)
        put_list(out, "+", &permission->allow);
    if (permission->deny.count > 0)
        put_list(out, "-", &permission->deny);
}

/* "U u/s3cr3t p+[a,b]-[c] s r1/120s t3 e1" */
static void
put_entry(struct buf *out, const struct auth_entry *entry)
{
    const struct permissions_options *permissions = entry->permissions;

    buf_printf(out, "%c %s/%s", "TUN"[entry->kind], entry -> name == NULL ? "" : entry->name,
               entry->secret == NULL ? "" : entry->secret);
    if (permissions != NULL) {
        put_permission(out, " p", &permissions->publish);
        put_permission(out, " s", &permissions->subscribe);
        if (permissions->allow_responses)
            buf_printf(out, " r%d/%ds", (int)permissions->responses_max,
                       (int)(permissions->responses_expires_ns / CLOCK_NS_PER_S));
    }
    if (entry->connection_types != 0)
        buf_printf(out, " t%x", entry->connection_types);
    if (entry->expires_ns != 0)
        buf_printf(out, " e%lld", (long long)(entry->expires_ns / CLOCK_NS_PER_S));
}

struct row {
    const char *text; /* NULL: no file */
    const char *args[4];
    const char *want;
};

/* want: the entries, separated by "; " */
static const struct row goods[] = {
    /* one token */
    { A("token: $SECRET"), { NULL }, "T /s3cr3t" },
    { A("token: " HASH), { NULL }, "T /" HASH },
    { A("token_file: t.token"), { NULL }, "T /s3cr3t" },
    { A("token_file: nl.token"), { NULL }, "T /s3cr3t" },
    { A("token_file: crlf.token"), { NULL }, "T /s3cr3t" },
    { A("token_file: hash.token"), { NULL }, "T /" HASH },
    { A("token_file: space.token"), { NULL }, "T / s3 x " },
    { NULL, { "--auth-file", "nl.token", "-a", "::1" }, "T /s3cr3t" },
    { A("token: $SECRET, permissions: { publish: a }"), { NULL }, "T /s3cr3t p+[a] s" },
    /* several */
    { TOKENS(T), { NULL }, "T t/s3cr3t" },
    { A("tokens: [ { name: a, token: $SECRET }, { name: b, token_file: hash.token }\n"
        "{ name: c, token: $OTHER } ]"),
      { NULL },
      "T a/s3cr3t; T b/" HASH "; T c/s3cond" },
    { TOKENS("name: 7, token: $COMMA, expires: 2100-03-01T00:00:00Z"),
      { NULL },
      "T 7/s3,cr3t e4107542400" },
    { TOKENS(T ", expires: '2100-03-01T00:00:00Z'"), { NULL }, "T t/s3cr3t e4107542400" },
    { TOKENS(T ", expires: 2999-12-31T23:59:59Z"), { NULL }, "T t/s3cr3t e9223372036" },
    { TOKENS(T ", permissions: { subscribe: 'a.>' }, connection_types: [standard, WEBSOCKET]"),
      { NULL },
      "T t/s3cr3t p s+[a.>] t3" },
    { A("tokens: [ {name: a, token: $SECRET, permissions: {publish: x}},"
        " {name: b, token: $OTHER} ], permissions: { subscribe: y }"),
      { NULL },
      "T a/s3cr3t p+[x] s; T b/s3cond p s+[y]" },
    /* one user */
    { A(U), { NULL }, "U u/s3cr3t" },
    { A("username: u, pass: $SECRET"), { NULL }, "U u/s3cr3t" },
    { A("user: 007, password: " HASH), { NULL }, "U 007/" HASH },
    { A("user: $NAME, " P ", permissions: { publish: a }"), { NULL }, "U s3nsors/s3cr3t p+[a] s" },
    { NULL, { "--user=u", "--pass=true", "-a", "localhost" }, "U u/true" },
    /* several */
    { USERS(U), { NULL }, "U u/s3cr3t" },
    { USERS("nkey: " NKEY), { NULL }, "N " NKEY "/" },
    { A("users: [ {" U "}, { nkey: " NKEY ", permission: { pub: a } }, { user: v, pass: $SECRET,"
        " authorization: { sub: b } } ]\ndefault_permissions { publish: d }"),
      { NULL },
      "U u/s3cr3t p+[d] s; N " NKEY "/ p+[a] s; U v/s3cr3t p s+[b]" },
    { USERS(U ", clients: mqtt"), { NULL }, "U u/s3cr3t t10" },
    { USERS(U ", allowed_connection_types: [LEAFNODE, leafnode_ws, MQTT_WS, in_process]"),
      { NULL },
      "U u/s3cr3t t6c" },
    { "X { publish: a }\n" USERS(U ", permissions: $X"), { NULL }, "U u/s3cr3t p+[a] s" },
    { "{\"host\": \"::1\", \"authorization\": {\"users\": [{\"user\": \"u\", \"password\": "
      "\"" HASH "\"}]}}",
      { NULL },
      "U u/" HASH },
    /* permissions */
    { PERMS(""), { NULL }, "U u/s3cr3t p s" },
    { PERMS("publish: [a, 'b.*']"), { NULL }, "U u/s3cr3t p+[a,b.*] s" },
    { PERMS("publish: $LIST"), { NULL }, "U u/s3cr3t p+[a,b] s" },
    { PERMS("import: []"), { NULL }, "U u/s3cr3t p+[] s" },
    { PERMS("publish: {}"), { NULL }, "U u/s3cr3t p s" },
    { PERMS("publish: { deny: a }"), { NULL }, "U u/s3cr3t p-[a] s" },
    { PERMS("export: { allow: [a, 'b q'], deny: ['c   q.*', '> *'] }"),
      { NULL },
      "U u/s3cr3t p s+[a,b q]-[c q.*,> *]" },
    { PERMS("allow_responses: true"), { NULL }, "U u/s3cr3t p+[] s r1/120s" },
    { PERMS("allow_responses: false"), { NULL }, "U u/s3cr3t p s" },
    { PERMS("publish: a, publish_allow_responses: { max_msgs: 5, ttl: \"1m\" }"),
      { NULL },
      "U u/s3cr3t p+[a] s r5/60s" },
    { PERMS("allow_responses: { max: -1, expires: \"-1s\" }"),
      { NULL },
      "U u/s3cr3t p+[] s r-1/-1s" },
    { PERMS("allow_responses: { max: 0, expires: 0s }"), { NULL }, "U u/s3cr3t p+[] s r1/120s" },
    /* no_auth_user */
    { "no_auth_user: u\n" USERS(U), { NULL }, "U u/s3cr3t; open u" },
    { A(U) "\nno_auth_user: u", { NULL }, "U u/s3cr3t; open u" },
    { "no_auth_user: ''\n" A(U), { NULL }, "U u/s3cr3t" },
    /* flags go before the file */
    { A("token: $OTHER"), { "--auth", "x" }, "T /x" },
    { A("token_file: t.token"), { "--auth", "x" }, "T /x" },
    { A("token: $OTHER"), { "--auth-file", "t.token" }, "T /s3cr3t" },
    { A(U ", permissions: { publish: a }"), { "--user", "v", "--pass", "x" }, "U v/x p+[a] s" },
};

static void
test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++) {
        struct diags diags = { 0 };
        struct options *options = load(goods[i].text, goods[i].args, &diags);
        struct buf got = BUF_INIT;

        if (options == NULL)
            memory_put_diags(&diags, &got);
        for (size_t k = 0; options != NULL && k < options->auth.count; k++) {
            buf_append_str(&got, k == 0 ? "" : "; ");
            put_entry(&got, &options->auth.entries[k]);
        }
        if (options != NULL && options->auth.no_auth_user != NULL)
            buf_printf(&got, "; open %s", options->auth.no_auth_user);
        if (strcmp(buf_cstr(&got), goods[i].want) != 0)
            fail_msg("file: %s\n got: %s\nwant: %s", goods[i].text, buf_cstr(&got), goods[i].want);
        buf_release(&got);
        options_free(options);
        diags_release(&diags);
    }
}

#define EMPTY_TOKEN "an empty token would admit everyone"
#define NO_PASSWORD "a user without a password would admit everyone who knows the name"
#define NOT_LOCAL                                                                                  \
    " unencrypted, and 0.0.0.0 is not a loopback address; serve TLS, listen on 127.0.0.1 "         \
    "or keep the network private"
#define NO_TIME "\"expires\" wants a time in UTC such as 2027-03-01T00:00:00Z"
#define AT      "nats.conf:2:"

static const struct row findings[] = {
    /* nothing to say */
    { A("token_file: t.token"), { NULL }, "" },
    { A("token_file: hash.token"), { NULL }, "" },
    { USERS("nkey: " NKEY), { NULL }, "" },
    { "authorization { users: [ { nkey: " NKEY " } ] }", { NULL }, "" },
    { TOKENS(T), { NULL }, "" },
    /* files of tokens */
    { A("token_file: none.token"), { NULL }, AT "17: open none.token: no such file or directory" },
    { A("token_file: ''"), { NULL }, AT "17: \"token_file\" needs the name of a file" },
    { A("token_file: {}"), { NULL }, AT "17: \"token_file\" wants a string, not a map" },
    { A("token_file: empty.token"), { NULL }, AT "17: empty.token is empty: " EMPTY_TOKEN },
    { A("token_file: blank.token"), { NULL }, AT "17: blank.token is empty: " EMPTY_TOKEN },
    { A("token_file: two.token"),
      { NULL },
      AT "17: the token holds a control byte, which no client can send" },
    { A("token_file: bad.token"),
      { NULL },
      AT "17: the token begins like a bcrypt hash but is malformed; make one with: nats server "
         "passwd" },
    { NULL,
      { "--auth-file", "none.token" },
      "--auth-file: open none.token: no such file or directory" },
    { NULL, { "--auth-file=" }, "--auth-file: \"token_file\" needs the name of a file" },
    { NULL, { "--auth-file", "empty.token" }, "--auth-file: empty.token is empty: " EMPTY_TOKEN },
    { A("token: $SECRET, token_file: t.token"),
      { NULL },
      AT "33: Can not have a token and a token_file" },
    { NULL,
      { "--auth", "x", "--auth-file=t.token" },
      "--auth-file: Can not have a token and a token_file" },
    /* tokens */
    { A("tokens: []"), { NULL }, AT "17: an empty list of tokens would admit everyone" },
    { A("tokens: x"), { NULL }, AT "17: Expected tokens field to be an array, got a string" },
    { A("tokens: [ s3cr3t ]"),
      { NULL },
      AT "27: Expected token entry to be a map/struct, got a string" },
    { TOKENS("token: $SECRET"), { NULL }, AT "27: Token entry requires a name" },
    { TOKENS("name: '', token: $SECRET"), { NULL }, AT "28: Token entry requires a name" },
    { TOKENS("name: t"), { NULL }, AT "27: Token entry requires a token or a token_file" },
    { TOKENS("name: t, token: ''"), { NULL }, AT "37: " EMPTY_TOKEN },
    { TOKENS("name: t, token: $EMPTY"), { NULL }, AT "37: " EMPTY_TOKEN },
    { TOKENS(T ", token_file: t.token"), { NULL }, AT "53: Can not have a token and a token_file" },
    { TOKENS("name: \"a\\x07\", token: $SECRET"),
      { NULL },
      AT "28: the name holds a control byte" },
    { TOKENS("name: \"a\\x00\", token: $SECRET"), { NULL }, AT "28: \"name\" holds a NUL byte" },
    { TOKENS("name: [], token: $SECRET"),
      { NULL },
      AT "28: \"name\" wants a string, not an array" },
    { TOKENS("name: t, tokn: $SECRET"),
      { NULL },
      AT "37: unknown field \"tokn\"; did you mean \"token\"?\n" AT
         "27: Token entry requires a token or a token_file" },
    { TOKENS("name: t, name: v, token: $SECRET"),
      { NULL },
      AT "37: \"name\" is already set at " AT "28; remove one of the two" },
    { TOKENS(T ", user: u"),
      { NULL },
      AT "53: unknown field behind another value; if it belongs to that value, put the whole of "
         "it in quotes" },
    { A("tokens: [ {" T "}\n{ name: t, token: $OTHER } ]"),
      { NULL },
      "nats.conf:3:1: Duplicate token \"t\" detected; the first is at " AT "27" },
    { A("tokens: [ {" T "}\n{ name: v, token: $OTHER }\n{ name: w, token_file: nl.token } ]"),
      { NULL },
      "nats.conf:4:12: the same token as that of " AT "27: nobody could tell the two apart" },
    { TOKENS(T ", expires: 2020-01-01T00:00:00Z"),
      { NULL },
      "W " AT "53: the token \"t\" has expired: it admits nobody" },
    { TOKENS(T ", expires: 1970-01-01T00:00:00Z"),
      { NULL },
      "W " AT "53: the token \"t\" has expired: it admits nobody" },
    { TOKENS(T ", expires: 2100-02-29T00:00:00Z"), { NULL }, AT "53: " NO_TIME },
    { TOKENS(T ", expires: 2100-01-01T24:00:00Z"), { NULL }, AT "53: " NO_TIME },
    { TOKENS(T ", expires: 2100-01-01"), { NULL }, AT "53: " NO_TIME },
    { TOKENS(T ", expires: never"), { NULL }, AT "53: " NO_TIME },
    /* users */
    { A("users: []"), { NULL }, AT "17: an empty list of users would admit everyone" },
    { A("users: { user: u }"), { NULL }, AT "17: Expected users field to be an array, got a map" },
    { A("users: [ s3cr3t, 1 ]"),
      { NULL },
      AT "26: Expected user entry to be a map/struct, got a string\n" AT
         "34: Expected user entry to be a map/struct, got a whole number" },
    { USERS(P), { NULL }, AT "26: User entry requires a user" },
    { USERS("user: '', " P), { NULL }, AT "27: User entry requires a user" },
    { USERS("user: u"), { NULL }, AT "26: " NO_PASSWORD },
    { USERS("user: u, password: ''"), { NULL }, AT "36: an empty password would admit everyone" },
    { USERS("user: u, password: $2a$11$s3"),
      { NULL },
      AT "36: the password begins like a bcrypt hash but is malformed; make one with: nats server "
         "passwd" },
    { USERS("user: u, passwor: $SECRET"),
      { NULL },
      AT "36: unknown field \"passwor\"; did you mean \"password\"?\n" AT "26: " NO_PASSWORD },
    { USERS(U ", proxy_required: true"),
      { NULL },
      AT "55: \"proxy_required\" is not supported yet" },
    { A("users: [ {" U "}\n{" U "} ]"),
      { NULL },
      "nats.conf:3:1: Duplicate user \"u\" detected; the first is at " AT "26" },
    { A("users: [ { nkey: " NKEY " }\n{ nkey: " NKEY " } ]"),
      { NULL },
      "nats.conf:3:1: Duplicate nkey \"" NKEY "\" detected; the first is at " AT "26" },
    { USERS("nkey: UABC"), { NULL }, AT "27: Not a valid public nkey for a user" },
    { USERS("nkey: " NKEY ", user: u"),
      { NULL },
      AT "27: Nkey users do not take usernames or passwords" },
    { USERS("user: u, connection_types: [ standrd ], " P),
      { NULL },
      AT "56: invalid connection types [\"standrd\"]" },
    { USERS("user: u, connection_types: 7, " P),
      { NULL },
      AT "54: invalid connection types [a whole number]" },
    { A("user: u"), { NULL }, AT "17: " NO_PASSWORD },
    { A("user: u, password: ''"), { NULL }, AT "26: an empty password would admit everyone" },
    { A(P), { NULL }, AT "17: a password needs a user" },
    { A("user: '', " P), { NULL }, AT "17: User entry requires a user" },
    { NULL, { "--user", "u" }, "--user: " NO_PASSWORD },
    { NULL, { "--pass", "s3cr3t" }, "--pass: a password needs a user: --user" },
    { NULL, { "--user=", "--pass=x" }, "--user: User entry requires a user" },
    { NULL,
      { "--user=u", "--pass=", "-a", "::1" },
      "--pass: an empty password would admit everyone" },
    { NULL, { "--user=a", "--user=b", "--pass=x", "-a=::1" }, "--user: given twice" },
    /* permissions */
    { PERMS("publish: 'a b'"), { NULL }, AT "78: subject \"a b\" is not a valid subject" },
    { PERMS("publish: [a..b, '>.b']"),
      { NULL },
      AT "79: subject \"a..b\" is not a valid subject\n" AT
         "85: subject \">.b\" is not a valid subject" },
    { PERMS("publish: $BAD"), { NULL }, AT "78: subject from a variable is not a valid subject" },
    { PERMS("subscribe: ['a b c', 'a b..c', ' a', 'a ']"),
      { NULL },
      AT "81: subject \"a b c\" is not a valid subject\n" AT
         "90: subject \"a b..c\" is not a valid subject\n" AT
         "100: subject \" a\" is not a valid subject\n" AT
         "106: subject \"a \" is not a valid subject" },
    { PERMS("subscribe: ''"), { NULL }, AT "80: subject \"\" is not a valid subject" },
    { PERMS("publish: 5"),
      { NULL },
      AT "78: Expected subject permissions to be a subject, or array of subjects, got a whole "
         "number" },
    { PERMS("publish: { allow: { a: b } }"),
      { NULL },
      AT "87: Expected subject permissions to be a subject, or array of subjects, got a map" },
    { USERS(U ", permissions: x"),
      { NULL },
      AT "55: Expected permissions to be a map/struct, got a string" },
    { USERS("user: u, permissions: { publih: a\nxyzzy: b }\n" P),
      { NULL },
      AT "51: Unknown field \"publih\" parsing permissions; did you mean \"publish\"?\n"
         "nats.conf:3:1: Unknown field \"xyzzy\" parsing permissions" },
    { USERS("user: u, permissions: { pub: { alow: a } }\n" P),
      { NULL },
      AT "58: Unknown field name \"alow\" parsing subject permissions, only 'allow' or 'deny' are "
         "permitted" },
    { PERMS("allow_responses: 5"),
      { NULL },
      AT "69: error parsing response permissions, expected a boolean or a map" },
    { PERMS("allow_responses: { max: x, expires: 5 }"),
      { NULL },
      AT "88: \"max\" wants a whole number\n" AT
         "96: error parsing expires, not a duration string such as \"30s\" or \"2m\"" },
    { PERMS("allow_responses: { expires: foo }"),
      { NULL },
      AT "88: error parsing expires: it wants a duration such as \"30s\" or \"2m\"" },
    { A("permissions: { publish: 'a b' }, token: $SECRET"),
      { NULL },
      AT "41: subject \"a b\" is not a valid subject" },
    { A("permissions: { publish: a }"),
      { NULL },
      "W " AT "1: authorization without a token: everyone may connect" },
    /* no_auth_user */
    { "no_auth_user: u",
      { NULL },
      "nats.conf:1:1: no_auth_user: \"u\" present, but users/nkeys are not defined" },
    { "no_auth_user: u\n" TOKENS(T),
      { NULL },
      "nats.conf:1:1: no_auth_user: \"u\" present, but users/nkeys are not defined" },
    { "no_auth_user: v\n" USERS(U),
      { NULL },
      "nats.conf:1:1: no_auth_user: \"v\" not present as user in authorization block or account "
      "configuration" },
    { "no_auth_user: u\nno_auth_user: u\n" USERS(U),
      { NULL },
      "nats.conf:2:1: \"no_auth_user\" is already set at nats.conf:1:1; remove one of the two" },
    /* mixtures, in a file, by flags, and of both */
    { A(U ", token: $SECRET"), { NULL }, AT "17: Cannot have a user/pass and token" },
    { A(U ", token_file: t.token"), { NULL }, AT "17: Cannot have a user/pass and token" },
    { A(P ", token: $SECRET"),
      { NULL },
      AT "17: a password needs a user\n" AT "17: Cannot have a user/pass and token" },
    { A(U ", users: [ {" U "} ]"),
      { NULL },
      AT "45: Can not have a single user/pass and a users array" },
    { A("token: $SECRET, users: [ {" U "} ]"),
      { NULL },
      AT "33: Can not have a token and a users array" },
    { A("tokens: [ {" T "} ], token: $OTHER"),
      { NULL },
      AT "17: Can not have a token and a tokens array" },
    { A("tokens: [ {" T "} ], " U),
      { NULL },
      AT "17: Can not have a single user/pass and a tokens array" },
    { A("tokens: [ {" T "} ], users: [ {" U "} ]"),
      { NULL },
      AT "17: Can not have a users array and a tokens array" },
    { A("users: [ {" U "} ]"), { "--auth", "x" }, AT "17: Can not have a token and a users array" },
    { A("tokens: [ {" T "} ]"),
      { "--auth-file", "t.token" },
      AT "17: Can not have a token and a tokens array" },
    { A(U), { "--auth", "x" }, AT "17: Cannot have a user/pass and token" },
    { A("token: $SECRET"),
      { "--user", "u", "--pass", "x" },
      "--user: Cannot have a user/pass and token" },
    { A("users: [ {" U "} ]"),
      { "--user", "v", "--pass", "x" },
      AT "17: Can not have a single user/pass and a users array" },
    { LOCAL, { "--user=u", "--pass=x", "--auth=y" }, "--user: Cannot have a user/pass and token" },
    /* what a flag overrides is said, and not warned of */
    { A("token_file: t.token"),
      { "--auth", "x" },
      "I --auth overrides the token_file of " AT "17" },
    { A("token: s3cr3t"),
      { "--auth-file=t.token" },
      "I --auth-file overrides the token of " AT "17" },
    { A("user: u, password: s3cr3t"),
      { "--user=v", "--pass=x" },
      "I --user overrides the user of " AT "17" },
    /* what the operator should know */
    { A("user: u, password: s3cr3t"),
      { NULL },
      "W " AT "36: the password is in plain text; configure its hash instead, made with: nats "
      "server passwd" },
    { A("tokens: [ { name: a, token: s3cr3t }, { name: b, token: " HASH " }, { name: c, token: "
        "s3cond } ]"),
      { NULL },
      "W " AT "45: this token is in plain text, and so are 1 more; configure their hashes instead, "
      "made with: nats server passwd" },
    { "authorization { users: [ {" U "} ] }",
      { NULL },
      "W nats.conf:1:26: clients send the password" NOT_LOCAL },
    { "authorization { token_file: t.token }",
      { NULL },
      "W nats.conf:1:17: clients send the token" NOT_LOCAL },
    { NULL, { "--auth-file=t.token" }, "W --auth-file: clients send the token" NOT_LOCAL },
    /* mistyped secrets stay hidden */
    { USERS("user: u, password: s3cr3t x"),
      { NULL },
      AT "53: Parse error on line 2: 'Expected a map value terminator \",\" or a map terminator "
         "\"}\".'\nW " AT "46: the password is in plain text; configure its hash instead, made "
         "with: nats server passwd" },
    { TOKENS("name: t, token: [s3cr3t]"),
      { NULL },
      AT "37: \"token\" wants a string, not an array" },
    { A("tokens: s3cr3t"), { NULL }, AT "17: Expected tokens field to be an array, got a string" },
};

static void
test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(findings); i++) {
        struct diags diags = { 0 };
        struct options *options = load(findings[i].text, findings[i].args, &diags);
        struct buf got = BUF_INIT;

        memory_put_diags(&diags, &got);
        if (strcmp(buf_cstr(&got), findings[i].want) != 0)
            fail_msg("file: %s %s\n got: %s\nwant: %s", findings[i].text, findings[i].args[0],
                     buf_cstr(&got), findings[i].want);
        buf_release(&got);
        options_free(options);
        diags_release(&diags);
    }
}

/* Cut at every byte: it ends, and no finding shows a secret. */
static void
check_cuts(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    for (size_t cut = 0; cut < len; cut++) {
        char *part = strndup(text, cut);
        struct diags diags = { 0 };
        struct buf got = BUF_INIT;

        options_free(load(part, NULL, &diags));
        memory_put_diags(&diags, &got);
        if (strstr(buf_cstr(&got), "s3") != NULL || strstr(buf_cstr(&got), "PWIF") != NULL)
            fail_msg("file: %s\nshows: %s", part, buf_cstr(&got));
        buf_release(&got);
        diags_release(&diags);
        free(part);
    }
}

static void
test_secrets_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++)
        check_cuts(goods[i].text);
    for (size_t i = 0; i < COUNT(findings); i++)
        check_cuts(findings[i].text);
}

static void
put_hashes(struct buf *out, int count)
{
    buf_append_str(out, LOCAL "authorization { tokens: [\n");
    for (int i = 0; i < count; i++)
        buf_printf(out, "{ name: t%d, token: \"$2a$%02d$" TAIL "\" }\n", i, 4 + i);
    buf_append_str(out, "] }");
}

static void
test_many_hashes(void **state)
{
    static const char *const wants[] = {
        "", AT "17: 9 bcrypted tokens, but at most 8: a client's token may have to be tried "
               "against each; keep further ones in plain text in a token_file"
    };

    (void)state;
    for (int over = 0; over <= 1; over++) {
        struct buf text = BUF_INIT, got = BUF_INIT;
        struct diags diags = { 0 };

        put_hashes(&text, AUTH_HASHES_TRIED_MAX + over);
        options_free(load(buf_cstr(&text), NULL, &diags));
        memory_put_diags(&diags, &got);
        assert_string_equal(buf_cstr(&got), wants[over]);
        buf_release(&text);
        buf_release(&got);
        diags_release(&diags);
    }
}

static struct options *
load_quiet(const char *text, const char *const *args)
{
    struct diags diags = { 0 };
    struct options *options = load(text, args, &diags);

    if (options == NULL)
        fail_msg("%s", text);
    diags_release(&diags);
    return options;
}

static void
collect(void *context, const struct option_row *row)
{
    assert_int_equal(row->reload, OPTION_LIVE);
    buf_printf(context, "%.*s ", (int)option_name(row).len, option_name(row).data);
}

/* What a reload sees, and whether the digest, which tells no secret, changes with it. */
static void
test_diff(void **state)
{
    static const char a_token[] = TOKENS("name: a, token: x");
    static const char a_user[] = USERS("user: u, password: x");
    static const struct {
        const char *a, *b, *want;
        bool same_digest;
    } pairs[] = {
        { A("token: a"), A("token: a"), "", true },
        { A("token: a"), A("token: b"), "token ", true },
        { A("token: s3cr3t"), A("token_file: t.token"), "", true },
        { A("token: a"), A("user: u, password: a"), "token users ", false },
        { A("token: a"), LOCAL, "token ", false },
        { A("token: a"), A("token: a, timeout: 3"), "timeout ", false },
        { a_token, A("token: x"), "token ", false },
        { a_token, TOKENS("name: b, token: x"), "token ", false },
        { a_token, TOKENS("name: a, token: x, expires: 2100-01-01T00:00:00Z"), "token ", false },
        { a_token, TOKENS("name: a, token: x, clients: mqtt"), "token ", false },
        { a_user, A("user: u, password: x"), "", true },
        { a_user, USERS("user: u, password: y"), "users ", true },
        { a_user, USERS("user: v, password: x"), "users ", false },
        { a_user, USERS("nkey: " NKEY), "users ", false },
        { PERMS("publish: a"), PERMS("publish: a, subscribe: {}"), "", true },
        { PERMS("publish: a"), PERMS("publish: [a, b]"), "users ", false },
        { PERMS("publish: []"), PERMS("publish: {}"), "users ", false },
        { PERMS("publish: a"), PERMS("publish: { deny: a }"), "users ", false },
        { PERMS("publish: a"), PERMS("subscribe: a"), "users ", false },
        { PERMS("publish: a"), PERMS("publish: a, allow_responses: true"), "users ", false },
        { PERMS("allow_responses: true"), PERMS("allow_responses: { max: 2 }"), "users ", false },
        { PERMS("publish: a"), A("users: [ {" U "} ], default_permissions: { publish: a }"), "",
          true },
        { USERS(U), "no_auth_user: u\n" USERS(U), "no_auth_user ", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct options *a = load_quiet(pairs[i].a, NULL), *b = load_quiet(pairs[i].b, NULL);
        bool same = pairs[i].want[0] == '\0' || strcmp(pairs[i].want, "timeout ") == 0;
        struct buf got = BUF_INIT;

        options_diff(a, b, collect, &got);
        if (strcmp(buf_cstr(&got), pairs[i].want) != 0 ||
            (strcmp(a->config_digest, b->config_digest) == 0) != pairs[i].same_digest)
            fail_msg("%s\n%s: %s", pairs[i].a, pairs[i].b, buf_cstr(&got));
        assert_int_equal(auth_options_equal(&a->auth, &b->auth), same);
        buf_release(&got);
        options_free(a);
        options_free(b);
    }
}

/* A flag changes what is in force, not what the file says. */
static void
test_digest_without_flags(void **state)
{
    static const char *const args[] = { "--auth", "x", "-a", "127.0.0.1" };
    struct options *a = load_quiet("port: 1", NULL), *b = load_quiet("port: 1", args);

    (void)state;
    assert_string_equal(a->config_digest, b->config_digest);
    assert_int_equal(b->auth.count, 1);
    options_free(a);
    options_free(b);
}

static void
test_nkeys(void **state)
{
    unsigned char key[NKEY_PUBLIC_LEN];
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        { NKEY, true },
        { "", false },
        { "U", false },
        { "AAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB776S", false }, /* an account */
        { "NAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6CRG", false }, /* a server */
        { "UAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63NM", false }, /* CRC */
        { "UBAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63NN", false }, /* key */
        { "uaaacaqdaqcqmbyibefawdanbyhraeiscmkbkfqxdamrugy4dupb63nn", false },
        { "UAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63N1", false }, /* no letter */
        { NKEY "A", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (nkey_text_decode(str_of(rows[i].text), NKEY_USER, key) != rows[i].valid)
            fail_msg("%s", rows[i].text);
}

/* A real file: it is read again at each load, and its mode is looked at. */
static void
test_token_file(void **state)
{
    static const struct {
        mode_t mode;
        const char *token;
        bool warned;
    } rounds[] = { { 0600, "one", false }, { 0640, "two", false }, { 0604, "six", true } };
    char path[] = "token_XXXXXX"; /* in the build folder */
    const char *argv[] = { "nats-server", "--auth-file", path, "-a", "127.0.0.1" };
    struct flags flags = { 0 };
    int fd = mkstemp(path);

    (void)state;
    assert_int_not_equal(fd, -1);
    assert_int_equal(flags_parse(&flags, 5, (char **)(uintptr_t)argv), FLAGS_RUN);
    for (size_t i = 0; i < COUNT(rounds); i++) {
        struct buf got = BUF_INIT, want = BUF_INIT;
        struct diags diags = { 0 };
        struct options *options;

        assert_int_equal(fchmod(fd, rounds[i].mode), 0);
        assert_int_equal(pwrite(fd, rounds[i].token, 3, 0), 3);
        options = options_load(&flags, &diags);
        assert_non_null(options);
        assert_string_equal(options->auth.entries[0].secret, rounds[i].token);
        memory_put_diags(&diags, &got);
        if (rounds[i].warned)
            buf_printf(&want,
                       "W --auth-file: others may read %s, which holds a secret; close it with: "
                       "chmod o-r %s",
                       path, path);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        buf_release(&got);
        buf_release(&want);
        options_free(options);
        diags_release(&diags);
    }
    flags_free(&flags);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_secrets_cut), cmocka_unit_test(test_many_hashes),
        cmocka_unit_test(test_diff),        cmocka_unit_test(test_digest_without_flags),
        cmocka_unit_test(test_nkeys),       cmocka_unit_test(test_token_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

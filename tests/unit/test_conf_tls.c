/* SPDX-License-Identifier: Apache-2.0
 *
 * tls {} and its flags to struct tls_options: every field, good and bad, with its place.
 */
#include "conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/memory_host.h"
#include "conf/option_table.h"
#include "conf/parser.h"
#include "conf/reader.h"
#include "conf/tls_reader.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The line of a field under test is the second. */
#define B(fields) "tls { cert_file: c.pem, key_file: k.pem\n" fields "\n}"
#define T(fields) "tls {\n" fields "\n}"
#define V         "ca_file: ca.pem, verify: true, "
#define USERS     "\nauthorization { users: [ { user: a, password: $SECRET } ] }"

#define PIN63  "123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"
#define PIN    "0" PIN63
#define AT     "nats.conf:2:1: "
#define AT_TLS "nats.conf:1:1: "
#define NO_PIN(p)                                                                                  \
    "error parsing tls config, 'pinned_certs' key " p " does not look like hex-encoded sha256 of " \
    "DER encoded SubjectPublicKeyInfo"
#define EMPTY(name) "error parsing tls config, '" name "' cannot be empty"
#define WEAK        "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: "
#define NO_CA                                                                                      \
    "without a ca_file, certificates of every authority that this system trusts are accepted"
#define ALL_PASS   "Clients that are not using \"TLS Handshake First\" option will fail to connect"
#define NEEDS_CERT "TLS Server certificate must be present and valid: "
#define LISTED     "; nats-server --help_tls lists them"
#define VERSIONS   "; \"1.2\" or \"1.3\""

static const struct memory_pair env[] = {
    { "SECRET", "s3cr3t" },
    { "CIPHER", "TLS_NOPE" },
    { "CERT", "c.pem" },
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
    struct memory memory = { .env = env };

    return memory_load(&memory, row->text, row->args, diags);
}

static void
put_names(struct buf *out, const char *title, const struct tls_name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? title : ",", list->items[i]);
}

/* "c.pem/k.pem ca=ca.pem verify map ...": what is not the default. */
static void
put_tls(struct buf *out, const struct tls_options *tls)
{
    static const char *const firsts[] = { "", " first", " auto" };

    if (!tls->enabled) {
        buf_append_str(out, "off");
        return;
    }
    for (size_t i = 0; i < tls->pair_count; i++)
        buf_printf(out, "%s%s/%s", i == 0 ? "" : ",", tls->pairs[i].cert_file,
                   tls->pairs[i].key_file);
    if (tls->ca_file != NULL)
        buf_printf(out, " ca=%s", tls->ca_file);
    buf_printf(out, "%s%s%s%s%s", tls->verify ? " verify" : "", tls->verify_and_map ? " map" : "",
               tls->verify_and_check ? " check" : "", tls->insecure ? " insecure" : "",
               tls->allow_insecure_ciphers ? " weak" : "");
    put_names(out, " ciphers=", &tls->ciphers);
    put_names(out, " curves=", &tls->curves);
    if (tls->min_version == TLS_MIN_1_3)
        buf_append_str(out, " 1.3");
    if (tls->timeout_ns != 2 * CLOCK_NS_PER_S)
        buf_printf(out, " timeout=%dms", (int)(tls->timeout_ns / CLOCK_NS_PER_MS));
    buf_append_str(out, firsts[tls->handshake_first]);
    if (tls->handshake_first_ns != 50 * CLOCK_NS_PER_MS)
        buf_printf(out, "=%dms", (int)(tls->handshake_first_ns / CLOCK_NS_PER_MS));
    if (tls->connection_rate_limit != 0)
        buf_printf(out, " rate=%d", (int)tls->connection_rate_limit);
    for (size_t i = 0; i < tls->pin_count; i++)
        buf_printf(out, " pin=%02x..%02x", tls->pins[i][0], tls->pins[i][TLS_PIN_LEN - 1]);
}

static const struct row goods[] = {
    { "port: 1", { NULL }, "off" },
    { NULL, { NULL }, "off" },
    /* certificates */
    { B(""), { NULL }, "c.pem/k.pem" },
    { "TLS { Cert_File: c.pem, 'KEY_FILE': \"k.pem\" }", { NULL }, "c.pem/k.pem" },
    { "{ \"tls\": { \"cert_file\": \"c.pem\", \"key_file\": \"k.pem\" } }",
      { NULL },
      "c.pem/k.pem" },
    { "tls { cert_file: $CERT, key_file: 7 }", { NULL }, "c.pem/7" },
    { T("certs: [ {cert_file: a, key_file: b}\n{cert_file: c, key_file: d} ]"),
      { NULL },
      "a/b,c/d" },
    { T("certificates: [ {cert_file: a, key_file: b} ]"), { NULL }, "a/b" },
    /* verification */
    { B("ca_file: ca.pem"), { NULL }, "c.pem/k.pem ca=ca.pem" },
    { B(V), { NULL }, "c.pem/k.pem ca=ca.pem verify" },
    { B("ca_file: ca.pem, verify: false"), { NULL }, "c.pem/k.pem ca=ca.pem" },
    { B("ca_file: ca.pem, verify_and_map: true") USERS,
      { NULL },
      "c.pem/k.pem ca=ca.pem verify map" },
    { B("verify_cert_and_check_known_urls: false"), { NULL }, "c.pem/k.pem" },
    { B("insecure: true"), { NULL }, "c.pem/k.pem insecure" },
    { B(V "pinned_certs: [" PIN ",'" PIN "']"),
      { NULL },
      "c.pem/k.pem ca=ca.pem verify pin=01..ef pin=01..ef" },
    /* what is offered */
    { B("cipher_suites: [TLS_AES_128_GCM_SHA256, \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"]"),
      { NULL },
      "c.pem/k.pem ciphers=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
    { B("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA], allow_insecure_cipher_suites: true"),
      { NULL },
      "c.pem/k.pem weak ciphers=TLS_RSA_WITH_AES_128_CBC_SHA" },
    { B("curve_preferences: [X25519\nCurveP256]"),
      { NULL },
      "c.pem/k.pem curves=X25519,CurveP256" },
    { B("min_version: '1.2'"), { NULL }, "c.pem/k.pem" },
    { B("min_version: \"1.3\""), { NULL }, "c.pem/k.pem 1.3" },
    { B("min_version: 1.3"), { NULL }, "c.pem/k.pem 1.3" },
    /* times */
    { B("timeout: 3"), { NULL }, "c.pem/k.pem timeout=3000ms" },
    { B("timeout: 0.5"), { NULL }, "c.pem/k.pem timeout=500ms" },
    { B("timeout: '250ms'"), { NULL }, "c.pem/k.pem timeout=250ms" },
    { B("timeout: 0"), { NULL }, "c.pem/k.pem" },
    { B("connection_rate_limit: 100"), { NULL }, "c.pem/k.pem rate=100" },
    { B("handshake_first: true"), { NULL }, "c.pem/k.pem first" },
    { B("first: 'on'"), { NULL }, "c.pem/k.pem first" },
    { B("handshake_first: no"), { NULL }, "c.pem/k.pem" },
    { B("handshake_first: \"False\""), { NULL }, "c.pem/k.pem" },
    { B("immediate: auto"), { NULL }, "c.pem/k.pem auto" },
    { B("handshake_first: AUTO_FALLBACK"), { NULL }, "c.pem/k.pem auto" },
    { B("handshake_first: 300ms"), { NULL }, "c.pem/k.pem auto=300ms" },
    { B("handshake_first: '0s'"), { NULL }, "c.pem/k.pem first" },
    /* flags: they replace what they name */
    { NULL, { "--tlscert", "a", "--tlskey=b" }, "a/b" },
    { NULL, { "--tls", "--tlscert=a", "--tlskey", "b" }, "a/b" },
    { NULL, { "--tlsverify", "--tlscert=a", "--tlskey=b", "--tlscacert=c" }, "a/b ca=c verify" },
    { B(""), { "--tls" }, "c.pem/k.pem" },
    { B(V), { "--tlscert=a", "--tlskey=b" }, "a/b ca=ca.pem verify" },
    { B(V), { "--tlsverify=false", "--tlscacert=z" }, "c.pem/k.pem ca=z" },
    { T("certs: [ {cert_file: a, key_file: b}\n{cert_file: c, key_file: d} ]"),
      { "--tlscert=e", "--tlskey=f" },
      "e/f" },
    { T("min_version: '1.3', timeout: 9"),
      { "--tlscert=a", "--tlskey=b" },
      "a/b 1.3 timeout=9000ms" },
    { B("cipher_suites: [TLS_AES_128_GCM_SHA256], curve_preferences: [X25519]"),
      { "--tlscert=a", "--tlskey=b" },
      "a/b ciphers=TLS_AES_128_GCM_SHA256 curves=X25519" },
    { B(""), { "--tls=false" }, "off" },
    { B(""), { "--tls=false", "--tlscert=a" }, "off" },
    { NULL, { "--tls=false", "--tlscacert=a" }, "off" },
};

static void
test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++) {
        struct diags diags = { 0 };
        struct options *options = load(&goods[i], &diags);
        struct buf got = BUF_INIT;

        if (options == NULL) {
            memory_put_diags(&diags, &got);
            fail_msg("file: %s\nrefused: %s", goods[i].text, buf_cstr(&got));
        }
        put_tls(&got, &options->tls);
        if (strcmp(buf_cstr(&got), goods[i].want) != 0)
            fail_msg("file: %s\n got: %s\nwant: %s", goods[i].text, buf_cstr(&got), goods[i].want);
        buf_release(&got);
        options_free(options);
        diags_release(&diags);
    }
}

static const struct row findings[] = {
    /* nothing to say */
    { B(V) "\nallow_non_tls: true", { NULL }, "" },
    { B(V "handshake_first: auto") "\nallow_non_tls: true", { NULL }, "" },
    { "host: 127.0.0.1", { "--tlscert=a", "--tlskey=b" }, "" },
    { T("cert: c.pem, cert_file: $cert, key_file: k.pem"), { NULL }, "" },
    /* the block */
    { "tls: true", { NULL }, AT_TLS "\"tls\" wants a map: { ... }, not true or false" },
    { "tls: [1]", { NULL }, AT_TLS "\"tls\" wants a map: { ... }, not an array" },
    { B("") "\ntls { }",
      { NULL },
      "nats.conf:4:1: \"tls\" is already set at nats.conf:1:1; remove one of the two" },
    { B("timeout: 1\ntimeout: 2"),
      { NULL },
      "nats.conf:3:1: \"timeout\" is already set at nats.conf:2:1; remove one of the two" },
    { B("first: auto, immediate: auto"),
      { NULL },
      "nats.conf:2:14: \"immediate\" is already set at nats.conf:2:1; remove one of the two" },
    { B("cert_file: d.pem"),
      { NULL },
      AT "\"cert_file\" is already set at nats.conf:1:7; remove one of the two" },
    { B("bogus: true"), { NULL }, AT "error parsing tls config, unknown field \"bogus\"" },
    { B("verfy: true"),
      { NULL },
      AT "error parsing tls config, unknown field \"verfy\"; did you mean \"verify\"?" },
    { B("port: 1"),
      { NULL },
      AT "error parsing tls config, unknown field \"port\"; it belongs to the top level" },
    { "\nca_file: ca.pem", { NULL }, AT "unknown field \"ca_file\"; it belongs into tls" },
    /* known to the reference */
    { B("ocsp_peer: true"), { NULL }, AT "\"ocsp_peer\" is not supported yet" },
    { B("cert_store: x"), { NULL }, AT "\"cert_store\" is not supported yet" },
    { B("cert_match: x"), { NULL }, AT "\"cert_match\" is not supported yet" },
    { B("cert_match_by: x"), { NULL }, AT "\"cert_match_by\" is not supported yet" },
    { B("cert_match_skip_invalid: true"),
      { NULL },
      AT "\"cert_match_skip_invalid\" is not supported yet" },
    { B("ca_certs_match: [x]"), { NULL }, AT "\"ca_certs_match\" is not supported yet" },
    /* certificates */
    { "tls { }",
      { NULL },
      AT_TLS "missing 'cert_file' in TLS configuration: nobody could connect" },
    { T("cert_file: c.pem"), { NULL }, AT_TLS "missing 'key_file' in TLS configuration" },
    { T("key_file: c.pem"), { NULL }, AT_TLS "missing 'cert_file' in TLS configuration" },
    { T("cert_file: '', key_file: k"), { NULL }, AT "\"cert_file\" needs the name of a file" },
    { T("key_file: {}, cert_file: k"), { NULL }, AT "\"key_file\" wants a string, not a map" },
    { T("key_file: \"a\\x00b\", cert_file: k"), { NULL }, AT "\"key_file\" holds a NUL byte" },
    { T("certs: []"), { NULL }, AT EMPTY("certs") },
    { T("certs: { cert_file: a, key_file: b }"),
      { NULL },
      AT "\"certs\" wants an array, not a map" },
    { T("certs: [ a ]"),
      { NULL },
      "nats.conf:2:10: error parsing certificates config: unsupported type a string" },
    { T("certs: [ { cert_file: a } ]"),
      { NULL },
      "nats.conf:2:10: error parsing certificates config: both 'cert_file' and 'key_file' options "
      "are required" },
    { T("certs: [ { cert_file: a, key_file: b, ca_file: c } ]"),
      { NULL },
      "nats.conf:2:39: error parsing tls certs config, unknown field \"ca_file\"; it belongs into "
      "tls" },
    { T("certs: [ { cert_file: a, key_file: [b] } ]"),
      { NULL },
      "nats.conf:2:26: \"key_file\" wants a string, not an array" },
    { B("certs: [ { cert_file: a, key_file: b } ]"),
      { NULL },
      AT_TLS "error parsing tls config, cannot combine 'cert_file' option with 'certs' option" },
    /* verification */
    { B("verify: 'yes'"), { NULL }, AT "\"verify\" wants true or false, not the quoted \"yes\"" },
    { B("verify: true"), { NULL }, "W " AT NO_CA },
    { B("verify_and_map: true") USERS, { NULL }, "W " AT NO_CA },
    { B("ca_file: ca.pem\nverify_and_map: true"),
      { NULL },
      "W nats.conf:3:1: there are no users that a certificate could name" },
    { B("verify_cert_and_check_known_urls: true\nca_file: c"),
      { NULL },
      AT "verify_cert_and_check_known_urls not supported in this context" },
    { B("insecure: true"),
      { NULL },
      "W " AT "without effect: it is about servers that are dialled, not about clients" },
    { B("pinned_certs: ['" PIN "']"),
      { NULL },
      "W " AT "without verify no client is asked for a certificate, so none can have a pinned one: "
      "nobody may connect" },
    { B("pinned_certs: []"), { NULL }, AT EMPTY("pinned_certs") },
    { B("pinned_certs: '" PIN "'"), { NULL }, AT "\"pinned_certs\" wants an array, not a string" },
    { B("pinned_certs: [\"\\x10" PIN63 "\"]"), { NULL }, "nats.conf:2:16: " NO_PIN("\\x10" PIN63) },
    { B("pinned_certs: [abc]"), { NULL }, "nats.conf:2:16: " NO_PIN("abc") },
    { B("pinned_certs: [\n" PIN "0]"), { NULL }, "nats.conf:3:1: " NO_PIN(PIN) },
    { B(V "pinned_certs: [" PIN
          "\n'zz23456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF'"
          "\n{}]"),
      { NULL },
      "nats.conf:3:1: " NO_PIN(
          "zz23456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF") "\nnats.conf:4:1:"
                                                                              " " NO_PIN("a map") },
    /* what is offered */
    { B("cipher_suites: []"), { NULL }, AT EMPTY("cipher_suites") },
    { B("cipher_suites: TLS_AES_128_GCM_SHA256"),
      { NULL },
      AT "\"cipher_suites\" wants an array, not a string" },
    { B("cipher_suites: [NOPE\ntls_aes_128_gcm_sha256, $CIPHER\n7 ]"),
      { NULL },
      "nats.conf:2:17: unrecognized cipher NOPE" LISTED "\n"
      "nats.conf:3:1: unrecognized cipher tls_aes_128_gcm_sha256" LISTED "\n"
      "nats.conf:3:25: unrecognized cipher (of a variable)" LISTED "\n"
      "nats.conf:4:1: unrecognized cipher 7" LISTED },
    { B("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA, TLS_AES_128_GCM_SHA256, "
        "TLS_RSA_WITH_AES_128_CBC_SHA]"),
      { NULL },
      AT WEAK "TLS_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_AES_128_CBC_SHA" },
    { B("allow_insecure_cipher_suites: 1"),
      { NULL },
      AT "\"allow_insecure_cipher_suites\" wants true or false, not \"1\"" },
    { B("curve_preferences: []"), { NULL }, AT EMPTY("curve_preferences") },
    { B("curve_preferences: [P256]"),
      { NULL },
      "nats.conf:2:21: unrecognized curve preference P256" LISTED },
    { B("min_version: 1.1"),
      { NULL },
      AT "error parsing tls config: unsupported TLS version: TLS 1.1" VERSIONS },
    { B("min_version: TLS1.3"),
      { NULL },
      AT "error parsing tls config: unknown version: TLS1.3" VERSIONS },
    { B("min_version: []"), { NULL }, AT "\"min_version\" wants a string, not an array" },
    /* times */
    { B("timeout: -1"), { NULL }, AT "\"timeout\" must be from 1ms to 1h0m0s, not -1s" },
    { B("timeout: x"),
      { NULL },
      AT "\"timeout\" wants a number of seconds or a duration such as \"2s\", not \"x\"" },
    { B("connection_rate_limit: -1"),
      { NULL },
      AT "\"connection_rate_limit\" must be at least 0, not -1" },
    { B("connection_rate_limit: x"),
      { NULL },
      AT "\"connection_rate_limit\" wants a whole number, not \"x\"" },
    { B("handshake_first: 10"),
      { NULL },
      AT "field \"handshake_first\" should be a boolean or a string, got a whole number" },
    { B("first: \"\""),
      { NULL },
      AT "field \"first\"'s value \"\" is invalid: true, false, auto or a duration of at most an "
         "hour" },
    { B("handshake_first: $SECRET"),
      { NULL },
      AT "field \"handshake_first\"'s value \"(of a variable)\" is invalid: true, false, auto or a "
         "duration of at most an hour" },
    { B("handshake_first: '-1s'"),
      { NULL },
      AT "field \"handshake_first\"'s value \"-1s\" is invalid: true, false, auto or a duration of "
         "at most an hour" },
    { B("handshake_first: true"), { NULL }, "W " AT ALL_PASS },
    { B("handshake_first: true") "\nallow_non_tls: true",
      { NULL },
      "W nats.conf:4:1: without effect: handshake_first refuses who speaks in clear\nW " AT
          ALL_PASS },
    { "\nallow_non_tls: true", { NULL }, "W " AT "without effect: there is no tls" },
    { "\nallow_non_tls: 'x'",
      { NULL },
      AT "\"allow_non_tls\" wants true or false, not the quoted \"x\"" },
    /* flags */
    { NULL, { "--tls" }, "--tls: " NEEDS_CERT "--tlscert and --tlskey name it" },
    { NULL,
      { "--tlscert", "a" },
      "--tlscert: TLS Server private key must be present and valid: "
      "--tlskey names it" },
    { NULL, { "--tlskey", "a" }, "--tlskey: " NEEDS_CERT "--tlscert names it" },
    { B(""), { "--tlskey", "a" }, "--tlskey: " NEEDS_CERT "--tlscert names it" },
    { NULL, { "--tlscert=", "--tlskey", "a" }, "--tlscert: " NEEDS_CERT "--tlscert names it" },
    { NULL,
      { "--tlsverify" },
      "--tlsverify: " NEEDS_CERT "--tlscert and --tlskey name it\n"
      "W --tlsverify: " NO_CA },
    { NULL, { "--tlscacert=a" }, "--tlscacert: " NEEDS_CERT "--tlscert and --tlskey name it" },
    { B("ca_file: c, verify_and_map: true") USERS,
      { "--tlsverify=false" },
      "--tlsverify: cannot be turned off: the file says verify_and_map, which needs it" },
    { B(""), { "--tls=false" }, "I --tls=false overrides the tls of nats.conf:1:1" },
};

static void
test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(findings); i++) {
        const struct row *row = &findings[i];
        struct diags diags = { 0 };
        struct options *options = load(row, &diags);
        struct buf got = BUF_INIT;

        memory_put_diags(&diags, &got);
        if (strcmp(buf_cstr(&got), row->want) != 0)
            fail_msg("file: %s\n got: %s\nwant: %s", row->text, buf_cstr(&got), row->want);
        buf_release(&got);
        options_free(options);
        diags_release(&diags);
    }
}

#define TOKEN "authorization { token: $SECRET }\n"

/* The warning about secrets on an open listener: only where clients may speak in clear. */
static void
test_clear_text(void **state)
{
    static const struct {
        const char *text, *args[4];
        bool warned;
    } rows[] = {
        { TOKEN, { NULL }, true },
        { TOKEN B(""), { NULL }, false },
        { TOKEN, { "--tlscert=a", "--tlskey=b" }, false },
        { TOKEN B(""), { "--tls=false" }, true },
        { TOKEN B("") "\nallow_non_tls: true", { NULL }, true },
        { TOKEN B("first: true") "\nallow_non_tls: true", { NULL }, false },
        { TOKEN B("first: auto") "\nallow_non_tls: true", { NULL }, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct row row = { .text = rows[i].text };
        struct diags diags = { 0 };
        struct buf got = BUF_INIT;

        memcpy(row.args, rows[i].args, sizeof(row.args));
        options_free(load(&row, &diags));
        memory_put_diags(&diags, &got);
        assert_int_equal(diags.errors, 0);
        if ((strstr(buf_cstr(&got), "unencrypted") != NULL) != rows[i].warned)
            fail_msg("file: %s\n got: %s", row.text, buf_cstr(&got));
        buf_release(&got);
        diags_release(&diags);
    }
}

/* Where an error of opening the files is to be reported. */
static void
test_places(void **state)
{
    static const struct row file = {
        "port: 1\ntls {\n  ca_file: a\n  certs: [\n    {cert_file: a, key_file: b}\n"
        "    {key_file: d, cert_file: c}\n  ]\n}",
        { NULL },
        NULL
    };
    static const struct row flags = { "tls { verify: true }",
                                      { "--tlscert=a", "--tlskey=b", "--tlscacert=c" },
                                      NULL };
    struct diags diags = { 0 };
    struct options *options = load(&file, &diags);
    const struct tls_options *tls = &options->tls;

    (void)state;
    assert_string_equal(tls_options_at(tls, TLS_FIELD_BLOCK, 0), "nats.conf:2:1");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_CA_FILE, 0), "nats.conf:3:3");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_CERT_FILE, 0), "nats.conf:5:6");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_KEY_FILE, 0), "nats.conf:5:20");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_CERT_FILE, 1), "nats.conf:6:19");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_KEY_FILE, 1), "nats.conf:6:6");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_MIN_VERSION, 0), "nats.conf:2:1");
    options_free(options);
    options = load(&flags, &diags);
    tls = &options->tls;
    assert_string_equal(tls_options_at(tls, TLS_FIELD_BLOCK, 0), "nats.conf:1:1");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_CERT_FILE, 0), "--tlscert");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_KEY_FILE, 0), "--tlskey");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_CA_FILE, 0), "--tlscacert");
    assert_string_equal(tls_options_at(tls, TLS_FIELD_VERIFY, 0), "nats.conf:1:7");
    options_free(options);
    diags_release(&diags);
}

/* The block of another owner, which has no flags. */
static void
test_routes(void **state)
{
    static const struct {
        const char *text, *tls, *want;
    } rows[] = {
        { B("ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify", "" },
        { B(V "verify_cert_and_check_known_urls: true"), "c.pem/k.pem ca=ca.pem verify check", "" },
        { B(""), "c.pem/k.pem verify", "W " AT_TLS NO_CA },
        { B("ca_file: ca.pem, pinned_certs: [" PIN "]"), "c.pem/k.pem ca=ca.pem verify pin=01..ef",
          "" },
        { B("verify: false, ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify",
          "W " AT "without effect: routes are verified in any case" },
        { B("insecure: true, ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify insecure",
          "W " AT "TLS certificate chain and hostname of solicited routes will not be verified. DO "
          "NOT USE IN PRODUCTION!" },
        { B("verify_and_map: true, ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify map",
          "W " AT "without effect: routes have no users, and are verified in any case" },
        { B("handshake_first: auto, ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify auto",
          "W " AT "without effect: routes always begin with the handshake" },
        { B("connection_rate_limit: 9, ca_file: ca.pem"), "c.pem/k.pem ca=ca.pem verify rate=9",
          "W " AT "without effect: it is about clients" },
        { "tls { }", " verify",
          AT_TLS
          "missing 'cert_file' in TLS configuration: nobody could connect\nW " AT_TLS NO_CA },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct memory memory = { .env = env, .main_text = str_of(rows[i].text) };
        struct conf_host host = memory_host(&memory);
        struct conf_tree tree = { 0 };
        struct diags diags = { 0 };
        struct tls_options options;
        struct tls_reader reader = { .options = &options, .diags = &diags, .owner = TLS_OF_ROUTES };
        struct buf tls = BUF_INIT, got = BUF_INIT;

        host.secrecy = reader_secrecy;
        tls_options_init(&options);
        conf_parse(&tree, &host, "nats.conf", &diags);
        tls_read_block(&reader, tree.entries);
        tls_reader_check(&reader);
        put_tls(&tls, &options);
        memory_put_diags(&diags, &got);
        if (strcmp(buf_cstr(&tls), rows[i].tls) != 0 || strcmp(buf_cstr(&got), rows[i].want) != 0)
            fail_msg("file: %s\n got: %s: %s\nwant: %s: %s", rows[i].text, buf_cstr(&tls),
                     buf_cstr(&got), rows[i].tls, rows[i].want);
        buf_release(&tls);
        buf_release(&got);
        tls_options_release(&options);
        conf_tree_release(&tree);
        diags_release(&diags);
    }
}

static void
count_tls(void *context, const struct option_row *row)
{
    int *count = context;

    assert_int_equal(row->type, OPTION_TLS);
    assert_int_equal(row->reload, OPTION_LIVE);
    ++*count;
}

/* What a reload sees; the digest changes with it. */
static void
test_diff(void **state)
{
    static const char *const texts[] = {
        "max_payload: 1MB",
        B(""),
        "\n\n" B("timeout: 2, handshake_first: false"), /* equal to the one before */
        T("cert_file: c.pem, key_file: c.pem"),
        T("certs: [ {cert_file: c.pem, key_file: k.pem}, {cert_file: c.pem, key_file: k.pem} ]"),
        B("ca_file: ca.pem"),
        B("verify: true"),
        B("verify_and_map: true"),
        B("insecure: true"),
        B("cipher_suites: [TLS_AES_128_GCM_SHA256]"),
        B("curve_preferences: [X25519]"),
        B("allow_insecure_cipher_suites: true"),
        B("min_version: 1.3"),
        B("pinned_certs: [" PIN "]"),
        B("timeout: 1"),
        B("handshake_first: auto"),
        B("handshake_first: 51ms"),
        B("connection_rate_limit: 1"),
    };
    struct options *options[COUNT(texts)];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct row row = { .text = texts[i] };
        struct diags diags = { 0 };

        options[i] = load(&row, &diags);
        assert_non_null(options[i]);
        diags_release(&diags);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t k = 0; k < COUNT(texts); k++) {
            bool same = i == k || (i + k == 3 && i * k == 2);
            int count = 0;

            options_diff(options[i], options[k], count_tls, &count);
            if (count != !same ||
                (strcmp(options[i]->config_digest, options[k]->config_digest) == 0) != same)
                fail_msg("%s\nand\n%s", texts[i], texts[k]);
        }
    }
    for (size_t i = 0; i < COUNT(texts); i++)
        options_free(options[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),       cmocka_unit_test(test_findings),
        cmocka_unit_test(test_clear_text), cmocka_unit_test(test_places),
        cmocka_unit_test(test_diff),       cmocka_unit_test(test_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

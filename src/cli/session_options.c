/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials: the user information of the first URL that has one is given to libnats as
 * options, which cover every server of the list and those learned later. A list whose URLs
 * carry different ones is refused rather than sent to the wrong server.
 *
 * TLS: a tls:// URL or any TLS flag asks for it, and then no server of the list gets anything
 * without it; libnats 3.4 alone would fall back to plain text on both. Nor does libnats trust
 * the authorities of --tlsca only, but the system's besides.
 */
#include "cli/session_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/text.h"
#include "cli/tls_diagnosis.h"

#define SERVER_DEFAULT "nats://127.0.0.1:4222"
/* The reference client's limit of messages that wait for a slow reader of our output. */
#define PENDING_MSGS_MAX (512 * 1024)
#define DIAGNOSIS_MS_MAX 2000 /* a server; it comes after a connection that already failed */

/* Where OpenSSL looks for the system's authorities. */
#define SYSTEM_CA_FILE "SSL_CERT_FILE"
#define SYSTEM_CA_DIR  "SSL_CERT_DIR"

/* What CONNECT will carry; NULL: absent. */
struct credentials {
    char *user, *password, *token;
};

static char *
json_escaped(const char *text)
{
    struct buf out = BUF_INIT;
    char *copy;

    if (!text_append_json(&out, str_of(text)))
        out.len = 0;
    copy = xmemdup0(out.data, out.len);
    mem_wipe(out.data, out.cap);
    buf_release(&out);
    return copy;
}

static bool
same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Moves the URL's credentials into those of the session, or finds that they differ. */
static enum err
take_credentials(struct credentials *credentials, struct url *url, struct errmsg *why)
{
    if (url->token == NULL && url->user == NULL)
        return ERR_OK;
    if (credentials->token == NULL && credentials->user == NULL) {
        *credentials = (struct credentials) { url->user, url->password, url->token };
        url->user = url->password = url->token = NULL;
        return ERR_OK;
    }
    if (same(credentials->token, url->token) && same(credentials->user, url->user) &&
        same(credentials->password, url->password))
        return ERR_OK;
    return err_set(why, ERR_INVALID, "the server URLs carry different user information");
}

/* Reads the list; its credentials are moved out of the URLs, or wiped. */
static enum err
parse_servers(struct session_options *options, const char *list, struct credentials *credentials,
              struct errmsg *why)
{
    struct str rest = str_of(list);
    enum err err = ERR_OK;

    while (err == ERR_OK && rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.data);
        struct url *url;

        options->servers =
            xrealloc(options->servers, (options->count + 1) * sizeof(*options->servers));
        url = &options->servers[options->count++];
        err = url_parse(url, (struct str) { rest.data, len }, why);
        if (err == ERR_OK)
            err = take_credentials(credentials, url, why);
        url_wipe_userinfo(url);
        options->secure |= url->tls;
        len += comma != NULL;
        rest = (struct str) { rest.data + len, rest.len - len };
    }
    return err;
}

static natsStatus
set_servers(const struct session_options *options)
{
    const char **addresses = xcalloc(options->count, sizeof(*addresses));
    natsStatus status;

    for (size_t i = 0; i < options->count; i++)
        addresses[i] = options->helper == NULL ? options->servers[i].address
                                               : tls_first_address(options->helper, i);
    status = natsOptions_SetServers(options->nats, addresses, (int)options->count);
    free(addresses);
    return status;
}

/* The flags fill in what the URLs do not say. --user without --password is a token. */
static void
add_flags(struct credentials *credentials, const struct cli_globals *globals)
{
    if (credentials->user != NULL || credentials->token != NULL)
        return;
    if (globals->user != NULL && globals->password != NULL) {
        credentials->user = xstrdup(globals->user);
        credentials->password = xstrdup(globals->password);
    } else if (globals->user != NULL || globals->token != NULL) {
        credentials->token = xstrdup(globals->user != NULL ? globals->user : globals->token);
    }
}

static natsStatus
set_credentials(natsOptions *options, const struct credentials *credentials)
{
    natsStatus status = NATS_OK;

    if (credentials->user != NULL) {
        char *user = json_escaped(credentials->user);
        char *password = json_escaped(credentials->password);

        status = natsOptions_SetUserInfo(options, user, password);
        mem_wipe_free(&user);
        mem_wipe_free(&password);
    } else if (credentials->token != NULL) {
        char *token = json_escaped(credentials->token);

        status = natsOptions_SetToken(options, token);
        mem_wipe_free(&token);
    }
    return status;
}

/* ---- TLS ---- */

/* Sets name, or removes it when value is NULL; returns a copy of what it was, or NULL. */
static char *
swap_environment(const char *name, const char *value)
{
    const char *old = getenv(name);
    char *copy = old == NULL ? NULL : xstrdup(old);

    if (value == NULL)
        (void)unsetenv(name);
    else
        (void)setenv(name, value, true);
    return copy;
}

/* libnats reads the system's authorities first, whose place OpenSSL takes from the environment:
 * for that moment they are those of the file. */
static natsStatus
load_only_ca(natsOptions *nats, const char *path)
{
    char *file = swap_environment(SYSTEM_CA_FILE, path);
    char *folder = swap_environment(SYSTEM_CA_DIR, "/dev/null"); /* holds no certificates */
    natsStatus status = natsOptions_LoadCATrustedCertificates(nats, path);

    free(swap_environment(SYSTEM_CA_FILE, file));
    free(swap_environment(SYSTEM_CA_DIR, folder));
    free(file);
    free(folder);
    return status;
}

static natsStatus
set_tls(const struct session_options *options)
{
    const struct tls_files *files = &options->files;
    natsStatus status = NATS_OK;

    if (options->helper != NULL)
        return natsOptions_SetIgnoreDiscoveredServers(options->nats, true);
    if (files->ca != NULL)
        status = load_only_ca(options->nats, files->ca);
    if (status == NATS_OK && files->cert != NULL)
        status = natsOptions_LoadCertificatesChain(options->nats, files->cert, files->key);
    if (status == NATS_OK && options->secure)
        status = natsOptions_SetSecure(options->nats, true);
    return status;
}

static enum err
read_tls(struct session_options *options, const struct cli_globals *globals, struct errmsg *why)
{
    enum err err;

    options->files = (struct tls_files) { globals->tlsca, globals->tlscert, globals->tlskey };
    options->first = globals->tlsfirst;
    options->secure |= globals->tlsca != NULL || globals->tlscert != NULL ||
                       globals->tlskey != NULL || globals->tlsfirst;
    err = tls_files_load(&options->tls, &options->files, why);
    if (err == ERR_OK && options->first)
        err = tls_first_start(&options->helper, options->servers, options->count, options->tls,
                              session_timeout_ms(globals), why);
    return err;
}

/* ---- the rest ---- */

int64_t
session_timeout_ms(const struct cli_globals *globals)
{
    int64_t ms = globals->timeout_ns / CLOCK_NS_PER_MS;

    return ms < 1 ? 1 : ms;
}

static natsStatus
set_behaviour(natsOptions *options, const struct cli_globals *globals)
{
    char *name = json_escaped(globals->connection_name);
    natsStatus status = natsOptions_SetName(options, name);

    free(name);
    if (status == NATS_OK)
        status = natsOptions_SetTimeout(options, session_timeout_ms(globals));
    if (status == NATS_OK)
        status = natsOptions_SetMaxReconnect(options, -1);
    if (status == NATS_OK)
        status = natsOptions_UseGlobalMessageDelivery(options, true);
    if (status == NATS_OK)
        status = natsOptions_SetMaxPendingMsgs(options, PENDING_MSGS_MAX);
    if (status == NATS_OK && globals->inbox_prefix != NULL)
        status = natsOptions_SetCustomInboxPrefix(options, globals->inbox_prefix);
    return status;
}

/* A credential that cannot be used must not turn into a connection without one. */
static enum err
check_environment(struct errmsg *why)
{
    for (const struct args_flag *flag = cli_global_flags; flag->name != NULL; flag++) {
        const char *value = flag->env == NULL ? NULL : getenv(flag->env);

        if ((flag->traits & ARGS_UNSUPPORTED) && value != NULL && *value != '\0')
            return err_set(why, ERR_INVALID, "%s (--%s) is not supported by this version",
                           flag->env, flag->name);
    }
    return ERR_OK;
}

static natsStatus
set_all(struct session_options *options, const struct cli_globals *globals,
        const struct credentials *credentials)
{
    natsStatus status = natsOptions_Create(&options->nats);

    if (status == NATS_OK)
        status = set_tls(options); /* first: tls:// URLs make newer ones read the authorities too */
    if (status == NATS_OK)
        status = set_servers(options);
    if (status == NATS_OK)
        status = set_credentials(options->nats, credentials);
    if (status == NATS_OK)
        status = set_behaviour(options->nats, globals);
    return status;
}

enum err
session_options_init(struct session_options *options, const struct cli_globals *globals,
                     struct errmsg *why)
{
    struct credentials credentials = { 0 };
    natsStatus status;
    enum err err;

    *options = (struct session_options) { 0 };
    err = check_environment(why);
    if (err == ERR_OK)
        err = parse_servers(options, globals->server == NULL ? SERVER_DEFAULT : globals->server,
                            &credentials, why);
    if (err == ERR_OK)
        err = read_tls(options, globals, why);
    if (err == ERR_OK) {
        add_flags(&credentials, globals);
        status = set_all(options, globals, &credentials);
        if (status != NATS_OK)
            err = session_err(status, why);
    }
    mem_wipe_free(&credentials.user);
    mem_wipe_free(&credentials.password);
    mem_wipe_free(&credentials.token);
    return err;
}

void
session_options_release(struct session_options *options)
{
    natsOptions_Destroy(options->nats);
    tls_first_free(options->helper);
    SSL_CTX_free(options->tls);
    for (size_t i = 0; i < options->count; i++)
        url_release(&options->servers[i]);
    free(options->servers);
    *options = (struct session_options) { 0 };
}

/* ---- afterwards ---- */

/* Failures that libnats has no text of its own for, or one that hides the cause. */
static bool
may_be_tls(natsStatus status)
{
    switch (status) {
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_WANTED:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_PROTOCOL_ERROR:
    case NATS_IO_ERROR:
    case NATS_CONNECTION_CLOSED:
    case NATS_TIMEOUT:
    case NATS_NO_SERVER:
        return true;
    default:
        return false;
    }
}

void
session_options_diagnose(const struct session_options *options, natsStatus status,
                         int64_t timeout_ms, struct errmsg *why)
{
    struct tls_diagnosis_request request = {
        .context = options->tls,
        .files = &options->files,
        .secure = options->secure,
        .first = options->first,
        .unused = status == NATS_SECURE_CONNECTION_WANTED,
        .limit_ms = timeout_ms < DIAGNOSIS_MS_MAX ? timeout_ms : DIAGNOSIS_MS_MAX,
    };

    for (size_t i = 0; may_be_tls(status) && i < options->count; i++) {
        if (tls_diagnose(&options->servers[i], &request, why))
            return;
    }
}

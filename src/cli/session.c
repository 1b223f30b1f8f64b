/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials: the user information of the first URL that has one is given to libnats as
 * options, which cover every server of the list and those learned later. A list whose URLs
 * carry different ones is refused rather than sent to the wrong server.
 */
#include "cli/session.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/console.h"
#include "cli/text.h"
#include "cli/url.h"

#define SERVER_DEFAULT "nats://127.0.0.1:4222"
/* The reference client's limit of messages that wait for a slow reader of our output. */
#define PENDING_MSGS_MAX (512 * 1024)
#define URL_MAX          512 /* bytes; a connected URL, without user information */

struct session {
    natsConnection *nats;
    struct session_events events;
    int64_t timeout_ms;
    bool trace;
    atomic_bool log_errors;
    atomic_bool closing; /* by us: nothing to report */
    pthread_mutex_t lock;
    struct errmsg error; /* under lock */
};

/* What CONNECT will carry; NULL: absent. */
struct credentials {
    char *user, *password, *token;
};

/* ---- errors ---- */

static const struct {
    natsStatus status;
    const char *text;
} status_texts[] = {
    { NATS_NO_SERVER, "no servers available for connection" },
    { NATS_TIMEOUT, "timeout" },
    { NATS_MAX_PAYLOAD, "maximum payload exceeded" },
    { NATS_INVALID_SUBJECT, "invalid subject" },
    { NATS_CONNECTION_CLOSED, "connection closed" },
    { NATS_CONNECTION_DISCONNECTED, "server is disconnected" },
    { NATS_STALE_CONNECTION, "stale connection" },
    { NATS_SECURE_CONNECTION_WANTED, "secure connection not available" },
    { NATS_SLOW_CONSUMER, "slow consumer, messages dropped" },
    { NATS_INVALID_QUEUE_NAME, "invalid queue name" },
};

/* libnats puts the place in its source before the text: "(conn.c:1905): Authorization...". */
static const char *
without_place(const char *text)
{
    const char *end = text == NULL || text[0] != '(' ? NULL : strstr(text, "): ");

    return end == NULL ? text : end + 3;
}

static enum err
word_status(natsStatus status, const char *detail, struct errmsg *why)
{
    for (size_t i = 0; i < sizeof(status_texts) / sizeof(status_texts[0]); i++) {
        if (status_texts[i].status == status)
            return err_set(why, ERR_SYS, "nats: %s", status_texts[i].text);
    }
    detail = without_place(detail);
    if (detail == NULL || *detail == '\0')
        detail = natsStatus_GetText(status);
    return err_set(why, ERR_SYS, "nats: %s%s",
                   status == NATS_NOT_PERMITTED ? "permissions violation: " : "", detail);
}

enum err
session_err(natsStatus status, struct errmsg *why)
{
    natsStatus last;
    const char *detail = nats_GetLastError(&last);

    return word_status(status, last == status ? detail : NULL, why);
}

/* ---- events, on threads of libnats ---- */

static const char *
connected_url(natsConnection *nats, char out[URL_MAX])
{
    if (natsConnection_GetConnectedUrl(nats, out, URL_MAX) != NATS_OK)
        out[0] = '\0';
    return out;
}

static void
on_disconnected(natsConnection *nats, void *context)
{
    struct session *session = context;
    struct errmsg why = { "EOF" }; /* libnats has no text for a server that just hung up */
    const char *detail = NULL;
    natsStatus status = natsConnection_GetLastError(nats, &detail);

    if (atomic_load(&session->closing))
        return;
    if (status != NATS_OK)
        (void)word_status(status, detail, &why);
    console_log("Disconnected due to: %s, will attempt reconnect", why.text);
}

static void
on_reconnected(natsConnection *nats, void *context)
{
    char url[URL_MAX];

    (void)context;
    console_log("Reconnected [%s]", connected_url(nats, url));
}

static void
on_error(natsConnection *nats, natsSubscription *subscription, natsStatus status, void *context)
{
    struct session *session = context;
    const char *detail = NULL;
    char url[URL_MAX];
    struct errmsg why;

    (void)subscription;
    if (!atomic_load(&session->log_errors) || atomic_load(&session->closing))
        return;
    (void)word_status(status, natsConnection_GetLastError(nats, &detail) == status ? detail : NULL,
                      &why);
    if (connected_url(nats, url)[0] == '\0')
        console_log("Unexpected NATS error: %s", why.text);
    else
        console_log("Unexpected NATS error from server %s: %s", url, why.text);
}

static void
on_closed(natsConnection *nats, void *context)
{
    struct session *session = context;
    const char *detail = NULL;
    natsStatus status = natsConnection_GetLastError(nats, &detail);

    if (atomic_load(&session->closing))
        return;
    pthread_mutex_lock(&session->lock);
    (void)word_status(status == NATS_OK ? NATS_CONNECTION_CLOSED : status, detail, &session->error);
    pthread_mutex_unlock(&session->lock);
    if (session->events.closed != NULL)
        session->events.closed(session->events.context);
}

/* ---- options ---- */

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

static enum err
set_servers(natsOptions *options, const char *list, struct credentials *credentials,
            struct errmsg *why)
{
    struct str rest = str_of(list);
    const char **addresses = NULL;
    size_t count = 0;
    enum err err = ERR_OK;

    while (err == ERR_OK && rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.data);
        struct url url;

        err = url_parse(&url, (struct str) { rest.data, len }, why);
        if (err == ERR_OK)
            err = take_credentials(credentials, &url, why);
        if (err == ERR_OK) {
            addresses = xrealloc(addresses, (count + 1) * sizeof(*addresses));
            addresses[count++] = xstrdup(url.address);
        }
        url_release(&url);
        len += comma != NULL;
        rest = (struct str) { rest.data + len, rest.len - len };
    }
    if (err == ERR_OK) {
        natsStatus status = natsOptions_SetServers(options, addresses, (int)count);

        err = status == NATS_OK ? ERR_OK : session_err(status, why);
    }
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)addresses[i]);
    free(addresses);
    return err;
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

static natsStatus
set_tls(natsOptions *options, const struct cli_globals *globals)
{
    natsStatus status = NATS_OK;

    if (globals->tlsca != NULL)
        status = natsOptions_LoadCATrustedCertificates(options, globals->tlsca);
    if (status == NATS_OK && globals->tlscert != NULL && globals->tlskey != NULL)
        status = natsOptions_LoadCertificatesChain(options, globals->tlscert, globals->tlskey);
    return status;
}

static natsStatus
set_callbacks(natsOptions *options, struct session *session)
{
    natsStatus status = natsOptions_SetDisconnectedCB(options, on_disconnected, session);

    if (status == NATS_OK)
        status = natsOptions_SetReconnectedCB(options, on_reconnected, session);
    if (status == NATS_OK)
        status = natsOptions_SetErrorHandler(options, on_error, session);
    if (status == NATS_OK)
        status = natsOptions_SetClosedCB(options, on_closed, session);
    return status;
}

static natsStatus
set_behaviour(natsOptions *options, const struct cli_globals *globals, int64_t timeout_ms)
{
    char *name = json_escaped(globals->connection_name);
    natsStatus status = natsOptions_SetName(options, name);

    free(name);
    if (status == NATS_OK)
        status = natsOptions_SetTimeout(options, timeout_ms);
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

static enum err
set_options(natsOptions *options, struct session *session, const struct cli_globals *globals,
            struct errmsg *why)
{
    struct credentials credentials = { 0 };
    natsStatus status;
    enum err err;

    err = check_environment(why);
    if (err == ERR_OK)
        err = set_servers(options, globals->server == NULL ? SERVER_DEFAULT : globals->server,
                          &credentials, why);
    if (err == ERR_OK) {
        add_flags(&credentials, globals);
        status = set_credentials(options, &credentials);
        if (status == NATS_OK)
            status = set_tls(options, globals);
        if (status == NATS_OK)
            status = set_callbacks(options, session);
        if (status == NATS_OK)
            status = set_behaviour(options, globals, session->timeout_ms);
        if (status != NATS_OK)
            err = session_err(status, why);
    }
    mem_wipe_free(&credentials.user);
    mem_wipe_free(&credentials.password);
    mem_wipe_free(&credentials.token);
    return err;
}

/* ---- public ---- */

enum err
session_open(struct session **out, const struct cli_globals *globals,
             const struct session_events *events, struct errmsg *why)
{
    struct session *session = xcalloc(1, sizeof(*session));
    natsOptions *options = NULL;
    natsStatus status;
    enum err err;
    char url[URL_MAX];

    session->events = *events;
    session->timeout_ms = globals->timeout_ns / CLOCK_NS_PER_MS;
    if (session->timeout_ms < 1)
        session->timeout_ms = 1;
    pthread_mutex_init(&session->lock, NULL);
    status = natsOptions_Create(&options);
    err =
        status == NATS_OK ? set_options(options, session, globals, why) : session_err(status, why);
    if (err == ERR_OK) {
        status = natsConnection_Connect(&session->nats, options);
        err = status == NATS_OK ? ERR_OK : session_err(status, why);
    }
    natsOptions_Destroy(options);
    if (err != ERR_OK) {
        session_close(session);
        return err;
    }
    if (globals->trace)
        console_log(">>> Connected to %s", connected_url(session->nats, url));
    *out = session;
    return ERR_OK;
}

void
session_close(struct session *session)
{
    if (session == NULL)
        return;
    atomic_store(&session->closing, true);
    natsConnection_Destroy(session->nats);
    /* Callbacks may still run on threads of libnats: end those before what they point at. */
    nats_CloseAndWait(session->timeout_ms);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

natsConnection *
session_nats(struct session *session)
{
    return session->nats;
}

enum err
session_flush(struct session *session, struct errmsg *why)
{
    natsStatus status = natsConnection_FlushTimeout(session->nats, session->timeout_ms);
    const char *detail = NULL;

    if (status != NATS_OK)
        return session_err(status, why);
    status = natsConnection_GetLastError(session->nats, &detail);
    return status == NATS_OK ? ERR_OK : word_status(status, detail, why);
}

void
session_log_errors(struct session *session)
{
    atomic_store(&session->log_errors, true);
}

void
session_get_error(struct session *session, struct errmsg *why)
{
    pthread_mutex_lock(&session->lock);
    *why = session->error;
    pthread_mutex_unlock(&session->lock);
}

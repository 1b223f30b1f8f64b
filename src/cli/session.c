/* SPDX-License-Identifier: Apache-2.0
 *
 * libnats 3.4 waits without a limit for a server to go on with its TLS handshake: while the
 * first connection is made, stall.h interrupts it. (A reconnect that meets such a server waits
 * until that server gives up.)
 */
#include "cli/session.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/console.h"
#include "cli/session_options.h"
#include "cli/stall.h"

#define URL_MAX 512 /* bytes; a connected URL, without user information */

struct session {
    natsConnection *nats;
    _Atomic(struct tls_first *) helper; /* what nats is connected to; NULL: to a server */
    struct session_events events;
    int64_t timeout_ms;
    bool trace;
    atomic_bool log_errors;
    atomic_bool closing; /* by us: nothing to report */
    pthread_mutex_t lock;
    struct errmsg error; /* under lock */
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

/* Where OpenSSL gave no reason, libnats prints "SSL_read error: (null)". */
static int
length_without_null(const char *text)
{
    static const char null[] = ": (null)";
    size_t len = strlen(text), null_len = sizeof(null) - 1;

    return (int)(len > null_len && strcmp(text + len - null_len, null) == 0 ? len - null_len : len);
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
    return err_set(why, ERR_SYS, "nats: %s%.*s",
                   status == NATS_NOT_PERMITTED ? "permissions violation: " : "",
                   length_without_null(detail), detail);
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
connected_url(const struct session *session, natsConnection *nats, char out[URL_MAX])
{
    const struct tls_first *helper = atomic_load(&session->helper);

    if (natsConnection_GetConnectedUrl(nats, out, URL_MAX) != NATS_OK)
        out[0] = '\0';
    return helper == NULL ? out : tls_first_server(helper, out);
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

    console_log("Reconnected [%s]", connected_url(context, nats, url));
}

static void
on_error(natsConnection *nats, natsSubscription *subscription, natsStatus status, void *context)
{
    struct session *session = context;
    const char *detail = NULL;
    char buffer[URL_MAX];
    const char *url;
    struct errmsg why;

    (void)subscription;
    if (!atomic_load(&session->log_errors) || atomic_load(&session->closing))
        return;
    (void)word_status(status, natsConnection_GetLastError(nats, &detail) == status ? detail : NULL,
                      &why);
    url = connected_url(session, nats, buffer);
    if (*url == '\0')
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

/* ---- connecting ---- */

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

static enum err
connect_to_any(struct session *session, struct session_options *options, struct errmsg *why)
{
    natsStatus status = set_callbacks(options->nats, session);
    struct stall stall;
    enum err err;

    atomic_store(&session->helper, options->helper); /* libnats' threads run already */
    options->helper = NULL;
    if (status == NATS_OK) {
        /* The time to connect comes before that of a handshake. */
        stall_start(&stall, 2 * session->timeout_ms);
        status = natsConnection_Connect(&session->nats, options->nats);
        stall_stop(&stall);
    }
    if (status == NATS_OK)
        return ERR_OK;
    if (session->helper != NULL && !tls_first_has_met(session->helper))
        return word_status(NATS_NO_SERVER, NULL, why); /* libnats has met our helper */
    err = session_err(status, why);
    session_options_diagnose(options, status, session->timeout_ms, why);
    return err;
}

/* ---- public ---- */

enum err
session_open(struct session **out, const struct cli_globals *globals,
             const struct session_events *events, struct errmsg *why)
{
    struct session *session = xcalloc(1, sizeof(*session));
    struct session_options options;
    enum err err;
    char url[URL_MAX];

    session->events = *events;
    session->timeout_ms = session_timeout_ms(globals);
    pthread_mutex_init(&session->lock, NULL);
    err = session_options_init(&options, globals, why);
    if (err == ERR_OK)
        err = connect_to_any(session, &options, why);
    session_options_release(&options);
    if (err != ERR_OK) {
        session_close(session);
        return err;
    }
    if (globals->trace)
        console_log(">>> Connected to %s", connected_url(session, session->nats, url));
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
    tls_first_stop(session->helper); /* before libnats cleans up OpenSSL */
    /* Callbacks may still run on threads of libnats: end those before what they point at. */
    nats_CloseAndWait(session->timeout_ms);
    tls_first_free(session->helper);
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
    natsStatus last = natsConnection_GetLastError(session->nats, &detail);

    /* That it is closed says less than why. */
    if (last != NATS_OK && (status == NATS_OK || status == NATS_CONNECTION_CLOSED))
        return word_status(last, detail, why);
    return status == NATS_OK ? ERR_OK : session_err(status, why);
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

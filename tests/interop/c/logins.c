/* SPDX-License-Identifier: Apache-2.0
 *
 * logins - the official C client logs in, and meets what it may not do
 *
 *   logins SCENARIO URL [token TOKEN | user NAME PASSWORD | nkey PUBLIC SEED]
 *
 * Exit status 0: the server did what the client's users expect; 1: it did not, and the last line
 * of stderr says what.
 */
#include <nats/nats.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 20000 }; /* deadline of a condition that normally holds within milliseconds */

/* What the client's callbacks have told; static: its threads may call as late as at exit. */
static struct {
    sem_t refused; /* once per operation that is not permitted */
    sem_t closed;
} told;

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void
must(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        fail("%s: %s (%s)", what, natsStatus_GetText(status), nats_GetLastError(NULL));
}

static natsStatus
sign(char **error, unsigned char **signature, int *len, const char *nonce, void *seed)
{
    (void)error;
    return nats_Sign(seed, nonce, signature, len);
}

static void
on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *unused)
{
    (void)nc;
    (void)sub;
    (void)unused;
    if (status == NATS_NOT_PERMITTED)
        sem_post(&told.refused);
}

static void
on_closed(natsConnection *nc, void *unused)
{
    (void)nc;
    (void)unused;
    sem_post(&told.closed);
}

static void
await(sem_t *event, const char *what)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += WAIT_MS / 1000;
    if (sem_timedwait(event, &deadline) < 0)
        fail("waited in vain for %s", what);
}

/* credentials: the words behind the URL, NULL at their end. */
static natsStatus
dial(natsConnection **nc, const char *url, char **credentials)
{
    const char *kind = credentials[0] != NULL ? credentials[0] : "none";
    natsOptions *opts = NULL;
    natsStatus status;

    must(natsOptions_Create(&opts), "options");
    must(natsOptions_SetURL(opts, url), "URL");
    must(natsOptions_SetTimeout(opts, WAIT_MS), "timeout");
    must(natsOptions_SetAllowReconnect(opts, false), "no reconnect");
    must(natsOptions_SetErrorHandler(opts, on_error, NULL), "error handler");
    must(natsOptions_SetClosedCB(opts, on_closed, NULL), "closed callback");
    if (strcmp(kind, "token") == 0)
        must(natsOptions_SetToken(opts, credentials[1]), "token");
    else if (strcmp(kind, "user") == 0)
        must(natsOptions_SetUserInfo(opts, credentials[1], credentials[2]), "user");
    else if (strcmp(kind, "nkey") == 0)
        must(natsOptions_SetNKey(opts, credentials[1], sign, credentials[2]), "nkey");
    status = natsConnection_Connect(nc, opts);
    natsOptions_Destroy(opts);
    return status;
}

static natsConnection *
enter(const char *url, char **credentials)
{
    natsConnection *nc = NULL;

    must(dial(&nc, url, credentials), "connect");
    return nc;
}

/* A message comes back: it was allowed to go out and to come in. */
static void
expect_echo(natsConnection *nc, const char *subject)
{
    natsSubscription *sub = NULL;
    natsMsg *msg = NULL;

    must(natsConnection_SubscribeSync(&sub, nc, subject), "subscribe");
    must(natsConnection_PublishString(nc, subject, "in"), "publish");
    must(natsSubscription_NextMsg(&msg, sub, WAIT_MS), "the message");
    natsMsg_Destroy(msg);
    natsSubscription_Destroy(sub);
}

static void
hang_up(natsConnection *nc)
{
    natsConnection_Close(nc);
    natsConnection_Destroy(nc);
}

static void
accepted(const char *url, char **credentials)
{
    natsConnection *nc = enter(url, credentials);

    expect_echo(nc, "free.in");
    hang_up(nc);
}

static void
refused(const char *url, char **credentials)
{
    natsConnection *nc = NULL;
    natsStatus status = dial(&nc, url, credentials);

    if (status != NATS_CONNECTION_AUTH_FAILED)
        fail("connecting ended with \"%s\" (%s) instead of a refusal", natsStatus_GetText(status),
             nats_GetLastError(NULL));
}

/* The user may publish and subscribe to free.>, and to nothing else. */
static void
permissions(const char *url, char **credentials)
{
    natsConnection *nc = enter(url, credentials);
    natsSubscription *sub = NULL;

    must(natsConnection_SubscribeSync(&sub, nc, "closed"), "subscribe");
    await(&told.refused, "the refusal of a subscription");
    must(natsConnection_PublishString(nc, "closed", "x"), "publish");
    await(&told.refused, "the refusal of a message");
    expect_echo(nc, "free.still");
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

/* The credentials expire while the client is connected. */
static void
expired(const char *url, char **credentials)
{
    natsConnection *nc = enter(url, credentials);
    const char *error = NULL;

    await(&told.closed, "the end of the connection");
    (void)natsConnection_GetLastError(nc, &error);
    if (error == NULL || strcasestr(error, "expired") == NULL)
        fail("the connection ended with \"%s\"", error != NULL ? error : "");
    natsConnection_Destroy(nc);
}

static const struct {
    const char *name;
    void (*run)(const char *url, char **credentials);
} scenarios[] = {
    { "accepted", accepted },
    { "refused", refused },
    { "permissions", permissions },
    { "expired", expired },
};

int
main(int argc, char **argv)
{
    sem_init(&told.refused, 0, 0);
    sem_init(&told.closed, 0, 0);
    for (size_t i = 0; argc >= 3 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(argv[1], scenarios[i].name) == 0) {
            scenarios[i].run(argv[2], argv + 3);
            nats_Close();
            return 0;
        }
    }
    fail("usage: %s SCENARIO URL [token TOKEN | user NAME PASSWORD | nkey PUBLIC SEED]", argv[0]);
}

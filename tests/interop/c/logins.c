/* SPDX-License-Identifier: Apache-2.0
 *
 * logins - who may enter, and what those may not do who did
 */
#include "client.h"

#include <string.h>

/* What the client's callbacks have told; static: its threads may call as late as at exit. */
static struct {
    sem_t refused; /* once per operation that is not permitted */
    sem_t closed;
} told;

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

/* As dial(), but what the server says is told. */
static natsConnection *
enter(const struct visit *visit)
{
    natsOptions *opts = options_for(visit);
    natsConnection *nc = NULL;

    sem_init(&told.refused, 0, 0);
    sem_init(&told.closed, 0, 0);
    must(natsOptions_SetErrorHandler(opts, on_error, NULL), "error handler");
    must(natsOptions_SetClosedCB(opts, on_closed, NULL), "closed callback");
    must(natsConnection_Connect(&nc, opts), "connect");
    natsOptions_Destroy(opts);
    return nc;
}

static void
accepted(const struct visit *visit)
{
    natsConnection *nc = enter(visit);

    expect_echo(nc, "free.in");
    hang_up(nc);
}

static void
refused(const struct visit *visit)
{
    natsConnection *nc = NULL;
    natsStatus status = try_dial(&nc, visit);

    if (status != NATS_CONNECTION_AUTH_FAILED)
        fail("connecting ended with \"%s\" (%s) instead of a refusal", natsStatus_GetText(status),
             nats_GetLastError(NULL));
}

/* The user may publish and subscribe to free.>, and to nothing else. */
static void
permissions(const struct visit *visit)
{
    natsConnection *nc = enter(visit);
    natsSubscription *sub = NULL;

    must(natsConnection_SubscribeSync(&sub, nc, "closed"), "subscribe");
    await(&told.refused, "the refusal of a subscription");
    publish_text(nc, "closed", "x");
    await(&told.refused, "the refusal of a message");
    expect_echo(nc, "free.still");
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

/* The credentials expire while the client is connected. */
static void
expired(const struct visit *visit)
{
    natsConnection *nc = enter(visit);
    const char *error = NULL;

    await(&told.closed, "the end of the connection");
    (void)natsConnection_GetLastError(nc, &error);
    if (error == NULL || strcasestr(error, "expired") == NULL)
        fail("the connection ended with \"%s\"", error != NULL ? error : "");
    natsConnection_Destroy(nc);
}

const struct scenario login_scenarios[] = {
    { "accepted", accepted }, { "refused", refused }, { "permissions", permissions },
    { "expired", expired },   { NULL, NULL },
};

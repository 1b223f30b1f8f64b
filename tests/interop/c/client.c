/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void
must(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        fail("%s: %s (%s)", what, natsStatus_GetText(status), nats_GetLastError(NULL));
}

/* -- connections */

static natsStatus
sign(char **error, unsigned char **signature, int *len, const char *nonce, void *seed)
{
    (void)error;
    return nats_Sign(seed, nonce, signature, len);
}

static void
set_credentials(natsOptions *opts, const struct visit *visit)
{
    if (visit->token != NULL)
        must(natsOptions_SetToken(opts, visit->token), "token");
    if (visit->user != NULL)
        must(natsOptions_SetUserInfo(opts, visit->user, visit->pass), "user");
    if (visit->nkey != NULL)
        must(natsOptions_SetNKey(opts, visit->nkey, sign, (void *)visit->seed), "nkey");
}

static void
set_tls(natsOptions *opts, const struct visit *visit)
{
    if (visit->ca != NULL) {
        must(natsOptions_SetSecure(opts, true), "TLS");
        must(natsOptions_LoadCATrustedCertificates(opts, visit->ca), "CA");
    }
    if (visit->cert != NULL)
        must(natsOptions_LoadCertificatesChain(opts, visit->cert, visit->key), "certificate");
    if (visit->name != NULL)
        must(natsOptions_SetExpectedHostname(opts, visit->name), "host name");
    if (visit->first != NULL) {
#ifdef HAVE_TLS_HANDSHAKE_FIRST
        must(natsOptions_TLSHandshakeFirst(opts), "handshake first");
#else
        fail("this libnats has no option for a handshake before the INFO");
#endif
    }
}

natsOptions *
options_for(const struct visit *visit)
{
    const char *urls[] = { visit->url, visit->url2 };
    natsOptions *opts = NULL;

    must(natsOptions_Create(&opts), "options");
    must(natsOptions_SetServers(opts, urls, visit->url2 != NULL ? 2 : 1), "URLs");
    must(natsOptions_SetNoRandomize(opts, true), "order of URLs");
    must(natsOptions_SetTimeout(opts, WAIT_MS), "timeout");
    must(natsOptions_SetAllowReconnect(opts, false), "no reconnect");
    set_credentials(opts, visit);
    set_tls(opts, visit);
    return opts;
}

void
come_back(natsOptions *opts)
{
    must(natsOptions_SetAllowReconnect(opts, true), "reconnect");
    must(natsOptions_SetReconnectWait(opts, 20), "reconnect wait");
    must(natsOptions_SetReconnectJitter(opts, 1, 1), "reconnect jitter");
    must(natsOptions_SetMaxReconnect(opts, -1), "reconnect limit");
}

natsStatus
try_dial(natsConnection **nc, const struct visit *visit)
{
    natsOptions *opts = options_for(visit);
    natsStatus status = natsConnection_Connect(nc, opts);

    natsOptions_Destroy(opts);
    return status;
}

natsConnection *
dial(const struct visit *visit)
{
    natsConnection *nc = NULL;

    must(try_dial(&nc, visit), "connect");
    return nc;
}

void
flush(natsConnection *nc)
{
    must(natsConnection_FlushTimeout(nc, WAIT_MS), "flush");
}

void
hang_up(natsConnection *nc)
{
    natsConnection_Close(nc);
    natsConnection_Destroy(nc);
}

/* -- subscriptions */

void
echo(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *unused)
{
    natsMsg *reply = NULL;
    const char *value = NULL;

    (void)sub;
    (void)unused;
    must(natsMsg_Create(&reply, natsMsg_GetReply(msg), NULL, natsMsg_GetData(msg),
                        natsMsg_GetDataLength(msg)),
         "reply");
    if (natsMsgHeader_Get(msg, "Trace", &value) == NATS_OK)
        must(natsMsgHeader_Set(reply, "Trace", value), "header of the reply");
    must(natsConnection_PublishMsg(nc, reply), "publish the reply");
    natsMsg_Destroy(reply);
    natsMsg_Destroy(msg);
}

natsSubscription *
subscribe(natsConnection *nc, const char *subject, const char *queue)
{
    natsSubscription *sub = NULL;

    if (queue)
        must(natsConnection_QueueSubscribeSync(&sub, nc, subject, queue), subject);
    else
        must(natsConnection_SubscribeSync(&sub, nc, subject), subject);
    flush(nc);
    return sub;
}

natsMsg *
next_message(natsSubscription *sub)
{
    natsMsg *msg = NULL;

    must(natsSubscription_NextMsg(&msg, sub, WAIT_MS), "next message");
    return msg;
}

void
expect_data(natsMsg *msg, const char *data, int len)
{
    if (natsMsg_GetDataLength(msg) != len || memcmp(natsMsg_GetData(msg), data, (size_t)len) != 0)
        fail("a payload of %d bytes came as another one of %d", len, natsMsg_GetDataLength(msg));
}

void
expect_text(natsMsg *msg, const char *subject, const char *text)
{
    if (strcmp(natsMsg_GetSubject(msg), subject) != 0)
        fail("subject \"%s\" instead of \"%s\"", natsMsg_GetSubject(msg), subject);
    if ((size_t)natsMsg_GetDataLength(msg) != strlen(text) ||
        memcmp(natsMsg_GetData(msg), text, strlen(text)) != 0)
        fail("payload of %d bytes instead of \"%s\"", natsMsg_GetDataLength(msg), text);
}

void
expect_next(natsSubscription *sub, const char *subject, const char *text)
{
    natsMsg *msg = next_message(sub);

    expect_text(msg, subject, text);
    natsMsg_Destroy(msg);
}

void
publish_text(natsConnection *nc, const char *subject, const char *text)
{
    must(natsConnection_PublishString(nc, subject, text), "publish");
}

void
expect_echo(natsConnection *nc, const char *subject)
{
    natsSubscription *sub = NULL;

    must(natsConnection_SubscribeSync(&sub, nc, subject), "subscribe");
    publish_text(nc, subject, "in");
    expect_next(sub, subject, "in");
    natsSubscription_Destroy(sub);
}

char *
pattern_bytes(int len)
{
    char *bytes = malloc((size_t)len + 1); /* never of 0 bytes */

    if (bytes == NULL)
        fail("no memory");
    for (int i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    return bytes;
}

/* -- events, the harness */

void
await(sem_t *event, const char *what)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += WAIT_MS / 1000;
    if (sem_timedwait(event, &deadline) < 0)
        fail("waited in vain for %s", what);
}

void
say(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

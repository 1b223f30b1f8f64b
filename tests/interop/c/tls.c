/* SPDX-License-Identifier: Apache-2.0
 *
 * tls - certificates that are not taken, and numbered messages that flow until told to stop
 */
#include "client.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH = 20, PACE_MS = 2 }; /* a flow, not a flood */

static const char subject[] = "numbers";

/* The client does not take the server's certificate. */
static void
untrusted(const struct visit *visit)
{
    natsConnection *nc = NULL;
    natsStatus status = try_dial(&nc, visit);

    if (status != NATS_SSL_ERROR)
        fail("connecting ended with \"%s\" (%s)", natsStatus_GetText(status),
             nats_GetLastError(NULL));
}

/* The server does not take the client's certificate. In TLS 1.3 the client learns that when its
 * own handshake is done; libnats then says that it got an empty line instead of PONG. */
static void
rejected(const struct visit *visit)
{
    natsConnection *nc = NULL;
    natsStatus status = try_dial(&nc, visit);

    if (status != NATS_SSL_ERROR && status != NATS_PROTOCOL_ERROR && status != NATS_IO_ERROR)
        fail("connecting ended with \"%s\" (%s)", natsStatus_GetText(status),
             nats_GetLastError(NULL));
}

/* Whoever writes a line to stdin gets the count; at the end of stdin it is the last one. */
static bool
told_to_stop(int count)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    char text[16];
    bool ended;

    if (poll(&in, 1, PACE_MS) <= 0)
        return false;
    ended = read(STDIN_FILENO, text, sizeof(text)) <= 0; /* before the next line can come */
    snprintf(text, sizeof(text), "%d", count);
    say(text);
    return ended;
}

/* Sends 0, 1, 2... until stdin ends. */
static void
publish(const struct visit *visit)
{
    natsConnection *nc = dial(visit);
    char text[16];
    int count = 0;

    do {
        for (int i = 0; i < BATCH; i++) {
            snprintf(text, sizeof(text), "%d", count++);
            publish_text(nc, subject, text);
        }
        flush(nc);
    } while (!told_to_stop(count));
    hang_up(nc);
}

/* Says "ready"; a line of stdin says how many must have come, in order, each once. */
static void
receive(const struct visit *visit)
{
    natsConnection *nc = dial(visit);
    natsSubscription *sub = subscribe(nc, subject, NULL);
    char text[16];
    int count = 0, left = 0;

    must(natsSubscription_SetPendingLimits(sub, -1, -1), "no limits");
    say("ready");
    if (scanf("%d", &count) != 1)
        fail("stdin has no number");
    flush(nc);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect_next(sub, subject, text);
    }
    must(natsSubscription_GetPending(sub, &left, NULL), "pending");
    if (left != 0)
        fail("%d messages more than the %d that were sent", left, count);
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

const struct scenario tls_scenarios[] = {
    { "untrusted", untrusted }, { "rejected", rejected }, { "publish", publish },
    { "receive", receive },     { NULL, NULL },
};

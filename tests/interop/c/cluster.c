/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster - numbers that keep coming although servers go
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

/* Takes messages until a number of at least wanted has come. Some may be missing, because nobody
 * keeps them while the client is away; none may come twice or too late. */
static int
take_until(natsSubscription *sub, int last, int wanted)
{
    while (last < wanted) {
        natsMsg *msg = next_message(sub);
        int number = (int)strtol(natsMsg_GetData(msg), NULL, 10);

        if (number <= last)
            fail("%d came after %d", number, last);
        last = number;
        natsMsg_Destroy(msg);
    }
    return last;
}

/* Says "ready". For each number on stdin it waits until one so high has come, and tells that by a
 * message to "seen". */
static void
follow(const struct visit *visit)
{
    natsOptions *opts = options_for(visit);
    natsConnection *nc = NULL;
    natsSubscription *sub = NULL;
    char text[16];
    int wanted = 0, last = -1;

    come_back(opts);
    must(natsConnection_Connect(&nc, opts), "connect");
    sub = subscribe(nc, "numbers", NULL);
    must(natsSubscription_SetPendingLimits(sub, -1, -1), "no limits");
    say("ready");
    while (scanf("%d", &wanted) == 1) {
        last = take_until(sub, last, wanted);
        snprintf(text, sizeof(text), "%d", wanted);
        publish_text(nc, "seen", text);
    }
    natsOptions_Destroy(opts);
    natsSubscription_Destroy(sub);
    hang_up(nc);
}

const struct scenario cluster_scenarios[] = { { "follow", follow }, { NULL, NULL } };

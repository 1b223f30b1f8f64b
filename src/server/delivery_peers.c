/* SPDX-License-Identifier: Apache-2.0
 *
 * What shares.h deals out goes into the queues of the other servers.
 */
#include "proto/route_lines.h"
#include "server/peer.h"
#include "server/run.h"

static void
send_share(void *arg, const struct share *share)
{
    struct run *run = arg;
    struct str account = str_of(run->account->name);
    struct peer *peer = peer_of(share->server);
    struct receiver to = { .outq = peer->outq,
                           .queues = share->queues,
                           .headers = peer->headers,
                           .picks = share->messages,
                           .count = share->count };

    run->head.len = 0;
    if (!buf_reserve(&run->head, route_head_room(account, run->subject)))
        return;
    to.head_len = route_head(account, run->subject, run->head.data);
    receiver_send(run, &to);
}

void
run_deliver_to_peers(struct run *run)
{
    shares_deal(&run->shares, run->match, run->count, send_share, run);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Those that do nothing come first: a server that has them has them while the clock runs.
 */
#include "beside.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "churn.h"
#include "common/crowd.h"
#include "stuck.h"

#define POKE_NS     (50 * CLOCK_NS_PER_MS) /* how exactly it is known when a stuck one was cut */
#define IDLE_WINDOW 128                    /* logins at a time */
#define IDLE_SOURCE "127.0.0.2"            /* so that its ports do not run short */
#define FILLER_PART (1024 * 1024)          /* bytes of SUB lines that are made at a time */

struct beside {
    const struct plan *plan;
    int epoll;
    struct wire_input *input;
    struct crowd idle;
    struct wire filler;
    struct stuck *stuck;
    struct churn churn;
    int64_t start_ns, poked_ns;
    uint64_t churned; /* inboxes that were done when the flow ended */
};

static enum err
open_idle(struct beside *beside, int64_t deadline_ns, struct errmsg *why)
{
    const struct plan *plan = beside->plan;
    struct crowd *crowd = &beside->idle;
    struct crowd_result result = { 0 };
    struct sockaddr_in address = { .sin_family = AF_INET };
    enum err err;

    (void)inet_pton(AF_INET, IDLE_SOURCE, &address.sin_addr);
    crowd->count = (unsigned)plan->idle;
    crowd->window = IDLE_WINDOW;
    crowd->plan.source = crowd->plan.server = address;
    crowd->plan.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    crowd->plan.server.sin_port = htons((uint16_t)plan->port);
    crowd->plan.token = plan->token == NULL ? "" : plan->token;
    crowd->plan.tls = plan->tls_context;
    err = crowds_run(crowd, 1, deadline_ns, why);
    if (err != ERR_OK)
        return err;
    crowd_count(crowd, &result);
    samples_release(&result.login_ns);
    if (result.in != crowd->count)
        return err_set(why, ERR_CLOSED, "only %u of %u idle clients got in", result.in,
                       crowd->count);
    return ERR_OK;
}

static enum err
open_filler(struct beside *beside, int64_t deadline_ns, struct errmsg *why)
{
    struct wire *wire = &beside->filler;
    struct buf out = BUF_INIT;
    enum err err =
        wire_open(wire, beside->plan, beside->plan->port, "", 0, beside->input, deadline_ns, why);

    for (uint64_t i = 1; err == ERR_OK && i <= beside->plan->sub_filler; i++) {
        (void)buf_printf(&out, "SUB filler.%" PRIu64 " %" PRIu64 "\r\n", i, i);
        if (out.len >= FILLER_PART || i == beside->plan->sub_filler) {
            err = wire_put(wire, out.data, out.len, deadline_ns, why);
            out.len = 0;
        }
    }
    buf_release(&out);
    return err == ERR_OK ? wire_sync(wire, deadline_ns, why) : err;
}

enum err
beside_open(struct beside **out, const struct plan *plan, int epoll, struct wire_input *input,
            int64_t deadline_ns, struct errmsg *why)
{
    struct beside *beside = xcalloc(1, sizeof(*beside));
    enum err err = ERR_OK;

    *out = beside;
    *beside = (struct beside) { .plan = plan,
                                .epoll = epoll,
                                .input = input,
                                .stuck = xcalloc(plan->never_read + 1, sizeof(*beside->stuck)) };
    if (plan->idle > 0)
        err = open_idle(beside, deadline_ns, why);
    if (err == ERR_OK && plan->sub_filler > 0)
        err = open_filler(beside, deadline_ns, why);
    for (uint64_t i = 0; err == ERR_OK && i < plan->never_read; i++)
        err = stuck_open(&beside->stuck[i], plan, input, deadline_ns, why);
    if (err == ERR_OK && plan->churn > 0)
        err = churn_open(&beside->churn, plan, input, deadline_ns, why);
    return err;
}

void
beside_free(struct beside *beside)
{
    if (beside == NULL)
        return;
    crowd_release(&beside->idle);
    wire_close(&beside->filler);
    for (uint64_t i = 0; i < beside->plan->never_read; i++)
        stuck_release(&beside->stuck[i]);
    free(beside->stuck);
    churn_release(&beside->churn);
    free(beside);
}

enum err
beside_start(struct beside *beside, struct errmsg *why)
{
    enum err err = ERR_OK;

    beside->start_ns = beside->poked_ns = clock_mono_ns();
    for (uint64_t i = 0; err == ERR_OK && i < beside->plan->never_read; i++)
        err = stuck_start(&beside->stuck[i], beside->epoll, why);
    if (err == ERR_OK && beside->plan->churn > 0)
        err = churn_start(&beside->churn, beside->epoll, why);
    return err;
}

void
beside_turn(struct beside *beside, int64_t now_ns)
{
    if (now_ns - beside->poked_ns < POKE_NS)
        return;
    beside->poked_ns = now_ns;
    for (uint64_t i = 0; i < beside->plan->never_read; i++)
        stuck_poke(&beside->stuck[i]);
}

void
beside_stop(struct beside *beside)
{
    beside->churned = beside->churn.done;
}

enum err
beside_finish(struct beside *beside, int64_t deadline_ns, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (uint64_t i = 0; err == ERR_OK && i < beside->plan->never_read; i++)
        err = stuck_finish(&beside->stuck[i], deadline_ns, why);
    return err;
}

void
beside_print(const struct beside *beside, double seconds)
{
    if (beside->plan->churn > 0)
        printf(", \"churns\": %" PRIu64 ", \"churn_per_s\": %.0f", beside->churned,
               (double)beside->churned / seconds);
    if (beside->plan->never_read > 0)
        fputs(", \"never_read\": [", stdout);
    for (uint64_t i = 0; i < beside->plan->never_read; i++) {
        stuck_print(&beside->stuck[i], beside->start_ns, stdout);
        fputs(i + 1 < beside->plan->never_read ? ", " : "]", stdout);
    }
}

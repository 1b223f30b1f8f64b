/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients leave on their own meanwhile, and which worker has how many is its own affair: the main
 * thread only says "one more", to each worker in turn (workers_evict()), until nobody is left.
 */
#include "server/lame_duck.h"

#include "base/clock.h"
#include "server/server.h"

#define INTERVAL_MAX_MS 1000
#define INTERVAL_MIN_MS 20   /* shorter: several at once */
#define SPREAD_MIN_MS   1000 /* should the grace be as long as the whole */

struct lame_duck_plan
lame_duck_plan(int64_t clients, int64_t duration_ns, int64_t grace_ns)
{
    int64_t spread_ms = (duration_ns - grace_ns) / CLOCK_NS_PER_MS;
    int64_t interval_ms, batch = 1;

    if (clients < 1)
        clients = 1;
    if (spread_ms < SPREAD_MIN_MS)
        spread_ms = SPREAD_MIN_MS;
    interval_ms = spread_ms / clients;
    if (interval_ms > INTERVAL_MAX_MS)
        interval_ms = INTERVAL_MAX_MS;
    if (interval_ms < INTERVAL_MIN_MS) {
        interval_ms = INTERVAL_MIN_MS;
        batch = (clients * INTERVAL_MIN_MS + spread_ms - 1) / spread_ms;
    }
    return (struct lame_duck_plan) { (uint32_t)interval_ms, (uint32_t)batch };
}

static int64_t
count_clients(struct server *server)
{
    return atomic_load_explicit(&server->connections, memory_order_relaxed);
}

/* A random time, so that several servers that go together do not march in step. */
static uint32_t
next_ms(struct lame_duck *duck)
{
    uint32_t half = duck->plan.interval_ms / 2;

    return half + random_below(&duck->random, duck->plan.interval_ms - half);
}

static void
close_some(void *arg)
{
    struct server *server = arg;
    struct lame_duck *duck = &server->lame_duck;

    if (!duck->closing)
        log_inf(server->log, "Closing existing clients");
    duck->closing = true;
    if (count_clients(server) == 0) {
        server_stop(server);
        return;
    }
    workers_evict(server->workers, server->worker_count, duck->turn++, duck->plan.batch);
    timer_start(duck->timer, next_ms(duck), 0);
}

static void
say_goodbye(struct server *server)
{
    const struct options *options = server->config->options;
    struct lame_duck *duck = &server->lame_duck;

    duck->plan = lame_duck_plan(count_clients(server), options->lame_duck_duration_ns,
                                options->lame_duck_grace_period_ns);
    if (duck->on_enter != NULL)
        duck->on_enter(duck->on_enter_arg);
    (void)announced_renew(server);
    workers_greet(server->workers, server->worker_count, server->greeting, true);
    random_seed(&duck->random);
    duck->timer = timer_new(server->loop, close_some, server);
    timer_start(duck->timer, options->lame_duck_grace_period_ns / CLOCK_NS_PER_MS, 0);
}

void
lame_duck_enter(struct server *server)
{
    if (server->lame_duck.entered)
        return;
    server->lame_duck.entered = true;
    log_inf(server->log, "Entering lame duck mode, stop accepting new clients");
    listener_close(server->listener);
    server->listener = NULL;
    if (count_clients(server) == 0)
        server_stop(server);
    else
        say_goodbye(server);
}

void
lame_duck_end(struct lame_duck *duck)
{
    timer_free(duck->timer);
    duck->timer = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker.h"

#include <assert.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/client.h"
#include "server/publish.h"
#include "server/server.h"

#define SWEEP_MS 1000 /* how long a closed connection may be remembered by a cached match */

/* When a second passes without a match nothing stays cached, so that nothing need be swept. */
static void
sweep_cache(void *arg)
{
    struct worker *worker = arg;

    match_unref(worker->fresh);
    worker->fresh = NULL;
    if (worker->matched) {
        sublist_cache_sweep(worker->cache);
    } else {
        sublist_cache_clear(worker->cache);
        timer_stop(worker->sweep);
        worker->sweeping = false;
    }
    worker->matched = false;
}

static void
start_sweeping(struct worker *worker)
{
    if (worker->sweep == NULL) /* closing */
        return;
    timer_start(worker->sweep, SWEEP_MS, SWEEP_MS);
    worker->sweeping = true;
}

static void
freed_much(void *arg)
{
    server_trim_soon(((struct worker *)arg)->server);
}

enum err
worker_new(struct worker **out, struct server *server, unsigned index, struct server_config *config,
           struct greeting *greeting, struct errmsg *why)
{
    struct worker *worker = xcalloc(1, sizeof(*worker));
    enum err err = loop_new(&worker->loop, index, why);

    if (err != ERR_OK) {
        free(worker);
        return err;
    }
    loop_set_on_freed(worker->loop, freed_much, worker);
    worker->server = server;
    worker->config = server_config_ref(config);
    worker->greeting = greeting_ref(greeting);
    worker->cache = sublist_cache_new(server->global->subs);
    if (worker->cache == NULL)
        abort();
    worker->run = run_new();
    random_seed(&worker->random);
    list_init(&worker->clients);
    list_init(&worker->guests);
    list_init(&worker->logins);
    worker->sweep = timer_new(worker->loop, sweep_cache, worker);
    *out = worker;
    return ERR_OK;
}

enum err
worker_start(struct worker *worker, struct errmsg *why)
{
    return loop_start(worker->loop, why);
}

const struct match *
worker_match(struct worker *worker, struct account *account, struct str subject)
{
    bool cached =
        account == worker->server->global && !worker->config->options->disable_sublist_cache;

    worker->matched = true;
    if (!worker->sweeping)
        start_sweeping(worker);
    if (cached) {
        const struct match *match = sublist_cache_match(worker->cache, subject);

        worker->scattered = sublist_cache_is_scattered(worker->cache);
        return match;
    }
    worker->scattered = false;
    match_unref(worker->fresh);
    worker->fresh = sublist_match(account->subs, subject);
    return worker->fresh;
}

struct close_mail {
    struct mail mail;
    struct worker *worker;
    sem_t done;
};

static void
deliver_close(struct mail *mail)
{
    struct close_mail *close = (struct close_mail *)(void *)mail;
    struct worker *worker = close->worker;
    struct list *pos, *next;

    worker->closing = true;
    timer_free(worker->sweep);
    worker->sweep = NULL;
    LIST_FOREACH_SAFE(pos, next, &worker->clients)
    {
        client_close(LIST_ENTRY(pos, struct client, link), CLOSE_SHUTDOWN);
    }
    LIST_FOREACH_SAFE(pos, next, &worker->guests)
    {
        struct worker_guest *guest = LIST_ENTRY(pos, struct worker_guest, link);

        guest->close(guest);
    }
    sem_post(&close->done);
}

void
worker_close_clients(struct worker *worker)
{
    struct close_mail close = { .mail.deliver = deliver_close, .worker = worker };

    sem_init(&close.done, 0, 0);
    loop_post(worker->loop, &close.mail);
    while (sem_wait(&close.done) == -1)
        continue; /* EINTR */
    sem_destroy(&close.done);
}

void
worker_stop(struct worker *worker)
{
    loop_stop(worker->loop);
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    assert(list_empty(&worker->clients) && list_empty(&worker->guests));
    while (!list_empty(&worker->logins)) {
        struct pending_login *login = LIST_ENTRY(worker->logins.next, struct pending_login, link);

        login->drop(login);
    }
    run_free(worker->run);
    match_unref(worker->fresh);
    sublist_cache_free(worker->cache);
    server_config_unref(worker->config);
    greeting_unref(worker->greeting);
    timer_free(worker->sweep);
    loop_free(worker->loop);
    free(worker);
}

struct accepted {
    struct mail mail;
    struct worker *worker;
    int fd;
    bool over_limit;
    struct endpoint remote;
    uint64_t cid;
};

static void
deliver_accepted(struct mail *mail)
{
    struct accepted *accepted = (struct accepted *)(void *)mail;

    client_start(accepted->worker, accepted->fd, &accepted->remote, accepted->cid,
                 accepted->over_limit);
    free(accepted);
}

void
worker_accept(struct worker *worker, int fd, const struct endpoint *remote, uint64_t cid,
              bool over_limit)
{
    struct accepted *accepted = malloc(sizeof(*accepted));

    if (accepted == NULL) {
        server_drop_connection(worker->server, fd);
        return;
    }
    *accepted = (struct accepted) { .mail.deliver = deliver_accepted,
                                    .worker = worker,
                                    .fd = fd,
                                    .over_limit = over_limit,
                                    .remote = *remote,
                                    .cid = cid };
    loop_post(worker->loop, &accepted->mail);
}

struct configured {
    struct mail mail;
    struct worker *worker;
    struct server_config *config;
    struct greeting *greeting;
    sem_t *done;
};

static void
deliver_configured(struct mail *mail)
{
    struct configured *configured = (struct configured *)(void *)mail;
    struct worker *worker = configured->worker;
    struct list *pos, *next;

    server_config_unref(worker->config);
    worker->config = configured->config;
    greeting_unref(worker->greeting);
    worker->greeting = configured->greeting;
    LIST_FOREACH_SAFE(pos, next, &worker->clients)
    {
        client_recheck(LIST_ENTRY(pos, struct client, link));
    }
    LIST_FOREACH_SAFE(pos, next, &worker->guests)
    {
        struct worker_guest *guest = LIST_ENTRY(pos, struct worker_guest, link);

        guest->reconfigured(guest);
    }
    sem_post(configured->done);
}

void
workers_configure(struct worker **workers, unsigned count, struct server_config *config,
                  struct greeting *greeting)
{
    struct configured *letters = xcalloc(count, sizeof(*letters));
    sem_t done;

    sem_init(&done, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        letters[i] = (struct configured) { .mail.deliver = deliver_configured,
                                           .worker = workers[i],
                                           .config = server_config_ref(config),
                                           .greeting = greeting_ref(greeting),
                                           .done = &done };
        loop_post(workers[i]->loop, &letters[i].mail);
    }
    for (unsigned i = 0; i < count; i++)
        while (sem_wait(&done) == -1)
            continue; /* EINTR */
    sem_destroy(&done);
    free(letters);
}

struct greet_mail {
    struct mail mail;
    struct worker *worker;
    struct greeting *greeting; /* counted */
    bool announce;
};

static void
deliver_greet(struct mail *mail)
{
    struct greet_mail *greet = (struct greet_mail *)(void *)mail;
    struct worker *worker = greet->worker;
    struct list *pos, *next;

    if (worker->closing) {
        greeting_unref(greet->greeting);
        free(greet);
        return;
    }
    greeting_unref(worker->greeting);
    worker->greeting = greet->greeting;
    if (greet->announce)
        LIST_FOREACH_SAFE(pos, next, &worker->clients)
        {
            client_announce(LIST_ENTRY(pos, struct client, link));
        }
    free(greet);
}

void
workers_greet(struct worker **workers, unsigned count, struct greeting *greeting, bool announce)
{
    for (unsigned i = 0; i < count; i++) {
        struct greet_mail *greet = xmalloc(sizeof(*greet));

        *greet = (struct greet_mail) { .mail.deliver = deliver_greet,
                                       .worker = workers[i],
                                       .greeting = greeting_ref(greeting),
                                       .announce = announce };
        loop_post(workers[i]->loop, &greet->mail);
    }
}

/* Goes from worker to worker until nothing is left to do, all were asked, or they are closing and
 * the next may be gone. */
struct evict_mail {
    struct mail mail;
    struct worker **workers;
    unsigned worker_count, at, asked;
    unsigned clients; /* still to be closed */
};

static void
deliver_evict(struct mail *mail)
{
    struct evict_mail *evict = (struct evict_mail *)(void *)mail;
    struct worker *worker = evict->workers[evict->at];

    while (evict->clients > 0 && !list_empty(&worker->clients)) {
        client_close(LIST_ENTRY(worker->clients.next, struct client, link), CLOSE_SHUTDOWN);
        evict->clients--;
    }
    if (worker->closing || evict->clients == 0 || ++evict->asked == evict->worker_count) {
        free(evict);
        return;
    }
    evict->at = (evict->at + 1) % evict->worker_count;
    loop_post(evict->workers[evict->at]->loop, &evict->mail);
}

void
workers_evict(struct worker **workers, unsigned count, unsigned first, unsigned clients)
{
    struct evict_mail *evict = xmalloc(sizeof(*evict));

    *evict = (struct evict_mail) { .mail.deliver = deliver_evict,
                                   .workers = workers,
                                   .worker_count = count,
                                   .at = first % count,
                                   .clients = clients };
    loop_post(workers[evict->at]->loop, &evict->mail);
}

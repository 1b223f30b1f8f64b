/* SPDX-License-Identifier: Apache-2.0
 *
 * client - what all scenarios of the official C client share
 *
 * Each function waits WAIT_MS at most and ends the program with a text when something went wrong.
 * Nothing waits and hopes: a server answers PING in order, so after a flush of the publisher and
 * then of the subscriber everything that will be delivered is in the subscription's queue, and
 * what is not there will not come.
 */
#ifndef INTEROP_CLIENT_H
#define INTEROP_CLIENT_H

#include <nats/nats.h>
#include <semaphore.h>

enum { WAIT_MS = 20000 }; /* deadline of a condition that normally holds within milliseconds */

/* Where to go and what to show there: the command line. NULL: not said. */
struct visit {
    const char *url, *url2; /* url2: where to go when url is away */
    const char *token, *user, *pass, *nkey, *seed;
    const char *ca, *cert, *key; /* files; a CA asks for TLS */
    const char *name;            /* of the host, as its certificate must have it */
    const char *first;           /* TLS handshake before the INFO */
};

/* -- scenarios; each file's table ends with a name of NULL */

struct scenario {
    const char *name;
    void (*run)(const struct visit *visit);
};

extern const struct scenario core_scenarios[], login_scenarios[], tls_scenarios[],
    cluster_scenarios[];

/* -- failures */

void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void must(natsStatus status, const char *what);

/* -- connections; none comes back by itself unless its options are changed */

natsOptions *options_for(const struct visit *visit);
void come_back(natsOptions *opts); /* after each loss, soon */
natsStatus try_dial(natsConnection **nc, const struct visit *visit);
natsConnection *dial(const struct visit *visit);
void flush(natsConnection *nc);
void hang_up(natsConnection *nc);

/* -- subscriptions, all but the first are synchronous */

/* For natsConnection_Subscribe(): answers with the request itself and its header Trace. */
void echo(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *unused);
natsSubscription *subscribe(natsConnection *nc, const char *subject, const char *queue);
natsMsg *next_message(natsSubscription *sub);
void expect_text(natsMsg *msg, const char *subject, const char *text);
void expect_next(natsSubscription *sub, const char *subject, const char *text);
void expect_data(natsMsg *msg, const char *data, int len);
void publish_text(natsConnection *nc, const char *subject, const char *text);

/* A message comes back: it was allowed to go out and to come in. */
void expect_echo(natsConnection *nc, const char *subject);

/* len bytes that differ from their neighbours; the caller frees them. */
char *pattern_bytes(int len);

/* -- events, posted by the library's threads; static, because they may post as late as at exit */

void await(sem_t *event, const char *what);

/* -- the harness: it reads our stdout by lines */

void say(const char *line);

#endif

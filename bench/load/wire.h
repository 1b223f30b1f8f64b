/* SPDX-License-Identifier: Apache-2.0
 *
 * wire - one connection of the load generator: to a server, or to the relay
 *
 * Owns     its channel, with TCP_NODELAY. The input buffer belongs to the caller,
 *          who may give the same one to all.
 * Threads  one at a time.
 * Fails    with the server's -ERR in the text where there was one.
 */
#ifndef TESSERA_BENCH_LOAD_WIRE_H
#define TESSERA_BENCH_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "common/channel.h"
#include "plan.h"
#include "reader.h"

#define WIRE_INPUT_LEN (256 * 1024)

struct wire_input {
    char bytes[READER_KEEP_MAX + WIRE_INPUT_LEN]; /* the first part is for reader_restore() */
};

struct wire {
    struct channel channel;
    struct wire_input *input;
    struct reader reader;
};

/* Connects and logs in; a relay gets role, for example "P 0", instead. receive_bytes: SO_RCVBUF, or
 * 0 for the kernel's own choice. Waits until the other side is ready. */
enum err wire_open(struct wire *wire, const struct plan *plan, uint64_t port, const char *role,
                   int receive_bytes, struct wire_input *input, int64_t deadline_ns,
                   struct errmsg *why);
/* Allowed at any time. */
void wire_close(struct wire *wire);

/* Sends all of it, however long that takes. */
enum err wire_put(const struct wire *wire, const char *data, size_t len, int64_t deadline_ns,
                  struct errmsg *why);
/* PING and the PONG to it: the server has taken all that was put before. */
enum err wire_sync(struct wire *wire, int64_t deadline_ns, struct errmsg *why);

/* ERR_CLOSED if an -ERR has come. */
enum err wire_complain(const struct wire *wire, struct errmsg *why);

/* Sends what fits; *sent is how much. */
enum err wire_push(const struct wire *wire, const char *data, size_t len, size_t *sent,
                   struct errmsg *why);
/* Takes what has arrived, up to about WIRE_INPUT_LEN. ERR_CLOSED: the connection has ended. */
enum err wire_read(struct wire *wire, struct errmsg *why);

#endif

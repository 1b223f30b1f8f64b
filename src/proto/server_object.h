/* SPDX-License-Identifier: Apache-2.0
 *
 * server_object - what a server says of itself in the system account (PROTOCOL.md 5)
 *
 * Threads  any.
 */
#ifndef TESSERA_PROTO_SERVER_OBJECT_H
#define TESSERA_PROTO_SERVER_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

struct server_object {
    char *name, *host, *id, *cluster, *version; /* borrowed; cluster NULL: none */
    int64_t seq;
    bool jetstream;
    char *time; /* RFC 3339, UTC */
};

/* {...}; the caller frees it. NULL: out of memory. */
char *server_object_json(const struct server_object *object);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * greeting - what INFO tells all clients alike: the configuration, and facts that change meanwhile
 *
 * Owns     the prepared INFO lines; counted and immutable.
 * Threads  any. When the configuration or a fact changes the main thread makes a new one; each
 *          worker swaps its reference when told by mail.
 */
#ifndef TESSERA_SERVER_GREETING_H
#define TESSERA_SERVER_GREETING_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/config.h"

struct greeting {
    atomic_uint refs;
    struct buf prefix;        /* see proto/info.h */
    struct buf prefix_inside; /* the same for whom it greets inside TLS; empty: the same */
    bool lame_duck;
};

/* What the configuration does not say. Borrowed. */
struct greeting_facts {
    const char *server_id, *server_name;
    uint16_t port;                   /* the listener's, since options may say "any" */
    const char *cluster;             /* NULL: none */
    const char *const *connect_urls; /* NULL-terminated; NULL: none */
    bool lame_duck;
};

struct greeting *greeting_new(const struct server_config *config,
                              const struct greeting_facts *facts);
struct greeting *greeting_ref(struct greeting *greeting);
void greeting_unref(struct greeting *greeting); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * announce - the facts of INFO that change while the server runs, and who is told of a change
 *
 * Owns     its copies of them.
 * Threads  the main thread.
 */
#ifndef TESSERA_SERVER_ANNOUNCE_H
#define TESSERA_SERVER_ANNOUNCE_H

#include <stdbool.h>

#include "base/text_list.h"

struct server;

struct announced {
    char *cluster;                 /* NULL: a server on its own */
    bool advertise;                /* not cluster.no_advertise */
    bool joined;                   /* some peer told its URLs once */
    struct text_list own;          /* this server's URLs, which its peers announce */
    struct text_list others;       /* the peers', sorted, each once */
    struct text_list connect_urls; /* what INFO has in force */
};

/* The configuration or a fact changed: makes the greeting anew. true: connect_urls changed. The
 * workers are not told. */
bool announced_renew(struct server *server);
void announced_release(struct announced *announced);

#endif

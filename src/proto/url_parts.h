/* SPDX-License-Identifier: Apache-2.0
 *
 * url_parts - a server URL taken apart: `[scheme://][user[:password]@]host[:port][/path][?query]`
 *
 * Lenient where the credentials end: at the last `@`, so that a `/` in them that should have been
 * %2F is taken for theirs, and nothing of them for a host that is then shown.
 *
 * Owns     nothing: the parts lie in the text.
 * Threads  any.
 */
#ifndef TESSERA_PROTO_URL_PARTS_H
#define TESSERA_PROTO_URL_PARTS_H

#include <stdbool.h>

#include "base/str.h"

struct url_parts {
    struct str scheme;   /* data NULL: none */
    struct str user;     /* as written, percent-encoded; data NULL: there is no `@` */
    struct str password; /* behind the first colon of it; data NULL: no colon */
    struct str address;  /* host and port as written */
    struct str host;     /* without brackets */
    struct str port;     /* behind its colon; data NULL: none */
    struct str tail;     /* path, query and fragment, from their first byte on; may be empty */
};

/* Blanks around text are ignored. false: the host is empty or holds what no host and port are
 * made of; the parts are then set all the same. */
bool url_parts_split(struct str text, struct url_parts *out);

/* A decoded copy with a NUL, which the caller wipes and frees; NULL when an escape is malformed
 * or stands for NUL. */
char *url_parts_decode(struct str text);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * connect - the JSON of CONNECT (PROTOCOL.md 1.7, AUTH.md 1)
 *
 * Read as jobject.h says.
 *
 * Owns     a struct connect_info owns its strings, secrets among them:
 *          connect_info_release() wipes and frees them. The JSON text is the caller's to wipe.
 * Threads  any.
 */
#ifndef TESSERA_PROTO_CONNECT_H
#define TESSERA_PROTO_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct connect_info {
    bool verbose, pedantic, tls_required, echo, headers, no_responders;
    bool new_account;
    int64_t protocol; /* any integer: the caller refuses what is not 0 or 1 */
    /* Strings: data NULL when the key is absent; may hold any byte, NUL included; a NUL
     * follows the last byte. */
    struct str name, lang, version;
    struct str auth_token, user, pass, nkey, sig, jwt; /* secret */
    struct str account;                                /* "" is as good as absent */
};

/* What stays of a CONNECT for the life of its connection: all but the credentials. The strings lie
 * in one allocation. */
struct connect_kept {
    bool verbose, pedantic, tls_required, echo, headers, no_responders;
    bool new_account;
    int64_t protocol;
    struct connect_strings *strings; /* NULL: none */
};

/* What holds before the first CONNECT: the same as connect_info_init(). */
void connect_kept_init(struct connect_kept *kept);
void connect_kept_release(struct connect_kept *kept);
/* Replaces what is kept; false: out of memory, nothing changed. */
bool connect_keep(struct connect_kept *kept, const struct connect_info *info);
/* *info becomes as it was when it was kept, without credentials; false: out of memory. */
bool connect_recall(struct connect_info *info, const struct connect_kept *kept);
/* Borrowed; data NULL: the client did not say. */
struct str connect_kept_name(const struct connect_kept *kept);
struct str connect_kept_lang(const struct connect_kept *kept);
struct str connect_kept_version(const struct connect_kept *kept);

/* What holds before the first CONNECT: verbose, pedantic and echo on, the rest off. */
void connect_info_init(struct connect_info *info);
void connect_info_release(struct connect_info *info);

/* Reads json over what *info holds: keys that are absent keep their value, the defaults of
 * connect_info_init() or those of an earlier CONNECT (connect_recall()).
 * ERR_INVALID, ERR_NOMEM: a part may have been read; the connection is to be closed.
 * The text of why never quotes the input. */
enum err connect_info_parse(struct connect_info *info, struct str json, struct errmsg *why);

/* A one-line description for the trace log: parsed, non-secret fields; of the credentials
 * only which were sent. Cut to size, NUL included. */
void connect_info_describe(const struct connect_info *info, char *out, size_t size);

#endif

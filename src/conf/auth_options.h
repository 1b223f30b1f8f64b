/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_options - who may enter and what each may do, as configured (AUTH.md 3, PROTOCOL.md 2.5)
 *
 * Whatever form the configuration has (one token, tokens: [...], one user, users: [...], nkeys,
 * --auth, --user), it becomes a list of entries; all entries of a list are of kinds that may
 * stand together (tokens alone; users and nkeys together).
 *
 * Owns     every text; secrets are wiped by auth_options_release().
 * Threads  one at a time while built; immutable and shared afterwards.
 */
#ifndef TESSERA_CONF_AUTH_OPTIONS_H
#define TESSERA_CONF_AUTH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* bcrypted tokens in one list: a CONNECT whose token is not known yet tries them all. */
#define AUTH_HASHES_TRIED_MAX 8

/* Entries of allow and deny lists: "subject", or "subject queue" for subscriptions. */
struct subject_list {
    char **items;
    size_t count;
};

struct permission_options {
    bool has_allow; /* an empty allow list allows nothing; an absent one everything */
    struct subject_list allow, deny;
};

struct permissions_options {
    struct permission_options publish, subscribe;
    bool allow_responses;
    int64_t responses_max;        /* 1; negative: unlimited */
    int64_t responses_expires_ns; /* 2 min; negative: never */
};

/* allowed_connection_types, as bits. */
enum connection_type {
    CONNECTION_STANDARD = 1 << 0,
    CONNECTION_WEBSOCKET = 1 << 1,
    CONNECTION_LEAFNODE = 1 << 2,
    CONNECTION_LEAFNODE_WS = 1 << 3,
    CONNECTION_MQTT = 1 << 4,
    CONNECTION_MQTT_WS = 1 << 5,
    CONNECTION_IN_PROCESS = 1 << 6,
};

enum auth_kind { AUTH_TOKEN, AUTH_USER, AUTH_NKEY };

struct auth_entry {
    enum auth_kind kind;
    char *name;   /* AUTH_TOKEN: its name, NULL for the single one; user; public nkey U... */
    char *secret; /* token or password, plain or bcrypted; NULL: an nkey, or by_certificate */
    struct permissions_options *permissions; /* defaults already applied; NULL: everything */
    unsigned connection_types;               /* bits; 0: all */
    int64_t expires_ns;                      /* wall clock; 0: never; tokens only */
};

struct auth_options {
    struct auth_entry *entries;
    size_t count;        /* 0: no authentication is required */
    char *no_auth_user;  /* the name of an AUTH_USER entry; NULL: none */
    bool by_certificate; /* users are named by their certificates (tls verify_and_map) */
};

void auth_options_release(struct auth_options *options);
#define AUTH_SEAL_KEY_LEN 32

/* Once the policy is made the secrets themselves are no longer needed: each becomes its keyed
 * digest as text, and is wiped. Options that were sealed under the same key can still be
 * compared; sealing twice is an error of the program. */
void auth_options_seal(struct auth_options *options, const unsigned char key[AUTH_SEAL_KEY_LEN]);

/* For the reload difference: the same entries in the same order, and no_auth_user? */
bool auth_options_equal(const struct auth_options *a, const struct auth_options *b);
/* Looks at the entries of some kinds only: bits 1 << enum auth_kind. */
bool auth_options_equal_kinds(const struct auth_options *a, const struct auth_options *b,
                              unsigned kinds);
/* Appends those entries as text for the config digest, secrets as "<set>". */
void auth_options_format(const struct auth_options *options, unsigned kinds, struct buf *out);

void auth_entry_release(struct auth_entry *entry);
/* NULL gives NULL, and is allowed. */
struct permissions_options *permissions_options_copy(const struct permissions_options *options);
void permissions_options_free(struct permissions_options *options);
bool permissions_options_equal(const struct permissions_options *a,
                               const struct permissions_options *b);
/* Appends them as text; NULL appends nothing. */
void permissions_options_format(const struct permissions_options *options, struct buf *out);

#endif

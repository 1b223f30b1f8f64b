/* SPDX-License-Identifier: Apache-2.0
 *
 * interop_c - one scenario of the official C client against a running server
 *
 *   interop_c SCENARIO URL [NAME=VALUE...]
 *
 * NAME is a field of struct visit. Exit status 0: the server did what the client's users expect;
 * 1: it did not, and the last line of stderr says what.
 *
 * "interop_c has first" tells by its exit status whether the library can begin with a handshake.
 */
#include "client.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    { "url2", offsetof(struct visit, url2) },   { "token", offsetof(struct visit, token) },
    { "user", offsetof(struct visit, user) },   { "pass", offsetof(struct visit, pass) },
    { "nkey", offsetof(struct visit, nkey) },   { "seed", offsetof(struct visit, seed) },
    { "ca", offsetof(struct visit, ca) },       { "cert", offsetof(struct visit, cert) },
    { "key", offsetof(struct visit, key) },     { "name", offsetof(struct visit, name) },
    { "first", offsetof(struct visit, first) },
};

static void
set_field(struct visit *visit, const char *word)
{
    const char *value = strchr(word, '=');

    for (size_t i = 0; value != NULL && i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t len = (size_t)(value - word);

        if (strlen(fields[i].name) == len && memcmp(fields[i].name, word, len) == 0) {
            *(const char **)((char *)visit + fields[i].offset) = value + 1;
            return;
        }
    }
    fail("unknown option \"%s\"", word);
}

static const struct scenario *
find(const char *name)
{
    static const struct scenario *const tables[] = { core_scenarios, login_scenarios, tls_scenarios,
                                                     cluster_scenarios };

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct scenario *s = tables[t]; s->name != NULL; s++) {
            if (strcmp(s->name, name) == 0)
                return s;
        }
    }
    fail("unknown scenario \"%s\"", name);
}

static int
has_handshake_first(void)
{
#ifdef HAVE_TLS_HANDSHAKE_FIRST
    return 1;
#else
    return 0;
#endif
}

int
main(int argc, char **argv)
{
    struct visit visit = { 0 };

    if (argc < 3)
        fail("usage: %s SCENARIO URL [NAME=VALUE...]", argv[0]);
    if (strcmp(argv[1], "has") == 0)
        return strcmp(argv[2], "first") == 0 && has_handshake_first() ? 0 : 1;
    visit.url = argv[2];
    for (int i = 3; i < argc; i++)
        set_field(&visit, argv[i]);
    find(argv[1])->run(&visit);
    nats_Close();
    return 0;
}

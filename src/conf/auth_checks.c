/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold between the ways to enter. Errors first; the warnings are about what is then
 * in force, so a token that a flag has replaced earns none.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/auth_reader.h"
#include "conf/checks.h"

/* Kinds that may not stand together, the second of which is where the error is. */
static const struct {
    enum auth_part a[2], b[2];
    const char *text;
} mixtures[] = {
    { { PART_TOKEN, PART_TOKEN_FILE },
      { PART_USER, PART_PASSWORD },
      "Cannot have a user/pass and token" },
    { { PART_USER, PART_PASSWORD },
      { PART_USERS, PART_USERS },
      "Can not have a single user/pass and a users array" },
    { { PART_TOKEN, PART_TOKEN_FILE },
      { PART_USERS, PART_USERS },
      "Can not have a token and a users array" },
    { { PART_TOKEN, PART_TOKEN_FILE },
      { PART_TOKENS, PART_TOKENS },
      "Can not have a token and a tokens array" },
    { { PART_USER, PART_PASSWORD },
      { PART_TOKENS, PART_TOKENS },
      "Can not have a single user/pass and a tokens array" },
    { { PART_USERS, PART_USERS },
      { PART_TOKENS, PART_TOKENS },
      "Can not have a users array and a tokens array" },
};

/* Of the two parts, the one that is set, or AUTH_PART_COUNT. */
static enum auth_part
which_set(const struct auth_reader *auth, const enum auth_part parts[2])
{
    if (auth_part_set(auth, parts[0]))
        return parts[0];
    return auth_part_set(auth, parts[1]) ? parts[1] : AUTH_PART_COUNT;
}

static bool
check_mixtures(const struct auth_reader *auth)
{
    bool mixed = false;

    for (size_t i = 0; i < sizeof(mixtures) / sizeof(mixtures[0]); i++) {
        enum auth_part a = which_set(auth, mixtures[i].a), b = which_set(auth, mixtures[i].b);

        if (a == AUTH_PART_COUNT || b == AUTH_PART_COUNT)
            continue;
        diag_error(auth->diags, auth_part_pos(auth, b), "%s", mixtures[i].text);
        mixed = true;
    }
    return mixed;
}

bool
auth_any_set(const struct auth_reader *auth)
{
    static const enum auth_part parts[] = { PART_TOKEN,    PART_TOKEN_FILE, PART_USER,
                                            PART_PASSWORD, PART_TOKENS,     PART_USERS };
    bool any = false;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        any = any || auth_part_set(auth, parts[i]);
    return any;
}

/* Entries by their places in the list, for sorting. */
struct ranked {
    const struct auth_entry *entry;
    size_t index;
};

static int
compare_texts(const char *a, const char *b)
{
    return a == NULL || b == NULL ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

typedef int compare_fn(const struct auth_entry *a, const struct auth_entry *b);

static int
compare_names(const struct auth_entry *a, const struct auth_entry *b)
{
    return a->kind != b->kind ? (int)a->kind - (int)b->kind : compare_texts(a->name, b->name);
}

/* Only what are tokens: two users may have the same password. */
static int
compare_tokens(const struct auth_entry *a, const struct auth_entry *b)
{
    if (a->kind != AUTH_TOKEN || b->kind != AUTH_TOKEN)
        return (int)a->kind - (int)b->kind;
    return compare_texts(a->secret, b->secret);
}

/* Of equal ones, that which stands first comes first. */
static int
order(const void *a, const void *b, void *context)
{
    const struct ranked *one = a, *other = b;
    int way = (*(compare_fn **)context)(one->entry, other->entry);

    return way != 0 ? way : (one->index > other->index) - (one->index < other->index);
}

static void
report_twin(const struct auth_reader *auth, const struct ranked *first, const struct ranked *second,
            bool by_name)
{
    static const char *const nouns[] = { "token", "user", "nkey" };
    const struct auth_place *place = &auth->places[second->index];
    struct conf_pos other = auth->places[first->index].pos;
    struct buf where = BUF_INIT;

    conf_pos_format(other, &where);
    if (by_name)
        diag_error(auth->diags, place->pos, "Duplicate %s \"%.*s\" detected; the first is at %s",
                   nouns[second->entry->kind], auth_shown_len(str_of(second->entry->name)),
                   second->entry->name, buf_cstr(&where));
    else
        diag_error(auth->diags, place->secret,
                   "the same token as that of %s: nobody could tell the two apart",
                   buf_cstr(&where));
    buf_release(&where);
}

/* Neighbours in a sorted list, so that thousands of users cost no more than the sorting. */
static void
check_twins(const struct auth_reader *auth, compare_fn *compare)
{
    bool by_name = compare == compare_names;
    size_t count = auth->options->count;
    struct ranked *list = xcalloc(count, sizeof(*list));

    for (size_t i = 0; i < count; i++)
        list[i] = (struct ranked) { &auth->options->entries[i], i };
    qsort_r(list, count, sizeof(*list), order, &compare);
    for (size_t i = 1; i < count; i++) {
        const struct auth_entry *entry = list[i].entry;
        bool matters = by_name ? entry->name != NULL : entry->kind == AUTH_TOKEN;

        if (matters && compare(list[i - 1].entry, entry) == 0)
            report_twin(auth, &list[i - 1], &list[i], by_name);
    }
    free(list);
}

/* An empty password admits whoever knows the name, unless certificates name the users. */
static void
check_passwords(const struct auth_reader *auth)
{
    for (size_t i = 0; i < auth->options->count && !auth->options->by_certificate; i++) {
        const struct auth_entry *entry = &auth->options->entries[i];

        if (entry->kind == AUTH_USER && entry->secret == NULL)
            diag_error(auth->diags, auth->places[i].pos,
                       "a user without a password would admit everyone who knows the name%s",
                       auth->owner == AUTH_OF_ROUTES ? "; if it is a token, say so: token: ..."
                                                     : "");
    }
}

static void
check_no_auth_user(const struct auth_reader *auth)
{
    const struct auth_options *options = auth->options;
    const char *user = options->no_auth_user;
    bool users = false, found = false;

    if (user == NULL)
        return;
    for (size_t i = 0; i < options->count; i++) {
        users = users || options->entries[i].kind != AUTH_TOKEN;
        found = found || (options->entries[i].kind == AUTH_USER &&
                          strcmp(options->entries[i].name, user) == 0);
    }
    if (!found)
        diag_error(auth->diags, auth->no_auth_user_pos, "no_auth_user: \"%.*s\" %s",
                   auth_shown_len(str_of(user)), user,
                   users ? "not present as user in authorization block or account configuration"
                         : "present, but users/nkeys are not defined");
    else if (options->by_certificate)
        diag_warning(auth->diags, auth->no_auth_user_pos,
                     "without effect: with verify_and_map a certificate names the user");
}

static void
check_tokens(const struct auth_reader *auth)
{
    const struct auth_options *options = auth->options;
    int64_t now = clock_wall_ns();
    size_t hashes = 0;

    for (size_t i = 0; i < options->count; i++) {
        const struct auth_entry *entry = &options->entries[i];

        hashes += entry->kind == AUTH_TOKEN && token_form(entry->secret) == TOKEN_BCRYPT;
        if (entry->expires_ns != 0 && entry->expires_ns <= now)
            diag_warning(auth->diags, auth->places[i].expires,
                         "the token \"%.*s\" has expired: it admits nobody",
                         auth_shown_len(str_of(entry->name)), entry->name);
    }
    if (hashes > AUTH_HASHES_TRIED_MAX)
        diag_error(auth->diags, auth_part_pos(auth, PART_TOKENS),
                   "%zu bcrypted tokens, but at most %d: a client's token may have to be tried "
                   "against each; keep further ones in plain text in a token_file",
                   hashes, AUTH_HASHES_TRIED_MAX);
}

static bool
is_loopback(const char *host)
{
    unsigned char ip[4];

    if (inet_pton(AF_INET, host, ip) == 1)
        return ip[0] == 127;
    return strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcasecmp(host, "localhost") == 0;
}

static const char *
secret_noun(const struct auth_entry *entry)
{
    return entry->kind == AUTH_TOKEN ? "token" : "password";
}

/* One warning for all of them. */
static void
warn_of_plain_text(const struct auth_reader *auth)
{
    size_t first = 0, count = 0;
    const char *noun;

    for (size_t i = auth->options->count; i-- > 0;) {
        const struct auth_place *place = &auth->places[i];

        if (place->origin.file == NULL || place->in_token_file ||
            token_form(auth->options->entries[i].secret) != TOKEN_PLAIN)
            continue;
        first = i;
        count++;
    }
    if (count == 0)
        return;
    noun = secret_noun(&auth->options->entries[first]);
    if (count == 1)
        diag_insecure(auth->diags, auth->places[first].origin,
                      "the %s is in plain text; configure its hash instead, made with: nats server "
                      "passwd",
                      noun);
    else
        diag_insecure(auth->diags, auth->places[first].origin,
                      "this %s is in plain text, and so are %zu more; configure their hashes "
                      "instead, made with: nats server passwd",
                      noun, count - 1);
}

void
auth_check_file(struct conf_file *file, struct conf_pos pos, bool own, struct diags *diags)
{
    if (file == NULL || file->reported || !file->regular || (file->mode & 004) == 0)
        return;
    file->reported = true;
    if (own)
        diag_insecure(diags, pos,
                      "others may read this file, which holds a secret; close it with: "
                      "chmod o-r %s",
                      file->path);
    else
        diag_insecure(diags, pos,
                      "others may read %s, which holds a secret; close it with: chmod o-r %s",
                      file->path, file->path);
}

static void
check_files(const struct auth_reader *auth)
{
    for (size_t i = 0; i < auth->options->count; i++) {
        const struct auth_place *place = &auth->places[i];
        bool own = !place->in_token_file;

        auth_check_file(place->file, own ? place->origin : place->secret, own, auth->diags);
    }
}

static void
warn_of_network(const struct auth_reader *auth, const char *clear_host)
{
    const struct auth_options *options = auth->options;
    size_t i = 0;

    while (i < options->count && options->entries[i].secret == NULL)
        i++;
    if (i < options->count && clear_host != NULL && !is_loopback(clear_host))
        diag_insecure(auth->diags, auth->places[i].pos,
                      "%s send the %s unencrypted, and %s is not a loopback address; "
                      "serve TLS, listen on 127.0.0.1 or keep the network private",
                      auth->owner == AUTH_OF_CLIENTS ? "clients" : "routes",
                      secret_noun(&options->entries[i]), clear_host);
}

void
auth_reader_check(struct auth_reader *auth, const char *clear_host)
{
    check_passwords(auth);
    if (!check_mixtures(auth)) {
        check_twins(auth, compare_names);
        check_twins(auth, compare_tokens);
        check_tokens(auth);
        check_no_auth_user(auth);
    }
    if (auth->block_pos.file != NULL && !auth_any_set(auth) && auth->owner == AUTH_OF_CLIENTS)
        diag_insecure(auth->diags, auth->block_pos,
                      "authorization without a token: everyone may connect");
    if (auth->owner == AUTH_OF_CLIENTS) /* routes need theirs in clear to dial */
        warn_of_plain_text(auth);
    check_files(auth);
    warn_of_network(auth, clear_host);
}

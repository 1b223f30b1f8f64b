/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/checks.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "conf/duration.h"
#include "conf/option_table.h"

#define BCRYPT_HEAD     7  /* "$2a$11$" */
#define BCRYPT_TAIL     53 /* salt and checksum */
#define BCRYPT_COST_MIN 4
#define BCRYPT_COST_MAX 31

#define PAYLOAD_WARN_BYTES (8 * 1024 * 1024)
#define LAME_DUCK_MIN_NS   (30 * CLOCK_NS_PER_S)
#define LAME_DUCK_MAX_NS   (24 * 3600 * CLOCK_NS_PER_S)

enum token_form
token_form(const char *token)
{
    static const char alphabet[] =
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    int cost;

    if (!conf_is_hash_like(str_of(token)))
        return TOKEN_PLAIN;
    if (strlen(token) != BCRYPT_HEAD + BCRYPT_TAIL || strchr("abxy", token[2]) == NULL ||
        !isdigit((unsigned char)token[4]) || !isdigit((unsigned char)token[5]) || token[6] != '$' ||
        strspn(token + BCRYPT_HEAD, alphabet) != BCRYPT_TAIL)
        return TOKEN_BAD_BCRYPT;
    cost = (token[4] - '0') * 10 + token[5] - '0';
    return cost < BCRYPT_COST_MIN || cost > BCRYPT_COST_MAX ? TOKEN_BAD_COST : TOKEN_BCRYPT;
}

void
check_token(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    const char *token = options->auth_token;

    if (token[0] == '\0') {
        diag_error(diags, pos, "an empty token would admit everyone");
        return;
    }
    for (const char *byte = token; *byte != '\0'; byte++) {
        if (iscntrl((unsigned char)*byte)) {
            diag_error(diags, pos, "the token holds a control byte, which no client can send");
            return;
        }
    }
    switch (token_form(token)) {
    case TOKEN_PLAIN:
    case TOKEN_BCRYPT:
        break;
    case TOKEN_BAD_BCRYPT:
        diag_error(diags, pos,
                   "the token begins like a bcrypt hash but is malformed; make one with: "
                   "nats server passwd");
        break;
    case TOKEN_BAD_COST:
        diag_error(diags, pos, "the cost of the bcrypt hash must be from %02d to %d",
                   BCRYPT_COST_MIN, BCRYPT_COST_MAX);
        break;
    }
}

void
check_server_name(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    const char *name = options->server_name;

    for (; name != NULL && *name != '\0'; name++) {
        if (isspace((unsigned char)*name)) {
            diag_error(diags, pos, "server name cannot contain spaces");
            return;
        }
    }
}

/* host, host:port, [v6] or [v6]:port */
static bool
is_host_port(const char *text)
{
    const char *rest = text[0] == '[' ? strchr(text, ']') : strchrnul(text, ':');
    uint64_t port;

    if (rest == NULL || rest == text)
        return false;
    rest += *rest == ']';
    return *rest == '\0' ||
           (*rest == ':' && str_to_u64(str_of(rest + 1), 65535, &port) && port > 0);
}

void
check_client_advertise(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    if (options->client_advertise != NULL && !is_host_port(options->client_advertise))
        diag_error(diags, pos, "\"client_advertise\" wants \"host\" or \"host:port\"");
}

void
check_max_connections(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    if (options->max_connections <= 0)
        diag_warning(diags, pos, "max_connections %" PRId64 " refuses every client",
                     options->max_connections);
}

void
check_max_payload(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    if (options->max_payload > PAYLOAD_WARN_BYTES)
        diag_warning(diags, pos,
                     "a max_payload over 8 MiB (%d) is discouraged: one such message delays all "
                     "others on its connection",
                     PAYLOAD_WARN_BYTES);
}

void
check_lame_duck_duration(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    char text[DURATION_TEXT_MAX];
    int64_t ns = options->lame_duck_duration_ns;

    if (ns != 0 && ns < LAME_DUCK_MIN_NS)
        diag_error(diags, pos, "invalid lame_duck_duration of %s, minimum is 30 seconds",
                   duration_format(ns, text));
    else if (ns > LAME_DUCK_MAX_NS)
        diag_error(diags, pos, "invalid lame_duck_duration of %s, maximum is 24 hours",
                   duration_format(ns, text));
}

void
check_lame_duck_grace_period(const struct options *options, struct conf_pos pos,
                             struct diags *diags)
{
    if (options->lame_duck_grace_period_ns < 0)
        diag_error(diags, pos, "invalid lame_duck_grace_period, needs to be positive");
}

static const struct option_source *
source_of(const struct check_context *context, const char *section, const char *name)
{
    const struct option_row *row = option_by_name(section, str_of(name));
    size_t count;

    return &context->sources[row - option_rows(&count)];
}

static bool
is_set(const struct option_source *source)
{
    return source->in_file || source->by_flag;
}

/* The file's token is out of the running when --auth replaces it; that was said already. */
static void
check_mixture(const struct check_context *context, struct diags *diags)
{
    const struct option_source *block = source_of(context, "", "authorization");
    const struct option_source *token = source_of(context, "authorization", "token");
    const struct option_source *user = source_of(context, "authorization", "user");
    const struct option_source *pass = source_of(context, "authorization", "password");
    const struct option_source *users = source_of(context, "authorization", "users");
    const struct option_source *accounts = source_of(context, "", "accounts");

    if (is_set(token) && (is_set(user) || is_set(pass)))
        diag_error(diags, is_set(user) ? user->pos : pass->pos,
                   "Cannot have a user/pass and token");
    if (is_set(token) && is_set(users))
        diag_error(diags, users->pos, "Can not have a token and a users array");
    if (block->in_file && !is_set(token) && !is_set(user) && !is_set(users))
        diag_warning(diags, block->pos, "authorization without a token: everyone may connect");
    if (token->by_flag && is_set(accounts))
        diag_error(diags, accounts->pos, "Can not have a token and accounts with users");
    if (pass->by_flag && !is_set(user))
        diag_error(diags, pass->pos, "a password needs a user: --user");
}

static bool
is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0;
}

/* What a valid token should not be: readable by others, on disk or on the wire. */
static void
check_token_exposure(const struct check_context *context, struct diags *diags)
{
    const struct option_source *token = source_of(context, "authorization", "token");
    const struct options *options = context->options;
    const struct conf_file *file = context->token_file;
    bool used_from_file = token->in_file && !token->by_flag && file != NULL;

    if (!is_set(token) || !token->valid)
        return;
    if (used_from_file && token_form(options->auth_token) == TOKEN_PLAIN)
        diag_warning(diags, context->token_origin,
                     "the token is in plain text; configure its hash instead, made with: "
                     "nats server passwd");
    if (file != NULL && file->regular && (file->mode & 044) != 0)
        diag_warning(diags, context->token_origin,
                     "others may read this file, which holds a secret; close it with: "
                     "chmod 600 %s",
                     file->path);
    if (!is_loopback(options->host))
        diag_warning(diags, token->pos,
                     "clients send the token unencrypted, and %s is not a loopback address; "
                     "listen on 127.0.0.1 behind a TLS proxy or keep the network private",
                     options->host);
}

void
check_options(const struct check_context *context, struct diags *diags)
{
    const struct options *options = context->options;
    const struct option_source *payload = source_of(context, "", "max_payload");
    const struct option_source *pending = source_of(context, "", "max_pending");
    const struct option_source *grace = source_of(context, "", "lame_duck_grace_period");
    const struct option_source *duration = source_of(context, "", "lame_duck_duration");
    char grace_text[DURATION_TEXT_MAX], duration_text[DURATION_TEXT_MAX];

    check_mixture(context, diags);
    check_token_exposure(context, diags);
    if (options->max_payload > options->max_pending)
        diag_error(diags, is_set(payload) ? payload->pos : pending->pos,
                   "max_payload (%" PRId64 ") cannot be higher than max_pending (%" PRId64 ")",
                   options->max_payload, options->max_pending);
    if (options->lame_duck_grace_period_ns >= options->lame_duck_duration_ns &&
        (grace->valid || duration->valid))
        diag_error(diags, is_set(grace) ? grace->pos : duration->pos,
                   "lame duck grace period (%s) should be strictly lower than lame duck duration "
                   "(%s)",
                   duration_format(options->lame_duck_grace_period_ns, grace_text),
                   duration_format(options->lame_duck_duration_ns, duration_text));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/checks.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "conf/duration.h"
#include "conf/option_table.h"
#include "conf/value.h"
#include "proto/utf8.h"

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

static bool
is_utf8(const char *text)
{
    size_t len = strlen(text), used;
    uint32_t character;

    for (size_t at = 0; at < len; at += used) {
        used = utf8_decode(text + at, len - at, &character);
        if (used == 1 && character == UTF8_BAD)
            return false;
    }
    return true;
}

const char *
secret_unsendable(const char *secret)
{
    for (const char *byte = secret; *byte != '\0'; byte++)
        if (iscntrl((unsigned char)*byte))
            return "holds a control byte, which no client can send";
    return is_utf8(secret) ? NULL : "is not UTF-8, which no client can send";
}

bool
check_secret(const char *noun, const char *secret, struct conf_pos pos, struct diags *diags)
{
    const char *fault = secret_unsendable(secret);

    if (secret[0] == '\0') {
        diag_error(diags, pos, "an empty %s would admit everyone", noun);
        return false;
    }
    if (fault != NULL) {
        diag_error(diags, pos, "the %s %s", noun, fault);
        return false;
    }
    switch (token_form(secret)) {
    case TOKEN_PLAIN:
    case TOKEN_BCRYPT:
        return true;
    case TOKEN_BAD_BCRYPT:
        diag_error(diags, pos,
                   "the %s begins like a bcrypt hash but is malformed; make one with: "
                   "nats server passwd",
                   noun);
        break;
    case TOKEN_BAD_COST:
        diag_error(diags, pos, "the cost of the bcrypt hash must be from %02d to %d",
                   BCRYPT_COST_MIN, BCRYPT_COST_MAX);
        break;
    }
    return false;
}

bool
check_no_blanks(const char *noun, const char *name, struct conf_pos pos, struct diags *diags)
{
    for (; name != NULL && *name != '\0'; name++) {
        if (isspace((unsigned char)*name)) {
            diag_error(diags, pos, "%s cannot contain spaces", noun);
            return false;
        }
    }
    return true;
}

void
check_server_name(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    (void)check_no_blanks("server name", options->server_name, pos, diags);
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
check_host_port(const char *option, const char *text, struct conf_pos pos, struct diags *diags)
{
    if (text != NULL && !is_host_port(text))
        diag_error(diags, pos, "\"%s\" wants \"host\" or \"host:port\"", option);
}

void
check_client_advertise(const struct options *options, struct conf_pos pos, struct diags *diags)
{
    check_host_port("client_advertise", options->client_advertise, pos, diags);
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
source_of(const struct option_source *sources, const char *name)
{
    const struct option_row *row = option_by_name("", str_of(name));
    size_t count;

    return &sources[row - option_rows(&count)];
}

static bool
is_set(const struct option_source *source)
{
    return source->in_file || source->by_flag;
}

void
check_options(const struct options *options, const struct option_source *sources,
              struct diags *diags)
{
    const struct option_source *payload = source_of(sources, "max_payload");
    const struct option_source *pending = source_of(sources, "max_pending");
    const struct option_source *grace = source_of(sources, "lame_duck_grace_period");
    const struct option_source *duration = source_of(sources, "lame_duck_duration");
    char grace_text[DURATION_TEXT_MAX], duration_text[DURATION_TEXT_MAX];

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

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tls_reader.h"
#include "tls/names.h"

static struct conf_pos
place(const struct tls_options *options, enum tls_field field)
{
    return (struct conf_pos) { tls_options_at(options, field, 0), 0, 0 };
}

static void
check_certs(const struct tls_reader *tls)
{
    const struct tls_options *options = tls->options;
    struct conf_pos pos = place(options, TLS_FIELD_BLOCK);

    if (tls->names_certs)
        return; /* what is wrong with them was said */
    if (pos.file[0] == '-')
        diag_error(tls->diags, pos,
                   "TLS Server certificate must be present and valid: --tlscert and --tlskey "
                   "name it");
    else
        diag_error(tls->diags, pos,
                   "missing 'cert_file' in TLS configuration: nobody could connect");
}

static void
check_ciphers(const struct tls_reader *tls)
{
    const struct tls_options *options = tls->options;
    struct buf weak = BUF_INIT;

    for (size_t i = 0; i < options->ciphers.count; i++)
        if (tls_cipher_insecure(str_of(options->ciphers.items[i])))
            buf_printf(&weak, "%s%s", weak.len == 0 ? "" : ", ", options->ciphers.items[i]);
    if (weak.len > 0 && !options->allow_insecure_ciphers)
        diag_error(tls->diags, place(options, TLS_FIELD_CIPHER_SUITES),
                   "insecure cipher suites configured without 'allow_insecure_cipher_suites' "
                   "option set: %s",
                   buf_cstr(&weak));
    buf_release(&weak);
}

/* Ways to ask for certificates that do not go together, or ask for too little. */
static void
check_verify(const struct tls_reader *tls)
{
    const struct tls_options *options = tls->options;
    struct conf_pos verify = place(options, TLS_FIELD_VERIFY);
    bool implied = options->verify_and_map || options->verify_and_check;

    if (implied && !options->verify && tls->flags[TLS_FIELD_VERIFY] != NULL)
        diag_error(tls->diags, verify, "cannot be turned off: the file says %s, which needs it",
                   options->verify_and_map ? "verify_and_map" : "verify_cert_and_check_known_urls");
    if ((implied || options->verify) && options->ca_file == NULL)
        diag_warning(
            tls->diags,
            place(options, options->verify_and_map ? TLS_FIELD_VERIFY_AND_MAP : TLS_FIELD_VERIFY),
            "without a ca_file, certificates of every authority that this system trusts "
            "are accepted");
    if (options->pin_count > 0 && !implied && !options->verify)
        diag_warning(tls->diags, place(options, TLS_FIELD_PINNED_CERTS),
                     "without verify no client is asked for a certificate, so none can have a "
                     "pinned one: nobody may connect");
}

static bool
is_on(const struct tls_options *options, enum tls_field field)
{
    switch (field) {
    case TLS_FIELD_VERIFY_AND_MAP:
        return options->verify_and_map;
    case TLS_FIELD_VERIFY_AND_CHECK:
        return options->verify_and_check;
    case TLS_FIELD_INSECURE:
        return options->insecure;
    case TLS_FIELD_HANDSHAKE_FIRST:
        return options->handshake_first != TLS_FIRST_OFF;
    case TLS_FIELD_CONNECTION_RATE_LIMIT:
        return options->connection_rate_limit != 0;
    default:
        return false;
    }
}

/* What an owner has no use for, or should think twice about. */
static void
check_owner(const struct tls_reader *tls)
{
    static const struct {
        enum tls_owner owner;
        enum tls_field field;
        enum diag_severity severity;
        const char *text;
    } remarks[] = {
        { TLS_OF_CLIENTS, TLS_FIELD_VERIFY_AND_CHECK, DIAG_ERROR,
          "verify_cert_and_check_known_urls not supported in this context" },
        { TLS_OF_CLIENTS, TLS_FIELD_INSECURE, DIAG_WARNING,
          "without effect: it is about servers that are dialled, not about clients" },
        { TLS_OF_ROUTES, TLS_FIELD_INSECURE, DIAG_WARNING,
          "TLS certificate chain and hostname of solicited routes will not be verified. DO NOT "
          "USE IN PRODUCTION!" },
        { TLS_OF_ROUTES, TLS_FIELD_VERIFY_AND_MAP, DIAG_WARNING,
          "without effect: routes have no users, and are verified in any case" },
        { TLS_OF_ROUTES, TLS_FIELD_HANDSHAKE_FIRST, DIAG_WARNING,
          "without effect: routes always begin with the handshake" },
        { TLS_OF_ROUTES, TLS_FIELD_CONNECTION_RATE_LIMIT, DIAG_WARNING,
          "without effect: it is about clients" },
    };
    const struct tls_options *options = tls->options;

    for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
        if (remarks[i].owner == tls->owner && is_on(options, remarks[i].field))
            diag_add(tls->diags, remarks[i].severity, place(options, remarks[i].field), "%s",
                     remarks[i].text);
    if (tls->owner == TLS_OF_ROUTES && options->at[TLS_FIELD_VERIFY] != NULL && !options->verify)
        diag_warning(tls->diags, place(options, TLS_FIELD_VERIFY),
                     "without effect: routes are verified in any case");
}

void
tls_reader_check(struct tls_reader *tls)
{
    struct tls_options *options = tls->options;

    if (!options->enabled)
        return;
    check_certs(tls);
    check_ciphers(tls);
    check_owner(tls);
    options->verify = options->verify || tls->owner == TLS_OF_ROUTES;
    check_verify(tls);
    options->verify = options->verify || options->verify_and_map || options->verify_and_check;
}

static bool
has_users(const struct auth_options *auth)
{
    for (size_t i = 0; i < auth->count; i++)
        if (auth->entries[i].kind == AUTH_USER)
            return true;
    return false;
}

void
tls_check_clients(const struct options *options, struct conf_pos allow_non_tls, struct diags *diags)
{
    const struct tls_options *tls = &options->tls;
    bool first = tls->handshake_first == TLS_FIRST_ON;

    if (options->allow_non_tls && !tls->enabled)
        diag_warning(diags, allow_non_tls, "without effect: there is no tls");
    if (options->allow_non_tls && tls->enabled && first)
        diag_warning(diags, allow_non_tls,
                     "without effect: handshake_first refuses who speaks in clear");
    if (tls->enabled && first)
        diag_warning(diags, place(tls, TLS_FIELD_HANDSHAKE_FIRST),
                     "Clients that are not using \"TLS Handshake First\" option will fail to "
                     "connect");
    if (tls->enabled && tls->verify_and_map && !has_users(&options->auth))
        diag_warning(diags, place(tls, TLS_FIELD_VERIFY_AND_MAP),
                     "there are no users that a certificate could name");
}

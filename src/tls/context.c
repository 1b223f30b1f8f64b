/* SPDX-License-Identifier: Apache-2.0
 *
 * One SSL_CTX per context. What the system's openssl.cnf says about versions and suites is
 * overruled; its security level stays, which refuses short keys.
 *
 * With one certificate OpenSSL knows all it needs. With several, choose_pairs() runs within each
 * ClientHello and gives OpenSSL, of each key type, the first certificate that is valid for the
 * name asked for (any, if none is); it then picks among the types by the client's algorithms. Who
 * dials asks for a name, but is asked for none: its first certificate of each type will do.
 *
 * No tickets and no session cache: the clients of the protocol do not resume, and a ticket key
 * would have to be rotated. The suites of TLS 1.3 are limited only by names of TLS 1.3, so that
 * a list made for 1.2 does not switch 1.3 off, as in the reference.
 */
#include "tls/context.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tls/context_private.h"
#include "tls/names.h"

static const char *
library_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason == NULL ? "unknown reason" : reason;
}

static enum err
at(struct tls_fault *fault, enum tls_field field, enum err err)
{
    if (err != ERR_OK)
        *fault = (struct tls_fault) { field, 0 };
    ERR_clear_error();
    return err;
}

/* --- certificates --- */

static bool
is_valid_for(const struct keypair *pair, const char *name)
{
    return X509_check_host(pair->cert, name, strlen(name), 0, NULL) == 1;
}

static bool
any_valid_for(const struct tls_context *context, const char *name)
{
    for (size_t i = 0; i < context->pair_count; i++) {
        if (is_valid_for(&context->pairs[i], name))
            return true;
    }
    return false;
}

/* Is there an earlier pair of this type among those that are chosen for name? */
static bool
type_is_taken(const struct tls_context *context, size_t index, const char *name)
{
    int type = EVP_PKEY_get_base_id(context->pairs[index].key);

    for (size_t i = 0; i < index; i++) {
        if (EVP_PKEY_get_base_id(context->pairs[i].key) == type &&
            (name == NULL || is_valid_for(&context->pairs[i], name)))
            return true;
    }
    return false;
}

static int
choose_pairs(SSL *ssl, void *argument)
{
    const struct tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (name != NULL && !any_valid_for(context, name))
        name = NULL;
    SSL_certs_clear(ssl);
    for (size_t i = 0; i < context->pair_count; i++) {
        const struct keypair *pair = &context->pairs[i];

        if ((name != NULL && !is_valid_for(pair, name)) || type_is_taken(context, i, name))
            continue;
        if (SSL_use_cert_and_key(ssl, pair->cert, pair->key, pair->chain, 1) != 1)
            return 0;
    }
    return 1;
}

/* The last one given of a type is shown; before TLS 1.3, the last one of all. */
static void
prefer_first_pairs(struct tls_context *context)
{
    for (size_t i = context->pair_count; i-- > 0;) {
        const struct keypair *pair = &context->pairs[i];

        (void)SSL_CTX_use_cert_and_key(context->ssl, pair->cert, pair->key, pair->chain, 1);
    }
}

static int64_t
not_after_s(const X509 *cert)
{
    struct tm end;

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

static enum err
load_pair(struct tls_context *context, const struct tls_options *options, size_t index,
          struct tls_fault *fault, struct errmsg *why)
{
    const struct tls_pair *files = &options->pairs[index];
    struct keypair *pair = &context->pairs[index];
    struct errmsg reason;
    bool key_is_wrong;
    char number[48] = "";
    enum err err = keypair_read(pair, files->cert_file, files->key_file, &key_is_wrong, &reason);

    if (err == ERR_OK) {
        context->pair_count++;
        key_is_wrong = false;
        if (SSL_CTX_use_cert_and_key(context->ssl, pair->cert, pair->key, pair->chain, 1) == 1)
            return ERR_OK;
        err = err_set(&reason, ERR_INVALID, "tls: %s in %s", library_reason(), files->cert_file);
        ERR_clear_error();
    }
    if (options->at[TLS_FIELD_CERTS] != NULL)
        snprintf(number, sizeof(number), " %zu/%zu", index + 1, options->pair_count);
    fault->field = key_is_wrong ? TLS_FIELD_KEY_FILE : TLS_FIELD_CERT_FILE;
    fault->pair = index;
    return err_set(why, err, "error parsing X509 certificate/key pair%s: %s", number, reason.text);
}

static enum err
load_pairs(struct tls_context *context, const struct tls_options *options, struct tls_fault *fault,
           struct errmsg *why)
{
    context->pairs = xcalloc(options->pair_count, sizeof(*context->pairs));
    context->not_after_s = INT64_MAX;
    for (size_t i = 0; i < options->pair_count; i++) {
        enum err err = load_pair(context, options, i, fault, why);
        int64_t end_s;

        if (err != ERR_OK)
            return err;
        end_s = not_after_s(context->pairs[i].cert);
        if (end_s < context->not_after_s) {
            context->not_after_s = end_s;
            context->first_to_end = i;
        }
    }
    if (context->pair_count > 1 && context->dialling)
        prefer_first_pairs(context);
    else if (context->pair_count > 1)
        SSL_CTX_set_cert_cb(context->ssl, choose_pairs, context);
    return ERR_OK;
}

/* --- the peer's certificate --- */

/* Each certificate of the file is trusted by itself, also one that another CA has signed; the
 * client is told their names. */
static enum err
trust_file(struct tls_context *context, const char *path, struct errmsg *why)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    STACK_OF(X509) *cas = NULL;
    enum err err = keypair_read_cas(&cas, path, why);

    for (int i = 0; err == ERR_OK && i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        int64_t end_s = not_after_s(ca);

        (void)X509_check_purpose(ca, -1, 0); /* works it out now, not in a handshake */
        if (i == 0 || end_s > context->cas_not_after_s)
            context->cas_not_after_s = end_s;
        if (X509_STORE_add_cert(store, ca) != 1 || SSL_CTX_add_client_CA(context->ssl, ca) != 1)
            err = err_set(why, ERR_INVALID, "failed to parse root ca certificate: %s",
                          library_reason());
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    sk_X509_pop_free(cas, X509_free);
    return err;
}

static enum err
set_peer_rules(struct tls_context *context, const struct tls_options *options, struct errmsg *why)
{
    enum err err = ERR_OK;

    context->cas_not_after_s = INT64_MAX;
    if (options->ca_file != NULL)
        err = trust_file(context, options->ca_file, why);
    else if (SSL_CTX_set_default_verify_paths(context->ssl) != 1)
        err =
            err_set(why, ERR_INVALID, "could not use the CAs of the system: %s", library_reason());
    if (context->dialling ? !options->insecure : options->verify)
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return err;
}

static int
compare_pins(const void *a, const void *b)
{
    return memcmp(a, b, TLS_PIN_LEN);
}

static void
copy_pins(struct tls_context *context, const struct tls_options *options)
{
    if (options->pin_count == 0)
        return;
    context->pins = xcalloc(options->pin_count, TLS_PIN_LEN);
    memcpy(context->pins, options->pins, options->pin_count * TLS_PIN_LEN);
    context->pin_count = options->pin_count;
    qsort(context->pins, context->pin_count, TLS_PIN_LEN, compare_pins);
}

/* --- versions, suites, curves --- */

static void
add_name(struct buf *list, const char *name)
{
    if ((list->len > 0 && !buf_append_char(list, ':')) || !buf_append_str(list, name))
        abort(); /* start-up */
}

/* The names of one kind as OpenSSL takes them: those of the options or, if they name none, all
 * that are secure. Returns whether the options named any. */
static bool
list_ciphers(struct buf *list, const struct tls_options *options, bool tls13)
{
    const struct tls_cipher *cipher;

    for (size_t i = 0; i < options->ciphers.count; i++) {
        cipher = tls_cipher_find(str_of(options->ciphers.items[i]));
        assert(cipher != NULL);
        if (cipher->tls13 == tls13)
            add_name(list, cipher->library_name);
    }
    if (list->len > 0)
        return true;
    for (size_t i = 0; (cipher = tls_cipher_at(i)) != NULL; i++) {
        if (cipher->tls13 == tls13 && !cipher->insecure)
            add_name(list, cipher->library_name);
    }
    return false;
}

static enum err
set_ciphers(SSL_CTX *ssl, const struct tls_options *options, struct errmsg *why)
{
    struct buf old = BUF_INIT, tls13 = BUF_INIT;
    bool names_old = list_ciphers(&old, options, false);
    enum err err = ERR_OK;

    list_ciphers(&tls13, options, true);
    if (SSL_CTX_set_cipher_list(ssl, buf_cstr(&old)) != 1 ||
        SSL_CTX_set_ciphersuites(ssl, buf_cstr(&tls13)) != 1)
        err = err_set(why, ERR_INVALID, "%s can do none of the cipher suites",
                      OpenSSL_version(OPENSSL_VERSION));
    buf_release(&old);
    buf_release(&tls13);
    if ((options->ciphers.count > 0 && !names_old) || options->min_version == TLS_MIN_1_3)
        SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
    else
        SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    return err;
}

static void
add_curve_if_possible(SSL_CTX *ssl, struct buf *list, const struct tls_curve *curve)
{
    assert(curve != NULL);
    if (SSL_CTX_set1_groups_list(ssl, curve->library_name) == 1)
        add_name(list, curve->library_name);
}

/* Older OpenSSL knows no ML-KEM: what it cannot do is left out, as long as something is left. */
static enum err
set_curves(SSL_CTX *ssl, const struct tls_options *options, struct errmsg *why)
{
    const struct tls_curve *curve;
    struct buf list = BUF_INIT;
    enum err err = ERR_OK;

    for (size_t i = 0; i < options->curves.count; i++)
        add_curve_if_possible(ssl, &list, tls_curve_find(str_of(options->curves.items[i])));
    for (size_t i = 0; options->curves.count == 0 && (curve = tls_curve_at(i)) != NULL; i++)
        add_curve_if_possible(ssl, &list, curve);
    if (list.len == 0 || SSL_CTX_set1_groups_list(ssl, buf_cstr(&list)) != 1)
        err = err_set(why, ERR_INVALID, "%s can do none of the curve preferences",
                      OpenSSL_version(OPENSSL_VERSION));
    buf_release(&list);
    return err;
}

static void
set_manners(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* --- life --- */

static enum err
build(struct tls_context *context, const struct tls_options *options, struct tls_fault *fault,
      struct errmsg *why)
{
    enum err err;

    context->stream = session_stream_new();
    context->ssl = SSL_CTX_new(context->dialling ? TLS_client_method() : TLS_server_method());
    if (context->stream == NULL || context->ssl == NULL)
        return at(fault, TLS_FIELD_BLOCK, err_set(why, ERR_NOMEM, "could not start OpenSSL"));
    set_manners(context->ssl);
    copy_pins(context, options);
    err = load_pairs(context, options, fault, why);
    if (err == ERR_OK)
        err = at(fault, TLS_FIELD_CA_FILE, set_peer_rules(context, options, why));
    if (err == ERR_OK)
        err = at(fault, TLS_FIELD_CIPHER_SUITES, set_ciphers(context->ssl, options, why));
    if (err == ERR_OK)
        err = at(fault, TLS_FIELD_CURVE_PREFERENCES, set_curves(context->ssl, options, why));
    return err;
}

static enum err
new_context(struct tls_context **out, bool dialling, const struct tls_options *options,
            struct tls_fault *fault, struct errmsg *why)
{
    struct tls_context *context = xcalloc(1, sizeof(*context));
    enum err err;

    assert(options->pair_count > 0);
    context->dialling = dialling;
    atomic_init(&context->refs, 1);
    *fault = (struct tls_fault) { TLS_FIELD_BLOCK, 0 };
    err = build(context, options, fault, why);
    if (err == ERR_OK)
        *out = context;
    else
        tls_context_unref(context);
    return err;
}

enum err
tls_context_new(struct tls_context **out, const struct tls_options *options,
                struct tls_fault *fault, struct errmsg *why)
{
    return new_context(out, false, options, fault, why);
}

enum err
tls_context_new_dialling(struct tls_context **out, const struct tls_options *options,
                         struct tls_fault *fault, struct errmsg *why)
{
    return new_context(out, true, options, fault, why);
}

struct tls_context *
tls_context_ref(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void
tls_context_unref(struct tls_context *context)
{
    if (context == NULL || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->stream);
    for (size_t i = 0; i < context->pair_count; i++)
        keypair_release(&context->pairs[i]);
    free(context->pairs);
    free(context->pins);
    free(context);
}

bool
tls_context_has_pins(const struct tls_context *context)
{
    return context->pin_count > 0;
}

bool
tls_context_is_pinned(const struct tls_context *context, const unsigned char *pin)
{
    return context->pin_count > 0 &&
           bsearch(pin, context->pins, context->pin_count, TLS_PIN_LEN, compare_pins) != NULL;
}

bool
tls_context_fits_both_ends(const struct tls_context *context, size_t *pair)
{
    for (size_t i = 0; i < context->pair_count; i++) {
        X509 *cert = context->pairs[i].cert;

        *pair = i;
        if (X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT, 0) != 1 ||
            X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0) != 1)
            return false;
    }
    return true;
}

int64_t
tls_context_not_after_s(const struct tls_context *context)
{
    return context->not_after_s;
}

size_t
tls_context_first_to_end(const struct tls_context *context)
{
    return context->first_to_end;
}

int64_t
tls_context_cas_not_after_s(const struct tls_context *context)
{
    return context->cas_not_after_s;
}

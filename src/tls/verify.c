/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/verify.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/buf.h"

#define HOST_MAX       253 /* RFC 1035, in text, without the dot behind the last label */
#define NAMES_TEXT_MAX 256 /* of a refused certificate's names, in bytes; a peer chooses them */

static bool
expect_host(SSL *ssl, const char *host)
{
    size_t len = strlen(host);
    char name[HOST_MAX + 1];

    if (len > 0 && host[len - 1] == '.')
        len--; /* says that no domain is to be added when it is looked up */
    if (len == 0 || len > HOST_MAX)
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool
verify_expect(SSL *ssl, const char *server_name)
{
    bool ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1 ||
              expect_host(ssl, server_name);

    ERR_clear_error();
    return ok;
}

bool
verify_failed(const SSL *ssl)
{
    /* without such a mode the result is there too, but stops nobody */
    return SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) != X509_V_OK;
}

const char *
verify_failure(const SSL *ssl)
{
    long result = SSL_get_verify_result(ssl);

    if (!verify_failed(ssl))
        return NULL;
    if (result != X509_V_ERR_INVALID_PURPOSE)
        return X509_verify_cert_error_string(result);
    return SSL_is_server(ssl) ? "unsuitable certificate purpose: its extendedKeyUsage or keyUsage "
                                "does not let it be a client's (clientAuth)"
                              : "unsuitable certificate purpose: its extendedKeyUsage or keyUsage "
                                "does not let it be a server's (serverAuth)";
}

/* false: there is no more room. */
static bool
add_name(struct buf *text, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    char ip[INET6_ADDRSTRLEN];

    if (type == GEN_DNS) {
        const unsigned char *data = ASN1_STRING_get0_data(value);

        if (!buf_append_str(text, text->len > 0 ? ", " : ""))
            return false;
        for (int i = 0; i < ASN1_STRING_length(value); i++)
            if (!buf_append_char(text, isgraph(data[i]) ? (char)data[i] : '?'))
                return false;
    } else if (type == GEN_IPADD) {
        int len = ASN1_STRING_length(value);

        if ((len == 4 || len == 16) &&
            inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), ip, sizeof(ip)))
            return buf_printf(text, "%s%s", text->len > 0 ? ", " : "", ip);
    }
    return true;
}

/* The names that a server's certificate has, as far as there is room. */
static void
list_names(const SSL *ssl, struct buf *text)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl); /* as far as it was followed */
    X509 *cert = chain == NULL ? NULL : sk_X509_value(chain, 0);
    GENERAL_NAMES *names =
        cert == NULL ? NULL : X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (!add_name(text, sk_GENERAL_NAME_value(names, i)))
            break;
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void
explain_mismatch(const SSL *ssl, const char *wanted, struct errmsg *why)
{
    struct buf names;

    buf_init(&names, NAMES_TEXT_MAX);
    list_names(ssl, &names);
    if (names.len == 0)
        err_set(why, ERR_INVALID, "certificate is not valid for any names, but wanted to match %s",
                wanted);
    else
        err_set(why, ERR_INVALID, "certificate is valid for %.*s, not %s", (int)names.len,
                names.data, wanted);
    buf_release(&names);
}

void
verify_explain(SSL *ssl, struct errmsg *why)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *ip;

    switch (SSL_get_verify_result(ssl)) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
        explain_mismatch(ssl, X509_VERIFY_PARAM_get0_host(param, 0), why);
        break;
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        ip = X509_VERIFY_PARAM_get1_ip_asc(param);
        explain_mismatch(ssl, ip == NULL ? "the address" : ip, why);
        OPENSSL_free(ip);
        break;
    default:
        err_set(why, ERR_INVALID, "%s", verify_failure(ssl));
        break;
    }
}

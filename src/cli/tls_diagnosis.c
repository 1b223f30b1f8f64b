/* SPDX-License-Identifier: Apache-2.0
 *
 * One blocking conversation over a non-blocking socket with one deadline for all of it:
 * connect, INFO, handshake, then wait for an alert. The last is needed since with TLS 1.3 a
 * server tells that it refuses our certificate only after our side of the handshake is done.
 *
 * What a server's certificate says is printed as ASCII without control bytes.
 */
#include "cli/tls_diagnosis.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <nats/nats.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "cli/dial.h"

#define INFO_MAX 32768 /* bytes; libnats takes no longer line either */
#define TEXT_MAX 256   /* bytes of a text in a certificate, cut beyond */

#define NOT_VERIFIED "tls: failed to verify certificate: x509: "

struct probe {
    const struct url *url;
    const struct tls_diagnosis_request *request;
    int64_t deadline_ns;
    int fd;
    SSL *ssl;
    bool found;
    struct errmsg *why; /* set when found */
};

#define FOUND(probe, ...) ((probe)->found = true, (void)err_set((probe)->why, ERR_SYS, __VA_ARGS__))

/* ---- INFO ---- */

static void
blame_missing_info(struct probe *probe, const char *status)
{
    FOUND(probe,
          "nats: %s: %s:%s sends no INFO; if it wants the TLS handshake first, use --tlsfirst",
          status, probe->url->host, probe->url->port);
}

/* Takes what has arrived, but not what stands behind the line. Returns as recv() does. */
static ssize_t
receive_line_part(int fd, char *data, size_t size)
{
    ssize_t len = recv(fd, data, size, MSG_PEEK);
    const char *end = len <= 0 ? NULL : memchr(data, '\n', (size_t)len);

    if (len <= 0)
        return len;
    return recv(fd, data, end == NULL ? (size_t)len : (size_t)(end - data) + 1, 0);
}

/* The length of the line, 0 when none came. */
static size_t
read_line(struct probe *probe, char line[INFO_MAX])
{
    size_t len = 0;

    while (len < INFO_MAX && (len == 0 || line[len - 1] != '\n')) {
        ssize_t got = receive_line_part(probe->fd, line + len, INFO_MAX - len);

        if (got > 0) {
            len += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            blame_missing_info(probe, "connection closed");
            return 0;
        } else if (!dial_wait(probe->fd, POLLIN, probe->deadline_ns)) {
            blame_missing_info(probe, "timeout");
            return 0;
        }
    }
    return len;
}

/* True when a handshake is to follow. */
static bool
read_info(struct probe *probe)
{
    static const char verb[] = "INFO ";
    const size_t verb_len = sizeof(verb) - 1;
    char line[INFO_MAX];
    size_t len = read_line(probe, line);
    bool offered, required;
    json_t *info;

    if (len < verb_len || memcmp(line, verb, verb_len) != 0)
        return false;
    info = json_loadb(line + verb_len, len - verb_len, JSON_DISABLE_EOF_CHECK, NULL);
    required = json_is_true(json_object_get(info, "tls_required"));
    offered = required || json_is_true(json_object_get(info, "tls_available"));
    json_decref(info);
    if (probe->request->secure && !offered)
        FOUND(probe, "nats: secure connection not available: %s:%s does not offer TLS",
              probe->url->host, probe->url->port);
    else if (probe->request->unused && !required)
        FOUND(probe,
              "nats: secure connection not available: %s:%s offers TLS without requiring it, which"
              " libnats %s does not use",
              probe->url->host, probe->url->port, nats_GetVersion());
    return !probe->found && (required || (probe->request->secure && offered));
}

/* ---- the server's certificate ---- */

static void
take_text(BIO *bio, char out[TEXT_MAX])
{
    int len = BIO_read(bio, out, TEXT_MAX - 1);

    out[len < 0 ? 0 : len] = '\0';
    for (char *c = out; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    BIO_free(bio);
}

static const char *
name_text(const X509_NAME *name, char out[TEXT_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());

    out[0] = '\0';
    if (bio == NULL)
        return out;
    (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
    take_text(bio, out);
    return out;
}

static const char *
time_text(const ASN1_TIME *time, char out[TEXT_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());

    out[0] = '\0';
    if (bio == NULL)
        return out;
    (void)ASN1_TIME_print_ex(bio, time, ASN1_DTFLGS_ISO8601);
    take_text(bio, out);
    return out;
}

/* "DNS:example.com, IP Address:10.0.0.1", or "no name" */
static const char *
alternative_names(const X509 *cert, char out[TEXT_MAX])
{
    int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
    BIO *bio = BIO_new(BIO_s_mem());

    out[0] = '\0';
    if (bio != NULL && (at < 0 || X509V3_EXT_print(bio, X509_get_ext(cert, at), 0, 0) != 1))
        (void)BIO_puts(bio, "no name");
    if (bio != NULL)
        take_text(bio, out);
    return out;
}

static void
blame_issuer(struct probe *probe, const X509 *cert)
{
    const char *ca = probe->request->files->ca;
    char name[TEXT_MAX];

    (void)name_text(X509_get_issuer_name(cert), name);
    if (ca == NULL)
        FOUND(probe,
              NOT_VERIFIED
              "certificate signed by unknown authority: the system does not know \"%s\";"
              " name the file of the authority by --tlsca",
              name);
    else
        FOUND(probe,
              NOT_VERIFIED
              "certificate signed by unknown authority: --tlsca \"%s\" does not hold \"%s\"",
              ca, name);
}

static void
blame_time(struct probe *probe, const X509 *cert, bool over)
{
    char name[TEXT_MAX], time[TEXT_MAX];

    (void)name_text(X509_get_subject_name(cert), name);
    (void)time_text(over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), time);
    FOUND(probe,
          NOT_VERIFIED "certificate has expired or is not yet valid: that of \"%s\" %s on %s", name,
          over ? "expired" : "becomes valid", time);
}

/* Tells about the first fault and ends the handshake there. */
static int
on_verified(int ok, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct probe *probe = SSL_get_app_data(ssl);
    const X509 *cert = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    char names[TEXT_MAX];

    if (ok)
        return ok;
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        blame_issuer(probe, cert);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        blame_time(probe, cert, error == X509_V_ERR_CERT_HAS_EXPIRED);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        FOUND(probe, NOT_VERIFIED "certificate is valid for %s, not %s",
              alternative_names(cert, names), probe->url->host);
        break;
    default:
        FOUND(probe, NOT_VERIFIED "%s: that of \"%s\"", X509_verify_cert_error_string(error),
              name_text(X509_get_subject_name(cert), names));
    }
    return 0;
}

/* ---- handshake ---- */

/* The alerts by which a server refuses the client's certificate. */
static const char *
certificate_alert(int reason)
{
    switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "certificate required";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return "bad certificate";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "unsupported certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        return "revoked certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "expired certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return "unknown certificate";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "unknown certificate authority";
    default:
        return NULL;
    }
}

static void
blame_alert(struct probe *probe, const char *alert)
{
    const char *cert = probe->request->files->cert;

    if (cert == NULL)
        FOUND(probe,
              "remote error: tls: %s: %s:%s wants a client certificate; name one by --tlscert and"
              " --tlskey",
              alert, probe->url->host, probe->url->port);
    else
        FOUND(probe, "remote error: tls: %s: %s:%s refuses the client certificate \"%s\"", alert,
              probe->url->host, probe->url->port, cert);
}

/* After SSL_ERROR_SSL or SSL_ERROR_SYSCALL; in the handshake every failure is a finding. */
static void
blame_error(struct probe *probe, bool in_handshake)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    const char *alert = certificate_alert(reason);

    if (alert != NULL)
        blame_alert(probe, alert);
    else if (!in_handshake || probe->found)
        return;
    else if (reason == SSL_R_WRONG_VERSION_NUMBER && probe->request->first)
        FOUND(probe,
              "tls: first record does not look like a TLS handshake: %s:%s sends INFO first; leave"
              " out --tlsfirst",
              probe->url->host, probe->url->port);
    else
        FOUND(probe, "tls: handshake with %s:%s failed: %s", probe->url->host, probe->url->port,
              reason == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING
                  ? "it closed the connection"
                  : ERR_reason_error_string(code));
}

/* Repeats one step until it is done or failed. True: done. */
static bool
run(struct probe *probe, bool in_handshake)
{
    char byte;

    for (;;) {
        int result, error;

        ERR_clear_error();
        result = in_handshake ? SSL_do_handshake(probe->ssl) : SSL_read(probe->ssl, &byte, 1);
        error = SSL_get_error(probe->ssl, result);
        if (result == 1)
            return true;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            blame_error(probe, in_handshake);
            return false;
        }
        if (!dial_wait(probe->fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
                       probe->deadline_ns)) {
            if (in_handshake)
                FOUND(probe, "nats: timeout: %s:%s does not finish the TLS handshake",
                      probe->url->host, probe->url->port);
            return false;
        }
    }
}

/* libnats names the host since 3.9, and a server may choose its certificate by that. */
static void
handshake(struct probe *probe)
{
    bool sni = probe->request->first || NATS_VERSION_NUMBER >= 0x030900;

    probe->ssl = dial_tls_new(probe->request->context, probe->url, probe->fd, sni);
    if (probe->ssl == NULL)
        return;
    SSL_set_app_data(probe->ssl, probe);
    SSL_set_verify(probe->ssl, SSL_VERIFY_PEER, on_verified);
    if (run(probe, true))
        (void)run(probe, false);
    SSL_free(probe->ssl);
    ERR_clear_error();
}

bool
tls_diagnose(const struct url *url, const struct tls_diagnosis_request *request, struct errmsg *why)
{
    struct probe probe = { .url = url,
                           .request = request,
                           .deadline_ns = clock_mono_ns() + request->limit_ms * CLOCK_NS_PER_MS,
                           .why = why };

    probe.fd = dial(url, probe.deadline_ns);
    if (probe.fd == -1)
        return false;
    if (request->first || read_info(&probe))
        handshake(&probe);
    (void)close(probe.fd);
    return probe.found;
}

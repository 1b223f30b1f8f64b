/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of other types between the PEM blocks that we look for are skipped, so that one file may
 * hold a certificate, its chain and its key. The texts are the reference's where it has one.
 */
#include "tls/keypair.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tls/key_memory.h"

#define PEM_FILE_MAX (4 * 1024 * 1024) /* bytes; the CAs of a whole system are 0.2 MB */

enum pem_result { PEM_OK, PEM_NOTHING, PEM_SWITCHED, PEM_BROKEN };

static void
wipe(struct buf *file)
{
    mem_wipe(file->data, file->len);
    buf_release(file);
}

/* As err_sys(), with the reason in lower case as the reference words it. */
static enum err
sys_failed(struct errmsg *why, int sys_errno, const char *verb, const char *path)
{
    char text[128], *reason = strerror_r(sys_errno, text, sizeof(text));

    return err_set(why, ERR_SYS, "%s %s: %c%s", verb, path, tolower((unsigned char)reason[0]),
                   reason + 1);
}

static enum err
fill(struct buf *file, int fd, const char *path, struct errmsg *why)
{
    for (;;) {
        ssize_t got;

        /* room for all at once would be moved, and leave copies of a key behind */
        if (file->cap - file->len == 0)
            return err_set(why, ERR_LIMIT, "read %s: the file is larger than 4 MB", path);
        got = read(fd, file->data + file->len, file->cap - file->len);
        if (got == 0)
            return ERR_OK;
        if (got < 0 && errno != EINTR)
            return sys_failed(why, errno, "read", path);
        if (got > 0)
            buf_commit(file, (size_t)got);
    }
}

/* A pipe could keep us waiting, and has nothing left for the next reload. */
static enum err
check_regular(int fd, const char *path, struct errmsg *why)
{
    struct stat status;

    if (fstat(fd, &status) == -1)
        return sys_failed(why, errno, "stat", path);
    if (S_ISDIR(status.st_mode))
        return sys_failed(why, EISDIR, "read", path);
    if (!S_ISREG(status.st_mode))
        return err_set(why, ERR_INVALID, "read %s: not a regular file", path);
    return ERR_OK;
}

static enum err
read_whole(struct buf *file, const char *path, struct errmsg *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum err err;

    if (fd == -1)
        return sys_failed(why, errno, "open", path);
    err = check_regular(fd, path, why);
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    if (!buf_reserve(file, PEM_FILE_MAX))
        err = err_set(why, ERR_NOMEM, "read %s: out of memory", path);
    else
        err = fill(file, fd, path, why);
    close(fd);
    if (err != ERR_OK)
        wipe(file);
    return err;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Appends the certificates of a PEM file to certs. */
static enum pem_result
parse_certs(STACK_OF(X509) * certs, const struct buf *file)
{
    BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
    enum pem_result result = PEM_NOTHING;
    char *name, *header;
    unsigned char *data;
    long len;

    while (bio != NULL && PEM_read_bio(bio, &name, &header, &data, &len)) {
        const unsigned char *at = data;
        X509 *cert = NULL;

        if (strcmp(name, PEM_STRING_X509) == 0) {
            cert = d2i_X509(NULL, &at, len);
            result = cert == NULL || !sk_X509_push(certs, cert) ? PEM_BROKEN : PEM_OK;
        } else if (result == PEM_NOTHING && ends_with(name, "PRIVATE KEY")) {
            result = PEM_SWITCHED;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
        if (result == PEM_BROKEN) {
            X509_free(cert);
            break;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

static enum err
read_certs(struct keypair *pair, const char *path, struct errmsg *why)
{
    struct buf file = BUF_INIT;
    enum err err = read_whole(&file, path, why);
    enum pem_result result;

    if (err != ERR_OK)
        return err;
    result = parse_certs(pair->chain, &file);
    wipe(&file);
    switch (result) {
    case PEM_OK:
        pair->cert = sk_X509_shift(pair->chain);
        return ERR_OK;
    case PEM_SWITCHED:
        return err_set(why, ERR_INVALID,
                       "tls: failed to find certificate PEM data in certificate input, but did "
                       "find a private key; PEM inputs may have been switched");
    case PEM_BROKEN:
        return err_set(why, ERR_INVALID, "tls: malformed certificate in %s", path);
    case PEM_NOTHING:
        break;
    }
    return err_set(why, ERR_INVALID, "tls: failed to find any PEM data in certificate input");
}

/* Without this OpenSSL would ask for the password on the terminal. */
static int /* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
refuse_password(char *password, int size, int writing, void *context)
{
    bool *asked = context;

    (void)size, (void)writing;
    password[0] = '\0';
    *asked = true;
    return -1;
}

static enum err
parse_key(struct keypair *pair, const struct buf *file, const char *path, struct errmsg *why)
{
    BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
    bool encrypted = false;

    if (bio != NULL)
        pair->key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, &encrypted);
    BIO_free(bio);
    ERR_clear_error();
    if (pair->key != NULL)
        return ERR_OK;
    if (encrypted)
        return err_set(why, ERR_INVALID,
                       "tls: failed to parse private key: %s is protected by a password; a server "
                       "needs a key without one",
                       path);
    if (memmem(file->data, file->len, "-----BEGIN ", 11) == NULL)
        return err_set(why, ERR_INVALID, "tls: failed to find any PEM data in key input");
    if (memmem(file->data, file->len, "PRIVATE KEY-----", 16) == NULL &&
        memmem(file->data, file->len, "-----BEGIN CERTIFICATE-----", 27) != NULL)
        return err_set(why, ERR_INVALID,
                       "tls: found a certificate rather than a key in the PEM for the private key");
    return err_set(why, ERR_INVALID, "tls: failed to parse private key: there is none in %s", path);
}

static enum err
read_key(struct keypair *pair, const char *path, struct errmsg *why)
{
    struct buf file = BUF_INIT;
    enum err err = read_whole(&file, path, why);

    if (err != ERR_OK)
        return err;
    err = parse_key(pair, &file, path, why);
    wipe(&file);
    return err;
}

/* A chain that begins with an authority's certificate instead of our own. */
static bool
is_in_chain(const struct keypair *pair)
{
    for (int i = 0; i < sk_X509_num(pair->chain); i++)
        if (X509_check_private_key(sk_X509_value(pair->chain, i), pair->key) == 1)
            return true;
    return false;
}

static enum err
check_match(const struct keypair *pair, struct errmsg *why)
{
    EVP_PKEY *public = X509_get0_pubkey(pair->cert);
    bool matches = X509_check_private_key(pair->cert, pair->key) == 1;
    bool misplaced = !matches && is_in_chain(pair);

    ERR_clear_error();
    if (matches)
        return ERR_OK;
    if (misplaced)
        return err_set(why, ERR_INVALID,
                       "tls: private key does not match public key: the certificate that it "
                       "matches must be the first of its file");
    if (public != NULL && EVP_PKEY_get_base_id(public) != EVP_PKEY_get_base_id(pair->key))
        return err_set(why, ERR_INVALID, "tls: private key type does not match public key type");
    return err_set(why, ERR_INVALID, "tls: private key does not match public key");
}

/* The first signature with a key makes copies of its parts that stay: they belong to it. */
static void
use_once(EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool hashes = !EVP_PKEY_is_a(key, "ED25519") && !EVP_PKEY_is_a(key, "ED448");
    unsigned char *signature = NULL;
    size_t len = 0;

    if (context != NULL &&
        EVP_DigestSignInit(context, NULL, hashes ? EVP_sha256() : NULL, NULL, key) == 1 &&
        EVP_DigestSign(context, NULL, &len, (const unsigned char *)"", 0) == 1)
        signature = OPENSSL_malloc(len);
    if (signature != NULL)
        (void)EVP_DigestSign(context, signature, &len, (const unsigned char *)"", 0);
    OPENSSL_free(signature);
    EVP_MD_CTX_free(context);
    ERR_clear_error();
}

static enum err
read_private_key(struct keypair *pair, const char *path, struct errmsg *why)
{
    enum err err;

    key_memory_begin();
    err = read_key(pair, path, why);
    if (err == ERR_OK)
        err = check_match(pair, why);
    if (err == ERR_OK)
        use_once(pair->key);
    key_memory_end();
    return err;
}

enum err
keypair_read(struct keypair *pair, const char *cert_file, const char *key_file, bool *key_is_wrong,
             struct errmsg *why)
{
    enum err err;

    *pair = (struct keypair) { .chain = sk_X509_new_null() };
    *key_is_wrong = false;
    err = pair->chain == NULL ? err_set(why, ERR_NOMEM, "out of memory")
                              : read_certs(pair, cert_file, why);
    if (err == ERR_OK) {
        *key_is_wrong = true;
        err = read_private_key(pair, key_file, why);
    }
    if (err != ERR_OK)
        keypair_release(pair);
    return err;
}

void
keypair_release(struct keypair *pair)
{
    X509_free(pair->cert);
    sk_X509_pop_free(pair->chain, X509_free);
    EVP_PKEY_free(pair->key);
    *pair = (struct keypair) { 0 };
}

enum err
keypair_read_cas(STACK_OF(X509) * *out, const char *path, struct errmsg *why)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    struct buf file = BUF_INIT;
    enum err err = read_whole(&file, path, why);

    if (err == ERR_OK && (certs == NULL || parse_certs(certs, &file) != PEM_OK))
        err = err_set(why, ERR_INVALID,
                      "failed to parse root ca certificate: %s needs certificates, and none that "
                      "is malformed",
                      path);
    buf_release(&file);
    if (err == ERR_OK)
        *out = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    return err;
}

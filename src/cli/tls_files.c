/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>

/* OpenSSL says of a missing file only that there was a system error, and waits for a pipe. */
static enum err
check_readable(const char *flag, const char *path, struct errmsg *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    bool regular;

    if (fd == -1)
        return err_sys(why, errno, "%s: could not open \"%s\"", flag, path);
    regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    (void)close(fd);
    if (!regular) /* libnats is to read it again */
        return err_set(why, ERR_INVALID, "%s: \"%s\" is not a regular file", flag, path);
    return ERR_OK;
}

/* OpenSSL's reason for the last failure, which is then forgotten. */
static enum err
refuse(const char *flag, const char *path, const char *what, struct errmsg *why)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return err_set(why, ERR_INVALID, "%s: \"%s\" %s: %s", flag, path, what,
                   reason == NULL ? "unknown error" : reason);
}

static enum err
load_ca(SSL_CTX *context, const char *path, struct errmsg *why)
{
    enum err err;

    if (path == NULL) {
        (void)SSL_CTX_set_default_verify_paths(context);
        return ERR_OK;
    }
    err = check_readable("--tlsca", path, why);
    if (err == ERR_OK && SSL_CTX_load_verify_locations(context, path, NULL) != 1)
        err = refuse("--tlsca", path, "holds no certificate authority", why);
    return err;
}

/* Nobody is asked for the password of a key: commands also run without a terminal. */
static int
note_password(char *out, int size, int for_writing, void *context)
{
    bool *is_encrypted = context;

    (void)size, (void)for_writing;
    out[0] = '\0';
    *is_encrypted = true;
    return -1;
}

static enum err
load_key(SSL_CTX *context, const struct tls_files *files, struct errmsg *why)
{
    bool is_encrypted = false;
    int result;

    SSL_CTX_set_default_passwd_cb(context, note_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_encrypted);
    result = SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (result == 1)
        return ERR_OK;
    if (ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509 && !is_encrypted)
        return refuse("--tlskey", files->key, "holds no usable key", why);
    ERR_clear_error();
    if (is_encrypted)
        return err_set(why, ERR_INVALID, "--tlskey: \"%s\" is encrypted, which is not supported",
                       files->key);
    return err_set(why, ERR_INVALID, "--tlskey: \"%s\" does not belong to the certificate \"%s\"",
                   files->key, files->cert);
}

static enum err
load_pair(SSL_CTX *context, const struct tls_files *files, struct errmsg *why)
{
    enum err err;

    if (files->cert == NULL && files->key == NULL)
        return ERR_OK;
    if (files->cert == NULL || files->key == NULL)
        return err_set(why, ERR_INVALID, "--tlscert and --tlskey are only valid together");
    err = check_readable("--tlscert", files->cert, why);
    if (err == ERR_OK)
        err = check_readable("--tlskey", files->key, why);
    if (err != ERR_OK)
        return err;
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
        return refuse("--tlscert", files->cert, "holds no usable certificate", why);
    return load_key(context, files, why);
}

enum err
tls_files_load(SSL_CTX **out, const struct tls_files *files, struct errmsg *why)
{
    SSL_CTX *context;
    enum err err;

    /* libnats 3.4 frees a table of OpenSSL's when it is closed, which OpenSSL's own handler at
     * exit would free again. */
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return err_set(why, ERR_NOMEM, "could not set up TLS");
    err = load_ca(context, files->ca, why);
    if (err == ERR_OK)
        err = load_pair(context, files, why);
    if (err == ERR_OK)
        *out = context;
    else
        SSL_CTX_free(context);
    return err;
}

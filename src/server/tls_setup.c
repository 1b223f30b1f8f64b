/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls_setup.h"

#include <assert.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"

#define SOON_S (14 * 24 * 60 * 60) /* a certificate that ends so soon is worth a warning */

typedef enum err make_context(struct tls_context **out, const struct tls_options *options,
                              struct tls_fault *fault, struct errmsg *why);

static enum err
set_up(struct tls_context **out, make_context *make, const struct tls_options *options,
       struct errmsg *why)
{
    struct errmsg reason;
    struct tls_fault fault;
    enum err err;

    *out = NULL;
    if (!options->enabled)
        return ERR_OK;
    err = make(out, options, &fault, &reason);
    if (err == ERR_OK)
        return ERR_OK;
    return err_set(why, err, "%s: %s", tls_options_at(options, fault.field, fault.pair),
                   reason.text);
}

enum err
tls_setup(struct tls_context **out, const struct tls_options *options, struct errmsg *why)
{
    return set_up(out, tls_context_new, options, why);
}

enum err
tls_setup_cluster(struct cluster_tls *out, const struct tls_options *options, struct errmsg *why)
{
    enum err err;

    *out = (struct cluster_tls) { 0 };
    assert(!options->enabled || options->verify); /* the config reader saw to it */
    err = set_up(&out->accepting, tls_context_new, options, why);
    if (err == ERR_OK)
        err = set_up(&out->dialling, tls_context_new_dialling, options, why);
    if (err != ERR_OK)
        cluster_tls_release(out);
    return err;
}

void
cluster_tls_release(struct cluster_tls *tls)
{
    tls_context_unref(tls->accepting);
    tls_context_unref(tls->dialling);
    *tls = (struct cluster_tls) { 0 };
}

static struct conf_pos
place(const struct tls_options *tls, enum tls_field field, size_t pair)
{
    return (struct conf_pos) { tls_options_at(tls, field, pair), 0, 0 };
}

/* what ends, and what comes of it */
static void
check_end(int64_t end_s, const char *what, const char *effect, struct conf_pos pos,
          struct diags *diags)
{
    int64_t now_s = clock_wall_ns() / CLOCK_NS_PER_S;
    time_t end = (time_t)end_s;
    struct tm date;
    char text[32];

    if (end_s - now_s > SOON_S)
        return;
    gmtime_r(&end, &date);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &date);
    if (end_s <= now_s)
        diag_warning(diags, pos, "%s has expired on %s: %s", what, text, effect);
    else
        diag_warning(diags, pos, "%s expires on %s", what, text);
}

static void
check_ends(const struct tls_context *context, const struct tls_options *tls, const char *refused,
           struct diags *diags)
{
    check_end(tls_context_not_after_s(context), "a certificate", refused,
              place(tls, TLS_FIELD_CERT_FILE, tls_context_first_to_end(context)), diags);
    if (tls->verify)
        check_end(tls_context_cas_not_after_s(context), "the last authority of the file",
                  "no certificate of it is accepted any longer", place(tls, TLS_FIELD_CA_FILE, 0),
                  diags);
}

static void
check_keys(const struct tls_options *tls, struct diags *diags)
{
    for (size_t i = 0; i < tls->pair_count; i++) {
        const char *path = tls->pairs[i].key_file;
        struct stat status;

        if (stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0)
            diag_insecure(diags, place(tls, TLS_FIELD_KEY_FILE, i),
                          "others may read %s, which holds a private key; close it with: "
                          "chmod o-r %s",
                          path, path);
    }
}

/* A context for more questions; NULL: there is none to be had. */
static struct tls_context *
check(const struct tls_options *tls, const char *refused, struct diags *diags)
{
    struct tls_context *context = NULL;
    struct tls_fault fault;
    struct errmsg why;

    if (!tls->enabled)
        return NULL;
    if (tls_context_new(&context, tls, &fault, &why) != ERR_OK) {
        diag_error(diags, place(tls, fault.field, fault.pair), "%s", why.text);
        return NULL;
    }
    check_ends(context, tls, refused, diags);
    check_keys(tls, diags);
    return context;
}

void
tls_setup_check(const struct tls_options *options, struct diags *diags)
{
    tls_context_unref(check(options, "clients will refuse it", diags));
}

void
tls_setup_check_cluster(const struct tls_options *options, struct diags *diags)
{
    struct tls_context *context = check(options, "the other servers will refuse it", diags);
    size_t pair;

    if (context != NULL && !tls_context_fits_both_ends(context, &pair))
        diag_warning(diags, place(options, TLS_FIELD_CERT_FILE, pair),
                     "either end of a route may dial, so its certificate needs both serverAuth and "
                     "clientAuth as extendedKeyUsage (or none): the other servers will refuse "
                     "this one at one end");
    tls_context_unref(context);
}

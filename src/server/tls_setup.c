/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls_setup.h"

#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"

#define SOON_S (14 * 24 * 60 * 60) /* a certificate that ends so soon is worth a warning */

enum err
tls_setup(struct tls_context **out, const struct options *options, struct errmsg *why)
{
    struct errmsg reason;
    struct tls_fault fault;
    enum err err;

    *out = NULL;
    if (!options->tls.enabled)
        return ERR_OK;
    err = tls_context_new(out, &options->tls, &fault, &reason);
    if (err == ERR_OK)
        return ERR_OK;
    return err_set(why, err, "%s: %s", tls_options_at(&options->tls, fault.field, fault.pair),
                   reason.text);
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
check_ends(const struct tls_context *context, const struct tls_options *tls, struct diags *diags)
{
    check_end(tls_context_not_after_s(context), "a certificate", "clients will refuse it",
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
            diag_warning(diags, place(tls, TLS_FIELD_KEY_FILE, i),
                         "others may read %s, which holds a private key; close it with: "
                         "chmod o-r %s",
                         path, path);
    }
}

void
tls_setup_check(const struct options *options, struct diags *diags)
{
    struct tls_context *context = NULL;
    struct tls_fault fault;
    struct errmsg why;

    if (!options->tls.enabled)
        return;
    if (tls_context_new(&context, &options->tls, &fault, &why) == ERR_OK) {
        check_ends(context, &options->tls, diags);
        check_keys(&options->tls, diags);
        tls_context_unref(context);
        return;
    }
    diag_error(diags, place(&options->tls, fault.field, fault.pair), "%s", why.text);
}

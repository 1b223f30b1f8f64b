/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls_setup.h"

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

static void
check_end(const struct tls_context *context, const struct options *options, struct diags *diags)
{
    struct conf_pos pos = { tls_options_at(&options->tls, TLS_FIELD_CERT_FILE, 0), 0, 0 };
    int64_t end_s = tls_context_not_after_s(context);
    int64_t now_s = clock_wall_ns() / CLOCK_NS_PER_S;
    time_t end = (time_t)end_s;
    struct tm date;
    char text[32];

    if (end_s - now_s > SOON_S)
        return;
    gmtime_r(&end, &date);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &date);
    if (end_s <= now_s)
        diag_warning(diags, pos, "a certificate has expired on %s: clients will refuse it", text);
    else
        diag_warning(diags, pos, "a certificate expires on %s", text);
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
        check_end(context, options, diags);
        tls_context_unref(context);
        return;
    }
    diag_error(diags,
               ((struct conf_pos) { tls_options_at(&options->tls, fault.field, fault.pair), 0, 0 }),
               "%s", why.text);
}

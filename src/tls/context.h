/* SPDX-License-Identifier: Apache-2.0
 *
 * context - what a tls {} block makes of every handshake: certificates, CA, versions
 *
 * Owns     copies of all that the options and the files say; they are read once, here.
 * Threads  immutable and counted: any thread. A reload makes a new one, running sessions keep
 *          theirs.
 * Fails    when a file is missing or wrong, or nothing of what the options name can be done by
 *          the OpenSSL that we run with; the texts follow the reference's.
 * Cost     new: reads files, so not on a loop. A certificate is chosen by the client's SNI and
 *          algorithms; one alone is taken without looking. Who dials shows the first that is of a
 *          kind that the peer takes.
 */
#ifndef TESSERA_TLS_CONTEXT_H
#define TESSERA_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/tls_options.h"

struct tls_context;

/* Which part of the options was at fault: for tls_options_at(). */
struct tls_fault {
    enum tls_field field;
    size_t pair;
};

/* For accepting. ERR_INVALID or ERR_SYS: *fault and why say what is wrong. */
enum err tls_context_new(struct tls_context **out, const struct tls_options *options,
                         struct tls_fault *fault, struct errmsg *why);

/* For dialling: the same certificates are shown, if the peer asks; the peer's must be of ca_file,
 * be for the name that was dialled, and be a pinned one, if there are pins. insecure: only the
 * last. */
enum err tls_context_new_dialling(struct tls_context **out, const struct tls_options *options,
                                  struct tls_fault *fault, struct errmsg *why);

struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is allowed */

/* Are there pinned certificates at all? If so, is that of the peer one of them? */
bool tls_context_has_pins(const struct tls_context *context);
bool tls_context_is_pinned(const struct tls_context *context, const unsigned char *pin);

/* May each of our certificates be shown by who accepts, and by who dials? If not, *pair is the
 * first that may not: its extendedKeyUsage or keyUsage is for the other end alone. */
bool tls_context_fits_both_ends(const struct tls_context *context, size_t *pair);

/* When the first of our certificates expires, seconds since 1970 UTC; for warnings and varz. */
int64_t tls_context_not_after_s(const struct tls_context *context);
size_t tls_context_first_to_end(const struct tls_context *context); /* the index of its pair */
/* When the last authority of ca_file expires; INT64_MAX without one. */
int64_t tls_context_cas_not_after_s(const struct tls_context *context);

#endif

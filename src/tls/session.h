/* SPDX-License-Identifier: Apache-2.0
 *
 * session - TLS over a connected non-blocking socket, used like the socket itself
 *
 * Owns     the TLS state and a reference to its context; the descriptor stays the caller's and
 *          must be open until the last call.
 * Threads  recv, handshake, close and the questions: the connection's thread. sendv: any thread,
 *          one at a time, at the same time as these. free: when nobody calls. The lock inside is
 *          held while bytes are encrypted or decrypted, never across a system call.
 * Memory   idle: what OpenSSL needs for the keys (docs/decisions/0008-tls.md has the figures).
 *          While the socket takes no more, up to 128 KB of ciphertext; while a record is
 *          incomplete, its bytes.
 * Fails    like a socket: -1 and errno. EAGAIN: wait until it is readable (recv) or writable
 *          (sendv). EPROTO: what came is not TLS as agreed; tls_session_failure() says what.
 * Cost     a handshake: some 0.2 ms with an EC key, 0.5 ms with RSA 2048, nearly all of it in the
 *          step in which the first message arrives; the caller decides how many it does in one
 *          round.
 * Secrets  what is received is wiped inside OpenSSL, until tls_session_stop_wiping().
 */
#ifndef TESSERA_TLS_SESSION_H
#define TESSERA_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"
#include "tls/context.h"
#include "tls/identity.h"

struct tls_session;

enum tls_step {
    TLS_DONE,
    TLS_WANT_READ,  /* call again when the socket is readable */
    TLS_WANT_WRITE, /* call again when it is writable */
    TLS_FAILED,     /* close the connection */
};

/* The accepting side. NULL: out of memory. */
struct tls_session *tls_session_new(struct tls_context *context, int fd);
/* The dialling side, of a context for it; its first step of the handshake writes. server_name: the
 * host name or IP address that the peer's certificate must be for, unless the context is insecure;
 * of a name the peer is told (SNI). NULL: out of memory. */
struct tls_session *tls_session_new_dialling(struct tls_context *context, int fd,
                                             const char *server_name);
void tls_session_free(struct tls_session *session); /* NULL is allowed */

/* The next step of the handshake. After TLS_DONE ask tls_session_readable(): the peer's first
 * bytes may have come along. Pinned certificates are checked here. A failure is told to the peer
 * as far as its socket takes it. Of TLS 1.3 the dialling side is done before the peer has looked at
 * its certificate: that it was refused is an EPROTO of the first recv(). */
enum tls_step tls_session_handshake(struct tls_session *session, struct errmsg *why);

/* Bytes received; 0: the peer has ended the stream, with or without saying so by TLS. */
ssize_t tls_session_recv(struct tls_session *session, void *data, size_t cap);

/* Would recv return something although the socket is not readable? To be asked before waiting for
 * the socket. */
bool tls_session_readable(struct tls_session *session);

/* The peer is logged in, what follows is no secret: receiving gets a fifth cheaper. */
void tls_session_stop_wiping(struct tls_session *session);

/* Bytes that went out in full. After EAGAIN the next call must begin with the same bytes: some may
 * be encrypted already. More may follow them. Up to 64 KB at a time. */
ssize_t tls_session_sendv(struct tls_session *session, const struct iovec *iov, size_t count);

/* Tells the peer that nothing follows (close_notify); sendv must not be called afterwards.
 * TLS_DONE or, while the socket is full, TLS_WANT_WRITE. */
enum tls_step tls_session_close(struct tls_session *session);

/* Why recv or sendv gave EPROTO; a constant. NULL: they did not. */
const char *tls_session_failure(struct tls_session *session);

/* After the handshake. */
const char *tls_session_version(const struct tls_session *session); /* "1.3" */
const char *tls_session_cipher(const struct tls_session *session);  /* IANA's name */

/* The names of the peer's certificate, for the caller to free. NULL: it showed none, or out of
 * memory. */
struct tls_identity *tls_session_identity(const struct tls_session *session);
/* SHA-256 of its SubjectPublicKeyInfo; false: no certificate. */
bool tls_session_peer_pin(const struct tls_session *session, unsigned char pin[TLS_PIN_LEN]);
/* Is it a pinned one of context, if that has pins? For a reload: the handshake has asked its own.
 */
bool tls_session_pin_is_right(const struct tls_session *session, const struct tls_context *context);

#endif

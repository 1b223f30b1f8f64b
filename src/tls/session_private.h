/* SPDX-License-Identifier: Apache-2.0
 *
 * What session.c (life, handshake, receiving) and session_out.c (sending) share; nobody else
 * includes this.
 */
#ifndef TESSERA_TLS_SESSION_PRIVATE_H
#define TESSERA_TLS_SESSION_PRIVATE_H

#include <pthread.h>

#include "base/buf.h"
#include "tls/context_private.h"
#include "tls/session.h"

#define RECORD_EXTRA 128    /* bytes at most that a record adds, of the suites that we offer */
#define OUT_MAX      131072 /* a peer that makes us answer and reads nothing is cut */

enum session_state {
    SESSION_HANDSHAKE,
    SESSION_OPEN,
    SESSION_ENDED,  /* the peer has ended its side */
    SESSION_FAILED, /* and failure says why */
};

struct tls_session {
    struct tls_context *context;
    int fd;
    pthread_mutex_t lock;

    /* under lock */
    SSL *ssl;
    enum session_state state;
    const char *failure;
    const unsigned char *wire; /* ciphertext that the running call offers to OpenSSL */
    size_t wire_len;
    struct buf in;    /* ciphertext that found no room in the caller's buffer */
    struct buf out;   /* ciphertext that waits for the socket */
    size_t committed; /* bytes of sendv's caller whose ciphertext is in out or being sent */
    bool sending;     /* a thread is sending what comes before out */
};

enum flush { FLUSH_EMPTY, FLUSH_BUSY, FLUSH_FULL, FLUSH_BROKEN };

/* Sends what waits in out. BUSY: another thread is sending and will look again. FULL: the socket
 * takes no more. BROKEN: errno says why. */
enum flush session_flush_locked(struct tls_session *session);

/* why: a constant; the first one stays. */
void session_fail_locked(struct tls_session *session, const char *why);

/* After a call of OpenSSL that did not succeed: was that an end, a failure, or only for now? */
void session_note_result_locked(struct tls_session *session, int result);

#endif

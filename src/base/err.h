/* SPDX-License-Identifier: Apache-2.0
 *
 * err - what went wrong: a code that code branches on, a text that a person reads
 *
 * Threads  any; an errmsg belongs to its caller.
 * Texts    say what could not be done and to what, then why; no final full stop,
 *          and never a secret.
 */
#ifndef TESSERA_BASE_ERR_H
#define TESSERA_BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_NOMEM,    /* memory whose size a peer decides was refused */
    ERR_SYS,      /* a system call failed; the text carries strerror */
    ERR_INVALID,  /* the input is not what the rules allow */
    ERR_EXISTS,   /* already there */
    ERR_NOTFOUND, /* not there */
    ERR_LIMIT,    /* a stated limit was reached */
    ERR_CLOSED,   /* the other side is gone */
};

#define ERRMSG_MAX 512 /* bytes, NUL included; longer texts are cut */

struct errmsg {
    char text[ERRMSG_MAX];
};

/* Writes the text (why may be NULL) and returns code, so that callers can return it. */
enum err err_set(struct errmsg *why, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: ": strerror(sys_errno)" is appended, ERR_SYS returned. */
enum err err_sys(struct errmsg *why, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Three pieces of memory, since libuv gives none of them back at once: the dial, whose timer is
 * closed last; a lookup, which may have to come back first; an attempt, one per address. The two
 * latter forget their dial when it ends before them.
 */
#include "net/dialer.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/random.h"
#include "net/loop_private.h"

struct dialer {
    struct loop *loop;
    struct list dials;
    struct random random;
    bool (*is_avoided)(void *arg, const struct endpoint *remote); /* NULL: none is */
    void *avoided_arg;
};

struct lookup {
    uv_getaddrinfo_t request;
    struct dial *dial; /* NULL: nobody waits for it */
};

struct attempt {
    uv_poll_t poll;
    struct dial *dial;
    struct endpoint remote;
    int fd;
};

struct dial {
    struct dialer *dialer;
    struct list link; /* in dialer->dials */
    dialed_fn *done;
    void *arg;
    char *host;
    uint16_t port;
    int64_t deadline_ms;
    uv_timer_t timer;        /* when it begins; then the end of the lookup, or of the attempt */
    struct lookup *lookup;   /* NULL: none is under way */
    struct attempt *attempt; /* the same */
    struct sockaddr_storage addresses[DIAL_ADDRESSES_MAX];
    uint32_t address_count, tried, first;
    struct errmsg failure; /* the first; empty: none yet */
};

/* --- the end --- */

static void
end_lookup(struct dial *dial)
{
    if (dial->lookup == NULL)
        return;
    dial->lookup->dial = NULL;
    (void)uv_cancel((uv_req_t *)&dial->lookup->request); /* only if it has not begun */
    dial->lookup = NULL;
}

static void
free_attempt(uv_handle_t *poll)
{
    free(poll->data);
}

/* Returns its descriptor, which is not polled any more. */
static int
take_attempt(struct dial *dial)
{
    struct attempt *attempt = dial->attempt;

    dial->attempt = NULL;
    uv_close((uv_handle_t *)&attempt->poll, free_attempt);
    return attempt->fd;
}

static void
free_dial(uv_handle_t *timer)
{
    struct dial *dial = timer->data;

    free(dial->host);
    free(dial);
}

/* Its memory stays for this round. */
static void
release(struct dial *dial)
{
    list_remove(&dial->link);
    end_lookup(dial);
    if (dial->attempt != NULL)
        close(take_attempt(dial));
    uv_close((uv_handle_t *)&dial->timer, free_dial);
}

static void
succeed(struct dial *dial)
{
    struct endpoint remote = dial->attempt->remote;
    int fd = take_attempt(dial);

    release(dial);
    dial->done(dial->arg, fd, &remote, NULL);
}

static void
fail(struct dial *dial)
{
    release(dial);
    dial->done(dial->arg, -1, NULL, dial->failure.text);
}

static void
fail_lookup(struct dial *dial, int status)
{
    const char *why = uv_strerror(status);

    if (status == UV_EAI_NONAME || status == UV_EAI_NODATA || status == UV_EINVAL)
        why = "no such host"; /* or no name at all */
    else if (status == UV_EAI_AGAIN)
        why = "Temporary failure in name resolution";
    else if (status == UV_ETIMEDOUT)
        why = "i/o timeout";
    (void)err_set(&dial->failure, ERR_SYS, "lookup for host \"%s\": lookup %s: %s", dial->host,
                  dial->host, why);
    fail(dial);
}

/* --- connecting --- */

/* what: " connect", " socket", or nothing. The words of the system, in lower case as the reference
 * has them. */
static void
note_failure(struct dial *dial, const struct endpoint *remote, const char *what, const char *why)
{
    if (dial->failure.text[0] == '\0')
        (void)err_set(&dial->failure, ERR_SYS,
                      strchr(remote->ip, ':') != NULL ? "dial tcp [%s]:%u:%s %c%s"
                                                      : "dial tcp %s:%u:%s %c%s",
                      remote->ip, remote->port, what, tolower((unsigned char)why[0]), why + 1);
}

static void
note_errno(struct dial *dial, const struct endpoint *remote, const char *what, int failure)
{
    char text[128];

    note_failure(dial, remote, what, strerror_r(failure, text, sizeof(text)));
}

/* Two ends of one socket: to dial a port of our own host that nobody listens on may get just that
 * port as the local one, and TCP then connects the socket to itself. */
static bool
is_own_echo(int fd)
{
    struct sockaddr_storage local = { 0 }, remote = { 0 };
    socklen_t local_len = sizeof(local), remote_len = sizeof(remote);

    return getsockname(fd, (struct sockaddr *)&local, &local_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&remote, &remote_len) == 0 &&
           local_len == remote_len && memcmp(&local, &remote, local_len) == 0;
}

/* errno of what has become of it; 0: it is connected. */
static int
connect_result(int fd)
{
    int failure = 0;
    socklen_t len = sizeof(failure);
    struct sockaddr_storage remote;
    socklen_t remote_len = sizeof(remote);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == -1)
        return errno;
    if (failure == 0 && getpeername(fd, (struct sockaddr *)&remote, &remote_len) == -1)
        return errno;
    if (failure == 0 && is_own_echo(fd))
        return ECONNREFUSED;
    return failure;
}

static void try_next(struct dial *dial);

static void
attempt_ready(uv_poll_t *poll, int status, int events)
{
    struct attempt *attempt = poll->data;
    struct dial *dial = attempt->dial;
    int failure = connect_result(attempt->fd);

    (void)status, (void)events; /* the socket says it better */
    if (failure == 0) {
        succeed(dial);
        return;
    }
    note_errno(dial, &attempt->remote, " connect:", failure);
    close(take_attempt(dial));
    try_next(dial);
}

/* A socket whose connection is under way; -1: errno, and *what failed. */
static int
begin_connecting(const struct sockaddr_storage *address, const char **what)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    int failure;

    *what = " socket:";
    if (fd == -1)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *what = " connect:";
    if (connect(fd, (const struct sockaddr *)address,
                address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                               : sizeof(struct sockaddr_in)) == 0 ||
        errno == EINPROGRESS)
        return fd;
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static void
time_is_up(uv_timer_t *timer)
{
    struct dial *dial = timer->data;

    if (dial->attempt == NULL) {
        fail_lookup(dial, UV_ETIMEDOUT);
        return;
    }
    note_failure(dial, &dial->attempt->remote, "", "i/o timeout");
    close(take_attempt(dial));
    try_next(dial);
}

static uint64_t
time_left_ms(const struct dial *dial)
{
    int64_t left_ms = dial->deadline_ms - loop_now_ms(dial->dialer->loop);

    return left_ms > 0 ? (uint64_t)left_ms : 0;
}

static bool
try_address(struct dial *dial, const struct sockaddr_storage *address)
{
    struct attempt *attempt;
    struct endpoint remote;
    const char *what;
    int fd = begin_connecting(address, &what), rc;

    endpoint_from_sockaddr(&remote, address);
    if (fd == -1) {
        note_errno(dial, &remote, what, errno);
        return false;
    }
    attempt = xcalloc(1, sizeof(*attempt));
    *attempt = (struct attempt) { .dial = dial, .remote = remote, .fd = fd };
    rc = uv_poll_init(&dial->dialer->loop->uv, &attempt->poll, fd);
    if (rc != 0) { /* the kernel polls no more of them */
        note_errno(dial, &remote, " socket:", -rc);
        free(attempt);
        close(fd);
        return false;
    }
    attempt->poll.data = attempt;
    (void)uv_poll_start(&attempt->poll, UV_WRITABLE, attempt_ready);
    dial->attempt = attempt;
    return true;
}

/* Each of those that are left gets the same share of the time that is left. */
static void
try_next(struct dial *dial)
{
    while (dial->tried < dial->address_count && (dial->tried == 0 || time_left_ms(dial) > 0)) {
        uint32_t left = dial->address_count - dial->tried;
        uint32_t index = (dial->first + dial->tried++) % dial->address_count;

        uv_timer_start(&dial->timer, time_is_up, time_left_ms(dial) / left, 0);
        if (try_address(dial, &dial->addresses[index]))
            return;
    }
    fail(dial);
}

static void
leave_out_avoided(struct dial *dial)
{
    const struct dialer *dialer = dial->dialer;
    uint32_t kept = 0;

    for (uint32_t i = 0; dialer->is_avoided != NULL && i < dial->address_count; i++) {
        struct endpoint remote;

        endpoint_from_sockaddr(&remote, &dial->addresses[i]);
        if (!dialer->is_avoided(dialer->avoided_arg, &remote))
            dial->addresses[kept++] = dial->addresses[i];
    }
    if (kept > 0)
        dial->address_count = kept;
}

static void
begin_trying(struct dial *dial, const struct addrinfo *found)
{
    for (; found != NULL && dial->address_count < DIAL_ADDRESSES_MAX; found = found->ai_next) {
        struct sockaddr_storage *address = &dial->addresses[dial->address_count];

        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        memcpy(address, found->ai_addr, found->ai_addrlen);
        /* the same place in both families */
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(dial->port);
        dial->address_count++;
    }
    if (dial->address_count == 0) {
        fail_lookup(dial, UV_EAI_NODATA);
        return;
    }
    leave_out_avoided(dial);
    dial->first = random_below(&dial->dialer->random, dial->address_count);
    try_next(dial);
}

/* --- looking up --- */

static void
looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lookup *lookup = request->data;
    struct dial *dial = lookup->dial;

    free(lookup);
    if (dial != NULL) {
        dial->lookup = NULL;
        if (status == 0)
            begin_trying(dial, found);
        else
            fail_lookup(dial, status);
    }
    uv_freeaddrinfo(found);
}

static void
begin_lookup(struct dial *dial)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    int rc;

    lookup->request.data = lookup;
    rc = uv_getaddrinfo(&dial->dialer->loop->uv, &lookup->request, looked_up, dial->host, NULL,
                        &hints);
    if (rc != 0) {
        free(lookup);
        fail_lookup(dial, rc);
        return;
    }
    lookup->dial = dial;
    dial->lookup = lookup;
    uv_timer_start(&dial->timer, time_is_up, time_left_ms(dial), 0);
}

/* An address is not looked up: it would wait behind the names of others. */
static void
begin(uv_timer_t *timer)
{
    struct dial *dial = timer->data;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found = NULL;

    if (getaddrinfo(dial->host, NULL, &hints, &found) != 0) {
        begin_lookup(dial);
        return;
    }
    begin_trying(dial, found);
    freeaddrinfo(found);
}

/* --- public --- */

struct dialer *
dialer_new(struct loop *loop)
{
    struct dialer *dialer = xcalloc(1, sizeof(*dialer));

    dialer->loop = loop;
    list_init(&dialer->dials);
    random_seed(&dialer->random);
    return dialer;
}

void
dialer_free(struct dialer *dialer)
{
    if (dialer == NULL)
        return;
    while (!list_empty(&dialer->dials))
        release(LIST_ENTRY(dialer->dials.next, struct dial, link));
    free(dialer);
}

void
dialer_avoid(struct dialer *dialer, bool (*is_avoided)(void *arg, const struct endpoint *remote),
             void *arg)
{
    dialer->is_avoided = is_avoided;
    dialer->avoided_arg = arg;
}

struct dial *
dialer_dial(struct dialer *dialer, const char *host, uint16_t port, int64_t timeout_ms,
            dialed_fn *done, void *arg)
{
    struct dial *dial = xcalloc(1, sizeof(*dial));

    dial->dialer = dialer;
    dial->done = done;
    dial->arg = arg;
    dial->host = xstrdup(host);
    dial->port = port;
    dial->deadline_ms = loop_now_ms(dialer->loop) + timeout_ms;
    list_push_back(&dialer->dials, &dial->link);
    uv_timer_init(&dialer->loop->uv, &dial->timer);
    dial->timer.data = dial;
    uv_timer_start(&dial->timer, begin, 0, 0);
    return dial;
}

void
dial_cancel(struct dial *dial)
{
    if (dial != NULL)
        release(dial);
}

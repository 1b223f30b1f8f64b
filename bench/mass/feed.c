/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending and receiving take turns, each a bounded piece at a time: a server that is read too
 * late would stop reading in its turn.
 */
#include "mass/feed.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"

#define SEND_MAX ((size_t)1 << 20)
#define RECV_MAX ((size_t)1 << 18)
#define NAP_MS   1000 /* how late the deadline may be noticed */
#define POLL_MS  1    /* how exactly is repeated what has to be */

/* room has READER_KEEP_MAX bytes in front of RECV_MAX ones. */
static enum err
receive(struct feed *feed, char *room, struct errmsg *why)
{
    char *begin = room + READER_KEEP_MAX;
    ssize_t len = recv(feed->fd, begin, RECV_MAX, 0);
    enum err err;
    size_t kept;

    if (len == 0)
        return err_set(why, ERR_CLOSED, "the server closed the connection");
    if (len == -1)
        return errno == EAGAIN || errno == EINTR ? ERR_OK
                                                 : err_sys(why, errno, "could not receive");
    kept = reader_restore(&feed->reader, begin);
    err = reader_take(&feed->reader, begin - kept, kept + (size_t)len, why);
    if (err == ERR_OK && feed->reader.error[0] != '\0')
        err = err_set(why, ERR_CLOSED, "the server says %s", feed->reader.error);
    return err;
}

static enum err
transmit(struct feed *feed, struct errmsg *why)
{
    size_t piece = feed->out.len < SEND_MAX ? feed->out.len : SEND_MAX;
    ssize_t len = send(feed->fd, feed->out.data, piece, MSG_NOSIGNAL);

    if (len == -1)
        return errno == EAGAIN || errno == EINTR ? ERR_OK : err_sys(why, errno, "could not send");
    feed->out = (struct str) { feed->out.data + len, feed->out.len - (size_t)len };
    return ERR_OK;
}

static bool
is_done(const struct feed *feed)
{
    return feed->out.len == 0 && feed->reader.messages >= feed->messages_due &&
           feed->reader.pongs >= feed->pongs_due;
}

static bool
all_done(const struct feed *feeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_done(&feeds[i]))
            return false;
    }
    return true;
}

/* Takes what is to be repeated now; returns whether anything will have to be. */
static bool
repeat_due(struct feed *feeds, size_t count)
{
    int64_t now_ns = clock_mono_ns();
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        struct feed *feed = &feeds[i];

        any = any || feed->repeated.len > 0;
        if (feed->repeated.len == 0 || feed->out.len > 0 || now_ns < feed->next_ns)
            continue;
        feed->out = feed->repeated;
        feed->next_ns = now_ns + feed->again_ns;
    }
    return any;
}

static enum err
turn(struct feed *feeds, struct pollfd *watched, size_t count, char *room, struct errmsg *why)
{
    enum err err = ERR_OK;

    int nap_ms = repeat_due(feeds, count) ? POLL_MS : NAP_MS;

    for (size_t i = 0; i < count; i++)
        watched[i].events = feeds[i].out.len > 0 ? POLLIN | POLLOUT : POLLIN;
    if (poll(watched, count, nap_ms) == -1)
        return errno == EINTR ? ERR_OK : err_sys(why, errno, "could not wait");
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if ((watched[i].revents & ~POLLOUT) != 0)
            err = receive(&feeds[i], room, why);
        if (err == ERR_OK && (watched[i].revents & POLLOUT) != 0)
            err = transmit(&feeds[i], why);
    }
    return err;
}

enum err
feeds_run(struct feed *feeds, size_t count, int64_t deadline_ns, struct errmsg *why)
{
    struct pollfd *watched = xcalloc(count, sizeof(*watched));
    char *room = xmalloc(READER_KEEP_MAX + RECV_MAX);
    enum err err = ERR_OK;

    for (size_t i = 0; i < count; i++)
        watched[i].fd = feeds[i].fd;
    while (err == ERR_OK && !all_done(feeds, count)) {
        err = clock_mono_ns() < deadline_ns
                  ? turn(feeds, watched, count, room, why)
                  : err_set(why, ERR_LIMIT, "not all had come when time was up");
    }
    free(room);
    free(watched);
    return err;
}

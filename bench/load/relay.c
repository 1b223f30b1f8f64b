/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp_relay - copies bytes from connection to connection and looks at none: what a server that
 * costs nothing but its system calls would do
 *
 * It prints the port that it listens on. The first line of a connection is its role, groups are
 * numbers:
 *
 *   P 3        what comes goes to all receivers of group 3
 *   S 3        receiver of group 3
 *   E 3 4      source of group 3 and receiver of group 4
 *
 * The answer is +OK. One thread; what does not fit into a receiver's socket is kept, and until it
 * is gone no source of that group is read, so there is never more to keep than one read.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "watch.h"

#define READ_MAX  (64 * 1024)
#define ROLE_MAX  64
#define GROUP_MAX 65536

struct group {
    struct list sources, receivers; /* of struct end, by from_link and to_link */
    unsigned blocked;               /* receivers that have something kept */
};

struct relay {
    int epoll;
    struct list gone; /* of struct end, by from_link: events of this turn may still name them */
    char data[READ_MAX];
    struct group *groups[GROUP_MAX]; /* NULL: nobody has named it */
};

struct listener {
    struct watch watch; /* first: the watch is cast back */
    struct relay *relay;
    int fd;
};

struct end {
    struct watch watch; /* first: the watch is cast back */
    struct relay *relay;
    int fd;                  /* -1: gone */
    struct group *from, *to; /* NULL: no source of any, no receiver of any */
    struct list from_link, to_link;
    struct buf kept;
};

static enum err
rewatch(struct end *end, struct errmsg *why)
{
    bool is_new = end->from == NULL && end->to == NULL;
    uint32_t events = 0;

    if (is_new || (end->from != NULL && end->from->blocked == 0))
        events = EPOLLIN;
    else if (end->from == NULL)
        events = EPOLLRDHUP; /* of a source, what it sent before its end is still to be read */
    if (end->kept.len > 0)
        events |= EPOLLOUT;
    return watch_change(end->relay->epoll, &end->watch, end->fd, events, why);
}

/* Its sources may be read again, or must not be read for now. */
static enum err
rewatch_sources(struct group *group, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (struct list *at = group->sources.next; err == ERR_OK && at != &group->sources;
         at = at->next)
        err = rewatch(LIST_ENTRY(at, struct end, from_link), why);
    return err;
}

static enum err
unblock(struct group *group, struct errmsg *why)
{
    assert(group->blocked > 0);
    return --group->blocked == 0 ? rewatch_sources(group, why) : ERR_OK;
}

static enum err
drop(struct end *end, struct errmsg *why)
{
    close(end->fd);
    end->fd = -1;
    list_remove(&end->from_link);
    list_remove(&end->to_link);
    list_push_back(&end->relay->gone, &end->from_link);
    if (end->kept.len == 0)
        return ERR_OK;
    buf_release(&end->kept);
    return unblock(end->to, why);
}

static enum err
give(struct end *end, const char *data, size_t len, struct errmsg *why)
{
    ssize_t sent = send(end->fd, data, len, MSG_NOSIGNAL);
    enum err err;

    if (sent == (ssize_t)len)
        return ERR_OK;
    if (sent == -1 && errno != EAGAIN)
        return drop(end, why);
    sent = sent == -1 ? 0 : sent;
    if (!buf_append(&end->kept, data + sent, len - (size_t)sent))
        return err_set(why, ERR_NOMEM, "out of memory");
    err = rewatch(end, why);
    if (err == ERR_OK && end->to->blocked++ == 0)
        err = rewatch_sources(end->to, why);
    return err;
}

static enum err
give_kept(struct end *end, struct errmsg *why)
{
    ssize_t sent = send(end->fd, end->kept.data, end->kept.len, MSG_NOSIGNAL);
    enum err err;

    if (sent == -1)
        return errno == EAGAIN ? ERR_OK : drop(end, why);
    buf_consume(&end->kept, (size_t)sent);
    if (end->kept.len > 0)
        return ERR_OK;
    err = rewatch(end, why);
    return err == ERR_OK ? unblock(end->to, why) : err;
}

static enum err
pass(struct end *end, struct errmsg *why)
{
    struct relay *relay = end->relay;
    struct list *at, *next;
    enum err err = ERR_OK;
    ssize_t len;

    if (end->from->blocked > 0)
        return ERR_OK; /* since this turn */
    len = recv(end->fd, relay->data, sizeof(relay->data), 0);
    if (len == -1 && errno == EAGAIN)
        return ERR_OK;
    if (len <= 0)
        return drop(end, why);
    LIST_FOREACH_SAFE(at, next, &end->from->receivers)
    {
        err = give(LIST_ENTRY(at, struct end, to_link), relay->data, (size_t)len, why);
        if (err != ERR_OK)
            break;
    }
    return err;
}

static struct group *
group_of(struct relay *relay, uint64_t number)
{
    struct group **group = &relay->groups[number];

    if (*group == NULL) {
        *group = xcalloc(1, sizeof(**group));
        list_init(&(*group)->sources);
        list_init(&(*group)->receivers);
    }
    return *group;
}

static void
join(struct end *end, const uint64_t *from, const uint64_t *to)
{
    if (from != NULL) {
        end->from = group_of(end->relay, *from);
        list_push_back(&end->from->sources, &end->from_link);
    }
    if (to != NULL) {
        end->to = group_of(end->relay, *to);
        list_push_back(&end->to->receivers, &end->to_link);
    }
}

/* line is "P 3", "S 3" or "E 3 4". */
static bool
take_role(struct end *end, struct str line)
{
    uint64_t groups[2];
    size_t count = 0;

    for (size_t at = 1; at < line.len && count < 2; count++) {
        size_t start = at + 1;

        for (at = start; at < line.len && line.data[at] != ' ';)
            at++;
        if (line.data[start - 1] != ' ' ||
            !str_to_u64((struct str) { line.data + start, at - start }, GROUP_MAX - 1,
                        &groups[count]))
            return false;
    }
    if (str_starts(line, STR_LIT("P")) && count == 1)
        join(end, &groups[0], NULL);
    else if (str_starts(line, STR_LIT("S")) && count == 1)
        join(end, NULL, &groups[0]);
    else if (str_starts(line, STR_LIT("E")) && count == 2)
        join(end, &groups[0], &groups[1]);
    else
        return false;
    return true;
}

/* The other side waits for the answer, so nothing can come behind the line. */
static enum err
greet(struct end *end, struct errmsg *why)
{
    char line[ROLE_MAX];
    ssize_t len = recv(end->fd, line, sizeof(line), 0);

    if (len < 2 || line[len - 1] != '\n' ||
        !take_role(end, (struct str) { line, (size_t)len - 1 }) ||
        send(end->fd, "+OK\r\n", 5, MSG_NOSIGNAL) != 5)
        return drop(end, why);
    return rewatch(end, why);
}

static enum err
end_ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    struct end *end = (struct end *)(void *)watch;

    if (end->fd == -1)
        return ERR_OK; /* since this turn */
    if ((events & EPOLLOUT) != 0)
        return give_kept(end, why);
    if ((events & EPOLLIN) == 0)
        return drop(end, why);
    return end->from == NULL ? greet(end, why) : pass(end, why);
}

static enum err
listener_ready(struct watch *watch, uint32_t events, struct errmsg *why)
{
    struct relay *relay = ((struct listener *)(void *)watch)->relay;
    int fd =
        accept4(((struct listener *)(void *)watch)->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct end *end;
    int on = 1;

    (void)events;
    if (fd == -1)
        return errno == EAGAIN || errno == ECONNABORTED ? ERR_OK
                                                        : err_sys(why, errno, "could not accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    end = xcalloc(1, sizeof(*end));
    *end = (struct end) { .watch = { end_ready }, .relay = relay, .fd = fd };
    list_init(&end->from_link);
    list_init(&end->to_link);
    return watch_add(relay->epoll, &end->watch, fd, EPOLLIN, why);
}

static enum err
listen_somewhere(struct listener *listener, struct errmsg *why)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);

    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd == -1 ||
        bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener->fd, SOMAXCONN) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
        return err_sys(why, errno, "could not listen");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return watch_add(listener->relay->epoll, &listener->watch, listener->fd, EPOLLIN, why);
}

static void
free_gone(struct relay *relay)
{
    struct list *at, *next;

    LIST_FOREACH_SAFE(at, next, &relay->gone)
    {
        free(LIST_ENTRY(at, struct end, from_link));
    }
    list_init(&relay->gone);
}

int
main(void)
{
    struct relay *relay = xcalloc(1, sizeof(*relay));
    struct listener listener = { .watch = { listener_ready }, .relay = relay };
    struct rlimit limit;
    struct errmsg why;
    enum err err;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    list_init(&relay->gone);
    err = watch_open(&relay->epoll, &why);
    if (err == ERR_OK)
        err = listen_somewhere(&listener, &why);
    while (err == ERR_OK) {
        err = watch_turn(relay->epoll, WATCH_FOREVER, &why);
        free_gone(relay);
    }
    fprintf(stderr, "tcp_relay: %s\n", why.text); /* it ends by a signal or not at all */
    return 1;
}

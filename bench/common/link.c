/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's bytes are cut into lines; of each only the beginning is kept, because INFO is long
 * and its content does not matter here. Payloads never come: nobody subscribes.
 */
#include "common/link.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define CONNECT_MAX 256 /* bytes of CONNECT and PING */

static int
socket_from(const struct sockaddr_in *source)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd == -1)
        return -1;
    /* Without it bind() takes a port away from all addresses, and a flood runs out of them. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)source, sizeof(*source)) == 0)
        return fd;
    close(fd);
    return -1;
}

enum err
link_open(struct link *link, const struct link_plan *plan, unsigned serial, struct errmsg *why)
{
    int len;

    memset(link, 0, sizeof(*link));
    len = serial == 0 ? snprintf(link->token, sizeof(link->token), "%s", plan->token)
                      : snprintf(link->token, sizeof(link->token), "%s%u", plan->token, serial);
    if (len < 0 || (size_t)len >= sizeof(link->token))
        return err_set(why, ERR_LIMIT, "the token is longer than %d bytes", LINK_TOKEN_MAX - 1);
    link->tls = plan->tls;
    link->channel.fd = socket_from(&plan->source);
    if (link->channel.fd == -1)
        return err_sys(why, errno, "could not make a socket");
    link->start_ns = clock_mono_ns();
    if (connect(link->channel.fd, (const struct sockaddr *)&plan->server, sizeof(plan->server)) ==
            -1 &&
        errno != EINPROGRESS) {
        enum err err = err_sys(why, errno, "could not connect");

        link_close(link);
        return err;
    }
    link->state = LINK_GREETING;
    return ERR_OK;
}

void
link_close(struct link *link)
{
    channel_close(&link->channel);
}

static void
put(struct link *link, const char *data, size_t len)
{
    if (channel_send(&link->channel, data, len) != (ssize_t)len)
        link->state = LINK_LOST;
}

static void
log_in(struct link *link)
{
    char out[CONNECT_MAX];
    int len = snprintf(out, sizeof(out),
                       "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\","
                       "\"auth_token\":\"%s\"}\r\nPING\r\n",
                       link->token);

    assert(len > 0 && (size_t)len < sizeof(out));
    link->state = LINK_LOGIN;
    put(link, out, (size_t)len);
}

void
link_ping(struct link *link)
{
    put(link, "PING\r\n", 6);
}

static void
secure(struct link *link)
{
    switch (channel_handshake(&link->channel)) {
    case CHANNEL_WANTS_READ:
        break;
    case CHANNEL_SECURED:
        log_in(link);
        break;
    case CHANNEL_FAILED:
        link->state = LINK_LOST;
        break;
    }
}

/* INFO has come, and behind it nothing before we have sent something. */
static void
greet(struct link *link)
{
    if (link->tls == NULL) {
        log_in(link);
        return;
    }
    link->state = LINK_SECURING;
    channel_begin_tls(&link->channel, link->tls);
    secure(link);
}

/* Returns 1 for a PONG. */
static unsigned
take_line(struct link *link)
{
    size_t kept = link->line_len < LINK_LINE_MAX ? link->line_len : LINK_LINE_MAX;
    struct str line = { link->line, kept };

    if (str_starts(line, STR_LIT("PONG"))) {
        if (link->state == LINK_LOGIN) {
            link->state = LINK_IN;
            link->in_ns = clock_mono_ns();
        }
        return 1;
    }
    if (str_starts(line, STR_LIT("PING")))
        put(link, "PONG\r\n", 6);
    else if (str_starts(line, STR_LIT("INFO ")) && link->state == LINK_GREETING)
        greet(link);
    else if (str_starts(line, STR_LIT("-ERR")))
        link->state = link->state == LINK_IN ? LINK_LOST : LINK_REFUSED;
    return 0;
}

static unsigned
take_bytes(struct link *link, const char *data, size_t len)
{
    unsigned pongs = 0;

    for (size_t i = 0; i < len && link->state < LINK_REFUSED; i++) {
        if (data[i] == '\n') {
            pongs += take_line(link);
            if (link->state < LINK_REFUSED)
                link->line_len = 0;
            continue;
        }
        if (link->line_len < LINK_LINE_MAX - 1) {
            link->line[link->line_len] = data[i];
            link->line[link->line_len + 1] = '\0';
        }
        link->line_len++;
    }
    return pongs;
}

unsigned
link_read(struct link *link)
{
    char data[16384];
    unsigned pongs = 0;
    ssize_t len = 1;

    if (link->state == LINK_SECURING) {
        secure(link);
        return 0;
    }
    while (link->state < LINK_REFUSED &&
           (len = channel_recv(&link->channel, data, sizeof(data))) > 0) {
        pongs += take_bytes(link, data, (size_t)len);
        if ((size_t)len < sizeof(data))
            return pongs;
    }
    if (link->state < LINK_REFUSED && (len == 0 || errno != EAGAIN))
        link->state = LINK_LOST;
    return pongs;
}

bool
link_is_settled(const struct link *link)
{
    return link->state >= LINK_IN;
}

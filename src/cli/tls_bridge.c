/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tls_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/err.h>

#include "base/mem.h"

#define INFO_MAX   32768 /* bytes; libnats takes no longer line either */
#define PIECE_MAX  16384 /* bytes read at once: a record of TLS */
#define INFO_VERB  "INFO "
#define VERB_BYTES (sizeof(INFO_VERB) - 1)

void
tls_bridge_open(struct tls_bridge *bridge, int near, int far, SSL *ssl)
{
    *bridge = (struct tls_bridge) { .near = near, .far = far, .ssl = ssl };
    buf_init(&bridge->up, PIECE_MAX);
    buf_init(&bridge->down, INFO_MAX + PIECE_MAX);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void
wipe(struct buf *buf)
{
    if (buf->data != NULL)
        mem_wipe(buf->data, buf->cap);
    buf_release(buf);
}

static void
close_far(struct tls_bridge *bridge)
{
    SSL_free(bridge->ssl);
    bridge->ssl = NULL;
    if (bridge->far != -1)
        (void)close(bridge->far);
    bridge->far = -1;
}

void
tls_bridge_close(struct tls_bridge *bridge)
{
    close_far(bridge);
    if (bridge->near != -1)
        (void)close(bridge->near);
    bridge->near = -1;
    wipe(&bridge->up);
    wipe(&bridge->down);
}

void
tls_bridge_watch(const struct tls_bridge *bridge, struct pollfd sockets[2])
{
    short near = 0, far = 0;

    if (bridge->up.len == 0 && !bridge->near_ended)
        near |= POLLIN;
    if (bridge->down.len > 0 && bridge->informed)
        near |= POLLOUT;
    if (bridge->down.len == 0 || !bridge->informed)
        far |= POLLIN;
    if (bridge->up_blocked)
        far |= POLLOUT;
    /* Without anything to wait for a hang-up would be told again and again. */
    sockets[0] = (struct pollfd) { .fd = near == 0 ? -1 : bridge->near, .events = near };
    sockets[1] = (struct pollfd) { .fd = far == 0 ? -1 : bridge->far, .events = far };
}

static bool
must_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* ---- from the client to the server; true: something has moved ---- */

static bool
read_near(struct tls_bridge *bridge)
{
    ssize_t got;

    if (bridge->up.len > 0 || bridge->near_ended || !buf_reserve(&bridge->up, PIECE_MAX))
        return false;
    got = recv(bridge->near, bridge->up.data, PIECE_MAX, 0);
    if (got > 0)
        buf_commit(&bridge->up, (size_t)got);
    else if (got == 0 || !must_wait())
        bridge->near_ended = true;
    return got > 0 || bridge->near_ended;
}

static bool
write_far(struct tls_bridge *bridge)
{
    size_t sent = 0;
    int result;

    bridge->up_blocked = false;
    if (bridge->up.len == 0)
        return false;
    if (bridge->ssl == NULL) {
        buf_consume(&bridge->up, bridge->up.len);
        return true;
    }
    ERR_clear_error();
    result = SSL_write_ex(bridge->ssl, bridge->up.data, bridge->up.len, &sent);
    if (result == 1) {
        buf_consume(&bridge->up, sent);
        return true;
    }
    switch (SSL_get_error(bridge->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        bridge->up_blocked = true;
        return false;
    case SSL_ERROR_WANT_READ:
        return false;
    default:
        close_far(bridge);
        return true;
    }
}

/* ---- from the server to the client ---- */

/* A copy of the line as of a server without TLS; NULL: it is no INFO. */
static char *
without_tls(const char *line, size_t len)
{
    static const char *const fields[] = { "tls_required", "tls_verify", "tls_available" };
    json_t *info;
    char *text;

    if (len < VERB_BYTES || memcmp(line, INFO_VERB, VERB_BYTES) != 0)
        return NULL;
    info = json_loadb(line + VERB_BYTES, len - VERB_BYTES, JSON_DISABLE_EOF_CHECK, NULL);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        (void)json_object_del(info, fields[i]);
    text = info == NULL ? NULL : json_dumps(info, JSON_COMPACT);
    json_decref(info);
    return text;
}

/* Once the first line is there it is INFO, and put right. */
static void
take_info(struct tls_bridge *bridge)
{
    struct buf *down = &bridge->down, old = *down;
    const char *end = memchr(old.data, '\n', old.len);
    size_t len = end == NULL ? old.len : (size_t)(end - old.data) + 1;
    char *text;

    bridge->informed = end != NULL || old.len > INFO_MAX;
    text = end == NULL ? NULL : without_tls(old.data, len);
    if (text == NULL)
        return; /* not there yet, or not for us to judge */
    buf_init(down, 0);
    if (!buf_append_str(down, INFO_VERB) || !buf_append_str(down, text) ||
        !buf_append_str(down, "\r\n") || !buf_append(down, old.data + len, old.len - len))
        close_far(bridge);
    free(text);
    wipe(&old);
}

static bool
read_far(struct tls_bridge *bridge)
{
    struct buf *down = &bridge->down;
    size_t got = 0;
    int result;

    if ((down->len > 0 && bridge->informed) || bridge->ssl == NULL || !buf_reserve(down, PIECE_MAX))
        return false;
    ERR_clear_error();
    result = SSL_read_ex(bridge->ssl, down->data + down->len, PIECE_MAX, &got);
    if (result == 1) {
        buf_commit(down, got);
        if (!bridge->informed)
            take_info(bridge);
        return true;
    }
    switch (SSL_get_error(bridge->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return false;
    default:
        close_far(bridge);
        return true;
    }
}

static bool
write_near(struct tls_bridge *bridge)
{
    ssize_t sent;

    if (bridge->down.len == 0 || (!bridge->informed && bridge->ssl != NULL))
        return false;
    sent = send(bridge->near, bridge->down.data, bridge->down.len, MSG_NOSIGNAL);
    if (sent > 0) {
        buf_consume(&bridge->down, (size_t)sent);
    } else if (sent == -1 && !must_wait()) {
        buf_consume(&bridge->down, bridge->down.len);
        bridge->near_ended = true;
        return true;
    }
    return sent > 0;
}

/* ---- both ---- */

/* What the client has sent in vain would turn its end into a reset, which can destroy the server's
 * last words on their way: it is read until the client ends, too. */
static void
pass_on_ends(struct tls_bridge *bridge)
{
    if (bridge->ssl == NULL && bridge->down.len == 0)
        (void)shutdown(bridge->near, SHUT_WR);
    if (!bridge->near_ended || (bridge->ssl != NULL && bridge->up.len > 0))
        return;
    if (bridge->ssl != NULL)
        (void)SSL_shutdown(bridge->ssl);
    tls_bridge_close(bridge);
}

void
tls_bridge_move(struct tls_bridge *bridge)
{
    bool moved;

    do {
        moved = read_near(bridge);
        moved |= write_far(bridge);
        moved |= read_far(bridge);
        moved |= write_near(bridge);
    } while (moved);
    pass_on_ends(bridge);
}

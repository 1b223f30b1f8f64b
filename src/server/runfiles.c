/* SPDX-License-Identifier: Apache-2.0 */
#include "server/runfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "server/own_urls.h"

/* Writes under another name and renames: whoever watches for the file sees it whole. */
static enum err
write_whole(const char *path, const struct buf *content, struct errmsg *why)
{
    char *temporary = xasprintf("%s.%ld.tmp", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    enum err err = ERR_OK;

    if (fd == -1)
        err = err_sys(why, errno, "could not write %s", path);
    else if (write(fd, content->data, content->len) != (ssize_t)content->len)
        err = err_sys(why, errno, "could not write %s", path);
    if (fd != -1)
        close(fd);
    if (err == ERR_OK && rename(temporary, path) == -1)
        err = err_sys(why, errno, "could not write %s", path);
    if (err != ERR_OK && fd != -1)
        unlink(temporary);
    free(temporary);
    return err;
}

enum err
pid_file_write(const char *path, struct errmsg *why)
{
    struct buf content = BUF_INIT;
    enum err err;

    (void)buf_printf(&content, "%ld", (long)getpid());
    err = write_whole(path, &content, why);
    buf_release(&content);
    return err;
}

static void
put_url(struct buf *out, const char *ip, uint16_t port)
{
    (void)buf_printf(out, strchr(ip, ':') != NULL ? "%s\"nats://[%s]:%u\"" : "%s\"nats://%s:%u\"",
                     out->data[out->len - 1] == '[' ? "" : ",", ip, port);
}

/* Every IPv4 address; where they cannot be asked for the loopback address stands alone. */
static void
put_all_addresses(struct buf *out, uint16_t port)
{
    struct endpoint *addresses;
    size_t count = machine_addresses(&addresses), before = out->len;

    for (size_t i = 0; i < count; i++)
        if (strchr(addresses[i].ip, ':') == NULL)
            put_url(out, addresses[i].ip, port);
    if (out->len == before)
        put_url(out, "127.0.0.1", port);
    free(addresses);
}

static void
put_listening(struct buf *out, const struct listening *one)
{
    const char *host = one->host;

    if (one->port == 0)
        return;
    (void)buf_printf(out, "%s\"%s\":[", out->len > 1 ? "," : "", one->what);
    if (host_is_any(host))
        put_all_addresses(out, one->port);
    else
        put_url(out, host, one->port);
    (void)buf_append_str(out, "]");
}

enum err
ports_file_write(char **out, const char *dir, const struct listening *listening, size_t count,
                 struct errmsg *why)
{
    struct buf content = BUF_INIT;
    struct stat info;
    char *path;
    enum err err;

    if (stat(dir, &info) == -1)
        return err_sys(why, errno, "could not use %s for the ports file", dir);
    path = xasprintf("%s/%s_%ld.ports", dir, program_invocation_short_name, (long)getpid());
    (void)buf_append_str(&content, "{");
    for (size_t i = 0; i < count; i++)
        put_listening(&content, &listening[i]);
    (void)buf_append_str(&content, "}");
    err = write_whole(path, &content, why);
    buf_release(&content);
    if (err == ERR_OK)
        *out = path;
    else
        free(path);
    return err;
}

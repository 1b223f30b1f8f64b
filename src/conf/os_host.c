/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/os_host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define READ_BYTES     ((size_t)64 << 10)

/* As err_sys(), with the reason in lower case: tools look for Go's wording. */
static enum err
sys_failed(struct errmsg *why, int sys_errno, const char *verb, const char *path)
{
    char text[128], *reason;

    reason = strerror_r(sys_errno, text, sizeof(text));
    return err_set(why, ERR_SYS, "%s %s: %c%s", verb, path, tolower((unsigned char)reason[0]),
                   reason + 1);
}

/* To the end, not to size: a pipe has none. With room for size at once, the buffer does not
 * move, which would leave a copy of secrets behind. */
static enum err
read_all(int fd, const char *path, size_t size, struct buf *out, struct errmsg *why)
{
    ssize_t got = 0;

    (void)buf_reserve(out, size + READ_BYTES);
    do {
        if (!buf_reserve(out, READ_BYTES))
            return err_set(why, ERR_LIMIT, "read %s: larger than %zu bytes", path, FILE_MAX_BYTES);
        got = read(fd, out->data + out->len, READ_BYTES);
        if (got > 0)
            buf_commit(out, (size_t)got);
    } while (got > 0 || (got == -1 && errno == EINTR));
    return got == 0 ? ERR_OK : sys_failed(why, errno, "read", path);
}

static enum err
os_read_file(void *context, const char *path, struct arena *arena, struct conf_file *file,
             struct errmsg *why)
{
    struct stat status;
    struct buf text;
    size_t size = 0;
    enum err err;
    int fd;

    (void)context;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return sys_failed(why, errno, "open", path);
    buf_init(&text, FILE_MAX_BYTES + READ_BYTES);
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        file->regular = true;
        file->mode = status.st_mode & 0777;
        size = (size_t)status.st_size;
    }
    err = read_all(fd, path, size, &text, why);
    (void)close(fd);
    if (err == ERR_OK)
        file->text = (struct str) { arena_copy(arena, text.data, text.len), text.len };
    mem_wipe(text.data, text.len);
    buf_release(&text);
    return err;
}

static const char *
os_get_env(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

const struct conf_host os_host = { .read_file = os_read_file, .get_env = os_get_env };

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define APPENDED_MODE 0640

/* d: a digit, anything else: itself. Also the parser's only knowledge of the name. */
static const char stamp_form[] = "dddd.dd.dd.dd.dd.dd.ddddddddd";

enum err
files_open_append(const char *path, struct files_appended *out, struct errmsg *why)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, APPENDED_MODE);

    if (fd == -1)
        return err_sys(why, errno, "could not open \"%s\"", path);
    if (fstat(fd, &st) == -1) {
        int sys_errno = errno;

        close(fd);
        return err_sys(why, sys_errno, "could not look at \"%s\"", path);
    }
    out->fd = fd;
    out->regular = S_ISREG(st.st_mode);
    out->size_bytes = out->regular ? (int64_t)st.st_size : 0;
    return ERR_OK;
}

enum err
files_rotate(const char *path, int64_t wall_ns, char **backup, struct errmsg *why)
{
    time_t seconds = (time_t)(wall_ns / CLOCK_NS_PER_S);
    struct tm day;
    char *name;

    *backup = NULL;
    if (localtime_r(&seconds, &day) == NULL)
        return err_sys(why, errno, "could not name a backup of \"%s\"", path);
    name = xasprintf("%s.%04d.%02d.%02d.%02d.%02d.%02d.%09d", path, day.tm_year + 1900,
                     day.tm_mon + 1, day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec,
                     (int)(wall_ns % CLOCK_NS_PER_S));
    if (rename(path, name) == -1) {
        int sys_errno = errno;

        free(name);
        return err_sys(why, sys_errno, "could not rename \"%s\"", path);
    }
    *backup = name;
    return ERR_OK;
}

static bool
is_backup_of(const char *base, const char *name)
{
    size_t base_len = strlen(base);
    const char *stamp = name + base_len + 1;

    if (strncmp(name, base, base_len) != 0 || name[base_len] != '.' ||
        strlen(stamp) != sizeof(stamp_form) - 1)
        return false;
    for (size_t i = 0; stamp_form[i] != '\0'; i++) {
        bool fits = stamp_form[i] == 'd' ? isdigit((unsigned char)stamp[i]) != 0
                                         : stamp[i] == stamp_form[i];

        if (!fits)
            return false;
    }
    return true;
}

struct names {
    char **item;
    size_t count, cap;
};

static void
names_add(struct names *names, const char *name)
{
    if (names->count == names->cap) {
        names->cap = names->cap == 0 ? 16 : names->cap * 2;
        names->item = xrealloc(names->item, names->cap * sizeof(*names->item));
    }
    names->item[names->count++] = xstrdup(name);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->item[i]);
    free(names->item);
}

/* The backups of base in dir, oldest first. */
static void
list_backups(DIR *dir, const char *base, struct names *out)
{
    const struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        if (is_backup_of(base, entry->d_name))
            names_add(out, entry->d_name);
    }
    if (out->count > 1)
        qsort(out->item, out->count, sizeof(*out->item), compare_names);
}

enum err
files_prune(const char *path, size_t keep, files_pruned_fn *pruned, void *context,
            struct errmsg *why)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    char *folder = slash == NULL ? xstrdup("./") : xmemdup0(path, (size_t)(base - path));
    struct names names = { NULL, 0, 0 };
    enum err err = ERR_OK;
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        err = err_sys(why, errno, "could not read the folder \"%s\"", folder);
        goto out;
    }
    list_backups(dir, base, &names);
    for (size_t i = 0; i + keep < names.count; i++) {
        if (unlinkat(dirfd(dir), names.item[i], 0) == -1) {
            err = err_sys(why, errno, "could not remove \"%s%s\"", folder, names.item[i]);
            break;
        }
        pruned(context, names.item[i]);
    }
    closedir(dir);
out:
    names_release(&names);
    free(folder);
    return err;
}

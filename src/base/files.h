/* SPDX-License-Identifier: Apache-2.0
 *
 * files - a file that grows at its end, and its rotated backups
 *
 * A backup of FILE is called FILE.YYYY.MM.DD.HH.MM.SS.nnnnnnnnn (local time), so that names
 * in the order of strcmp are backups from oldest to newest.
 *
 * Owns     nothing: descriptors and texts belong to the caller.
 * Threads  any; two threads must not rotate or prune the same file at once.
 */
#ifndef TESSERA_BASE_FILES_H
#define TESSERA_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct files_appended {
    int fd;
    int64_t size_bytes; /* when it was opened; 0 for what is no regular file */
    bool regular;       /* only regular files can be rotated */
};

/* Opens path for appending; makes it with mode 0640 (and the umask) when it is not there. */
enum err files_open_append(const char *path, struct files_appended *out, struct errmsg *why);

/* Renames path to the backup name of wall_ns. The name, for the caller to free, goes to
 * *backup; it is NULL after a failure. */
enum err files_rotate(const char *path, int64_t wall_ns, char **backup, struct errmsg *why);

/* Called with the file name, without its folder, of each backup that is gone. */
typedef void files_pruned_fn(void *context, const char *name);

/* Removes the oldest backups of path until keep of them are left. */
enum err files_prune(const char *path, size_t keep, files_pruned_fn *pruned, void *context,
                     struct errmsg *why);

#endif

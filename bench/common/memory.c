/* SPDX-License-Identifier: Apache-2.0
 *
 * Both files of /proc that are read here are lines of "Name: 123 kB".
 */
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define LINE_MAX_BYTES 256

/* The number of a line that begins with name, which has its colon; false: it is another line. */
static bool
take_kb(const char *line, const char *name, uint64_t *kb)
{
    const char *digits;

    if (strncmp(line, name, strlen(name)) != 0)
        return false;
    digits = line + strlen(name) + strspn(line + strlen(name), " \t");
    return str_to_u64((struct str) { digits, strspn(digits, "0123456789") }, UINT64_MAX, kb);
}

/* Adds up the lines that have one of the names; at least one of them must be there. */
static enum err
sum_lines(pid_t pid, const char *file, const char *const *names, uint64_t *out, struct errmsg *why)
{
    char path[64], line[LINE_MAX_BYTES];
    bool found = false;
    uint64_t kb;
    FILE *in;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    in = fopen(path, "re");
    if (in == NULL)
        return err_sys(why, errno, "could not open %s", path);
    *out = 0;
    while (fgets(line, sizeof(line), in) != NULL) {
        for (size_t i = 0; names[i] != NULL; i++) {
            if (take_kb(line, names[i], &kb)) {
                *out += kb;
                found = true;
            }
        }
    }
    fclose(in);
    return found ? ERR_OK : err_set(why, ERR_INVALID, "there is no %s in %s", names[0], path);
}

enum err
memory_of(pid_t pid, struct memory *out, struct errmsg *why)
{
    static const char *const rss[] = { "VmRSS:", NULL };
    static const char *const peak[] = { "VmHWM:", NULL };
    static const char *const private[] = { "Private_Clean:", "Private_Dirty:", NULL };
    static const char *const dirty[] = { "Private_Dirty:", NULL };
    enum err err = sum_lines(pid, "status", rss, &out->rss_kb, why);

    if (err == ERR_OK)
        err = sum_lines(pid, "status", peak, &out->peak_rss_kb, why);
    if (err == ERR_OK)
        err = sum_lines(pid, "smaps_rollup", private, &out->private_kb, why);
    if (err == ERR_OK)
        err = sum_lines(pid, "smaps_rollup", dirty, &out->dirty_kb, why);
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err
err_set(struct errmsg *why, enum err code, const char *format, ...)
{
    va_list args;

    if (why == NULL)
        return code;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return code;
}

enum err
err_sys(struct errmsg *why, int sys_errno, const char *format, ...)
{
    va_list args;
    size_t len;
    char reason[128];

    if (why == NULL)
        return ERR_SYS;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    len = strlen(why->text);
    (void)snprintf(why->text + len, sizeof(why->text) - len, ": %s",
                   strerror_r(sys_errno, reason, sizeof(reason)));
    return ERR_SYS;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * os_host - files and environment of this process, for the parser
 *
 * Fails    "open PATH: no such file or directory", "read PATH: is a directory"; a file of more
 *          than 16 MiB is no configuration.
 */
#ifndef TESSERA_CONF_OS_HOST_H
#define TESSERA_CONF_OS_HOST_H

#include "conf/parser.h"

/* Its secrecy is not set: that is for who knows the options. */
extern const struct conf_host os_host;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * url - server URLs: `[scheme://][userinfo@]host[:port]`, comma separated in lists
 *
 * User information with a colon is user and password, without one a token. Each is
 * percent-decoded here, because libnats does not.
 *
 * Owns     the strings of a struct url; url_release() wipes them.
 * Secrets  no error text holds any part of the user information.
 */
#ifndef TESSERA_CLI_URL_H
#define TESSERA_CLI_URL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct url {
    char *address; /* "scheme://host[:port]", nothing secret */
    char *host;    /* without brackets */
    char *port;    /* "4222" when the URL has none */
    bool tls;      /* the scheme is tls:// */
    char *user;    /* decoded; NULL: none */
    char *password;
    char *token;
};

/* Reads one URL; blanks around it are ignored. "nats://" is the default scheme. On failure
 * url is empty. */
enum err url_parse(struct url *url, struct str text, struct errmsg *why);
void url_release(struct url *url);
void url_wipe_userinfo(struct url *url);

/* Overwrites the user information of all URLs of a list with '*', in place. When in doubt (a
 * comma or slash that should have been %2C or %2F) too much is hidden rather than too little. */
void url_hide_userinfo(char *list);

#endif

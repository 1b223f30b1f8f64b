/* SPDX-License-Identifier: Apache-2.0
 *
 * account - a space of subjects of its own
 *
 * Owns     its subject tree.
 * Threads  immutable but for the tree, which has its own rules.
 * So far there is one, the global account "$G", into which every client logs in.
 */
#ifndef TESSERA_SERVER_ACCOUNT_H
#define TESSERA_SERVER_ACCOUNT_H

#include "sublist/sublist.h"

#define ACCOUNT_GLOBAL "$G"

struct account {
    char *name;
    struct sublist *subs;
};

struct account *account_new(const char *name);
void account_free(struct account *account); /* NULL is allowed */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/account.h"

#include <stdlib.h>

#include "base/mem.h"

struct account *
account_new(const char *name)
{
    struct account *account = xcalloc(1, sizeof(*account));

    account->name = xstrdup(name);
    account->subs = sublist_new();
    if (account->subs == NULL)
        abort();
    return account;
}

void
account_free(struct account *account)
{
    if (account == NULL)
        return;
    sublist_free(account->subs);
    free(account->name);
    free(account);
}

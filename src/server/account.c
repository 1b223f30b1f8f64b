/* SPDX-License-Identifier: Apache-2.0 */
#include "server/account.h"

#include <stdlib.h>

#include "base/mem.h"
#include "server/interest.h"

struct account *
account_new(const char *name, struct interest *interest)
{
    struct account *account = xcalloc(1, sizeof(*account));

    account->name = xstrdup(name);
    account->interest = interest;
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

enum err
account_insert(struct account *account, struct subscription *sub, struct loop *loop)
{
    enum err err = sublist_insert(account->subs, sub);

    if (err != ERR_OK || account->interest == NULL ||
        interest_add(account->interest, account, sub, loop))
        return err;
    (void)sublist_remove(account->subs, sub);
    return ERR_NOMEM;
}

void
account_remove(struct account *account, struct subscription *sub, struct loop *loop,
               struct interest_batch *batch)
{
    if (sublist_remove(account->subs, sub) == ERR_OK && account->interest != NULL)
        interest_remove(account->interest, account, sub, loop, batch);
}

void
account_tell(struct account *account, struct interest_batch *batch, struct loop *loop)
{
    if (account->interest != NULL)
        interest_tell(account->interest, batch, loop);
}

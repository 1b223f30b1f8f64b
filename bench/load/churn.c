/* SPDX-License-Identifier: Apache-2.0
 *
 * The inbox's number is its sid, too. When its message has come, an UNSUB and the next inbox are
 * queued.
 */
#include "churn.h"

#include <inttypes.h>

#include "base/str.h"

#define TEXT     "ok"
#define TEXT_LEN 2

static void
make_inbox(struct churn *churn)
{
    uint64_t number = ++churn->made;

    (void)buf_printf(&churn->talker.out,
                     "SUB _INBOX.churn.%" PRIu64 " %" PRIu64 "\r\nPUB _INBOX.churn.%" PRIu64
                     " %d\r\n" TEXT "\r\n",
                     number, number, number, TEXT_LEN);
}

static enum err
on_message(void *context, struct str line, struct str head, struct errmsg *why)
{
    struct churn *churn = context;
    struct buf expected = BUF_INIT;
    uint64_t number = churn->done + 1;
    bool is_right;

    (void)buf_printf(&expected, "MSG _INBOX.churn.%" PRIu64 " %" PRIu64 " %d", number, number,
                     TEXT_LEN);
    is_right = str_eq(line, (struct str) { expected.data, expected.len }) &&
               str_eq(head, (struct str) { TEXT, TEXT_LEN });
    buf_release(&expected);
    if (!is_right)
        return err_set(why, ERR_INVALID, "inbox %" PRIu64 " got: %.*s", number, (int)line.len,
                       line.data);
    churn->done = number;
    (void)buf_printf(&churn->talker.out, "UNSUB %" PRIu64 "\r\n", number);
    make_inbox(churn);
    return ERR_OK;
}

enum err
churn_open(struct churn *churn, const struct plan *plan, struct wire_input *input,
           int64_t deadline_ns, struct errmsg *why)
{
    struct reader *reader = &churn->talker.wire.reader;
    enum err err =
        talker_open(&churn->talker, plan, plan->port, "", "", TEXT_LEN, input, deadline_ns, why);

    reader->on_message = on_message;
    reader->context = churn;
    reader->head_len = TEXT_LEN;
    churn->at_a_time = plan->churn;
    return err;
}

void
churn_release(struct churn *churn)
{
    talker_release(&churn->talker);
}

enum err
churn_start(struct churn *churn, int epoll, struct errmsg *why)
{
    while (churn->made < churn->at_a_time)
        make_inbox(churn);
    return talker_start(&churn->talker, epoll, why);
}
